# Removes run directories: the one named $id, or, when $id is empty, all that
# nobody used for $minutes and that $keep does not list. One with an unsettled
# apply stays, unless $over lists it: then only one that still runs keeps it.
place_root
removed=0 kept=0

is_over() {
	case " $over " in
	*" ${1##*/} "*) ;;
	*) return 1 ;;
	esac
	for one in "$1"/apply/*; do
		! apply_runs "$one" || return 1
	done
}

# shut RUN: what has not begun never will; see fence_apply. Who was faster has
# its pid on disk, so that unsettled sees it.
shut() {
	for one in "$1"/apply/*; do
		[ -d "$one" ] && [ ! -e "$one/settled" ] || continue
		if mkdir "$one/claim" 2>/dev/null; then
			# It only explains, and a full disk must not keep this from going.
			echo >"$one/fenced"
		elif [ ! -d "$one/claim" ]; then
			return 1
		fi
	done
}

drop() {
	if ! shut "$1" || unsettled "$1" && ! is_over "$1"; then
		kept=$((kept + 1))
		return 0
	fi
	# What the agent left may be unwritable; modes outside are not touched
	# since find and rm do not follow links.
	find "$1" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
	rm -rf "$1" && removed=$((removed + 1))
}

if [ -n "$id" ]; then
	[ ! -d "$root/runs/$id" ] || [ -L "$root/runs/$id" ] || drop "$root/runs/$id" || fail cache "$root/runs/$id"
else
	for old in "$root/runs"/*; do
		[ -d "$old" ] && [ ! -L "$old" ] || continue
		case " $keep " in
		*" ${old##*/} "*) continue ;;
		esac
		[ -z "$(find "$old" -prune -mmin "-$minutes")" ] || continue
		[ -z "$(find "$old/stamp" -prune -mmin "-$minutes" 2>/dev/null)" ] || continue
		drop "$old" || fail cache "$old"
	done
fi
say removed "$removed"
say kept "$kept"
