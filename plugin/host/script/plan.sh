# init, plan and show in one go; stops at the first that fails.
enter_run
check_folder
hold_pins && still_sealed || fail "$code" "$names"
fresh_output "$file"
case $program in
/*) ;;
*/*) program=$tree/$program ;;
esac

# run_step NAME ARGUMENTS: $accept is a second exit code that means success.
run_step() {
	step "$1"
	shift
	(cd "$folder" && exec "$program" "$@") </dev/null >"$ws/out/stdout" 2>"$ws/out/stderr" 3>&-
	code=$?
	[ "$code" -eq 0 ] || [ "$code" -eq "$accept" ] || {
		room "$ws/out" || fail cache "$ws/out"
		seal
		say code "$code"
		exit 0
	}
}

accept=0
if [ -n "$init" ]; then
	eval "set -- $init"
	run_step init "$@"
fi
accept=$detailed
eval "set -- $plan"
run_step plan "$@"
accept=0
[ -f "$file" ] && [ ! -L "$file" ] || fail no-plan "$file"
sha256 "$file"
judged=$hash
[ -n "$judged" ] || fail tool sha256sum
eval "set -- $show"
run_step show "$@"
# Terraform takes no notice of an output that could not be written whole.
room "$ws/out" || fail cache "$ws/out"
sha256 "$file"
[ "$hash" = "$judged" ] || fail plan-changed "$file"
mv "$file" "$ws/plan/$hash.tfplan" || fail cache "$ws/plan"
# By this file settling knows the run that judged it, after a loss of power too.
sync "$ws/plan/$hash.tfplan" "$ws/plan" 2>/dev/null || sync
say sha256 "$hash"
seal
say code 0
