package resolve_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

// diskMetric is what the alert of the tests measures.
const diskMetric = "node_filesystem_used_ratio"

// fires is a rule that would have told of its incident.
var fires = evidence.Backtest{Samples: true, Fired: time.Date(2026, 1, 1, 5, 41, 0, 0, time.UTC), Firings: 3, Days: 30}

// codes are the codes of an outcome's findings.
func codes(out item.Outcome) (list []reason.Code) {
	for _, f := range out.Findings {
		list = append(list, f.Code)
	}
	return list
}

func TestOfAnAlertThatWouldHaveFiredTheCommitSaysSo(t *testing.T) {
	s := newSite(t, alert)
	s.Metrics, s.Backtest = []string{diskMetric}, fires
	s.run()
	s.wantsEnded("done")
	const want = "the document states no time of the incident; fired 3 times in 30 days"
	if said := s.outcome(alert).Observed; said != want {
		t.Errorf("the report says %q", said)
	}
	if fixes := s.fixes(alert); len(fixes) != 1 || fixes[0].Observed != want {
		t.Errorf("the commit says %+v", fixes)
	}
}

// TestAnAlertThatWouldTellNobodyWaitsForAPerson has what is doubtful stay doubtful
// in the agent's second turn.
func TestAnAlertThatWouldTellNobodyWaitsForAPerson(t *testing.T) {
	missed, noisy := fires, fires
	missed.Fired, noisy.Noisy = time.Time{}, true
	for name, tc := range map[string]struct {
		metrics  []string
		backtest evidence.Backtest
		code     reason.Code
		says     string
	}{
		"its metric is unknown":       {[]string{"node_filesystem_used_rate"}, missed, reason.MetricUnknown, diskMetric + " is unknown to Prometheus, now and in the last day; node_filesystem_used_rate is there"},
		"it would not have fired":     {[]string{diskMetric}, missed, reason.WouldNotHaveFired, "fired 3 times"},
		"it is noisy":                 {[]string{diskMetric}, noisy, reason.Noisy, "fired 3 times"},
		"Prometheus does not take it": {[]string{diskMetric}, evidence.Backtest{Refused: "many-to-many"}, reason.ExpressionRefused, "many-to-many"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, alert)
			s.Metrics, s.Backtest = tc.metrics, tc.backtest
			s.run()
			s.wantsEnded("refused needs-approval")
			out := s.outcome(alert)
			if !slices.Equal(codes(out), []reason.Code{tc.code}) || !strings.Contains(out.Findings[0].Detail, tc.says) || out.Findings[0].Place != "DiskUsage" {
				t.Errorf("findings %v", out.Findings)
			}
			if n := s.paid(); n != 2 {
				t.Errorf("%d turns were paid, not 2", n)
			}
			if n := len(s.Stack("stacks/monitoring").Applies); n > 0 || out.Branch == "" {
				t.Errorf("%d applies, kept on %q", n, out.Branch)
			}
			s.run()
			s.wantsEnded("skipped needs-approval")
			s.mode = resolve.Propose
			s.run()
			s.wantsEnded("proposed")
			if got := codes(s.outcome(alert)); !slices.Equal(got, []reason.Code{tc.code}) {
				t.Errorf("the proposal says %v", got)
			}
		})
	}
}

func TestTheNearestNamesAreOfferedToTheAgent(t *testing.T) {
	wrong := alert
	wrong.edit = func(s string) string { return strings.Replace(alert.edit(s), diskMetric, "node_filesystem_usage", 1) }
	s := newSite(t, alert)
	s.World = fake.New(t, map[string]string{document: alert.line("TODO"), alerts: repository[alerts], threads: repository[threads], "README.md": "x\n"})
	fake.Applied(s.World, "stacks/monitoring", repository)
	s.Metrics, s.Backtest = []string{diskMetric}, fires
	paid := agent.Report{OK: true, CostUSD: 0.1, CostKnown: true}
	s.Script(
		&fake.Turn{Of: "node_filesystem_usage is unknown to Prometheus, now and in the last day; " + diskMetric + " is there", Edit: map[string]func(string) string{
			alerts: func(s string) string { return strings.Replace(s, "node_filesystem_usage", diskMetric, 1) },
		}, Report: paid},
		&fake.Turn{Of: alert.action, Edit: map[string]func(string) string{alerts: wrong.edit}, Report: paid},
	)
	s.run()
	s.wantsEnded("done")
	s.Unused()
}

func TestAPrometheusThatDoesNotAnswerHindersNothing(t *testing.T) {
	clean := newSite(t, alert)
	clean.Metrics = []string{diskMetric}
	clean.run()
	at := slices.IndexFunc(clean.Trail(clean.name(1)), func(call fake.Call) bool { return strings.HasPrefix(call.Name, "ask Prometheus") })
	s := newSite(t, alert)
	s.Metrics = clean.Metrics
	s.Fail(fake.Fault{Run: s.name(1), At: at + 1, How: fake.Fails})
	s.run()
	s.wantsEnded("done")
	if said := s.outcome(alert).Observed; said != "" {
		t.Errorf("it says %q", said)
	}
}
