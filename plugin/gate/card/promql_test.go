package card

import "testing"

func TestPromQLIsWhatPrometheusTakes(t *testing.T) {
	good := []string{
		`up{job="nfs"} == 0`,
		`rate(node_nfs_rpc_retransmissions_total[5m]) > 0.1`,
		`sum by (instance) (increase(kube_pod_container_status_restarts_total{namespace="web"}[1h])) > 3`,
		`sum(rate(http_requests_total{code=~"5..",job="api"}[5m])) by (job) / sum(rate(http_requests_total{job="api"}[5m])) by (job) > 0.05`,
		`histogram_quantile(0.99, sum(rate(latency_seconds_bucket{job="x"}[5m])) by (le)) > 1.5`,
		`absent(up{job="nfs"})`,
		`predict_linear(node_filesystem_avail_bytes{mountpoint="/"}[6h], 4 * 3600) < 0`,
		`max_over_time(rate(foo_total[1m])[30m:1m]) > 5`,
		`time() - backup_last_success_timestamp_seconds > 86400`,
		`foo offset 1d > 2 and on (instance) bar == 1`,
		`vector(1) * foo > bool 3`,
		`topk(5, foo{a="b"}) > 1`,
		`label_replace(foo, "a", "$1", "b", "(.*)") > 1`,
		`node_load1 / on(instance) group_left(x) count without (cpu) (node_cpu_seconds_total{mode="idle"}) > 2`,
		`foo{start="1"} > 1`,
		`sum by (limit) (foo) > 1`,
		`hour() > 8 and up == 0`,
	}
	for _, source := range good {
		if _, err := parse(source); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	bad := []string{
		``, `rate(foo) > 1`, `foo > 1Ki`, `foo default 3 > 1`, `foo if bar`, `median(foo) > 1`, `WITH (x = 1) foo > x`, `rate(foo[1i]) > 1`,
		`sum(foo) by (a) limit 3`, `foo[5m]`, `{job=~".*"} > 1`, `{__name__=~"a.*"} > 1`, `{} > 1`, `"text"`, `1 > 2`, `foo @ end() > 1`, `foo > 1 # always`,
		`foo > {{ $x }}`, `foo > ${x}`, `sum(foo[5m]) > 1`, `rate(foo[1.5h]) > 1`, `foo{a="b" or c="d"} > 1`, `ru(a, b) > 1`, `RATE(foo[5m]) > 1`,
		`foo keep_metric_names > 1`, `increase(foo) > 1`, `abs(5) > 1`, `quantile(foo, 0.9) > 1`, `foo{} offset 5m offset 5m > `, `ttf(foo) > 1`, `foo and 1`,
		`histogram_quantile(foo, 0.9)`, `rate(sum(foo)[5m]) > 1`, `label_replace(foo, "a", "b", "c") > 1`, "foo > 0x10", `running_sum(foo) > 1`, `foo{a!="b"} > 1 or {x!~"y"}`, `foo > (1 > 2)`,
	}
	for _, source := range bad {
		if _, err := parse(source); err == nil {
			t.Errorf("%q is taken", source)
		}
	}
}
