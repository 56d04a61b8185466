# place_workdir: the person's checkout, physical path in $source.
place_workdir() {
	case $workdir in
	"~") workdir=${HOME:-} ;;
	"~/"*) workdir=${HOME:-}/${workdir#"~/"} ;;
	esac
	source=$(cd "$workdir" 2>/dev/null && pwd -P) || fail workdir "$workdir"
}

# ignored_files GLOBS: ignored files of the checkout, one line each. The
# person's own ignore rules count, their hooks and monitors do not run, and
# nothing is written, not even a refreshed index.
ignored_files() {
	(cd "$source" && LC_ALL=C GIT_OPTIONAL_LOCKS=0 git -c core.fsmonitor=false -c core.hooksPath=/dev/null \
		-c core.untrackedCache=false -c core.quotePath=false -c safe.directory='*' \
		ls-files -o -i --exclude-standard -- "$@")
}

# carry_one PATH: copies it unless the commit has that path itself.
carry_one() {
	from=$source/$1 into=$tree/$1
	case $1 in
	*/*) parent=${1%/*} ;;
	*) parent=. ;;
	esac
	real=$(readlink -f "$from" 2>/dev/null) || real=
	case $real in
	"$source"/*) ;;
	*) fail carry-link "$1" ;;
	esac
	[ -f "$from" ] || return 0
	[ ! -e "$into" ] && [ ! -L "$into" ] || return 0
	# The nearest folder that exists must not lead out of the workspace.
	known=$parent
	while [ ! -d "$tree/$known" ]; do
		case $known in
		*/*) known=${known%/*} ;;
		*) known=. ;;
		esac
	done
	there=$(cd "$tree/$known" && pwd -P) || fail carry-link "$1"
	case $there/ in
	"$tree"/*) ;;
	*) fail carry-link "$1" ;;
	esac
	mkdir -p "$tree/$parent" && cp -p "$from" "$into" || fail carry "$1"
	carried=$((carried + 1))
}

# carry_files: $carry holds quoted pathspecs, $carry_cache is 1 when one of
# them asks for files of Terraform's own cache folder by name.
carry_files() {
	[ -n "$workdir" ] && [ -n "$carry" ] || return 0
	step carry
	place_workdir
	eval "set -- $carry"
	ignored_files "$@" >"$ws/carry" || fail workdir-git "$source"
	carried=0
	while IFS= read -r path; do
		case $path in
		'"'*) fail carry-name "$path" ;;
		.terraform/* | */.terraform/*) [ "$carry_cache" = 1 ] || continue ;;
		esac
		carry_one "$path"
	done <"$ws/carry"
	say carried "$carried"
}
