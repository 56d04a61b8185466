# Runs one program in the workspace; the session around it watches.
enter_run
check_folder
[ -n "$config" ] || hold_pins && still_sealed || fail "$code" "$names"
fresh_output ${config:+"$config"}
[ -d "$ws/in" ] || mkdir "$ws/in" && cat >"$ws/in/stdin" || fail cache "$ws/in"
size "$ws/in/stdin"
[ "$bytes" -eq "$input" ] || fail cut "$bytes"
[ -z "$boxed" ] || fill_config
eval "set -- $argv"
(
	cd "$folder" || exit 126
	if [ -n "$boxed" ]; then
		clean_environment
	else
		# The work tree has no .git; git must not find one further up, such as
		# that of a home directory kept in git.
		GIT_CEILING_DIRECTORIES=$ws
		export GIT_CEILING_DIRECTORIES
	fi
	if [ -n "$config" ] && [ -z "$boxed" ]; then
		# Empty, and a new file of ours: git writes its configuration by renaming,
		# which as root would replace a device of that name.
		true >"$config" || exit 126
		GIT_CONFIG_GLOBAL=$config
		export GIT_CONFIG_GLOBAL
	fi
	eval "$environment"
	[ "$blocks" -eq 0 ] || ulimit -f "$blocks" 2>/dev/null
	[ -z "$boxed" ] || enter_box "$@"
	exec "$@"
) <"$ws/in/stdin" >"$ws/out/stdout" 2>"$ws/out/stderr" 3>&-
code=$?
# What an agent printed counts, and must be there as a whole.
[ -z "$config" ] || room "$ws/out" || fail cache "$ws/out"
[ -n "$config" ] || renote
say code "$code"
