# The workspace of a plan is its commit, and what carry, prepare_command and init
# brought. Lists of its files stay beside it, and the Go side holds their hashes.
#
# $sealed, $kept  hashes of the list of all files as a command of ours left them,
#                 and of those of the commit as they were built
# $known          processes that were at work in it then, PID/BIRTH each

list_tree() {
	cd "$tree" || return 1
	describe . -path ./.git -prune -o
	describe ./.git/config ./.git/info ./.git/hooks
}

# list_kept: what no plan has a reason to change: the files of the commit, but for
# the lock file of providers and a state that a wrapper keeps there.
list_kept() {
	awk 'NR == FNR { own["./" $0] = 1; next }
		{ name = substr($0, index($0, "  ") + 2) }
		name ~ /(^|\/)\.terraform\.lock\.hcl$/ || name ~ /tfstate/ { next }
		name in own || index(name, "./.git/") == 1 { print }' "$ws/seal/commit" "$ws/seal/files"
}

# prove_commit: the work tree is what git makes of the commit, by the hashes of its
# files and not by what git remembers of them. Files that git converts, such as
# by their line endings, are compared with what it would write.
prove_commit() (
	make_git "$ws/seal/git" && printf '%s/.git/objects\n' "$tree" >"$ws/seal/git/objects/info/alternates" &&
		echo "$commit" >"$ws/seal/git/shallow" && safe_git cat-file commit "$commit" >"$ws/seal/object" || exit 1
	[ "$(safe_git hash-object -t commit --stdin <"$ws/seal/object")" = "$commit" ] || exit 1
	wanted=$(sed -n '1s/^tree //p' "$ws/seal/object")
	safe_git ls-tree -r --name-only "$commit" >"$ws/seal/commit" || exit 1
	find . -path ./.git -prune -o ! -type d -print0 | safe_git update-index --add --info-only -z --stdin &&
		safe_git ls-tree -r "$commit" | grep '^160000 ' | safe_git update-index --add --index-info || exit 1
	[ "$(safe_git write-tree --missing-ok)" != "$wanted" ] || exit 0
	safe_git diff-index --cached --raw --no-renames "$commit" >"$ws/seal/differs" || exit 1
	[ -s "$ws/seal/differs" ] || exit 1
	GIT_DIR=$tree/.git
	while IFS='	' read -r modes path; do
		case $modes in
		':100644 100644 '* | ':100755 100755 '*)
			safe_git cat-file --filters "$commit:$path" >"$ws/seal/wanted" && sha256 "$ws/seal/wanted" && wanted=$hash
			sha256 "$path"
			[ -z "$hash" ] || [ "$hash" != "$wanted" ] || continue
			;;
		esac
		printf '%s\n' "$path" >>"$ws/seal/wrong"
	done <"$ws/seal/differs"
	[ ! -s "$ws/seal/wrong" ]
)

# at_work: processes outside of this session that have their working directory in
# the work tree, or a file of it open, as "PID/BIRTH NAME" each.
at_work() {
	[ -r /proc/self/stat ] || return 0
	ls -ln /proc/[0-9]*/cwd /proc/[0-9]*/fd 2>/dev/null | LC_ALL=C awk -v tree="$tree" -v own="$$" '
		/^\/proc\/[0-9]+\/fd:$/ { split($0, part, "/"); pid = part[3]; next }
		{
			at = index($0, " -> " tree)
			after = substr($0, at + 4 + length(tree), 1)
			if (!at || after != "" && after != "/" && after != " ") next
			of = pid
			if (match($0, /\/proc\/[0-9]+\/cwd -> /)) { split(substr($0, RSTART), part, "/"); of = part[3] }
			if (seen[of]++) next
			file = "/proc/" of "/stat"; line = ""
			getline line <file; close(file)
			if (line == "") next
			comm = line; sub(/^[0-9]+ \(/, "", comm); sub(/\) [^)]*$/, "", comm)
			sub(/^.*\) /, "", line); split(line, field, " ")
			if (field[1] != "Z" && field[4] != own) print of "/" field[20] " " comm
		}'
}

# still_sealed: it is as our last command left it, nobody else works in it, and
# the files of the commit are what they were, whatever happened during that command.
still_sealed() {
	[ -n "$sealed" ] || return 0
	code=unsealed names="the list of its files has changed"
	steady list_tree >"$ws/seal/now"
	sha256 "$ws/seal/now"
	if [ "$hash" != "$sealed" ]; then
		! is_list "$ws/seal/files" "$sealed" || names=$(compared "$ws/seal/files" "$ws/seal/now" '')
		return 1
	fi
	is_list "$ws/seal/kept" "$kept" || return 1
	names=$(compared "$ws/seal/kept" "$ws/seal/now" 1)
	[ -z "$names" ] || return 1
	code=at-work
	names=$(at_work | awk -v known=" $known " '!index(known, " " $1 " ") { split($1, id, "/"); print "process " id[1] " (" $2 ")" }')
	[ -z "$names" ]
}

# seal: what is there now is what the next command finds.
seal() {
	steady list_tree >"$ws/seal/files"
	sha256 "$ws/seal/files"
	say sealed "$hash"
	say known "$(at_work | awk '{ printf "%s ", $1 }')"
	renote
}
