# safe_git: git with nothing of the user, the system or the work tree steering
# it. Only for calls of our own; what the settings run has the user's git.
safe_git() {
	HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent LC_ALL=C GIT_CONFIG_NOSYSTEM=1 \
	GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 \
		git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.untrackedCache=false \
		-c core.attributesFile=/dev/null -c core.excludesFile=/dev/null \
		-c core.autocrlf=false -c core.safecrlf=false -c core.symlinks=true -c core.fileMode=true \
		-c core.quotePath=false -c core.preloadIndex=false -c protocol.allow=never -c safe.directory='*' \
		-c gc.auto=0 -c maintenance.auto=false -c advice.detachedHead=false "$@"
}

# make_git GITDIR: an empty repository for the work tree $tree, entered. Written
# by hand, it is the same whatever git and its templates think of today.
# info/attributes wins over every .gitattributes of the tree. "!" and not "-" for
# working-tree-encoding: git dies of the latter.
make_git() {
	mkdir -p "$1/objects/info" "$1/objects/pack" "$1/refs" "$1/info" &&
		echo 'ref: refs/heads/none' >"$1/HEAD" &&
		printf '[core]\n\trepositoryformatversion = 0\n\tbare = false\n' >"$1/config" &&
		echo '* -text -filter -ident !eol !working-tree-encoding' >"$1/info/attributes" || return 1
	GIT_DIR=$1 GIT_WORK_TREE=$tree
	export GIT_DIR GIT_WORK_TREE
	cd "$tree"
}

# hidden, shown: the agent must neither be steered by the repository's own
# settings nor run its hooks, plugins and servers, whichever program it is. The two
# share all files between them.
hidden() {
	steering glob "$@" --
}

shown() {
	steering exclude,glob "$@" -- .
}

# steering MAGIC GIT…: git about the files that steer an agent.
steering() {
	magic=$1
	shift
	safe_git "$@" ":($magic)**/.claude/settings*" ":($magic)**/.claude/hooks/**" ":($magic)**/.mcp.json" \
		":($magic)**/.codex/**" ":($magic)**/.gemini/**" ":($magic)**/.opencode/**" ":($magic)**/opencode.json*"
}

# check_tree: the work tree is the folder we made, not a link put in its place.
# It, and then $dir, is entered on the way.
check_tree() {
	tree=$ws/tree
	[ ! -L "$ws" ] && [ ! -L "$tree" ] && cd -P "$tree" 2>/dev/null && [ "$PWD" = "$tree" ] || fail no-tree "$tree"
}

# check_folder: $dir is a folder inside of it; in $folder.
check_folder() {
	check_tree
	folder=$tree
	if [ -n "$dir" ] && [ "$dir" != . ]; then
		folder=$tree/$dir
	fi
	cd -P "$folder" 2>/dev/null || fail no-folder "$dir"
	folder=$PWD
	case $folder/ in
	"$tree"/*) ;;
	*) fail no-folder "$dir" ;;
	esac
}

# fresh_output FILES: an empty folder for the output files that the session
# watches. The named files are removed as well.
fresh_output() {
	rm -rf "$ws/out" "$@" && mkdir "$ws/out" || fail cache "$ws/out"
}
