# The work tree as objects: a tree and a pack of what the base lacks. The git
# directory of this moment is new; of the older one only the object store is
# read, whose contents git names by their hashes.
enter_run
check_tree
fresh=$ws/export
rm -rf "$fresh" && mkdir "$fresh" || fail cache "$fresh"
find "$tree" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
# A folder with a .git of its own would become a submodule.
find "$tree" -name .git -prune -exec rm -rf {} + || fail export ".git"

prepare_git() {
	safe_git init -q --bare --template= "$fresh/git" && raw_attributes "$fresh/git" &&
		safe_git -C "$fresh/git" config core.bare false &&
		printf '%s/git/objects\n' "$ws" >"$fresh/git/objects/info/alternates" &&
		printf '%s\n' "$commit" >"$fresh/git/shallow"
}
(prepare_git) || fail git "$fresh"
GIT_DIR=$fresh/git GIT_WORK_TREE=$tree
export GIT_DIR GIT_WORK_TREE
cd "$tree" || fail no-tree "$tree"

step read
safe_git read-tree "$commit" || fail git "$commit"
# What we hid from the agent comes back first, unless it made its own.
hidden ls-files -z -d >"$fresh/hidden"
safe_git checkout-index -q -z --stdin <"$fresh/hidden"

step measure
# Sizes before anything is read: hashing what is refused anyway costs minutes.
safe_git ls-files -z -c -o --exclude-standard >"$fresh/files" || fail git files
largest=$(xargs -0 stat -c %s -- <"$fresh/files" 2>/dev/null | sort -n | tail -n 1)
[ "${largest:-0}" -le "$most" ] || fail too-large "$largest"
safe_git ls-files -z -o --exclude-standard >"$fresh/others" || fail git files
others=$(xargs -0 stat -c %s -- <"$fresh/others" 2>/dev/null | awk '{ sum += $1 } END { printf "%.0f", sum }')
[ "${others:-0}" -le "$((most * 8))" ] || fail too-large "$others"

step add
safe_git -c core.looseCompression=0 add -A -- . || fail export add
made=$(safe_git write-tree) || fail export write-tree
xargs -0 rm -f -- <"$fresh/hidden"

step pack
{
	printf '%s\n^%s^{tree}\n' "$made" "$commit" |
		safe_git pack-objects -q --revs --stdout || printf 'broken' >"$fresh/broken"
} | head -c "$((most + 1))" >"$fresh/pack"
size "$fresh/pack"
[ "$bytes" -le "$most" ] || fail too-large "$bytes"
[ ! -e "$fresh/broken" ] || fail export pack-objects
say tree "$made"
send pack "$fresh/pack" "$most"
rm -rf "$fresh"
