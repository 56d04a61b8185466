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
	rm -f "$probe" "$probe.moved" 2>/dev/null
	[ ! -d "$root" ] || say free "$(df -Pk "$root" 2>/dev/null | awk 'NR == 2 { print $4 }')"
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
	found=$(command -v "$agent" 2>/dev/null) && [ -x "$found" ] || return 0
	text agent-path "$found"
	step agent-version
	out=$("$found" --version </dev/null 2>&1 3>&-)
	say agent-version-code $?
	text agent-version "$(printf %s "$out" | head -c 4096)"
	step agent-login
	out=$("$found" auth status --json </dev/null 2>/dev/null 3>&-)
	say agent-login-code $?
	text agent-login "$(printf %s "$out" | head -c 4096)"
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

look_tools
look_root
look_altered
look_git
step agent
look_agent
look_terraform
look_carry
look_logind
say looked 1
