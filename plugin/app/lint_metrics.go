package app

import (
	"context"
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/lint"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// askingTime is how long a run of lint asks Prometheus, all in all.
const askingTime = 2 * time.Minute

// metricAsker asks Prometheus for the metrics that alerts name.
type metricAsker struct {
	prometheus *evidence.Prometheus // nil when none is set, or it did not answer
	until      time.Time
	failed     []error // why it was not asked
}

func newMetricAsker(s settings.Settings) (*metricAsker, error) {
	p, err := access.Opener{Settings: s}.Prometheus(s.Evidence, nil)
	return &metricAsker{prometheus: p, until: time.Now().Add(askingTime)}, err
}

func (a *metricAsker) close() {
	if a.prometheus != nil {
		a.prometheus.Close()
	}
}

// ask adds what Prometheus does not know of what a document's alerts name. One
// that does not answer is not asked again.
func (a *metricAsker) ask(ctx context.Context, in *postmortem.Inspection, found *lint.Report) {
	measured := lint.MeasuredIn(in)
	if a.prometheus == nil || len(measured) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, a.until)
	defer cancel()
	byRule := map[string]lint.Measured{}
	var rules []item.Rule
	for _, m := range measured {
		byRule[m.Rule.Name] = m
		rules = append(rules, m.Rule)
	}
	unknown, err := a.prometheus.Known(ctx, rules)
	if err != nil {
		a.close()
		a.prometheus, a.failed = nil, append(a.failed, fmt.Errorf("metrics were not looked for: %w", err))
	}
	for _, u := range unknown {
		m := byRule[u.Rule]
		if !m.Name || len(u.Nearest) > 0 {
			found.AddUnknown(m, u.Sentence(func(string) bool { return true }))
		}
	}
}
