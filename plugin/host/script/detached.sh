# The apply itself, in a session of its own. It survives the connection, the
# session and this program's death. Nothing runs before its marker is on disk,
# nor when settling was faster to take the claim: see fence_apply. File
# descriptor 6 tells whoever waits that it began, and by its end that it ended.
trap '' HUP
birth "$$"
printf '%s\n' "$$ $birth" >"$apply/pid" || exit 1
mkdir "$apply/claim" || exit 1
mark "$apply" began "$apply/plan.tfplan" "$apply/commit" || exit 1
# Nobody may be waiting any more.
trap '' PIPE
echo began 2>/dev/null >&6
trap - PIPE
case $program in
/*) ;;
*/*) program=$tree/$program ;;
esac
# A second try would hide from the exit code what the first one changed.
export TERRAGRUNT_NO_AUTO_RETRY=true TG_NO_AUTO_RETRY=true
eval "set -- $argv"
(cd "$tree/$dir" && exec "$program" "$@") </dev/null >"$apply/log" 2>&1 6>&-
code=$?
rm -f "$apply/reserve"
tries=0
until store "$apply" status "$code" || [ "$tries" -ge 600 ]; do
	tries=$((tries + 1))
	sleep 5
done
