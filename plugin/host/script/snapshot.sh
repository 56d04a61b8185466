# A snapshot is one pack with everything of one commit: snapshots/BRANCH/COMMIT.pack,
# one for each branch of a remote, whoever works with it. It spares the line and proves nothing:
# what is taken out of it is named by git anew, each object by its content.

# place_snapshots: the folder of $branch in $snapshots; empty where none is kept.
place_snapshots() {
	snapshots=
	[ -n "$branch" ] || return 0
	for folder in "$root/snapshots" "$root/snapshots/$branch"; do
		[ -d "$folder" ] || mkdir "$folder" 2>/dev/null
		[ -d "$folder" ] && ! is_foreign "$folder" || return 0
	done
	snapshots=$folder
}

# tell_snapshot says which commit is held.
tell_snapshot() {
	held=
	for one in "$snapshots"/*.pack; do
		[ -f "$one" ] && [ ! -L "$one" ] || continue
		held=${one##*/}
		held=${held%.pack}
	done
	case $held in
	*[!0-9a-f]*) held= ;;
	esac
	say held "$held"
}

# take_snapshot GITDIR: what standard input holds, and what it builds on, into the
# repository, where the commit is without parents then, and whole.
take_snapshot() {
	if [ -n "$base" ]; then
		touch "$snapshots" 2>/dev/null
		[ -f "$snapshots/$base.pack" ] && [ ! -L "$snapshots/$base.pack" ] &&
			safe_git index-pack --stdin <"$snapshots/$base.pack" || return 1
	fi
	safe_git index-pack --stdin && echo "$commit" >"$1/shallow" || return 1
	[ -z "$base" ] || safe_git rev-list --objects --quiet "$commit"
}

# keep_snapshot OBJECTS: the one pack there in place of the snapshot that was, unless
# that would take more than a tenth of what is free. Nobody waits for the disk: what a
# crash leaves does not stand the next look at it.
keep_snapshot() {
	[ -n "$snapshots" ] && [ -z "$base" ] || return 0
	set -- "$1"/pack/pack-*.pack
	size "$1"
	free=$(free_in "$snapshots")
	[ "$((bytes / 102))" -lt "${free:-0}" ] || return 0
	new=$snapshots/new-${run##*/}-$name
	[ ! -d "$snapshots/$commit.pack" ] || rm -rf "$snapshots/$commit.pack" # mv would go into it
	cp "$1" "$new" 2>/dev/null && mv "$new" "$snapshots/$commit.pack" || {
		rm -f "$new"
		return 0
	}
	for one in "$snapshots"/*.pack; do
		[ "$one" = "$snapshots/$commit.pack" ] || rm -rf "$one"
	done
}

# unfit CODE TEXT: fails. If it can be the snapshot's fault, both it and what was made
# of it are gone.
unfit() {
	[ -n "$base" ] || fail "$@"
	rm -rf "$ws" "$snapshots/$base.pack"
	fail snapshot "$base"
}

# expire_snapshots: those that nobody used for $days, and what killed runs left.
expire_snapshots() {
	for old in "$root/snapshots"/*; do
		[ -d "$old" ] && [ ! -L "$old" ] || continue
		find "$old" -name 'new-*' -mmin +1440 -exec rm -f {} \; 2>/dev/null
		[ -n "$(find "$old" -prune -mtime "-$days")" ] || rm -rf "$old"
	done
}
