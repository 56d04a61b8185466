# Builds one workspace from the pack on standard input.
enter_run
[ "$kind" = agent ] || hold_pins || fail "$code" "$names"
ws=$run/ws/$name root=${run%/runs/*}
place_snapshots
if [ -e "$ws" ] || [ -L "$ws" ]; then
	! unsettled "$run" || fail busy "$open"
	chmod -R u+rwX "$ws" 2>/dev/null
	rm -rf "$ws" || fail cache "$ws"
fi
mkdir -p "$ws/tree" "$ws/in" "$ws/out" "$ws/plan" || fail cache "$ws"
check_tree

build_agent_tree() {
	make_git "$ws/git" && take_snapshot "$ws/git" &&
		safe_git read-tree "$commit" &&
		shown ls-files -z >"$ws/git/files" &&
		safe_git checkout-index -q -z --stdin <"$ws/git/files"
}

# No filter is defined here, so that git-crypt's files stay as they are until
# prepare_command unlocks them. HEAD is detached: there is no branch to push.
build_checkout() {
	safe_git init -q --template= "$tree" && cd "$tree" &&
		take_snapshot .git &&
		printf '[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n[gc]\n\tauto = 0\n' >>.git/config &&
		safe_git checkout -q --detach "$commit" --
}

step build
if [ "$kind" = agent ]; then
	(build_agent_tree) || unfit git "$name"
	keep_snapshot "$ws/git/objects"
else
	(build_checkout) || unfit git "$name"
	keep_snapshot "$tree/.git/objects"
	mkdir "$ws/seal" || fail cache "$ws"
	prove_commit || fail unsealed "$(head -n 5 "$ws/seal/wrong" 2>/dev/null)"
	carry_files
fi
if [ -n "$prepare" ]; then
	step prepare_command
	(cd "$tree" && exec sh -c "$prepare") >"$ws/out/stdout" 2>"$ws/out/stderr" 3>&-
	code=$?
	room "$ws/out" || fail cache "$ws/out"
	say code "$code"
fi
if [ "$kind" != agent ]; then
	seal
	list_kept >"$ws/seal/kept"
	sha256 "$ws/seal/kept"
	say kept "$hash"
fi
tell_snapshot
text workspace "$ws"
