# Shows which arguments a wrapper hands on: the programs that it starts are
# stand-ins here, which note their arguments and do nothing. It runs in an empty
# folder beside the stacks, and only after it was seen to take the stand-ins:
# a wrapper with a path of its own would start the real program.
enter_run
check_folder
folder=$folder/pm-todos-doctor
fakes=$ws/fakes
rm -rf "$fakes" && mkdir "$fakes" "$folder" || fail cache "$fakes"
for name in terraform tofu terragrunt; do
	printf '%s\n' "$recorder" >"$fakes/$name" && chmod 700 "$fakes/$name" || fail cache "$fakes"
done
case $program in
/*) ;;
*/*) program=$tree/$program ;;
esac
# For a Terragrunt that is found in another way after all.
TG_TF_PATH=$fakes/terraform TERRAGRUNT_TFPATH=$fakes/terraform
PATH=$fakes:$PATH
export PATH TG_TF_PATH TERRAGRUNT_TFPATH

# run_wrapper ARGUMENTS
run_wrapper() {
	rm -f "$fakes/calls"
	(cd "$folder" && exec "$program" "$@") </dev/null >"$fakes/output" 2>&1 3>&-
	code=$?
}

step version
run_wrapper version
if [ ! -s "$fakes/calls" ]; then
	say unreached "$code"
	text output "$(tail -c 4096 "$fakes/output")"
	exit 0
fi
step arguments
eval "set -- $lists"
for list in "$@"; do
	eval "set -- $list"
	run_wrapper "$@"
	text calls "$(cat "$fakes/calls" 2>/dev/null)"
done
say shown 1
