# Looks from inside of a sandbox without network at what it reaches. $argv is the
# command, $listener a program that listens out here.
ws=$run/ws/probe
mkdir -p "$ws/tree" "$ws/in" || fail cache "$ws"
fill_config
true >"$ws/heard"
perl -e "$listener" >"$ws/heard" 2>/dev/null </dev/null 3>&- &
listening=$!
tries=0
until [ -s "$ws/heard" ] || [ "$tries" -ge 100 ]; do
	tries=$((tries + 1))
	nap
done
head -n 1 "$ws/heard" >"$ws/in/port"
eval "set -- $argv"
(
	clean_environment
	enter_box "$@"
) <"$ws/in/port" >"$ws/said" 2>"$ws/error" 3>&-
[ ! -s "$ws/in/port" ] || say listened 1
grep -q reached "$ws/heard" && say reached 1
kill "$listening" 2>/dev/null
text network "$(head -c 4096 "$ws/said")"
text network-error "$(head -c 4096 "$ws/error")"
say looked 1
