# Starts one apply, detached, and waits for its end. Ending this script ends
# the waiting only.
enter_run
check_folder
apply=$run/apply/$id
planned=$ws/plan/$judged.tfplan

# met: the directory is there already. A fence may be half put up.
met() {
	clock
	until=$((now + 5))
	while [ ! -e "$apply/fenced" ] && [ ! -e "$apply/began" ] && [ "$now" -lt "$until" ] && ! apply_runs "$apply"; do
		nap
		clock
	done
	[ ! -e "$apply/fenced" ] || fail fenced "$id"
	fail began "$id"
}

[ ! -e "$apply" ] || met
[ -f "$planned" ] && [ ! -L "$planned" ] || fail plan-missing "$judged"
mkdir -p "$run/apply" || fail cache "$run/apply"
# mkdir is the one step of which two at the same time cannot both succeed.
mkdir "$apply" || met

# A directory that settling has claimed meanwhile stays, as its tombstone.
refuse() {
	mkdir "$apply/claim" && rm -rf "$apply"
	fail "$@"
}

cp "$planned" "$apply/plan.tfplan" || refuse cache "$apply"
sha256 "$apply/plan.tfplan"
[ "$hash" = "$judged" ] || refuse plan-changed "$planned"
# Freed before the status is written, so that a full disk cannot swallow it.
head -c 65536 /dev/zero >"$apply/reserve" || refuse cache "$apply"
sync_path "$apply/plan.tfplan" || refuse cache "$apply"

printf '%s\n' "$detached" | new_session sh -c "$boot" >/dev/null 2>&1 3>&- 5>&- &
leader=$!
clock
until=$((now + 60))
while [ ! -f "$apply/began" ]; do
	clock
	if [ "$now" -ge "$until" ] || ! kill -0 "$leader" 2>/dev/null; then
		# It must not begin after we said that it did not.
		kill -KILL "-$leader" "$leader" 2>/dev/null
		[ ! -e "$apply/fenced" ] || fail fenced "$id"
		[ -f "$apply/began" ] || fail not-begun "$apply"
	fi
	nap
done
say apply-started 1
await_apply "$apply"
report_apply "$apply"
