# Builds one workspace from the pack on standard input.
enter_run
ws=$run/ws/$name
if [ -e "$ws" ] && unsettled "$run"; then
	fail busy "$open"
fi
chmod -R u+rwX "$ws" 2>/dev/null
rm -rf "$ws" && mkdir -p "$ws/out" "$ws/tree" || fail cache "$ws"
check_tree

build_agent_tree() {
	git_dir=$ws/git
	safe_git init -q --bare --template= "$git_dir" && raw_attributes "$git_dir" &&
		safe_git -C "$git_dir" index-pack --stdin &&
		printf '%s\n' "$commit" >"$git_dir/shallow" || return 1
	GIT_DIR=$git_dir GIT_WORK_TREE=$tree
	export GIT_DIR GIT_WORK_TREE
	cd "$tree" && safe_git read-tree "$commit" && safe_git checkout-index -q -a &&
		hidden ls-files -z | xargs -0 rm -f --
}

# No filter is defined here, so that git-crypt's files stay as they are until
# prepare_command unlocks them. HEAD is detached: there is no branch to push.
build_checkout() {
	safe_git init -q --template= "$tree" && cd "$tree" &&
		safe_git index-pack --stdin &&
		printf '%s\n' "$commit" >.git/shallow &&
		safe_git config core.hooksPath /dev/null && safe_git config core.fsmonitor false &&
		safe_git config gc.auto 0 &&
		safe_git checkout -q --detach "$commit" --
}

step build
if [ "$kind" = agent ]; then
	(build_agent_tree) || fail git "$name"
else
	(build_checkout) || fail git "$name"
	carry_files
fi
if [ -n "$prepare" ]; then
	step prepare_command
	(cd "$tree" && exec sh -c "$prepare") >"$ws/out/stdout" 2>"$ws/out/stderr" 3>&- 5>&-
	say code $?
fi
text workspace "$ws"
