package evidence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence/prometheustest"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// group is a file with one group of rules.
func group(rules ...string) string {
	return "groups:\n  - name: test\n    rules:\n" + strings.Join(rules, "")
}

func alert(name, expr, wait string) string {
	return fmt.Sprintf("      - {alert: %s, expr: %q, for: %s}\n", name, expr, wait)
}

func TestRulesAreWaitedForUntilTheyAreLoadedAndHealthy(t *testing.T) {
	t.Parallel()
	server := prometheustest.Start(t, nil, group(alert("Old", "up == 0", "5m")))
	watch := func(name, expr string, wait time.Duration) item.Watch {
		w, ok := WatchOf(item.Rule{Name: name, Expr: expr, For: wait})
		if !ok {
			t.Fatalf("%s is not read", expr)
		}
		return w
	}
	loaded := []item.Watch{
		watch("New", `sum by (job) (rate(prometheus_http_requests_total{code!="200"}[90m])) > 0.50`, 90*time.Minute), watch("Old", "up == 0", 5*time.Minute), {Pool: "prometheus"},
	}
	p := open(t, Config{URL: server.URL})
	missing, err := p.Loaded(t.Context(), loaded)
	if err != nil || len(missing) == 0 || missing[0].Watch.Rule != "New" || missing[0].Why != "it is not among the loaded rules" {
		t.Errorf("before the reload: %v %v", missing, err)
	}
	go func() {
		time.Sleep(time.Second)
		server.Reload(group(alert("Old", "up == 0", "5m"), alert("New", `sum(rate(prometheus_http_requests_total{code!='200'}[1h30m])) by (job) > 0.5`, "1h30m")))
	}()
	if missing, err := p.Await(t.Context(), loaded); err != nil || len(missing) > 0 {
		t.Errorf("after the reload: %v %v", missing, err)
	}
	short := open(t, Config{URL: server.URL, Timeout: 3 * time.Second})
	server.Reload(group(alert("Old", "up == 1", "5m"), alert("New", `up * on () prometheus_http_requests_total`, "1m")))
	whys := map[item.Watch]string{
		watch("Old", "up == 0", 5*time.Minute):                                 "the loaded rule of this name has another expression or wait",
		watch("New", "up * on () prometheus_http_requests_total", time.Minute): "it cannot be evaluated: ",
		{Pool: "node"}: "no target of it is known",
	}
	missing, err = short.Await(t.Context(), slices.Collect(maps.Keys(whys)))
	if err != nil || len(missing) != len(whys) {
		t.Errorf("%v %v", missing, err)
	}
	for _, m := range missing {
		if !strings.HasPrefix(m.Why, whys[m.Watch]) || m.Blind {
			t.Errorf("%+v", m)
		}
	}
}
