# What the run directory says of applies. apply/<id>/ holds: plan.tfplan (the
# judged file), commit (the fix that it is of), pid, claim, began, log, status,
# settled, fenced. claim is a directory, since of two that make one only one succeeds; pid is whole before
# the claim is taken and outlives no reboot; began, settled and fenced count by
# being there; status is renamed into place, since its content counts.

# sync_paths: to the disk; an old sync(1) takes no names and syncs all.
sync_paths() {
	sync "$@" 2>/dev/null || sync
}

# mark DIRECTORY NAME FILES: makes a file that counts by being there. It is on the
# disk then, and so are the further files, with the folders down to them.
mark() {
	marked=$1 name=$2
	shift 2
	echo >"$marked/$name" && sync_paths "$marked/$name" "$@" "$marked" "${marked%/*}" "${marked%/*/*}"
}

# has_plan RUN SHA256: whether a workspace of it holds the saved plan.
has_plan() {
	for plan in "$1"/ws/*/plan/"$2".tfplan; do
		[ ! -f "$plan" ] || return 0
	done
	return 1
}

# store DIRECTORY NAME VALUE: whole or not at all. What a crash cuts short reads
# as no number.
store() {
	printf '%s\n' "$3" >"$1/$2.new" && mv "$1/$2.new" "$1/$2" && sync_paths "$1/$2" "$1"
}

# process_fields PID: what /proc says of it after its name, in $fields.
process_fields() {
	fields=
	{ read -r fields <"/proc/$1/stat"; } 2>/dev/null
	fields=${fields##*) }
}

# birth PID: what tells this process from a later one with its number.
birth() {
	boot_id=
	{ read -r boot_id </proc/sys/kernel/random/boot_id; } 2>/dev/null
	process_fields "$1"
	if [ -n "$fields" ]; then
		set -- $fields # unquoted: one word each
		[ $# -lt 20 ] || shift 19
		started=$1
	else
		started=$(ps -o lstart= -p "$1" 2>/dev/null | tr ' ' '_')
	fi
	birth=${boot_id:-unknown}/${started:-unknown}
}

# apply_runs DIRECTORY: its leader lives, or is gone and left members behind.
apply_runs() {
	pid= born=
	{ read -r pid born <"$1/pid"; } 2>/dev/null
	case $pid in
	'' | *[!0-9]*) return 1 ;;
	esac
	if kill -0 "$pid" 2>/dev/null; then
		birth "$pid"
		[ "$birth" = "$born" ] || return 1
		# A dead leader that nobody collected does not count.
		process_fields "$pid"
		case $fields in
		Z* | X*) ;;
		*) return 0 ;;
		esac
	else
		boot_id=
		{ read -r boot_id </proc/sys/kernel/random/boot_id; } 2>/dev/null
		[ "${born%%/*}" = "${boot_id:-unknown}" ] || return 1
	fi
	kill -0 "-$pid" 2>/dev/null || return 1
	[ -r /proc/self/stat ] || return 0
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v group="$pid" '
		{ sub(/^.*\) /, ""); if ($3 == group && $1 != "Z" && $1 != "X") found = 1 }
		END { exit !found }'
}

# unsettled RUN: whether an apply of it began, or may have, and nobody has
# settled it; its id in $open.
unsettled() {
	open=
	for one in "$1"/apply/*; do
		[ -d "$one" ] && [ ! -e "$one/settled" ] || continue
		# Once more: it may have begun and ended while its process was looked for.
		if [ -e "$one/began" ] || apply_runs "$one" || [ -e "$one/began" ]; then
			open=${one##*/}
			return 0
		fi
	done
	return 1
}

# fence_apply DIRECTORY: an apply that has not begun never will, however late a
# run wakes up that was about to start it. Who takes the claim decides: the
# detached process before its marker, or this.
fence_apply() {
	[ ! -e "$1/began" ] || return 0
	mkdir -p "$1" || return 1
	if mkdir "$1/claim" 2>/dev/null; then
		mark "$1" fenced || return 1
	fi
	[ -d "$1/claim" ]
}

# report_apply DIRECTORY: its state as lines of the answer.
report_apply() {
	if [ -f "$1/status" ]; then
		read -r ended <"$1/status"
		say apply-ended "$ended"
	elif apply_runs "$1"; then
		say apply-running 1
	else
		say apply-running 0
	fi
	# Asked after the process: who dies in between has left both files.
	if [ -f "$1/status" ]; then
		read -r ended <"$1/status"
		say apply-ended "$ended"
	fi
	[ ! -f "$1/began" ] || say apply-began 1
	[ ! -f "$1/settled" ] || say apply-settled 1
	if [ -f "$1/began" ] && [ -f "$1/commit" ]; then
		send apply-commit "$1/commit" 128
		[ ! -f "$1/plan.tfplan" ] || {
			sha256 "$1/plan.tfplan"
			say apply-sha256 "$hash"
		}
	fi
	# Of the whole log, and after its end was seen: only the last of it is sent.
	LC_ALL=C grep -qiE '(creating|modifying|destroying)\.\.\.|(creation|modifications|destruction|apply) complete' "$1/log" 2>/dev/null
	case $? in
	1) say apply-progress 0 ;;
	*) say apply-progress 1 ;;
	esac
	send apply-log "$1/log" 65536
}

# await_apply DIRECTORY: until it ended or nothing of it runs.
await_apply() {
	polls=0
	while [ ! -f "$1/status" ]; do
		# Asking for the processes costs more than looking for a file.
		[ "$((polls % 10))" -ne 9 ] || apply_runs "$1" || return 0
		polls=$((polls + 1))
		if [ "$polls" -lt 100 ]; then nap; else sleep 1; fi
	done
}
