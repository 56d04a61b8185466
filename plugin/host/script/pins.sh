# What was there before the agent is what runs later. pins.sh describes files as
# lines "FACT  NAME" and tells what became of them. A list stays on the host, and
# the Go side holds its hash.
#
# $pinned, $owned  hashes of the list of this run, and of what others keep for
#                  themselves, empty where none were made
# $pin_...         what they are of; $account is 1 where an agent works without a
#                  sandbox, as the account that plans
# $hashes          of large programs, as pin.sh found them: "SHA256 IDENTITY" lines
seen_path=$PATH
newline='
'
odd_name='%f/%s/%i/%y/%z  a name with a newline'

# What a session, git, Terraform and the programs that providers start run or read of
# the account, below its home.
pin_home='.profile .bash_profile .bash_login .bash_logout .bashrc .bash_aliases .kshrc .mkshrc .shrc
	.zshenv .zprofile .zshrc .zlogin .cshrc .tcshrc .login .config/fish .pam_environment .config/environment.d
	.ssh/rc .ssh/environment .ssh/config .ssh/authorized_keys .ssh/authorized_keys2
	.gitconfig .config/git .git-credentials .netrc
	.terraformrc .terraform.d .tofurc .config/opentofu .local/share/terraform .local/share/opentofu .config/terragrunt
	.tfenv/bin .tfenv/lib .tfenv/libexec .tfenv/version .tfenv/versions .tool-versions .asdfrc .asdf/shims .config/mise .local/share/mise/shims
	.aws/config .kube/config .docker/config.json .vault .local/share/helm/plugins
	.config/systemd/user .local/share/systemd/user'

# What people and the agent's program change on a working day.
hint_home='.ssh/known_hosts .claude/settings.json .claude/settings.local.json .claude/CLAUDE.md
	.claude/agents .claude/commands .claude/hooks .claude/plugins .claude/skills
	.codex/config.toml .codex/AGENTS.md .codex/hooks.json .codex/rules .gemini/settings.json .gemini/.env .gemini/extensions .gemini/policies
	.config/opencode/opencode.json .config/opencode/opencode.jsonc .config/opencode/AGENTS.md .config/opencode/plugin .config/opencode/agent'

# describe FIND-ARGUMENTS: a line for the mode of each file and link that find(1)
# reaches, and one for its content: the hash of a small file, and of a large one or a
# link what the kernel keeps of it, whose times only root can set. The last argument may
# be -o, after what is left out. busybox forgets what is started within parentheses.
# A name with a newline could pose as the line of another file, so it is not written.
describe() {
	find "$@" -path "*$newline*" -exec stat -c "$odd_name" {} + -o ! -type d -exec stat -c '%f  %n' {} + -type f ! -size +2048 -exec $sum {} + \
		-o -type f -exec stat -c '%s/%i/%Y/%Z  %n' {} + -o -type l -exec stat -c '%s/%i/%Y/%Z  %n' {} + 2>/dev/null
}

# same_lines FILE: standard input has no others, in whatever order.
same_lines() {
	new=$(steady sort) && old=$(steady sort "$1") && [ -n "$old" ] && [ "$old" = "$new" ]
}

# steady COMMAND: for a subshell, which has the system's own programs from there on
# where an account has others first on its PATH. Nothing else decides.
steady() {
	PATH=/usr/bin:/bin:/usr/sbin:/sbin:$PATH
	LC_ALL=C
	export LC_ALL
	sum=sha256sum
	command -v sha256sum >/dev/null 2>&1 || sum='shasum -a 256'
	"$@"
}

# digest TEXT: the hash of its lines, in $hash; "none" where there are none.
digest() {
	hash=none
	[ -z "$1" ] || hash=$(steady sum_lines "$1")
	hash=${hash%% *}
}

sum_lines() {
	exec $sum <<EOF
$1
EOF
}

# is_list FILE HASH: nobody has touched it.
is_list() {
	hash=$(steady sum_file "$1")
	[ -n "$2" ] && [ "${hash%% *}" = "$2" ]
}

sum_file() {
	exec $sum 2>/dev/null <"$1"
}

# compared OLD NEW HOW: in words what differs between two lists, in $names; when HOW is
# kept, what of the old one is not as it was.
compared() {
	names=$(steady differences "$@")
}

differences() {
	awk -v how="$3" '
		function told(name, word) { sub(/^\.\//, "", name); if (count++ < 6) words = words (words == "" ? "" : ", ") name " " word }
		{
			at = index($0, "  ")
			fact = substr($0, 1, at - 1); name = substr($0, at + 2)
			# find(1) tells modes and contents in batches, whichever is full first.
			facts[side, name] = length(fact) < 9 ? fact ";" facts[side, name] : facts[side, name] fact ";"
			if (!(name in names)) { names[name] = 1; order[++total] = name }
		}
		END {
			for (round = 1; round <= 2; round++) for (i = 1; i <= total; i++) {
				name = order[i]; old = facts["old", name]; now = facts["new", name]
				if (old == now || how == "kept" && old == "") continue
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

# find_program NAME: its path, as an account finds it, in $found; empty when there is none.
find_program() {
	found=$1
	case $1 in
	'' | /*) return 0 ;;
	esac
	folders=$seen_path:
	while [ -n "$folders" ]; do
		found=${folders%%:*} folders=${folders#*:}
		found=${found:-.}/$1
		[ ! -f "$found" ] || [ ! -x "$found" ] || return 0
	done
	found=
}

# hash_program FILE: in $hash. A file that the kernel says is the one that was read then
# is not read again: 100 MB of Terraform take half a second.
hash_program() {
	identity=$(stat -L -c '%d/%i/%s/%f/%y/%z' "$1" 2>/dev/null)
	case $newline$hashes$newline in
	*" ${identity:-none}$newline"*)
		hash=${newline}${hashes%" $identity"*}
		hash=${hash##*"$newline"}
		return 0
		;;
	esac
	sha256 "$1"
	[ -n "$identity" ] && [ -n "$hash" ] || return 0
	hashes=$hashes$newline$hash\ $identity
	# pin.sh hands them to the Go side; later ones decide nothing.
	printf '%s %s\n' "$hash" "$identity" >>"$run/hashes"
}

# real_path: that of $found, links followed, in $real.
real_path() {
	start=$PWD
	if [ ! -L "$found" ] && cd -P "${found%/*}/" 2>/dev/null; then
		real=${PWD%/}/${found##*/}
		cd "$start" || return 1
	else
		real=$(readlink -f "$found" 2>/dev/null) || real=$found
	fi
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
		find_program "$name"
		[ -n "$found" ] || continue
		real_path
		hash_program "$real"
		printf 'first:%s:%s:%s  %s\n' "$name" "$real" "$hash" "$found"
	done
}

# list_path: the programs of the folders on the PATH that this account may write.
# Of folders of the system, which are many files and root's alone, the kernel's
# word is enough.
list_path() {
	start=$PWD
	walked=:
	folders=$seen_path:
	set --
	while [ -n "$folders" ]; do
		folder=${folders%%:*} folders=${folders#*:}
		if cd -P "${folder:-.}" 2>/dev/null && [ -w . ]; then
			case $walked in
			*":$PWD:"*) ;;
			*) set -- "$@" "$PWD" ;;
			esac
			walked=$walked$PWD:
		fi
		cd "$start" || return 1
	done
	find_program "$pin_agent"
	beyond="${HOME:-/nonexistent}/*"
	[ $# -eq 0 ] || describe -L "$@" -maxdepth 1 -path "${found:-/nonexistent}" \
		-o -path "*$newline*" -exec stat -L -c "$odd_name" {} + -o ! -path "$beyond" -type f -exec stat -L -c '%f/%s/%i/%Y/%Z  %n' {} + -o ! -path "$beyond" -o
}

# at_home NAMES: describes them, below the home folder and without $except, and $also
# with them. Terraform's own notes of its last look for a new version are nothing that
# it reads as settings.
at_home() {
	for name in "$@"; do
		shift
		name=${HOME:-/nonexistent}/$name
		[ ! -e "$name" ] && [ ! -L "$name" ] || set -- "$@" "$name"
	done
	[ -z "$also" ] || set -- "$@" "$also"
	[ $# -eq 0 ] || describe -H "$@" -path "$except" -prune -o ! -type d -path '*/.terraform.d/checkpoint_*' -name 'checkpoint_*' -o
}

# list_home: what is pinned of the home, the cache of providers, and jobs of the account.
list_home() {
	also=${TF_PLUGIN_CACHE_DIR:-} except=/nonexistent
	at_home $pin_home # unquoted: one word each
	jobs=
	! command -v crontab >/dev/null 2>&1 && ! command -v atq >/dev/null 2>&1 || jobs=$({ crontab -l; atq; } 2>/dev/null)
	[ -z "$jobs" ] || jobs=$(sum_lines "$jobs")
	printf 'jobs:%s  crontab\n' "$jobs"
}

# list_hints: what is told and ends nothing, with the agent's program. It is a list of
# its own, so that no name in it speaks for what is pinned.
list_hints() {
	[ "$account" = 1 ] || return 0
	find_program "$pin_agent"
	also=$found except=/nonexistent
	at_home $hint_home # unquoted: one word each
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
	also=${TF_PLUGIN_CACHE_DIR:-} except=${HOME:-}/.terraform.d/plugins
	at_home .terraform.d .tfenv/versions .kube/config .docker/config.json
	case $seen_path in */.terraform.d* | */.tfenv/versions* | *"${TF_PLUGIN_CACHE_DIR:-/nonexistent}"*) list_path ;; esac
}

# renote: what a command of ours changed in places that others keep for themselves is
# what the next one finds there. It was compared when that command began; all else
# stays as it was noted.
renote() {
	[ "$account" = 1 ] || return 0
	own=$(steady list_own)
	digest "$own"
	[ "$hash" != "$owned" ] || return 0
	own_hash=$hash
	is_list "$run/pins" "$pinned" || return 0
	next=$(steady with_own "$run/pins" <<EOF
$own
EOF
	) && [ -n "$next" ] || return 0
	digest "$next"
	printf '%s\n' "$next" >"$run/pins.next" && say pinned "$hash" && say owned "$own_hash"
}

# with_own LIST: it, with standard input in place of what others keep for themselves.
with_own() {
	awk -v home="${HOME:-/nonexistent}" -v cache="${TF_PLUGIN_CACHE_DIR:-/nonexistent}" '
		function below(folder) { return index(name, folder "/") == 1 }
		{
			name = substr($0, index($0, "  ") + 2)
			kept = !/^first:/ && (below(cache) || below(home "/.terraform.d") && !below(home "/.terraform.d/plugins") ||
				below(home "/.tfenv/versions") || name == home "/.kube/config" || name == home "/.docker/config.json")
			if (side == "old" && !kept || side == "new" && kept) print
		}' side=old "$1" side=new -
}

# note_altered: $names stay on the host until a person has looked. $known_altered is set
# where they do already.
note_altered() {
	code=altered known_altered=
	echo >"$run/pins.told"
	(steady grep -qxF -e "$names" "${run%/runs/*}/altered" 2>/dev/null) && known_altered=1 || printf '%s\n' "$names" >>"${run%/runs/*}/altered"
}

# hold_pins: the programs and the account are as they were before the agent. What
# is not has to be noted: a later run would find nothing but the new state. A folder
# of which a file was replaced by its like may be listed in another order.
hold_pins() {
	[ -n "$pinned" ] || return 0
	[ ! -f "$run/pins.next" ] || ! is_list "$run/pins.next" "$pinned" || mv -f "$run/pins.next" "$run/pins"
	now=$(steady list_pins)
	digest "$now"
	if [ "$hash" != "$pinned" ]; then
		same_pins || return 1
		printf '%s\n' "$now" >"$run/pins.next" && say pinned "$hash"
	fi
	tell_hints
}

# same_pins: the list has the same lines, and only their order has changed.
same_pins() {
	names=
	if is_list "$run/pins" "$pinned"; then
		printf '%s\n' "$now" | same_lines "$run/pins" && digest "$now" && return 0
		compared "$run/pins" - '' <<EOF
$now
EOF
	fi
	[ -n "$names" ] || names="its list of programs has changed"
	note_altered
	return 1
}

# tell_hints tells what of them is not as it was noted.
tell_hints() {
	now=$(steady list_hints)
	[ "$now" != "$(cat "$run/hints" 2>/dev/null)" ] || return 0
	compared "$run/hints" - '' <<EOF
$now
EOF
	[ -z "$names" ] || text hint "$names"
	names=
}
