package fake

import (
	"context"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Prometheus is one that knows the metrics of a world.
type Prometheus struct {
	w   *World
	run string
}

// PrometheusOf is the Prometheus of a world, as one run asks it.
func PrometheusOf(w *World, run string) *Prometheus { return &Prometheus{w, run} }

// Known tells which metrics are not those of the world.
func (p *Prometheus) Known(_ context.Context, rules []item.Rule) (unknown []evidence.Unknown, err error) {
	err = p.w.call(reads(p.run, "ask Prometheus for metrics"), func(How) error {
		known := slices.Clone(p.w.Metrics)
		for _, r := range rules {
			if r.Record {
				known = append(known, r.Name)
			}
		}
		for _, r := range rules {
			e, err := promql.Parse(r.Expr)
			if err != nil {
				continue // a template, or LogQL
			}
			for _, s := range e.Selectors() {
				if !slices.Contains(known, s.Metric) {
					unknown = append(unknown, evidence.Unknown{Rule: r.Name, Selector: s, Metric: true, Nearest: p.w.Metrics})
				}
			}
		}
		return nil
	})
	return unknown, err
}

// WouldHaveFired tells of every rule what the world says.
func (p *Prometheus) WouldHaveFired(_ context.Context, r item.Rule, _ []item.Rule, incident item.Incident) (b evidence.Backtest, err error) {
	err = p.w.call(reads(p.run, "ask Prometheus for the past"), func(How) error {
		b = p.w.Backtest
		b.Rule, b.Incident = r, incident
		return nil
	})
	return b, err
}

// Loaded tells of all that is watched what the world says.
func (p *Prometheus) Loaded(_ context.Context, watched []item.Watch) (missing []evidence.Missing, err error) {
	err = p.w.call(reads(p.run, "ask Prometheus for what is loaded"), func(How) error {
		if p.w.Missing == "" {
			return nil
		}
		for _, w := range watched {
			missing = append(missing, evidence.Missing{Watch: w, Why: p.w.Missing, Blind: p.w.Blind})
		}
		if p.w.LoadsAt--; p.w.LoadsAt == 0 {
			p.w.Missing = ""
		}
		return nil
	})
	return missing, err
}

// Await is the same once more.
func (p *Prometheus) Await(ctx context.Context, watched []item.Watch) ([]evidence.Missing, error) {
	return p.Loaded(ctx, watched)
}
