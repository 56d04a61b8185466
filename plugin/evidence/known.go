package evidence

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/agext/levenshtein"

	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// mostSelectors is how many selectors of one change are asked about.
const mostSelectors = 40

// Unknown is a selector that selects nothing, now and within the last day.
type Unknown struct {
	Rule     string // name of the rule
	Selector promql.Selector
	Metric   bool     // no series of the metric is there at all
	Nearest  []string // names of metrics that are there and look like it
}

// Sentence says so, in names that show tells may be shown.
func (u Unknown) Sentence(show func(name string) bool) string {
	what := "a metric of the rule"
	if u.Selector.Metric != "" && show(u.Selector.Metric) {
		what = u.Selector.Metric
	}
	if !u.Metric {
		what = "a selector by labels alone"
		if u.Selector.Metric != "" && show(u.Selector.Metric) {
			what = u.Selector.Metric + " with these labels"
		}
		return what + " selects nothing in Prometheus, now and in the last day"
	}
	line := what + " is unknown to Prometheus, now and in the last day"
	switch len(u.Nearest) {
	case 0:
	case 1:
		line += "; " + u.Nearest[0] + " is there"
	default:
		line += "; these are there: " + strings.Join(u.Nearest, ", ")
	}
	return line
}

// Known asks for every selector of the rules' expressions: what of them selects
// no series now, and none within the last day. Each is asked for once, and told of
// every rule that has it. Metrics that a rule of the same change records are known.
// What is not read as PromQL is passed over: a template, or a query for Loki.
func (p *Prometheus) Known(ctx context.Context, rules []item.Rule) ([]Unknown, error) {
	recorded := map[string]bool{}
	for _, r := range rules {
		recorded[r.Name] = recorded[r.Name] || r.Record
	}
	var unknown []Unknown
	asked := map[string]*Unknown{} // by selector; nil for one that is known
	for _, r := range rules {
		e, err := promql.Parse(r.Expr)
		if err != nil {
			continue
		}
		for _, s := range e.Selectors() {
			one, before := asked[s.Text]
			switch {
			case recorded[s.Metric] || !before && len(asked) == mostSelectors:
				continue
			case !before:
				if one, err = p.unknown(ctx, s); err != nil {
					return nil, err
				}
				asked[s.Text] = one
			}
			if one != nil {
				unknown = append(unknown, Unknown{Rule: r.Name, Selector: s, Metric: one.Metric})
			}
		}
	}
	return unknown, p.nearest(ctx, unknown)
}

// unknown is what is not known of a selector, nil when it selects something.
func (p *Prometheus) unknown(ctx context.Context, s promql.Selector) (*Unknown, error) {
	is, err := p.selects(ctx, s.Text)
	if err != nil || is {
		return nil, err
	}
	if !promql.IsMetric(s.Metric) {
		return &Unknown{}, nil
	}
	is, err = p.selects(ctx, s.Metric)
	return &Unknown{Metric: !is}, err
}

// selects reports whether a selector selects a series now or within the last day.
// One that Prometheus refuses is not unknown: that is told of the whole expression.
func (p *Prometheus) selects(ctx context.Context, selector string) (bool, error) {
	for _, expr := range []string{"count(" + selector + ")", "count(present_over_time(" + selector + "[1d]))"} {
		found, partial, err := p.query(ctx, expr, time.Time{})
		switch {
		case errors.As(err, new(*refusal)):
			return true, nil
		case err != nil:
			return false, err
		case len(found) > 0:
			return true, nil
		case partial:
			return false, errors.New("the answer is partial, and what is missing in it may be there all the same")
		}
	}
	return false, nil
}

// nearest finds, for metrics that are unknown, the names that look like theirs.
func (p *Prometheus) nearest(ctx context.Context, unknown []Unknown) error {
	if !slices.ContainsFunc(unknown, func(u Unknown) bool { return u.Metric }) {
		return nil
	}
	var names []string
	query := url.Values{"start": {stamp(time.Now().Add(-24 * time.Hour))}}
	if _, err := p.ask(ctx, "/api/v1/label/__name__/values?"+query.Encode(), nil, &names); err != nil {
		return err
	}
	near := map[string][]string{}
	for i := range unknown {
		metric := unknown[i].Selector.Metric
		if !unknown[i].Metric {
			continue
		}
		if _, sought := near[metric]; !sought {
			near[metric] = nearestTo(metric, names)
		}
		unknown[i].Nearest = near[metric]
	}
	return nil
}

// Bounds of names that look like another one.
const (
	mostNearest  = 3
	leastAlike   = 0.75
	longestAlike = 200 // bytes of a name that is compared
)

// nearestTo are the names most like one, of those that are much like it. The library
// is asked without a least score, with which it panics: "_ba_" beside "aacb".
func nearestTo(name string, names []string) []string {
	type alike struct {
		name string
		by   float64
	}
	var found []alike
	for _, other := range names {
		longer := max(len(other), len(name))
		if longer > longestAlike || float64(min(len(other), len(name))) < leastAlike*float64(longer) || !promql.IsMetric(other) {
			continue
		}
		if by := levenshtein.Similarity(name, other, nil); by >= leastAlike {
			found = append(found, alike{other, by})
		}
	}
	slices.SortFunc(found, func(a, b alike) int { return cmp.Or(cmp.Compare(b.by, a.by), cmp.Compare(a.name, b.name)) })
	var best []string
	for _, one := range found[:min(len(found), mostNearest)] {
		best = append(best, text.Line(one.name, 0))
	}
	return best
}
