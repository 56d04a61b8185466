# What the scripted agent of the sample does with an item. It knows the three
# kinds of work that the sample's post-mortems ask for.
set -eu

# A name for a resource, of letters, digits and _ only.
slug=$(printf '%s' "$ITEM_ACTION" | tr 'A-Z' 'a-z' | tr -cs 'a-z0-9' '_' | cut -c 1-48 | sed 's/^_*//; s/_*$//')

case $ITEM_TYPE in
Alert)
	file=stacks/monitoring/alerts.tf
	if grep -q "\"alert_$slug\"" "$file"; then
		echo "the alert is there already"
		exit 0
	fi
	cat >>"$file" <<-TF

		resource "terraform_data" "alert_$slug" {
		  input = {
		    alert    = "$slug"
		    for      = "10m"
		    severity = "warning"
		  }
		}
	TF
	echo "added the alert to $file"
	;;
Monitor)
	file=stacks/uptime-kuma/main.tf
	if grep -q "\"$slug\"" "$file"; then
		echo "the monitor is there already"
		exit 0
	fi
	sed "s|^    \"wiki\".*|&\\
    \"$slug\" = \"http://10.0.10.15:9100/health\"|" "$file" >"$file.new"
	cat "$file.new" >"$file"
	rm "$file.new"
	echo "added the monitor to $file"
	;;
Config)
	case $ITEM_ACTION in
	*threads*)
		file=stacks/nfs/main.tf
		sed 's/threads = 8/threads = 16/' "$file" >"$file.new"
		cat "$file.new" >"$file"
		rm "$file.new"
		echo "set the number of threads in $file"
		;;
	*) echo "I do not know how to do this" ;;
	esac
	;;
*) echo "I do not know how to do this" ;;
esac
