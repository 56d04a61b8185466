# Makes, or finds, the directory of one run. owner is who may remove it.
place_root
run=$root/runs/$id
[ ! -L "$run" ] || fail cache "$run"
mkdir "$run" 2>/dev/null || [ -d "$run" ] || fail cache "$run"
chmod 700 "$root/runs" "$run" || fail cache "$run"
[ -z "$owner" ] || printf '%s\n' "$owner" >"$run/owner" || fail cache "$run"
stamp || fail cache "$run"
text run "$run"
