# What the agent's program has of the account: its login, and what its settings
# say of a key and a gateway.
#
# $config_variable, $config_folder  the folder that the variable names, or else that folder of
#                                   the home
# $login_name                       file in it with the login
# $settings_name                    JSON file in it with variables for the program
# $own                              names of its variables, a line each; * stands for the rest of one
# $keys                             those of them of which one alone is a login
# $key_file, $key_name              JSON file with a key under that name: in the folder that the
#                                   variable names, or else in the home
# $key_else, $key_shape             what stands for a key that is not there, and what the pair
#                                   stands in, for %s

# place_folder: the account's folder, in $place.
place_folder() {
	place=
	[ -z "$config_variable" ] || eval "place=\${$config_variable:-}"
	beside=${place:-${HOME:-/nonexistent}}
	[ -n "$place" ] || place=${HOME:-/nonexistent}/$config_folder
}

# place_login: the file with the login, links followed, in $login; empty when
# there is none.
place_login() {
	login=
	place_folder
	[ -z "$login_name" ] || [ ! -f "$place/$login_name" ] || login=$(readlink -f "$place/$login_name")
}

# pairs FILE NAME: the pairs of a JSON file with a name like that, as they stand
# there, whose value is a text that needs no escapes; one a line.
pairs() {
	[ -f "$1" ] || return 0
	LC_ALL=C tr -d '\n\r' <"$1" | LC_ALL=C grep -oE "\"$2\"[[:space:]]*:[[:space:]]*\"[^\"\\]*\""
}

# place_key: the pair with the key, in $key; empty when there is none.
place_key() {
	place_folder
	key=
	[ -z "$key_name" ] || key=$(pairs "$beside/$key_file" "$key_name" | head -n 1)
	[ -n "$key" ] || key=$key_else
}

# has_key: whether a variable of the account is a login by itself.
has_key() {
	for name in $keys; do
		eval "[ -z \"\${$name-}\" ]" || return 0
	done
	return 1
}

# take_settings puts the variables of the program's settings into the
# environment, as the program itself does.
take_settings() {
	place_folder
	[ -n "$settings_name" ] && [ -f "$place/$settings_name" ] || return 0
	set -f
	IFS='
'
	for name in $(printf %s "$own" | sed 's/\*/[A-Za-z0-9_]*/g'); do
		for pair in $(pairs "$place/$settings_name" "$name"); do
			pair=${pair#?}
			name=${pair%%\"*}
			value=${pair#*\"*\"}
			value=${value%?}
			eval "$name=\$value"
			export "$name"
		done
	done
	unset IFS
	set +f
}
take_settings
