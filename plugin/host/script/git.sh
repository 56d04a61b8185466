# safe_git: git with nothing of the user, the system or the work tree steering
# it. Only for calls of our own; what the settings run has the user's git.
safe_git() {
	HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent LC_ALL=C \
	GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_CONFIG_NOSYSTEM=1 \
	GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_OPTIONAL_LOCKS=0 \
		git -c core.hooksPath=/dev/null -c core.fsmonitor=false -c core.untrackedCache=false \
		-c core.attributesFile=/dev/null -c core.excludesFile=/dev/null \
		-c core.autocrlf=false -c core.safecrlf=false -c core.symlinks=true -c core.fileMode=true \
		-c core.quotePath=false -c core.preloadIndex=false -c protocol.allow=never -c safe.directory='*' \
		-c gc.auto=0 -c maintenance.auto=false -c advice.detachedHead=false "$@"
}

# raw_attributes GITDIR: info/attributes wins over every .gitattributes of the
# tree. "!" and not "-" for working-tree-encoding: git dies of the latter.
raw_attributes() {
	mkdir -p "$1/info" &&
		printf '%s\n' '* -text -filter -ident !eol !working-tree-encoding' >"$1/info/attributes"
}

# hidden: the agent must neither be steered by the repository's own settings
# nor run its hooks.
hidden() {
	safe_git "$@" -- ':(glob)**/.claude/settings*' ':(glob)**/.claude/hooks/**' ':(glob)**/.mcp.json'
}

# check_tree: the work tree is the folder we made, not a link put in its place.
check_tree() {
	tree=$ws/tree
	[ ! -L "$ws" ] && [ ! -L "$tree" ] && [ -d "$tree" ] || fail no-tree "$tree"
	[ "$(cd "$tree" && pwd -P)" = "$tree" ] || fail no-tree "$tree"
}

# check_folder: $dir is a folder inside of it; in $folder.
check_folder() {
	check_tree
	folder=$tree
	if [ -n "$dir" ] && [ "$dir" != . ]; then
		folder=$tree/$dir
	fi
	[ -d "$folder" ] || fail no-folder "$dir"
	folder=$(cd "$folder" && pwd -P) || fail no-folder "$dir"
	case $folder/ in
	"$tree"/*) ;;
	*) fail no-folder "$dir" ;;
	esac
}

# fresh_output: an empty folder for the output files that the session watches.
fresh_output() {
	rm -rf "$ws/out" && mkdir "$ws/out" || fail cache "$ws/out"
}
