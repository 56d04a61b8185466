package gate

import (
	"testing"

	"pgregory.net/rapid"
)

// What may become of an expression that exists, and what may not.
func TestThreat18_ExpressionsMoveOnlyTheirThresholds(t *testing.T) {
	for _, test := range []struct {
		before, after string
		passes        bool
	}{
		{`x > 90`, `x > 95`, true},
		{`x > 90`, `x > 80`, true},
		{`x > 90`, `x>=9_0`, true},
		{`x > 90`, `(x > 95)`, false},
		{`x > 90`, `x > 90 and x < 0`, false},
		{`x > 90`, `x > 9000`, false},
		{`x > 90`, `x > 9`, true},
		{`x > 90`, `x > 8`, false},
		{`x > 90`, `x > -90`, false},
		{`x > 90`, `x > 9e1`, true},
		{`x > 90`, `x > 0x90`, false},
		{`x > 90`, `x > 1h`, false},
		{`x > 90`, `x > Inf`, false},
		{`x > 90`, `x < 90`, false},
		{`x > 90`, `x == 90`, false},
		{`x > 90`, `x > bool 90`, false},
		{`x > 90`, `x > 90 unless y`, false},
		{`x > 90`, `x > 90 or y`, false},
		{`x > 90`, `x * 0 > 90`, false},
		{`x > 90`, `x > 90 * 2`, false},
		{`x > 90`, `y > 90`, false},
		{`x > 90`, `x offset 52w > 90`, false},
		{`x > 90`, `x @ 0 > 90`, false},
		{`x > 90`, `absent(x) > 90`, false},
		{`x > 90`, `x > 90 # higher`, false},
		{`x > 90`, "x >\n 91", true},
		{`x > 90`, `90 < x`, false},
		{`90 < x`, `95 < x`, true},
		{`90 < x`, `90 <= x`, true},
		{`90 <= x`, `90 < x`, false},
		{`x >= 90`, `x > 90`, false},
		{`x > 90`, `x >= 90`, true},
		{`x <= 0`, `x < 0`, false},
		{`up == 0`, `up == 5`, false},
		{`up == 0`, `up != 0`, false},
		{`up < 1`, `up < 0`, false},
		{`x < 10`, `x < 2`, true},
		{`x < 10`, `x < 0.5`, false},
		{`x > 0.5`, `x > 0`, true},
		{`x > 0`, `x > 1`, false},
		{`increase(errors[5m]) > 0`, `increase(errors[5m]) > 3`, true},
		{`increase(errors[5m]) > 0`, `increase(errors[5m]) > 30`, false},
		{`rate(errors[5m]) > 0`, `rate(errors[5m]) > 3`, false},
		{`x > -5`, `x > -2`, true},
		{`x > -5`, `x > 5`, false},
		{`x{job="a"} > 90`, `x{job="b"} > 90`, false},
		{`x{job="a"} > 90`, `x{job!="a"} > 90`, false},
		{`x{job=~"a.*"} > 90`, `x{job=~"a.*"} > 91`, true},
		{`x{v="\"1 > 0\""} > 90`, `x{v="\"1 > 5\""} > 90`, false},
		{`used / size * 100 > 90`, `used / size * 100 > 95`, true},
		{`used / size * 100 > 90`, `used / size * 100 > 100`, false},
		{`used / size * 100 > 90`, `used / size * 1 > 90`, false},
		{`used / size > 0.9`, `used / size > 0.95`, true},
		{`used / size > 0.9`, `used / size > 1`, false},
		{`rate(t_sum[5m]) / rate(t_count[5m]) > 0.5`, `rate(t_sum[5m]) / rate(t_count[5m]) > 2`, true},
		{`used > 0.9 * size`, `used > 0.95 * size`, true},
		{`used > 0.9 * size`, `used > 1.1 * size`, false},
		{`bytes > 80 * 1024 * 1024`, `bytes > 200 * 1024 * 1024`, true},
		{`bytes > 80 * 1024 * 1024`, `bytes > 80 * 1024 * 1024 * 1024`, false},
		{`bytes > 80 * 1024 * 1024`, `bytes > 800 * 2048 * 1024`, false},
		{`bytes > 80 / 2`, `bytes > 80 / 1`, false},
		{`x > 90 and y < 5`, `x > 95 and y < 4`, true},
		{`x > 90 and on (job) y < 5`, `x > 90 and on (job) y < 4`, true},
		{`x > 90 and y < 5`, `x > 90 and y > 5`, false},
		{`(x > 90) or (y > 5)`, `(x > 91) or (y > 6)`, true},
		{`x > 90 unless y > 5`, `x > 90 unless y > 1`, false},
		{`absent(x > 90)`, `absent(x > 9)`, false},
		{`count(x > 90) > 2`, `count(x > 95) > 2`, false},
		{`count(x > 90) > 2`, `count(x > 90) > 3`, true},
		{`x > 1 > 2`, `x > 1 > 3`, false},
		{`topk(5, x) > 1`, `topk(0, x) > 1`, false},
		{`histogram_quantile(0.99, x) > 1`, `histogram_quantile(-1, x) > 1`, false},
		{`rate(x[5m]) > 1`, `rate(x[10m]) > 1`, true},
		{`rate(x[5m]) > 1`, `rate(x[1s]) > 1`, false},
		{`rate(x[5m]) > 1`, `rate(x[30d]) > 1`, false},
		{`rate(x[5m]) > 1`, `rate(x[50m]) > 2`, false},
		{`rate(x[5m]) > 1`, `rate(x[5m:1m]) > 1`, false},
		{`sum(rate({app="a"} |= "error" [5m])) > 10`, `sum(rate({app="a"} |= "error" [5m])) > 20`, true},
		{`sum(rate({app="a"} |= "error" [5m])) > 10`, `sum(rate({app="a"} != "error" [5m])) > 10`, false},
		{`avg(last_5m):avg:disk.used{host:a} > 90`, `avg(last_5m):avg:disk.used{host:a} > 95`, true},
		{`x{v=\"a\"} > 90`, `x{v=\"a\"} > 95`, true},
		{`x > 90`, `x > 9}`, false},
		{`x > 90`, ``, false},
		{`x > 90 {{ .Values.more }}`, `x > 95 {{ .Values.more }}`, false},
	} {
		if why := weaker(alarm{"A", "expr", test.before, test.after}); (why == "") != test.passes {
			t.Errorf("%s became %s: %q", test.before, test.after, why)
		}
	}
}

// Waits, labels and the settings of monitors.
func TestThreat18_AlertsThatExistCanStillTell(t *testing.T) {
	for _, test := range []struct {
		key, before, after string
		passes             bool
	}{
		{"for", "10m", "5m", true},
		{"for", "10m", "0s", true},
		{"for", "10m", "30m", true},
		{"for", "10m", "720h", false},
		{"for", "10m", "9999999999h", false},
		{"for", "", "5m", true},
		{"for", "", "2h", false},
		{"for", "10m", "", false},
		{"for", "10m", "{{ .Values.for }}", false},
		{"keep_firing_for", "1h", "2h", true},
		{"keep_firing_for", "10h", "1m", false},
		{"labels.severity", "warning", "critical", true},
		{"labels.severity", "critical", "warning", false},
		{"labels.severity", "critical", "none", false},
		{"labels.severity", "page", "pager", false},
		{"labels.severity", "", "critical", false},
		{"labels.mute", "", "true", false},
		{"labels.team", "storage", "nobody", false},
		{"labels.a.b", "storage", "other", false},
		{"labels", `{"severity":"warning"}`, `{"severity":"page"}`, true},
		{"labels", `{"severity":"warning"}`, `{"mute":"x","severity":"warning"}`, false},
		{"labels", `{"severity":"warning","team":"a"}`, `{"severity":"warning"}`, false},
		{"receiver", "pager", "chat", true},
		{"receiver", "pager", "blackhole", false},
		{"routes.[receiver=b].receiver", "", "b", false},
		{"matchers", `[severity="page"]`, `[severity="page",alertname="x"]`, false},
		{"continue", "true", "false", false},
		{"group_wait", "30s", "1m", true},
		{"group_wait", "30s", "8760h", false},
		{"repeat_interval", "4h", "24h", true},
		{"repeat_interval", "4h", "90d", false},
		{"scrape_interval", "30s", "1m", true},
		{"scrape_interval", "1m", "10m", false},
		{"scrape_timeout", "10s", "1ms", false},
		{"interval", "60", "300", true},
		{"limit", "", "1", false},
		{"query_offset", "1m", "30d", false},
		{"threshold", "80", "90", true},
		{"threshold", "80", "8000", false},
		{"threshold", "80", "-80", false},
		{"evaluation_periods", "1", "3", true},
		{"comparison_operator", "GreaterThanThreshold", "LessThanThreshold", false},
		{"treat_missing_data", "breaching", "notBreaching", false},
		{"upside_down", "false", "true", false},
		{"accepted_statuscodes", `["200-299"]`, `["200-299","500-599"]`, false},
		{"alarm_actions", `["a"]`, `["a","b"]`, true},
		{"alarm_actions", `["a"]`, `["b"]`, false},
		{"url", "https://a.example.org/", "https://a.example.org/healthz", true},
		{"url", "https://a.example.org/", "https://b.example.org/", false},
		{"url", "https://a.example.org/", "https://a.example.org@b.example.org/", false},
		{"monitor_thresholds", `[{"critical":"90","warning":"80"}]`, `[{"critical":"95","warning":"85"}]`, true},
		{"data", `[{"model":"{\"expr\":\"x > 1\",\"refId\":\"A\"}","ref_id":"A"}]`, `[{"model":"{\"expr\":\"x > 2\",\"refId\":\"A\"}","ref_id":"A"}]`, true},
		{"data", `[{"model":"{\"expr\":\"x > 1\"}"}]`, `[{"model":"{\"expr\":\"x < 1\"}"}]`, false},
		{"data", `[{"conditions":[{"evaluator":{"params":[90],"type":"gt"}}]}]`, `[{"conditions":[{"evaluator":{"params":[95],"type":"gt"}}]}]`, true},
		{"data", `[{"conditions":[{"evaluator":{"params":[90],"type":"gt"}}]}]`, `[{"conditions":[{"evaluator":{"params":[90],"type":"lt"}}]}]`, false},
		{"data", `[{"relative_time_range":[{"from":600}]}]`, `[{"relative_time_range":[{"from":6000000}]}]`, false},
		{"no_data_state", "Alerting", "OK", false},
	} {
		if why := weaker(alarm{"A", test.key, test.before, test.after}); (why == "") != test.passes {
			t.Errorf("%s: %q became %q: %q", test.key, test.before, test.after, why)
		}
	}
}

// However an expression is taken apart, what passes has the same words and
// texts in the same order, and as many tokens.
func TestExpressionsThatPassHaveTheSameForm(t *testing.T) {
	tokens := rapid.SliceOfN(rapid.SampledFrom([]string{
		"x", "y", "and", "or", "unless", "on", "(", ")", "[", "]", "{", "}", "5m", "1h", "0", "1", "90", "0.5", ">", ">=", "<", "==", "*", "/", "-", "bool", `"a"`, ",", "rate",
	}), 1, 9)
	rapid.Check(t, func(t *rapid.T) {
		before, after := tokens.Draw(t, "before"), tokens.Draw(t, "after")
		if rapid.Bool().Draw(t, "like") {
			after = append([]string{}, before...)
			after[rapid.IntRange(0, len(after)-1).Draw(t, "at")] = tokens.Draw(t, "other")[0]
		}
		if weakerExpression(joined(before), joined(after)) != "" {
			return
		}
		if len(before) != len(after) {
			t.Fatalf("%q became %q", before, after)
		}
		for i := range before {
			_, isOld := readWait(before[i])
			_, isNew := readWait(after[i])
			moved := isOld && isNew
			if before[i] != after[i] && before[i]+"=" != after[i] && !moved {
				t.Fatalf("%q became %q", before, after)
			}
		}
	})
}

func joined(tokens []string) string {
	text := ""
	for _, token := range tokens {
		text += " " + token
	}
	return text
}
