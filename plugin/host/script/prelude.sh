# Every script starts with this text. The variables that it and the scripts
# after it use ($nonce, $root, $run, ...) are assigned by lines that the Go
# side puts in front, quoted; nothing is ever spliced into the text itself.
#
# File descriptor 3 carries the answer; standard output is joined to standard
# error, so that whatever a program prints cannot pose as an answer.
set -u
umask 077

# say KEY WORDS: one line of the answer; the words must not hold a newline.
say() {
	printf '\n%s %s %s\n' "$nonce" "$1" "$2" >&3
}

# step NAME: what is being done, for the sentence that tells of a failure.
step() {
	say step "$1"
}

# text KEY VALUE: any text of modest size. Shells count characters, and bytes
# are wanted: only where the two are the same is no program needed.
text() {
	case $2 in
	*[!0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/._\ -]*)
		bytes=$(printf %s "$2" | wc -c)
		;;
	*) bytes=${#2} ;;
	esac
	printf '\n%s %s:%s\n%s\n%s done\n' "$nonce" "$1" "$((bytes))" "$2" "$nonce" >&3
}

# size FILE: its length in bytes in $bytes; stat does not read the file.
size() {
	bytes=0
	[ -s "$1" ] || return 0
	bytes=$(stat -c %s "$1" 2>/dev/null) || bytes=$(wc -c <"$1") || bytes=0
	bytes=$((bytes))
}

# send KEY FILE MOST: the file, or its last MOST bytes when it is longer.
send() {
	[ -f "$2" ] || return 0
	size "$2"
	pass "$@"
}

# pass is send after size. The announced length is kept even when somebody still
# writes to the file.
pass() {
	say "$1-size" "$bytes"
	whole=$bytes
	[ "$bytes" -le "$3" ] || bytes=$3
	printf '\n%s %s:%s\n' "$nonce" "$1" "$bytes" >&3
	if [ "$bytes" -lt "$whole" ]; then
		tail -c "$bytes" "$2" | head -c "$bytes" >&3
	elif [ "$bytes" -gt 0 ]; then
		head -c "$bytes" "$2" >&3
	fi
	printf '\n%s done\n' "$nonce" >&3
}

# room FOLDER: whether a file can be written there, as neither a full disk nor a
# used up quota lets; the Go side is told when it is that. A program is asked, since
# shells do not tell why they could not write.
room() {
	said=$(LC_ALL=C dd if=/dev/zero of="$1/.room" bs=65536 count=1 2>&1) && true >"$1/.room" && return 0
	rm -f "$1/.room"
	case $said in
	*"No space left"* | *"uota exceeded"*) text full "$1" ;;
	esac
	return 1
}

# free_in FOLDER: KiB that are free there.
free_in() {
	df -Pk "$1" 2>/dev/null | {
		read -r titles
		read -r device total used free rest
		printf '%s\n' "$free"
	}
}

# fail CODE TEXT: ends the script; the Go side turns the code into a sentence.
# What is left on the disk is told too, since a full one has a hundred faces.
fail() {
	for place in "${run:-}" "${root:-}"; do
		[ -n "$place" ] && [ -d "$place" ] || continue
		if room "$place"; then
			rm -f "$place/.room"
			say free "$(free_in "$place")"
		fi
		break
	done
	text fail-text "${2:-}"
	say fail "$1"
	exit 1
}

# nap: a short rest; fractions of a second are no POSIX but common.
nap() {
	sleep 0.1 2>/dev/null || sleep 1
}

# clock: seconds in $now, from a clock that nobody sets where there is one.
clock() {
	{ read -r now rest </proc/uptime; } 2>/dev/null || now=$(date +%s)
	now=${now%%.*}
}

# sha256 FILE: in $hash, empty when it cannot be had.
sha256() {
	hash=$(sha256sum <"$1" 2>/dev/null) || hash=$(shasum -a 256 <"$1" 2>/dev/null) || hash=
	hash=${hash%% *}
}

# new_session PROGRAM ARGUMENTS: becomes the program, as leader of a new
# session and process group. Perl is for systems that lack setsid(1).
new_session() {
	if command -v setsid >/dev/null 2>&1; then
		exec setsid "$@"
	fi
	exec perl -MPOSIX -e 'POSIX::setsid(); exec { $ARGV[0] } @ARGV; exit 127' "$@"
}

# place_root: $root, absolute; the default is in the user's home.
place_root() {
	if [ -z "$root" ]; then
		[ -n "${HOME:-}" ] && [ -d "$HOME" ] || fail home "${HOME:-}"
		root=$HOME/.cache/pm-todos
	fi
	[ -d "$root/runs" ] || mkdir -p "$root/runs" 2>/dev/null || fail cache "$root"
	cd -P "$root" || fail cache "$root"
	root=$PWD
	for folder in "$root" "$root/runs"; do
		! is_foreign "$folder" || fail foreign "$folder"
	done
}

# is_foreign FOLDER: a link, which may be turned elsewhere, or a folder of
# another account. That one has what it needs to change a plan; only root can
# work in it all the same, and some file systems show no true owners.
is_foreign() {
	[ ! -L "$1" ] || return 0
	[ ! -O "$1" ] && [ "$(id -u)" -eq 0 ]
}

# enter_run: makes sure of the run directory and notes that it is in use.
enter_run() {
	[ -d "$run" ] && [ ! -L "$run" ] || fail no-run "$run"
	stamp
}

# stamp notes that the run directory is in use. Its time is all that counts; ":"
# in place of "true" would end the shell when that fails.
stamp() {
	{ true >"$run/stamp"; } 2>/dev/null
}
