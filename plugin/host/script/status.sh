# Tells of one apply, for a process that did not start it, once it has ended: of the run directory
# that has it, or else of the one that has the saved plan.
place_root
run=
for one in "$root/runs"/*; do
	[ -d "$one" ] && [ ! -L "$one" ] || continue
	if [ -d "$one/apply/$apply" ]; then
		run=$one
		break
	fi
	! has_plan "$one" "$judged" || run=$one
done
say known 1
if [ -z "$run" ]; then
	say apply-lost 1
else
	stamp
	fence_apply "$run/apply/$apply" || fail cache "$run/apply/$apply"
	report_apply "$run/apply/$apply"
	await_apply "$run/apply/$apply"
	report_apply "$run/apply/$apply"
fi
