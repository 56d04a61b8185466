# The workspace of a plan is its commit, and what carry, prepare_command and init
# brought. Lists of its files stay beside it, and the Go side holds their hashes.
#
# $sealed, $kept  hashes of the list of all files as a command of ours left them,
#                 and of those of the commit as they were built
# $known          processes that were at work in it then, PID/BIRTH each

# list_tree FILE OTHERS: writes the list of the work tree; "HASH  FILE" lines of it and
# of other lists.
list_tree() {
	# A file that cannot be written would be somebody else's.
	cd "$tree" && { true >"$ws/seal/$1"; } 2>/dev/null || return 1
	describe . ./.git/config ./.git/info ./.git/hooks -path ./.git -prune -o >"$ws/seal/$1"
	[ -s "$ws/seal/$1" ] && cd "$ws/seal" && exec $sum "$@" 2>/dev/null
}

# list_kept: what no plan has a reason to change: the files of the commit, but for
# the lock file of providers and a state that a wrapper keeps there.
list_kept() {
	awk 'NR == FNR { own["./" substr($0, index($0, "\t") + 1)] = 1; next }
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
	read -r word wanted <"$ws/seal/object" && [ "$word" = tree ] && safe_git ls-tree -r "$commit" >"$ws/seal/commit" || exit 1
	find . -path ./.git -prune -o ! -type d -print0 | safe_git update-index --add --info-only -z --stdin || exit 1
	submodules=$(grep '^160000 ' "$ws/seal/commit")
	[ -z "$submodules" ] || safe_git update-index --add --index-info <<EOF || exit 1
$submodules
EOF
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
# the work tree, or a file of it open, as "PID/BIRTH " each; those that are not $known
# in words on a further line. One that ends meanwhile is none of them: awk must not be
# the one that reads of it, since some end with it.
at_work() {
	[ -r /proc/self/stat ] || return 0
	{ ls -ln /proc/[0-9]*/cwd /proc/[0-9]*/fd; cat /proc/[0-9]*/stat; } 2>/dev/null | awk -v tree="$tree" -v own="$$" -v known=" $known " '
		/^[0-9]+ \(/ { stat[$1] = $0; next } # after all of the others
		/^\/proc\/[0-9]+\/fd:$/ { split($0, part, "/"); pid = part[3]; next }
		{
			at = index($0, " -> " tree)
			after = substr($0, at + 4 + length(tree), 1)
			if (!at || after != "" && after != "/" && after != " ") next
			of = pid
			if (match($0, /\/proc\/[0-9]+\/cwd -> /)) { split(substr($0, RSTART), part, "/"); of = part[3] }
			if (!seen[of]++) order[++total] = of
		}
		END {
			for (i = 1; i <= total; i++) {
				of = order[i]; line = stat[of]
				if (line == "") continue
				comm = line; sub(/^[0-9]+ \(/, "", comm); sub(/\) [^)]*$/, "", comm)
				sub(/^.*\) /, "", line); split(line, field, " ")
				if (field[1] == "Z" || field[4] == own) continue
				id = of "/" field[20] " "
				all = all id
				if (!index(known, " " id)) others = others (others == "" ? "" : ", ") "process " of " (" comm ")"
			}
			print all; print others
		}'
}

# still_sealed: it is as our last command left it, nobody else works in it, and
# the files of the commit are what they were, whatever happened during that command.
still_sealed() {
	[ -n "$sealed" ] || return 0
	code=unsealed names="the list of its files has changed"
	sums=$(steady list_tree now kept)
	if [ "${sums%%"$newline"*}" != "$sealed  now" ]; then
		is_list "$ws/seal/files" "$sealed" || return 1
		same_lines "$ws/seal/files" <"$ws/seal/now" || {
			compared "$ws/seal/files" "$ws/seal/now" ''
			return 1
		}
	fi
	[ "${sums#*"$newline"}" = "$kept  kept" ] || return 1
	compared "$ws/seal/kept" "$ws/seal/now" kept && [ -z "$names" ] || return 1
	code=at-work
	names=$(steady at_work) || return 1
	case $names in
	*"$newline"*) names=${names#*"$newline"} ;;
	*) names= ;;
	esac
	[ -z "$names" ]
}

# seal: what is there now is what the next command finds.
seal() {
	sums=$(steady list_tree files)
	say sealed "${sums%% *}"
	known=$(steady at_work)
	say known "${known%%"$newline"*}"
	renote
}
