# What steers Terraform, git or the shell itself from outside is dropped, before
# anything else: all that is started later inherits this.
set -f
IFS='
'
for name in $(export -p); do
	# A line of a longer value can look like a variable; dropping that one is
	# no loss either.
	name=${name%%=*}
	name=${name##* }
	case $name in
	*[!A-Za-z0-9_]*) ;;
	TF_CLI_ARGS* | TF_LOG* | TF_VAR_* | GIT_*) unset "$name" ;;
	esac
done
unset IFS TF_CLI_CONFIG_FILE TERRAFORM_CONFIG CDPATH ENV BASH_ENV
set +f

# A session without login lacks what people have on their PATH.
PATH=${PATH:-/usr/bin:/bin}
for folder in "${HOME:-/nonexistent}/.local/bin" "${HOME:-/nonexistent}/bin" \
	/usr/local/bin /usr/local/sbin /usr/bin /bin /usr/sbin /sbin /opt/homebrew/bin; do
	case ":$PATH:" in
	*":$folder:"*) ;;
	*) PATH=$PATH:$folder ;;
	esac
done
export PATH
