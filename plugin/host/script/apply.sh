# Starts one apply, detached, and waits for its end. Ending this script ends
# the waiting only.
# Only a later run removes it, which has the lock by then.
[ -d "$run" ] || fail fenced "$id"
enter_run
check_folder
apply=$run/apply/$id
planned=$ws/plan/$judged.tfplan

# fenced_or FAILURE TEXT: why it does not begin. A fence may be half put up.
fenced_or() {
	clock
	until=$((now + 5))
	while [ -e "$apply" ] && [ ! -e "$apply/fenced" ] && [ ! -e "$apply/began" ] && [ "$now" -lt "$until" ] && ! apply_runs "$apply"; do
		nap
		clock
	done
	[ ! -e "$apply/fenced" ] || fail fenced "$id"
	fail "$@"
}

[ ! -e "$apply" ] || fenced_or began "$id"
[ -f "$planned" ] && [ ! -L "$planned" ] || fail plan-missing "$judged"
[ -d "$run/apply" ] || mkdir -p "$run/apply" || fail cache "$run/apply"
# mkdir is the one step of which two at the same time cannot both succeed.
mkdir "$apply" || fenced_or began "$id"

# A directory that settling has claimed meanwhile stays, as its tombstone.
refuse() {
	mkdir "$apply/claim" && rm -rf "$apply"
	fail "$@"
}

hold_pins && still_sealed || refuse "$code" "$names"
cp "$planned" "$apply/plan.tfplan" || refuse cache "$apply"
sha256 "$apply/plan.tfplan"
[ "$hash" = "$judged" ] || refuse plan-changed "$planned"
printf '%s\n' "$commit" >"$apply/commit" || refuse cache "$apply"
# Freed before the status is written, so that a full disk cannot swallow it.
printf '%65536s' '' >"$apply/reserve" || refuse cache "$apply"

# stay: until the detached process ends, which its end of the pipe tells.
stay() {
	if ! read -r word; then
		[ -e "$apply/began" ] || fenced_or not-begun "$apply"
	fi
	say apply-started 1
	read -r word
	await_apply "$apply"
	report_apply "$apply"
}

printf '%s\n' "$detached" | new_session sh -c "$boot" 6>&1 >/dev/null 2>&1 3>&- | stay
seal
