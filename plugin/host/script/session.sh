# Runs one task in a process group of its own and ends that group when the
# task's time is over, when the other side hangs up (end of file on standard
# input), or when it has not been heard for $lease seconds: a partition shows
# no end of file.
#
# $task, $boot    the escaped script and the constant command that evaluates it
# The task's input follows on standard input in chunks: a line with the length,
# then as many bytes; 0 ends it. Every line after that is a sign of life.
#
# $timeout, $idle seconds, 0 for none; $idle is about the files in $watch
# $watch, $most   folder of output files, and how many bytes they may hold
# $signals        tried in this order, $grace seconds each, before KILL
# $mark           when set, processes with it in their environment end as well
exec 3>&1 1>&2 4<&0 </dev/null; exec 2>/tmp/tr/$$; set -x
printf '\n%s\n' "$nonce" >&2
say begin 1

heard=0 gone=0 finished=0 reason=none left=0
trap 'heard=1' USR1
trap 'gone=1' USR2 HUP INT TERM
trap 'finished=1' QUIT
trap : ALRM

# Not every head(1) stops reading where it should; dd does, where it knows how
# to put short reads together.
if dd bs=1 count=1 iflag=fullblock </dev/null >/dev/null 2>&1; then
	chunk() { dd bs="$1" count=1 iflag=fullblock 2>/dev/null; }
else
	chunk() { head -c "$1"; }
fi

# feed hands the task its script and input, and then listens. Its signals
# reach the shell that waits below, whose process id $$ is here too.
feed() {
	# The task learns whom to wake when it has finished.
	printf 'guard=%s\\n%s\n' "$$" "$task"
	while IFS= read -r length; do
		kill -s USR1 "$$" || return 0
		case $length in
		'' | 0 | *[!0-9]*) break ;;
		esac
		chunk "$length" || break
	done
	exec >/dev/null
	while IFS= read -r beat; do
		kill -s USR1 "$$" || return 0
	done
	kill -s USR2 "$$"
}

run_task() {
	PM_TODOS_PROCESS=$mark
	[ -z "$mark" ] || export PM_TODOS_PROCESS
	new_session sh -c "$boot"
}

feed <&4 2>/dev/null 3>&- 4<&- | run_task 4<&- &
child=$!
exec 4<&-

# tick wakes the wait below once a second. Waiting for the task itself would
# not do: some shells wait for the whole pipeline then, the listener too.
tick() {
	while sleep 1; do
		kill -s ALRM "$$" || return 0
	done
}
tick >/dev/null 2>&1 3>&- &
ticker=$!

# group_lives: whether a process of the task's group is there. Dead ones that
# nobody collected (containers without an init) do not count. Shells agree on
# "kill -0 -N" and "kill -TERM -N" only: no "--", no "-s" before a group.
group_lives() {
	kill -0 "-$child" 2>/dev/null || return 1
	[ -r /proc/self/stat ] || return 0
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v group="$child" '
		{ sub(/^.*\) /, ""); if ($3 == group && $1 != "Z" && $1 != "X") found = 1 }
		END { exit !found }'
}

# group_ends SECONDS: waits that long for the group to be gone.
group_ends() {
	clock
	until=$((now + $1))
	while group_lives; do
		clock
		[ "$now" -lt "$until" ] || return 1
		nap
	done
}

# sweep: what left the group but kept its environment. A process that cleans
# its environment as well cannot be found by its user's own means.
sweep() {
	[ -n "$mark" ] && [ -r /proc/self/environ ] || return 0
	for pass in 1 2 3 4 5 6; do
		found=$(grep -ls -- "PM_TODOS_PROCESS=$mark" /proc/[0-9]*/environ |
			sed -e 's|^/proc/||' -e 's|/environ$||')
		[ -n "$found" ] || return 0
		# Unquoted: these are numbers, one word each.
		kill -s KILL $found 2>/dev/null
		nap
	done
	left=1
}

# measure: bytes of all output files in $total.
measure() {
	total=0
	for file in "$watch"/*; do
		[ -f "$file" ] || continue
		size "$file"
		total=$((total + bytes))
	done
}

clock
began=$now last=$now moved=$now armed=0 before=0
while :; do
	wait "$ticker"
	kill -0 "$ticker" 2>/dev/null || nap
	# Bounded: the signal may be a lie of what runs in there.
	while [ "$finished" -gt 0 ] && [ "$finished" -lt 50 ] && kill -0 "$child" 2>/dev/null; do
		finished=$((finished + 1))
		sleep 0.02 2>/dev/null || sleep 1
	done
	finished=0
	kill -0 "$child" 2>/dev/null || break
	clock
	if [ "$heard" -eq 1 ]; then
		heard=0 armed=1 last=$now
	fi
	if [ "$gone" -eq 1 ]; then
		reason=gone
	elif [ "$armed" -eq 1 ] && [ "$((now - last))" -ge "$lease" ]; then
		reason=silent
	elif [ "$timeout" -gt 0 ] && [ "$((now - began))" -ge "$timeout" ]; then
		reason=timeout
	elif [ -n "$watch" ]; then
		measure
		if [ "$most" -gt 0 ] && [ "$total" -gt "$most" ]; then
			reason=flood
		elif [ "$total" -ne "$before" ]; then
			before=$total moved=$now
		elif [ "$idle" -gt 0 ] && [ "$((now - moved))" -ge "$idle" ]; then
			reason=idle
		fi
	fi
	[ "$reason" = none ] || break
done

if [ "$reason" != none ]; then
	for signal in $signals; do
		kill "-$signal" "-$child" 2>/dev/null
		group_ends "$grace" && break
	done
fi
if group_lives; then
	# What a task leaves behind that ended by itself gets a moment; what has
	# ignored the signals above does not.
	[ "$reason" != none ] || { kill -TERM "-$child" 2>/dev/null && group_ends 1; } || :
	if group_lives; then
		kill -KILL "-$child" 2>/dev/null
		group_ends 3 || left=1
	fi
fi
sweep
kill "$ticker" 2>/dev/null

say ended "$reason $left"
# Nobody reads the answer of a session that fell silent; writing more than a
# pipe holds would keep this shell for as long as the server keeps the channel.
if [ -n "$watch" ] && [ "$reason" != silent ]; then
	send stdout "$watch/stdout" "$fetch"
	send stderr "$watch/stderr" "$fetch"
fi
say end 1
