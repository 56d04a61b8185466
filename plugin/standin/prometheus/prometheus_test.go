package prometheus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/standin/prometheus"
)

func TestItIsAskedAsARealOneIs(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 14, 9, 40, 0, 0, time.UTC)
	files, broken := []string{"groups:\n  - rules:\n      - {alert: Down, expr: up == 0, for: 10m}\n", "scrape_configs:\n  - job_name: node\n"}, error(nil)
	server, err := prometheus.Start(start.Add(6*time.Minute), start.Add(2*time.Hour), func() ([]string, error) { return files, broken })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	p, err := evidence.Open(evidence.Config{URL: server.URL, Timeout: time.Minute}, egress.Way{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	rule := item.Rule{Name: "Down", Expr: "up == 0", For: 10 * time.Minute, Added: true}
	if unknown, err := p.Known(t.Context(), []item.Rule{rule}); err != nil || len(unknown) > 0 {
		t.Errorf("%v %v", unknown, err)
	}
	b, err := p.WouldHaveFired(t.Context(), rule, nil, item.Incident{Start: start, End: start.Add(2 * time.Hour)})
	if want := "would have fired at 09:56 UTC, 16 minutes after the start (09:40); "; err != nil || len(b.Sentence()) < len(want) || b.Sentence()[:len(want)] != want {
		t.Errorf("%q %v", b.Sentence(), err)
	}
	w, _ := evidence.WatchOf(rule)
	other, _ := evidence.WatchOf(item.Rule{Name: "Other", Expr: "up == 0"})
	missing, err := p.Loaded(t.Context(), []item.Watch{w, {Pool: "node"}, other})
	if err != nil || len(missing) != 1 || missing[0].Watch != other || missing[0].Blind {
		t.Errorf("%v %v", missing, err)
	}
	broken = errors.New("no state")
	if _, err := p.Loaded(t.Context(), []item.Watch{w}); err == nil {
		t.Error("a state that cannot be read is taken for none")
	}
}
