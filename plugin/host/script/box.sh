# What a sandbox of bubblewrap needs around it: a clean environment, and a
# private configuration folder with a copy of the login.
#
# $keep              names of variables, a line each; * stands for the rest of one
# $path_first        folder in front of PATH, or empty

# clean_environment: what is not wanted goes. By unset, and not by arguments of a
# program, which everybody on the machine can see.
clean_environment() {
	set -f
	IFS='
'
	for name in $(export -p); do
		name=${name%%=*}
		name=${name##* }
		case $name in
		'' | [0-9]* | *[!A-Za-z0-9_]*) continue ;;
		esac
		for wanted in $keep; do
			case $name in
			$wanted) continue 2 ;;
			esac
		done
		unset "$name"
	done
	unset IFS
	set +f
	PATH=${path_first:+$path_first:}$PATH
	export PATH
}

# fill_config: the private configuration folder, new.
fill_config() {
	chmod -R u+rwX "$ws/agent" 2>/dev/null
	rm -rf "$ws/agent" "$ws/in/login" "$ws/in/box" && mkdir "$ws/agent" || fail cache "$ws/agent"
	place_login
	place_key
	for file in "$key_file" "$login_name"; do
		case $file in
		*/*) mkdir -p "$ws/agent/${file%/*}" || fail cache "$ws/agent" ;;
		esac
	done
	# shellcheck disable=SC2059 # the shape is a format of ours
	[ -z "$key" ] || printf "$key_shape\n" "$key" >"$ws/agent/$key_file" || fail cache "$ws/agent"
	[ -n "$login" ] || return 0
	cat "$login" >"$ws/in/login" && cat "$ws/in/login" >"$ws/agent/$login_name" || fail cache "$ws/agent"
}

# enter_box PROGRAM ARGUMENTS: becomes bubblewrap, which tells of the first process
# of its namespace on descriptor 9. Variables whose names no shell knows, and
# functions, pass through some shells unseen: they go by their names alone.
enter_box() {
	cd "$ws" || exit 126
	unset OLDPWD
	unseen=$(cat /proc/self/environ | tr '\n\000' ' \n' | LC_ALL=C sed -nE 's/^([0-9][^=]*|[^=]*[^A-Za-z0-9_=][^=]*)=.*/\1/p')
	set -f
	IFS='
'
	for name in $unseen; do
		set -- -u "$name" "$@"
	done
	unset IFS
	set +f
	[ -z "$unseen" ] || set -- env "$@"
	exec 9>"$ws/in/box" "$@"
}
