# What the scripted agent of the sample does with an item. It knows the
# kinds of work that the sample's post-mortems ask for.
set -eu

# Names for an alert and for a job: of letters and digits, and with dashes.
slug=$(printf '%s' "$ITEM_ACTION" | tr 'A-Z' 'a-z' | tr -cs 'a-z0-9' '-' | cut -c 1-48 | sed 's/^-*//; s/-*$//')
name=$(printf '%s' "$slug" | awk -F- '{ for (i = 1; i <= NF; i++) printf "%s%s", toupper(substr($i, 1, 1)), substr($i, 2) }')

# end FILE writes the standard input before the end of the file's document.
end() {
	sed '/^  YAML$/,$d' "$1" >"$1.new"
	cat >>"$1.new"
	sed -n '/^  YAML$/,$p' "$1" >>"$1.new"
	cat "$1.new" >"$1"
	rm "$1.new"
}

case $ITEM_TYPE in
Alert)
	file=stacks/monitoring/alerts.tf
	if grep -q "alert: $name\$" "$file"; then
		echo "the alert is there already"
		exit 0
	fi
	end "$file" <<-RULE
		          - alert: $name
		            expr: rate(node_nfs_rpc_retransmissions_total[5m]) > 5
		            for: 10m
		            labels:
		              severity: warning
	RULE
	echo "added the alert to $file"
	;;
Monitor)
	file=stacks/uptime-kuma/main.tf
	if grep -q "job_name: $slug\$" "$file"; then
		echo "the monitor is there already"
		exit 0
	fi
	end "$file" <<-JOB
		      - job_name: $slug
		        metrics_path: /probe
		        params:
		          module: [http_2xx]
		        static_configs:
		          - targets: ["http://10.0.10.15:9100/health"]
		        relabel_configs:
		          - source_labels: [__address__]
		            target_label: __param_target
		          - target_label: __address__
		            replacement: blackbox:9115
	JOB
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
	*clients*)
		file=stacks/nfs/main.tf
		sed 's|10.0.20.0/22|10.0.16.0/20|' "$file" >"$file.new"
		cat "$file.new" >"$file"
		rm "$file.new"
		echo "widened the network of the clients in $file"
		;;
	*) echo "I do not know how to do this" ;;
	esac
	;;
*) echo "I do not know how to do this" ;;
esac
