package fake

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/evidence/prometheustest"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

const measured = "node_filesystem_used_ratio"

// observatory is a Prometheus that knows one metric, which was high in an incident
// that began twelve hours ago. It has loaded a rule on it, alone.
type observatory struct {
	seam.Prometheus
	stop func() // it answers no more
}

var highAlert = item.Rule{Name: "High", Expr: measured + " > 0.8", For: time.Minute, Added: true}

func fakeObservatory(t *testing.T, start time.Time) observatory {
	w := New(t, first)
	w.Metrics = []string{measured}
	w.Backtest = evidence.Backtest{Samples: true, Fired: start.Add(2 * time.Minute), Firings: 1, Days: 1}
	p := PrometheusOf(w, "1")
	return observatory{p, func() { w.Fail(Fault{"1", len(w.Trail("1")) + 1, Fails}) }}
}

func realObservatory(t *testing.T, start time.Time) observatory {
	server := prometheustest.Start(t, []prometheustest.Series{{
		Name: measured, From: start.Add(-2 * time.Hour), To: time.Now(), Value: func(at time.Time) float64 {
			if at.Before(start) || at.After(start.Add(time.Hour)) {
				return 0.1
			}
			return 0.9
		},
	}}, "groups:\n  - name: g\n    rules:\n      - {alert: High, expr: '"+highAlert.Expr+"', for: 1m}\n")
	p, err := evidence.Open(evidence.Config{URL: server.URL, NoisyAfter: 20, Timeout: 30 * time.Second}, egress.Way{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return observatory{p, server.Stop}
}

// TestFakePrometheusIsLikeTheReal asks both the same.
func TestFakePrometheusIsLikeTheReal(t *testing.T) {
	start := time.Now().UTC().Add(-12 * time.Hour).Truncate(time.Hour)
	incident := item.Incident{Start: start, End: start.Add(time.Hour)}
	for name, open := range map[string]func(*testing.T, time.Time) observatory{"fake": fakeObservatory, "real": realObservatory} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, start)
			ctx := t.Context()
			unknown, err := o.Known(ctx, []item.Rule{
				highAlert,
				{Name: "Wrong", Expr: "node_filesystem_used_ratios > 0.8"},
				{Name: "a:b", Expr: measured, Record: true},
				{Name: "Recorded", Expr: "a:b > 1"},
				{Name: "Template", Expr: measured + " > {{ .x }}"},
			})
			if err != nil {
				t.Fatal(err)
			}
			want := []evidence.Unknown{{Rule: "Wrong", Metric: true, Nearest: []string{measured}}}
			if diff := cmp.Diff(want, unknown, cmpopts.IgnoreFields(evidence.Unknown{}, "Selector")); diff != "" {
				t.Errorf("unknown (-want +got):\n%s", diff)
			}
			b, err := o.WouldHaveFired(ctx, highAlert, []item.Rule{highAlert}, incident)
			if err != nil || b.Missed() || b.Fired.Before(incident.Start) || b.Rule != highAlert || b.Incident != incident || b.Firings != 1 || b.Noisy {
				t.Errorf("it says %q, %+v, %v", b.Sentence(), b, err)
			}
			loaded, _ := evidence.WatchOf(highAlert)
			for range 60 { // a real one evaluates its rules every second
				missing, err := o.Loaded(ctx, []item.Watch{loaded})
				if err != nil {
					t.Fatal(err)
				}
				if len(missing) == 0 {
					break
				}
				time.Sleep(time.Second)
			}
			if missing, err := o.Await(ctx, []item.Watch{loaded}); err != nil || len(missing) > 0 {
				t.Errorf("%v %v", missing, err)
			}
			o.stop()
			if _, err := o.Loaded(ctx, []item.Watch{loaded}); err == nil {
				t.Error("one that is gone has loaded it")
			}
		})
	}
}
