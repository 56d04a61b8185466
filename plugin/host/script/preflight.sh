# Looks whether everything a run needs is here. Nothing is fatal here: the Go
# side reads all findings and tells of all problems at once.
say uid "$(id -u)"
text user "$(id -un 2>/dev/null)"
text home "${HOME:-}"
text system "$(uname -sm 2>/dev/null)"
[ -n "${HOME:-}" ] && [ -d "$HOME" ] && say home-there 1

look_tools() {
	for tool in awk cat cp chmod cut date df env find grep head id mkdir mv rm sed sleep sort tail touch tr wc xargs; do
		command -v "$tool" >/dev/null 2>&1 || say no-tool "$tool"
	done
	command -v setsid >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || say no-tool setsid
	command -v sha256sum >/dev/null 2>&1 || command -v shasum >/dev/null 2>&1 || say no-tool sha256sum
	printf a | xargs -0 printf %s >/dev/null 2>&1 || say no-tool 'xargs -0'
}

# look_root writes for real: modes alone do not show a read-only or full disk.
look_root() {
	if [ -z "$root" ]; then
		[ -n "${HOME:-}" ] && [ -d "$HOME" ] || return 0
		root=$HOME/.cache/pm-todos
	fi
	text root "$root"
	for folder in "$root/." "$root/runs"; do
		[ ! -e "$folder" ] || ! is_foreign "$folder" || text foreign "$folder"
	done
	probe=$root/runs/.probe.$$
	if mkdir -p "$root/runs" 2>/dev/null && room "$root/runs" && { true >"$probe"; } 2>/dev/null &&
		mv "$probe" "$probe.moved" 2>/dev/null; then
		say writable 1
	fi
	rm -f "$probe" "$probe.moved" "$root/runs/.room" 2>/dev/null
	[ ! -d "$root" ] || say free "$(free_in "$root")"
}

# look_met: the name by which the run met this account first. Its own files tell, since
# an account has any number of names; a run removes the mark when it begins to work.
look_met() {
	[ -n "$meeting" ] && [ -d "$root/runs" ] || return 0
	met=$root/runs/.met-$meeting
	[ -s "$met" ] || printf %s "$host_name" >"$met" 2>/dev/null
	text met "$(head -c 500 "$met" 2>/dev/null)"
}

# look_altered: what an earlier run found changed, and nobody has looked at since.
look_altered() {
	[ ! -s "$root/altered" ] || text altered "$(head -c 400 "$root/altered" | tr '\n' ' ')"
}

look_git() {
	command -v git >/dev/null 2>&1 || return 0
	text git "$(git --version 2>&1 | head -n 1)"
}

look_agent() {
	[ -n "$agent" ] || return 0
	command -v perl >/dev/null 2>&1 && say perl 1
	[ -z "${HTTPS_PROXY:-}${https_proxy:-}" ] || say proxied 1
	for name in $variables; do
		eval "value=\${$name-}"
		[ -z "$value" ] || text "variable-$name" "$value"
	done
	found=$(command -v "$agent" 2>/dev/null) && [ -x "$found" ] || return 0
	text agent-path "$found"
	step agent-version
	out=$("$found" --version </dev/null 2>&1 3>&-)
	say agent-version-code $?
	text agent-version "$(printf %s "$out" | head -c 4096)"
	step agent-login
	has_key && say agent-key 1
	eval "set -- $status"
	if [ $# -gt 0 ]; then
		out=$("$found" "$@" </dev/null 2>/dev/null 3>&-)
		say agent-login-code $?
		text agent-login "$(printf %s "$out" | head -c 4096)"
	else
		place_login
		[ -z "$login" ] || say agent-key 1
	fi
}

# find_interpreter FILE: the program that a script is for, in $interpreter.
find_interpreter() {
	interpreter=
	line=$(head -c 256 "$1" 2>/dev/null | tr -d '\000\r' | head -n 1)
	case $line in
	'#!'*) ;;
	*) return 0 ;;
	esac
	set -f
	set -- ${line#??} # unquoted: one word each
	set +f
	interpreter=${1:-}
	case $interpreter in
	*/env) ;;
	*) return 0 ;;
	esac
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		-* | *=*) shift ;;
		*) break ;;
		esac
	done
	# Installers of Node put it beside the programs that it installs.
	interpreter=$(command -v "${1:-}" 2>/dev/null) || interpreter=${found%/*}/${1:-}
}

# look_sandbox: bubblewrap, what the agent's program consists of, and what the
# kernel says of namespaces. $kernel holds pairs "name=value", one a line.
look_sandbox() {
	[ -n "$sandbox" ] && [ -n "$agent" ] && found=$(command -v "$agent" 2>/dev/null) || return 0
	text real-home "$(cd -P "${HOME:-/}" 2>/dev/null && pwd -P)"
	real=$(readlink -f "$found")
	text agent-real "$real"
	find_interpreter "$real"
	if [ -x "$interpreter" ]; then
		text interpreter "$interpreter"
		text interpreter-real "$(readlink -f "$interpreter")"
		prefix=${interpreter%/*}
		prefix=${prefix%/*}
		[ ! -f "$prefix/pyvenv.cfg" ] || text interpreter-prefix "$prefix"
	fi
	bwrap=$(command -v bwrap 2>/dev/null) || return 0
	text bwrap "$bwrap"
	text bwrap-version "$("$bwrap" --version 2>&1 </dev/null | head -n 1)"
	for pair in $kernel; do
		name=${pair%=*}
		value=$(cat "/proc/sys/$(printf %s "$name" | tr . /)" 2>/dev/null)
		[ "$value" != "${pair#*=}" ] || say kernel "$name"
	done
	if [ -e /.dockerenv ] || [ -e /run/.containerenv ] || grep -qzs '^container=' /proc/1/environ; then
		say container 1
	fi
}

look_terraform() {
	case $terraform in
	'') return 0 ;;
	/*) found=$terraform ;;
	*) found=$(command -v "$terraform" 2>/dev/null) ;;
	esac
	[ -n "$found" ] && [ -x "$found" ] && [ ! -d "$found" ] && text terraform-path "$found"
}

look_carry() {
	[ -n "$workdir" ] || return 0
	shown=$workdir
	case $workdir in
	"~") workdir=${HOME:-} ;;
	"~/"*) workdir=${HOME:-}/${workdir#"~/"} ;;
	esac
	[ -d "$workdir" ] && [ -r "$workdir" ] && [ -x "$workdir" ] || return 0
	say workdir 1
	git -c core.fsmonitor=false -c safe.directory='*' -C "$workdir" rev-parse --is-inside-work-tree >/dev/null 2>&1 &&
		say workdir-git 1
	# Only names without a wildcard can be missing.
	eval "set -- $carry"
	for one in "$@"; do
		[ -f "$workdir/$one" ] || text carry-missing "$one"
	done
}

# look_logind: systemd can be told to end what a session leaves behind, and
# a detached apply is just that. loginctl asks over the bus, like busctl.
look_logind() {
	if command -v loginctl >/dev/null 2>&1; then
		linger=$(loginctl show-user "$(id -un)" --property=Linger --value 2>/dev/null </dev/null) && say linger "${linger:-unknown}"
	fi
	command -v busctl >/dev/null 2>&1 || return 0
	case $(busctl --system --timeout=2 get-property org.freedesktop.login1 /org/freedesktop/login1 \
		org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null) in
	'b true') say kills-user-processes 1 ;;
	esac
}

# look_machine: what agents at work at the same time share.
look_machine() {
	say cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
	say memory "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo 2>/dev/null)"
}

look_tools
look_machine
look_root
look_met
look_altered
look_git
step agent
look_agent
look_sandbox
look_terraform
look_carry
look_logind
say looked 1
