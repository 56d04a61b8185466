package promql

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
		`foo{a=~"b\\.c",d='e"f'} > 0.5`,
		`foo{a="b",a=~"b|c"} offset 1w > 1`,
		`avg_over_time(foo[30d:5m]) > 1`,
	}
	for _, source := range good {
		if _, err := Parse(source); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	bad := []string{
		``, `rate(foo) > 1`, `foo > 1Ki`, `foo default 3 > 1`, `foo if bar`, `median(foo) > 1`, `WITH (x = 1) foo > x`, `rate(foo[1i]) > 1`,
		`sum(foo) by (a) limit 3`, `foo[5m]`, `{job=~".*"} > 1`, `{__name__=~"a.*"} > 1`, `{} > 1`, `"text"`, `1 > 2`, `foo @ end() > 1`, `foo > 1 # always`,
		`foo > {{ $x }}`, `foo > ${x}`, `sum(foo[5m]) > 1`, `rate(foo[1.5h]) > 1`, `foo{a="b" or c="d"} > 1`, `ru(a, b) > 1`, `RATE(foo[5m]) > 1`,
		`foo keep_metric_names > 1`, `increase(foo) > 1`, `abs(5) > 1`, `quantile(foo, 0.9) > 1`, `foo{} offset 5m offset 5m > `, `ttf(foo) > 1`, `foo and 1`,
		`histogram_quantile(foo, 0.9)`, `rate(sum(foo)[5m]) > 1`, `label_replace(foo, "a", "b", "c") > 1`, "foo > 0x10", `running_sum(foo) > 1`, `foo > 010`, `max_over_time(foo[30d:]) > 1`, `max_over_time(foo[30d:1s]) > 1`, `foo{a="b",a="c"} > 1`, `foo{a="b",a!~"b|c"} > 1`, `foo.bar > 1`, `foo offset -1h > 1`,
		`rate(foo[5m1h]) > 1`, `foo{a=~"b\.c"} > 1`, `sum by (a:b) (foo) > 1`, `holt_winters(foo[5m], 0.5, 0.5) > 1`, `rate(foo[1y]) > 1`, `foo{a!="b"} > 1 or {x!~"y"}`, `foo > (1 > 2)`,
	}
	for _, source := range bad {
		if _, err := Parse(source); err == nil {
			t.Errorf("%q is taken", source)
		}
	}
}

// Whatever an expression is, reading it ends and does not panic, and what is
// taken can be judged.
func FuzzParse(f *testing.F) {
	f.Add(`sum by (a) (rate(foo{a=~"b|c",d!="e"}[5m] offset 1h)) / on (a) group_left bar > 0.5 and clamp(foo, 1, 2) unless absent(bar)`)
	f.Add(`quantile_over_time(0.9, foo[1h:5m]) != bool -1 ^ 2 % 3`)
	f.Add(`count_values("a", label_replace(foo, "a", "$1", 'b', "(.*)"))`)
	f.Fuzz(func(_ *testing.T, source string) {
		if e, err := Parse(source); err == nil {
			e.Constant()
			e.Never()
			e.Always()
		}
		Tokenize(source)
		IsTemplate(source)
		ParseDuration(source)
	})
}
