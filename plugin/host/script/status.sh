# Tells of one apply, for a process that did not start it.
place_root
run=$root/runs/$id
say known 1
if [ ! -d "$run" ] || [ -L "$run" ]; then
	say apply-lost 1
elif [ -d "$run/apply/$apply" ] || [ "$wait" -eq 1 ]; then
	stamp
	[ "$wait" -eq 0 ] || fence_apply "$run/apply/$apply" || fail cache "$run/apply/$apply"
	report_apply "$run/apply/$apply"
	if [ "$wait" -eq 1 ]; then
		await_apply "$run/apply/$apply"
		report_apply "$run/apply/$apply"
	fi
fi
