# Runs one task after the other, each in a process group of its own, and ends that group when the
# task's time is over, when the other side hangs up (end of file on standard
# input), or when it has not been heard for $lease seconds: a partition shows
# no end of file. While the task waits for its input, and a slow line is busy
# with that, it is $feeding seconds.
#
# The task's input is $input, and what follows on standard input in chunks: a line with
# the length, then as many bytes; 0 ends it. Every line after that is a sign of life.
#
# $task, $boot    the script and the constant command that evaluates it
# $input          bytes with printf's escapes
# $timeout, $idle seconds, 0 for none; $idle is about the files in $watch
# $watch, $most   folder of output files, and how many bytes they may hold
# $final, $linger when set, the pattern of the line by which the task says that it
#                 is done, and for how long it may go on after that in silence
# $signals        tried in this order, $grace seconds each, before KILL
# $box            file in which bubblewrap tells of the first process of its namespace:
#                 nothing in there outlives the task; empty for none
# $mark           when set, processes with it in their environment end as well
#
# What happens arrives as lines of one pipe, file descriptor 5. Signals to a
# shell that is about to fork are lost or worse in some shells.
#
# After a task of which nothing is left comes, on a line with the nonce of that one and "next",
# another: the nonce and a length, and as many bytes with new values for all of the above.
exec 3>&1 1>&2 4<&0 </dev/null

# chunk LENGTH: that many bytes. Not every head(1) stops reading where it should;
# dd does, where it knows how to put short reads together.
chunk() {
	if [ -z "${fullblock:-}" ]; then
		dd bs=1 count=1 iflag=fullblock </dev/null >/dev/null 2>&1
		fullblock=$?
	fi
	if [ "$fullblock" -eq 0 ]; then
		dd bs="$1" count=1 iflag=fullblock 2>/dev/null
	else
		head -c "$1"
	fi
}

# feed hands the task its script and input, and then listens.
feed() {
	trap '' PIPE # of a task that does not read
	printf '%s\n%b' "$task" "$input" 2>/dev/null
	while IFS= read -r length; do
		echo beat >&5 || return 0
		case $length in
		'' | 0 | *[!0-9]*) break ;;
		esac
		chunk "$length" || break
	done
	# Said before the task can see the end of its input.
	echo fed >&5 || return 0
	exec >/dev/null 2>&1
	while IFS= read -r beat; do
		[ "$beat" != "$nonce next" ] || return 0
		echo beat >&5 || return 0
	done
	echo gone >&5
}

run_task() {
	PM_TODOS_PROCESS=$mark
	[ -z "$mark" ] || export PM_TODOS_PROCESS
	new_session sh -c "$boot"
}

# produce makes the events; it does not wait for who listens to the other side.
produce() {
	exec 5>&1 1>&2
	feed <&4 4<&- 3>&- | attend 4<&- &
}

# attend starts the task, and tells of its death. What it leaves behind holds
# nothing of the session: a server waits for that.
attend() {
	exec 7<&0 </dev/null
	run_task <&7 5>&- 7<&- &
	child=$!
	exec 3>&- 7<&- >/dev/null 2>&1
	echo "child $child" >&5
	tick &
	ticking=$!
	wait "$child"
	echo "dead $?" >&5
	kill "$ticking"
}

tick() {
	while sleep 1 5>&-; do
		echo tick >&5 || return 0
	done
}

# is_dead: nobody may have collected the task's shell yet.
is_dead() {
	kill -0 "$child" 2>/dev/null || return 0
	{ read -r stat <"/proc/$child/stat"; } 2>/dev/null || return 1
	case ${stat##*) } in
	Z* | X*) return 0 ;;
	esac
	return 1
}

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

# end_group: by signals, politely first when there is a reason to end it.
end_group() {
	if [ "$reason" != none ]; then
		for signal in $signals; do
			kill "-$signal" "-$child" 2>/dev/null
			group_ends "$grace" && return 0
		done
	elif group_lives; then
		# What a task left behind that ended by itself.
		kill -TERM "-$child" 2>/dev/null
		group_ends 1 && return 0
	else
		return 0
	fi
	kill -KILL "-$child" 2>/dev/null
	group_ends 3 || left=1
}

# sweep: what left the group but kept its environment or its session, until there
# is none. A process that left all three cannot be found by its user's own means.
sweep() {
	[ -n "$mark" ] && [ -r /proc/self/environ ] || return 0
	passes=0
	while [ "$passes" -lt 30 ]; do
		found=$(
			grep -ls "PM_TODOS_PROCESS=$mark" /proc/[0-9]*/environ
			cat /proc/[0-9]*/stat 2>/dev/null | awk -v session="$child" '
				{ pid = $1; sub(/^.*\) /, ""); if ($4 == session && $1 != "Z" && $1 != "X") print pid }'
		)
		[ -n "$found" ] || return 0
		for pid in $found; do # unquoted: one word each
			pid=${pid#/proc/} pid=${pid%/environ}
			kill -KILL "$pid" 2>/dev/null
		done
		passes=$((passes + 1))
		nap
	done
	left=1
}

# end_box: the namespace dies with its first process, and that one is gone only
# after all the others are. The second number says that it is the first of one, and
# not a later process with the number of one that is gone.
end_box() {
	[ -n "$box" ] && [ -s "$box" ] || return 0
	first=$(sed -n 's/.*"child-pid": *\([0-9][0-9]*\).*/\1/p' "$box")
	[ -n "$first" ] || return 0
	tries=0
	while grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$first/status" 2>/dev/null &&
		grep -q '^NSpid:.*[[:space:]]1$' "/proc/$first/status" 2>/dev/null; do
		[ "$tries" -lt 100 ] || {
			left=1
			return 0
		}
		kill -KILL "$first" 2>/dev/null
		tries=$((tries + 1))
		nap
	done
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

# is_final: whether the last line of an event is the one that ends them. What is
# printed behind it without a brace is noise.
is_final() {
	LC_ALL=C awk -v final="$final" 'index($0, "{") { last = $0 } END { exit last !~ final }' "$watch/stdout" 2>/dev/null
}

# judge_output: floods and silence.
judge_output() {
	[ -n "$watch" ] || return 0
	measure
	if [ "$most" -gt 0 ] && [ "$total" -gt "$most" ]; then
		reason=flood
	elif [ "$total" -ne "$before" ]; then
		before=$total moved=$now asked=
	elif [ -n "$final" ] && [ -z "$asked" ] && [ "$((now - moved))" -ge "$linger" ]; then
		asked=1 # once in each silence: it may last
		! is_final || reason=final
	elif [ "$idle" -gt 0 ] && [ "$((now - moved))" -ge "$idle" ]; then
		reason=idle
	fi
}

# follow reads events until the task is dead or there is a reason to end it.
follow() {
	while IFS=' ' read -r event detail <&6; do
		clock
		case $event in
		child) child=$detail ;;
		beat) last=$now ;;
		fed) last=$now patience=$lease ;;
		gone) reason=gone ;;
		tick) judge_output ;;
		dead)
			say task-code "$detail"
			told=1
			return 0
			;;
		esac
		# Who should tell of the death may itself have been killed.
		if [ -z "$child" ] || ! is_dead; then
			seen=$now
		elif [ "$((now - seen))" -ge 2 ]; then
			return 0
		fi
		if [ "$reason" = none ] && [ "$((now - last))" -ge "$patience" ]; then
			reason=silent
		elif [ "$reason" = none ] && [ "$timeout" -gt 0 ] && [ "$((now - began))" -ge "$timeout" ]; then
			reason=timeout
		fi
		if [ -n "$child" ] && [ "$reason" != none ]; then
			return 0
		fi
	done
	reason=gone
}

guard() {
	exec 4<&- 6<&0 </dev/null
	reason=none left=0 child='' before=0 asked='' told=0
	clock
	began=$now last=$now moved=$now seen=$now patience=$feeding
	follow
	if [ -n "$child" ]; then
		end_group
		end_box
		sweep
	fi
	say ended "$reason $left"
	# Nobody reads the answer of a session that fell silent; writing more than a
	# pipe holds would keep this shell for as long as the server keeps the channel.
	if [ -n "$watch" ] && [ "$reason" != silent ]; then
		send stdout "$watch/stdout" "$fetch"
		send stderr "$watch/stderr" "$fetch"
	fi
	printf '\n%s end\n' "$nonce" >&2
	say end 1
	[ "$reason$left$told" = none01 ] || exit 1
	# Until nothing of it reads what comes here: it has heard of another task, or of the end.
	while read -r event <&6; do :; done
}

# take_task: whether there is another.
take_task() {
	while IFS=' ' read -r word length <&4; do
		case $length in
		'' | *[!0-9]*) continue ;;
		esac
		[ "$word" = "$nonce" ] || continue
		task= # of a line that was cut short
		values=$(dd bs="$length" count=1 iflag=fullblock <&4 2>/dev/null) || values=$(dd bs=1 count="$length" <&4 2>/dev/null)
		eval "$values"
		return 0
	done
	return 1
}

while :; do
	printf '\n%s\n' "$nonce" >&2
	say begin 1
	produce | (guard) && take_task || exit 0
done
