# The work tree as objects: a tree and a pack of what the base lacks. The git
# directory of this moment is new; of the older one only the object store is
# read, whose contents git names by their hashes.
enter_run
[ "$account" != 1 ] || hold_pins || fail "$code" "$names"
check_tree
fresh=$ws/export
[ ! -e "$fresh" ] && [ ! -L "$fresh" ] || rm -rf "$fresh" || fail cache "$fresh"
mkdir "$fresh" || fail cache "$fresh"

# Whatever must be looked at before git reads the tree: folders that cannot be
# entered, files that are too large, and a .git, which would make a submodule of
# its folder. What find complains about counts as well.
find "$tree" \( -type d ! -perm -700 -o -name .git -o -type f -size "+${most}c" \) -print >"$fresh/odd" 2>&1
if [ -s "$fresh/odd" ]; then
	find "$tree" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
	find "$tree" -name .git -prune -exec rm -rf {} + || fail export ".git"
fi

make_git "$fresh/git" && printf '%s/git/objects\n' "$ws" >"$fresh/git/objects/info/alternates" &&
	echo "$commit" >"$fresh/git/shallow" || fail git "$fresh"

step read
safe_git read-tree "$commit" || fail git "$commit"
# What we hid from the agent comes back first, unless it made its own.
hidden ls-files -z -d >"$fresh/hidden" || fail git files
[ ! -s "$fresh/hidden" ] || safe_git checkout-index -q -z --stdin <"$fresh/hidden"

# sizes FILE: the size of each file that it lists, one a line.
sizes() {
	[ ! -s "$1" ] || xargs -0 stat -c %s -- <"$1" 2>/dev/null
}

step measure
# Sizes before anything is read: hashing what is refused anyway costs minutes.
if [ -s "$fresh/odd" ]; then
	safe_git ls-files -z -c -o --exclude-standard >"$fresh/files" || fail git files
	largest=$(sizes "$fresh/files" | sort -n | tail -n 1)
	[ "${largest:-0}" -le "$most" ] || fail too-large "$largest"
fi
safe_git ls-files -z -o --exclude-standard >"$fresh/others" || fail git files
if [ -s "$fresh/others" ]; then
	others=$(sizes "$fresh/others" | awk '{ sum += $1 } END { printf "%.0f", sum }')
	[ "${others:-0}" -le "$((most * 8))" ] || fail too-large "$others"
fi

step add
safe_git -c core.looseCompression=0 add -A -- . || fail export add
made=$(safe_git write-tree) || fail export write-tree
[ ! -s "$fresh/hidden" ] || xargs -0 rm -f -- <"$fresh/hidden"

step pack
{
	printf '%s\n^%s^{tree}\n' "$made" "$commit" |
		safe_git pack-objects -q --revs --stdout || printf 'broken' >"$fresh/broken"
} | head -c "$((most + 1))" >"$fresh/pack" || fail export pack
size "$fresh/pack"
[ "$bytes" -le "$most" ] || fail too-large "$bytes"
[ ! -e "$fresh/broken" ] || fail export pack-objects
say tree "$made"
pass pack "$fresh/pack" "$most"
rm -rf "$fresh"
