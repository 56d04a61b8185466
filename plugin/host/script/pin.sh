# Notes which programs a plan would run now, and what of the account.
enter_run
looked=${run%/runs/*}/altered
[ ! -s "$looked" ] || fail altered-before "$(head -c 250 "$looked" | tr '\n' ' ')"
steady list_pins >"$run/pins" && steady list_hints >"$run/hints" || fail cache "$run"
sha256 "$run/pins"
[ -n "$hash" ] || fail tool sha256sum
say pinned "$hash"
sha256 "$run/hints"
say hinted "$hash"
