# Marks one apply as settled. Its plan file, which holds values, is not needed
# any more.
place_root
for run in "$root/runs"/*; do
	[ -d "$run/apply/$apply" ] && [ ! -L "$run" ] || continue
	mark "$run/apply/$apply" settled && rm -f "$run/apply/$apply/plan.tfplan" || fail cache "$run/apply/$apply"
done
