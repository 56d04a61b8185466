package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence/prometheustest"
	"github.com/pm-todos/pm-todos/plugin/fault"
)

const lintedAlerts = "# Post-mortem\n\n## Action items\n\n| Action | Type | Details | Status |\n|---|---|---|---|\n" +
	"| Add alert A | Alert | `rate(node_nfs_rpc_retransmits_total[5m]) > 5` | TODO |\n" +
	"| Add alert B | Alert | on node_nfs_rpc_retransmits_total, in `stacks/nfs_main.tf` of `queue_length` | TODO |\n" +
	"| Add alert C | Alert | `queue_length > 5` and `nobody_exports_this > 1` | TODO |\n" +
	"| Add alert D | Alert | nobody_exports_this | TODO |\n" +
	"| Add alert E | Alert | `nobody_exports_this > 1` | Done |\n" +
	"| Add alert F | Alert | `nobody_exports_this > 1` | TODO | too much |\n"

func TestLintTellsOfMetricsThatPrometheusDoesNotKnow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	one := func(time.Time) float64 { return 1 }
	server := prometheustest.Start(t, []prometheustest.Series{
		{Name: "node_nfs_rpc_retransmissions_total", From: now.Add(-time.Hour), To: now, Value: one},
		{Name: "queue_length", From: now.Add(-time.Hour), To: now, Value: one},
	}, "groups: []\n")
	stdout, stderr, err := runApp(t, lintedAlerts, "lint", "--prometheus-url", server.URL, "-")
	if fault.Of(err).ExitCode() != 1 || stderr != "" {
		t.Errorf("%v %s", err, stderr)
	}
	lines := strings.Split(stdout, "\n")
	const near = "metric-unknown: node_nfs_rpc_retransmits_total is unknown to Prometheus, now and in the last day; node_nfs_rpc_retransmissions_total is there. [Add alert "
	for i, want := range []string{
		":7:3: warning: " + near + "A] (lane: automatic) (fix: Correct the name",
		":8:3: warning: " + near + "B]",
		":9:3: warning: metric-unknown: nobody_exports_this is unknown to Prometheus, now and in the last day. [Add alert C]",
		":12:1: error: malformed-row",
		"1 document: 1 error, 3 warnings",
	} {
		if i >= len(lines) || !strings.Contains(lines[i], want) {
			t.Errorf("line %d has no %q in\n%s", i+1, want, stdout)
		}
	}
}

func TestLintGoesOnWithoutAPrometheusThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(server.Close)
	document := strings.Replace(lintedAlerts, " | too much |", " |", 1)
	stdout, stderr, err := runApp(t, document, "lint", "--prometheus-url", server.URL, "-")
	if err != nil || !strings.Contains(stdout, "1 document: 0 errors, 0 warnings") || !strings.Contains(stderr, "metrics were not looked for: ask prometheus_url for /api/v1/query: it answers 401") || calls != 1 {
		t.Errorf("%v, %d calls\n%s%s", err, calls, stdout, stderr)
	}
	for _, flags := range [][]string{{"--fix", "--prometheus-url", server.URL}, nil} {
		if _, stderr, err := runApp(t, document, append(append([]string{"lint"}, flags...), "-")...); err != nil || strings.Contains(stderr, "metrics") || calls != 1 {
			t.Errorf("%v: %v, %d calls: %s", flags, err, calls, stderr)
		}
	}
	if _, _, err := runApp(t, document, "lint", "--prometheus-url", "prometheus:9090", "-"); fault.Of(err) != fault.Settings {
		t.Errorf("a wrong address: %v", err)
	}
}
