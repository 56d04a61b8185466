# Looks from inside of a sandbox at what it lets through, and whether the
# agent's program works there. $boxes are the sandboxes to try, $probe and
# $program lists of arguments; of the first that works all is told.
ws=$run/ws/probe
mkdir -p "$ws/tree" "$ws/in" "$ws/outside" || fail cache "$ws"
fill_config
word=probe-$nonce
true >"$ws/$word" && echo secret >"$ws/secret" || fail cache "$ws"
{
	printf '%s\n' "$ws/secret" "$ws/outside" "$word"
	for socket in ${SSH_AUTH_SOCK:-} $sockets; do
		printf '%s\n' "$socket"
	done
} >"$ws/planted"
# A process of the account whose command line has the word.
tail -f "$ws/$word" >/dev/null 2>&1 </dev/null 3>&- &
watched=$!
PM_TODOS_PLANTED=secret
export PM_TODOS_PLANTED

# boxed COMMAND: runs a command of a sandbox; what it prints is in $ws/said.
boxed() {
	eval "set -- $1"
	(
		clean_environment
		eval "$environment"
		enter_box "$@"
	) >"$ws/said" 2>"$ws/error" 3>&-
	code=$?
}

# both FILES: the beginning of each.
both() {
	cat "$@" | head -c 16384
}

step probe
number=0
eval "set -- $boxes"
for box in "$@"; do
	eval "set -- $box"
	boxed "$1" <"$ws/planted"
	if grep -q '^pm-todos-probe done' "$ws/said"; then
		say box "$number"
		text probe "$(both "$ws/said")"
		[ ! -e "$ws/outside/written" ] || say written 1
		boxed "$2" </dev/null
		say box-version-code "$code"
		text box-version "$(both "$ws/said" "$ws/error")"
		[ -z "${3:-}" ] || boxed "$3" </dev/null
		say box-login-code "$code"
		break
	fi
	text box-error "$(both "$ws/error")"
	number=$((number + 1))
done
kill "$watched" 2>/dev/null
chmod -R u+rwX "$run" 2>/dev/null
rm -rf "$run"
say probed 1
