# The apply itself, in a session of its own. It survives the connection, the
# session and this program's death. Nothing runs before its marker is on disk,
# nor when settling was faster to take the claim: see fence_apply.
trap '' HUP
birth "$$"
store "$apply" pid "$$ $birth" || exit 1
mkdir "$apply/claim" || exit 1
store "$apply" began "$(date -u +%Y-%m-%dT%H:%M:%SZ)" || exit 1
case $program in
/*) ;;
*/*) program=$tree/$program ;;
esac
# A second try would hide from the exit code what the first one changed.
export TERRAGRUNT_NO_AUTO_RETRY=true TG_NO_AUTO_RETRY=true
eval "set -- $argv"
(cd "$tree/$dir" && exec "$program" "$@") </dev/null >"$apply/log" 2>&1
code=$?
rm -f "$apply/reserve"
tries=0
until store "$apply" status "$code" || [ "$tries" -ge 600 ]; do
	tries=$((tries + 1))
	sleep 5
done
