package resolve_test

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

// An agent that does not tell what it cost is charged for half of what its item has
// left, so that it can mend what was found.
func TestUnknownCostsLeaveATurnOfRepair(t *testing.T) {
	for _, test := range []struct {
		kind string
		want float64 // of the item, of 8 dollars
		done bool
	}{
		{"claude", 8, false}, // it should have told: all that the turn could have cost
		{"codex", 4 + 2, true},
		{"gemini", 4 + 2, true},
	} {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			wrong := alert
			wrong.edit = func(s string) string { return strings.Replace(alert.edit(s), diskMetric, "node_filesystem_usage", 1) }
			s := newSite(t, alert)
			s.World = fake.New(t, map[string]string{document: alert.line("TODO"), alerts: repository[alerts], threads: repository[threads], "README.md": "x\n"})
			fake.Applied(s.World, "stacks/monitoring", repository)
			s.Metrics, s.Backtest = []string{diskMetric}, fires
			s.tune = func(o *resolve.Options) { o.BudgetUSD, o.Agent.Kind = 8, agent.KindOf(test.kind, "") }
			s.Script(
				&fake.Turn{Of: "node_filesystem_usage is unknown to Prometheus", Edit: map[string]func(string) string{
					alerts: func(s string) string { return strings.Replace(s, "node_filesystem_usage", diskMetric, 1) },
				}, Report: agent.Report{OK: true}},
				&fake.Turn{Of: alert.action, Edit: map[string]func(string) string{alerts: wrong.edit}, Report: agent.Report{OK: true}},
			)
			if end := s.run(); end.err != nil || end.died {
				t.Fatalf("%+v", end)
			}
			if out := s.outcome(alert); out.CostUSD != test.want || s.done(alert) != test.done {
				t.Errorf("it cost %v, done %v: %s %s", out.CostUSD, s.done(alert), out.State, out.Reason)
			}
		})
	}
}

// TestThreat14_DriftFoundAfterPaymentCountsAsAnAttempt has an item that names no
// stack: that its stack drifts is found once its agent is paid.
func TestThreat14_DriftFoundAfterPaymentCountsAsAnAttempt(t *testing.T) {
	s := newSite(t, workers)
	stack := s.stackOf(workers)
	stack.Resources[raise.address] = `{"threads":12}`
	stack.Touch()
	s.tune = func(o *resolve.Options) { o.MaxAttempts = 1 }
	for _, ended := range []string{"skipped stack-drifts", "skipped max-attempts"} {
		s.run()
		s.wantsEnded(ended)
	}
	s.wantsPaidAndApplied(1, 0)
}
