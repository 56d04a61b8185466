# Notes which programs a plan would run now, and what of the account.
enter_run
looked=${run%/runs/*}/altered
[ ! -s "$looked" ] || fail altered-before "$(head -c 250 "$looked" | tr '\n' ' ')"
[ ! -e "$run/hashes" ] || rm -f "$run/hashes"
now=$(steady list_pins)
hints=$(steady list_hints)
printf '%s\n' "$now" >"$run/pins" && printf '%s\n' "$hints" >"$run/hints" || fail cache "$run"
digest "$now"
[ -n "$hash" ] || fail tool sha256sum
pinned=$hash
# A run that was killed left its list, and nobody has compared it since. Where its
# agent could not change the account, a difference is a person's upgrade.
printf '%s\n' "$account $pin_program $pin_agent $pin_workdir $pin_carry" >"$run/pins.of" || fail cache "$run"
for old in "${run%/*}"/*; do
	[ "$account" = 1 ] && [ "$old" != "$run" ] && [ -f "$old/pins" ] && [ ! -e "$old/pins.told" ] && [ "$(cat "$old/pins.of")" = "$(cat "$run/pins.of")" ] || continue
	[ ! -f "$old/pins.next" ] || mv -f "$old/pins.next" "$old/pins"
	compared "$old/pins" "$run/pins" ''
	[ -n "$names" ] || continue
	note_altered
	echo >"$old/pins.told"
	fail altered "$names"
done
say pinned "$pinned"
[ ! -s "$run/hashes" ] || text hashes "$(cat "$run/hashes")"
own=
[ "$account" != 1 ] || own=$(steady list_own)
digest "$own"
say owned "$hash"
