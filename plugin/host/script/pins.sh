# What was there before the agent is what runs later. pins.sh describes files as
# lines "FACT  NAME" and tells what became of them. A list stays on the host, and
# the Go side holds its hash.
#
# $pinned, $hinted  hashes of the lists of this run, empty where none were made
# $pin_...          what they are of; $account is 1 where an agent works without a
#                   sandbox, as the account that plans
# $hashes           of large programs, as pin.sh found them: "IDENTITY SHA256" lines

# describe FIND-ARGUMENTS: a line for the mode of each file and link that find(1)
# reaches, and one for its content: the hash of a small file, and of a large one
# what the kernel keeps of it, whose times only root can set. The last argument may
# be -o, after what is left out. busybox forgets what is started within parentheses.
describe() {
	find "$@" -type l -exec stat -c 'link  %N' {} + -exec stat -c '%f  %n' {} + \
		-o -type f -size +2048 -exec stat -c '%s/%i/%Y/%Z  %n' {} + -exec stat -c '%f  %n' {} + \
		-o -type f -exec $sum {} + -exec stat -c '%f  %n' {} + \
		-o ! -type d -exec stat -c '%f  %n' {} + 2>/dev/null
}

# steady COMMAND: its lines in one order, made by the system's own programs where
# an account has others first on its PATH.
steady() {
	(
		seen_path=$PATH
		PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH
		LC_ALL=C
		export LC_ALL
		sum=sha256sum
		command -v sha256sum >/dev/null 2>&1 || sum='shasum -a 256'
		"$@" | sort
	)
}

# compared OLD NEW KEPT: in words what differs between two lists, or, with KEPT,
# what of the old one is not as it was.
compared() {
	LC_ALL=C awk -v kept="$3" '
		function told(name, word) { sub(/^\.\//, "", name); if (count++ < 6) words = words (words == "" ? "" : ", ") name " " word }
		{
			at = index($0, "  ")
			fact = substr($0, 1, at - 1); name = substr($0, at + 2)
			facts[side, name] = facts[side, name] fact ";"
			if (!(name in names)) { names[name] = 1; order[++total] = name }
		}
		END {
			for (round = 1; round <= 2; round++) for (i = 1; i <= total; i++) {
				name = order[i]; old = facts["old", name]; now = facts["new", name]
				if (old == now || kept && old == "") continue
				first = index(now, "first:") && !index(old, "first:")
				if (first != (round == 1)) continue
				# Another one comes first now, and is told.
				if (taken && !index(now, "first:")) gsub(/first:[^;]*;/, "", old)
				if (old == now) continue
				if (first) { taken = 1; told(name, "now comes first on PATH") }
				else if (old == "") told(name, "is new")
				else if (now == "") told(name, "is gone")
				else told(name, "has changed")
			}
			if (count > 6) words = words " and " count - 6 " more"
			print words
		}' side=old "$1" side=new "$2"
}

# is_list FILE HASH: nobody has touched it.
is_list() {
	sha256 "$1"
	[ -n "$2" ] && [ "$hash" = "$2" ]
}

# find_program NAME: its path, as an account finds it.
find_program() {
	case $1 in
	/*) printf '%s\n' "$1" ;;
	*) PATH=$seen_path command -v "$1" 2>/dev/null ;;
	esac
}

# hash_program FILE: in $hash. A file that the kernel says is the one that was read then
# is not read again: 100 MB of Terraform take half a second.
hash_program() {
	identity=$(stat -L -c '%d/%i/%s/%f/%y/%z' "$1" 2>/dev/null | tr ' ' '_')
	hash=
	[ -z "$identity" ] || hash=$(printf '%s\n' "$hashes" | awk -v identity="$identity" '$1 == identity { print $2; exit }')
	[ -z "$hash" ] || return 0
	sha256 "$1"
	# pin.sh hands them to the Go side; later ones decide nothing.
	[ -z "$identity" ] || printf '%s %s\n' "$identity" "$hash" >>"$run/hashes"
}

list_programs() {
	printf 'path:%s  PATH\n' "$seen_path"
	listed=
	for name in "$pin_program" terraform tofu terragrunt; do
		case $name in
		"$pin_program") [ -z "$listed" ] || continue ;;
		esac
		listed=1
		case $name in
		/*) ;;
		*/*) continue ;; # it comes with the commit
		esac
		found=$(find_program "$name") || continue
		real=$(readlink -f "$found" 2>/dev/null) || real=$found
		hash_program "$real"
		printf 'first:%s:%s:%s  %s\n' "$name" "$real" "$hash" "$found"
	done
}

# list_path: the programs of the folders on the PATH that this account may write.
# Of folders of the system, which are many files and root's alone, the kernel's
# word is enough.
list_path() {
	agent_path=$(find_program "$pin_agent") || agent_path=/nonexistent
	walked=:
	old_ifs=$IFS
	IFS=:
	set -f
	set --
	for folder in $seen_path; do
		IFS=$old_ifs
		folder=$(cd -P "$folder" 2>/dev/null && pwd) && [ -w "$folder" ] || continue
		case $walked in *":$folder:"*) continue ;; esac
		walked=$walked$folder:
		case $folder/ in
		"${HOME:-/nonexistent}"/*) describe -L "$folder" -maxdepth 1 ! -type d -path "$agent_path" -o ;;
		*) set -- "$@" "$folder" ;;
		esac
	done
	[ $# -eq 0 ] || find -L "$@" -maxdepth 1 -type f ! -path "$agent_path" -exec stat -L -c '%f/%s/%i/%Y/%Z  %n' {} + 2>/dev/null
	IFS=$old_ifs
	set +f
}

# at_home FIND-OPTION NAMES: describes them, below the home folder. Terraform's own
# notes of its last look for a new version are nothing that it reads as settings.
at_home() {
	option=$1
	shift
	for name in "$@"; do
		shift
		name=${HOME:-/nonexistent}/$name
		[ ! -e "$name" ] && [ ! -L "$name" ] || set -- "$@" "$name"
	done
	[ $# -eq 0 ] || describe "$option" "$@" ! -type d -name 'checkpoint_*' -o
}

# list_home: what a session, git, Terraform and the programs that providers start
# run or read of the account.
list_home() {
	at_home -H .profile .bash_profile .bash_login .bash_logout .bashrc .bash_aliases .kshrc .mkshrc .shrc \
		.zshenv .zprofile .zshrc .zlogin .cshrc .tcshrc .login .config/fish .pam_environment .config/environment.d \
		.ssh/rc .ssh/environment .ssh/config .ssh/authorized_keys .ssh/authorized_keys2 \
		.gitconfig .config/git .git-credentials .netrc \
		.terraformrc .terraform.d .tofurc .config/opentofu .local/share/terraform .local/share/opentofu .config/terragrunt \
		.tfenv/bin .tfenv/lib .tfenv/libexec .tfenv/version .tfenv/versions .tool-versions .asdfrc .asdf/shims .config/mise .local/share/mise/shims \
		.aws/config .kube/config .docker/config.json .vault .local/share/helm/plugins \
		.config/systemd/user .local/share/systemd/user
	[ -z "${TF_PLUGIN_CACHE_DIR:-}" ] || describe -H "$TF_PLUGIN_CACHE_DIR"
	printf 'jobs:%s  crontab\n' "$({ crontab -l; atq; } 2>/dev/null | $sum)"
}

# list_carry: what a workspace takes from the checkout of a person.
list_carry() {
	[ -n "$pin_workdir" ] && [ -n "$pin_carry" ] || return 0
	(
		workdir=$pin_workdir
		place_workdir
		eval "set -- $pin_carry"
		cd "$source" && ignored_files "$@" | tr '\n' '\0' | xargs -0 -r $sum 2>/dev/null | sed "s|  |  $source/|"
		describe "$source/.git/config" "$source/.git/info"
	)
}

list_pins() {
	list_programs
	[ "$account" = 1 ] || return 0
	list_path
	list_home
	list_carry
}

# list_own: what Terraform, version managers and login helpers keep for themselves.
list_own() {
	at_home -H .terraform.d .tfenv/versions .kube/config .docker/config.json
	[ -z "${TF_PLUGIN_CACHE_DIR:-}" ] || describe -H "$TF_PLUGIN_CACHE_DIR"
	case $seen_path in */.terraform.d* | */.tfenv/versions* | *"${TF_PLUGIN_CACHE_DIR:-/nonexistent}"*) list_path ;; esac
}

# renote: what a command of ours changed in places that others keep for themselves is
# what the next one finds there. It was compared when that command began; all else
# stays as it was noted.
renote() {
	[ "$account" = 1 ] && is_list "$run/pins" "$pinned" || return 0
	steady list_own >"$run/pins.$$"
	LC_ALL=C awk -v home="${HOME:-/nonexistent}" -v cache="${TF_PLUGIN_CACHE_DIR:-/nonexistent}" '
		function below(folder) { return index(name, folder "/") == 1 }
		{
			name = substr($0, index($0, "  ") + 2); sub(/^\047/, "", name) # links are quoted
			kept = !/^first:/ && (below(cache) || below(home "/.terraform.d") && !below(home "/.terraform.d/plugins") ||
				below(home "/.tfenv/versions") || name == home "/.kube/config" || name == home "/.docker/config.json")
			if (side == "old" && !kept || side == "new" && kept) print
		}' side=old "$run/pins" side=new "$run/pins.$$" | LC_ALL=C sort >"$run/pins.next"
	rm -f "$run/pins.$$"
	sha256 "$run/pins.next"
	[ -z "$hash" ] || say pinned "$hash"
}

# list_hints: what people and the agent's program change on a working day.
list_hints() {
	[ "$account" = 1 ] || return 0
	at_home -H .ssh/known_hosts .claude/settings.json .claude/settings.local.json .claude/CLAUDE.md \
		.claude/agents .claude/commands .claude/hooks .claude/plugins .claude/skills \
		.codex/config.toml .codex/AGENTS.md .codex/hooks.json .codex/rules .gemini/settings.json .gemini/.env .gemini/extensions .gemini/policies \
		.config/opencode/opencode.json .config/opencode/opencode.jsonc .config/opencode/AGENTS.md .config/opencode/plugin .config/opencode/agent
	[ -z "$pin_agent" ] || describe -L "$(find_program "$pin_agent")"
}

# note_altered: $names stay on the host until a person has looked.
note_altered() {
	code=altered
	rm -f "$run/pins.$$"
	echo >"$run/pins.told"
	grep -qxF -e "$names" "${run%/runs/*}/altered" 2>/dev/null || printf '%s\n' "$names" >>"${run%/runs/*}/altered"
}

# hold_pins: the programs and the account are as they were before the agent. What
# is not has to be noted: a later run would find nothing but the new state.
hold_pins() {
	[ -n "$pinned" ] || return 0
	[ ! -f "$run/pins.next" ] || ! is_list "$run/pins.next" "$pinned" || mv -f "$run/pins.next" "$run/pins"
	now_at=$run/pins.$$
	steady list_pins >"$now_at"
	sha256 "$now_at"
	if [ "$hash" != "$pinned" ]; then
		names="its list of programs has changed"
		! is_list "$run/pins" "$pinned" || names=$(compared "$run/pins" "$now_at" '')
		note_altered
		return 1
	fi
	steady list_hints >"$now_at"
	if is_list "$run/hints" "$hinted" && [ -s "$now_at" ]; then
		names=$(compared "$run/hints" "$now_at" '')
		[ -z "$names" ] || text hint "$names"
	fi
	rm -f "$now_at"
}
