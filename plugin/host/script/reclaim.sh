# Removes run directories: the one named $id, of which the applies $settled are, or, when $id is empty, all but
# $mine that no journal needs: those of $owner, whose lock is held, at once, and
# others that nobody used for $minutes. An unsettled apply keeps the latter, one
# that still runs keeps any.
place_root
failed=

is_own() {
	[ -n "$owner" ] && [ -e "$1/owner-$owner" ]
}

# is_needed RUN: a journal wants to know of an apply in it, or of one for which
# it has the plan.
is_needed() {
	for one in $applies; do # unquoted: one word each
		[ ! -d "$1/apply/$one" ] || [ -e "$1/apply/$one/settled" ] || return 0
	done
	for one in $plans; do
		! has_plan "$1" "$one" || return 0
	done
	return 1
}

is_recent() {
	[ -n "$(find "$1" -prune -mmin "-$minutes")" ] || [ -n "$(find "$1/stamp" -prune -mmin "-$minutes" 2>/dev/null)" ]
}

# is_over RUN: nobody waits for its applies, and none of them runs.
is_over() {
	is_own "$1" || return 1
	for one in "$1"/apply/*; do
		! apply_runs "$one" || return 1
	done
}

# shut RUN: what has not begun never will; see fence_apply. Who was faster has
# its pid on disk, so that unsettled sees it.
shut() {
	for one in "$1"/apply/*; do
		[ -d "$one" ] && [ ! -e "$one/settled" ] || continue
		if mkdir "$one/claim" 2>/dev/null; then
			# It only explains, and a full disk must not keep this from going.
			echo >"$one/fenced"
		elif [ ! -d "$one/claim" ]; then
			return 1
		fi
	done
}

# drop RUN: plan files hold values, so they go first should this be cut short.
drop() {
	if ! shut "$1" || unsettled "$1" && ! is_over "$1"; then
		return 0
	fi
	# What the agent left may be unwritable; modes outside are not touched
	# since find and rm do not follow links.
	find "$1" -type d ! -perm -700 -exec chmod u+rwx {} \; -o -name '*.tfplan' -exec rm -f {} \; 2>/dev/null
	rm -rf "$1" || failed=$1
}

names=
if [ -n "$id" ]; then
	run=$root/runs/$id
	if [ -d "$run" ] && [ ! -L "$run" ]; then
		# The last look: its agents work no more. What was told is not told again.
		! hold_pins && [ -z "$known_altered" ] || names=
		[ ! -e "$run/pins" ] || rm -f "$run/pins"
		for one in $settled; do # unquoted: one word each
			[ ! -d "$run/apply/$one" ] || { mark "$run/apply/$one" settled && rm -f "$run/apply/$one/plan.tfplan"; } || failed=$run/apply/$one
		done
		drop "$run"
	fi
else
	for old in "$root/runs"/*; do
		[ -d "$old" ] && [ ! -L "$old" ] && [ "${old##*/}" != "$mine" ] || continue
		is_own "$old" || ! is_recent "$old" || continue
		is_needed "$old" || drop "$old"
	done
	# Of runs that were killed before they began to work.
	find "$root/runs/".met-* -prune -mmin "+$minutes" -exec rm -f {} \; 2>/dev/null
	expire_snapshots
fi
[ -z "$failed" ] || fail cache "$failed"
[ -z "$names" ] || fail altered "$names"
