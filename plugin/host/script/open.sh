# Makes, or finds, the directory of one run. owner is who may remove it.
place_root
run=$root/runs/$id
[ ! -L "$run" ] || fail cache "$run"
mkdir "$run" 2>/dev/null || [ -d "$run" ] || fail cache "$run"
chmod 700 "$root/runs" "$run" || fail cache "$run"
# A name, which is there or not: a content could be cut short by a kill.
[ -z "$owner" ] || { true >"$run/owner-$owner"; } 2>/dev/null || fail cache "$run"
rm -f "$root/runs/.met-$id" # of preflight
stamp || fail cache "$run"
place_snapshots
tell_snapshot
text run "$run"
