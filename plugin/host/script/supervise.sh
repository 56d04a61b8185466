# Runs one program in the workspace; the session around it watches.
enter_run
check_folder
fresh_output
[ -d "$ws/in" ] || mkdir "$ws/in" && cat >"$ws/in/stdin" || fail cache "$ws/in"
size "$ws/in/stdin"
[ "$bytes" -eq "$input" ] || fail cut "$bytes"
eval "set -- $argv"
(
	cd "$folder" || exit 126
	# The work tree has no .git; git must not find one further up, such as
	# that of a home directory kept in git.
	GIT_CEILING_DIRECTORIES=$ws
	export GIT_CEILING_DIRECTORIES
	eval "$environment"
	[ "$blocks" -eq 0 ] || ulimit -f "$blocks" 2>/dev/null
	exec "$@"
) <"$ws/in/stdin" >"$ws/out/stdout" 2>"$ws/out/stderr" 3>&-
say code $?
