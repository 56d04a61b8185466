package evidence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Bounds of what is asked about times that have passed. Prometheus gives at most
// 11,000 points a series.
const (
	backtestTime  = 2 * time.Minute // of one rule
	lead          = time.Hour       // before the incident: a rule may fire early
	mostSteps     = 10800           // of one question
	incidentSteps = 4 * mostSteps
	shortestStep  = 15 * time.Second
	noiseDays     = 30
	sampleSteps   = 100
	constantly    = 0.9 // of the time: a rule that fires for longer says nothing
)

// Backtest is what a rule would have done in times that have passed.
type Backtest struct {
	Rule     item.Rule
	Incident item.Incident
	Skipped  string // why nothing was evaluated
	Refused  string // what Prometheus has against the expression
	Future   bool   // the incident is still to come, by its clock
	Unable   string // why it does not evaluate it over the incident
	Samples  bool   // those of the incident's time are there
	Fired    time.Time
	Firings  int // in so many days of which samples are there
	Days     int
	Constant bool          // it would have fired nearly all of them
	Noisy    bool          // that, or too often
	Skew     time.Duration // how far the clock of Prometheus is ahead of this one
}

// Missed reports whether a new rule would not have told of the incident, though
// what it measures was there.
func (b Backtest) Missed() bool {
	return b.Rule.Added && !b.Rule.Record && b.Samples && b.Fired.IsZero()
}

// WouldHaveFired evaluates a rule over the time of the incident and over the last
// 30 days. Metrics that one of the rules records are evaluated by their
// expressions, since they may not exist yet. The error is of asking: then nothing
// is known.
func (p *Prometheus) WouldHaveFired(ctx context.Context, r item.Rule, rules []item.Rule, incident item.Incident) (Backtest, error) {
	ctx, cancel := context.WithTimeout(ctx, backtestTime)
	defer cancel()
	b := Backtest{Rule: r, Incident: incident}
	e, why := evaluable(r, rules)
	if why != "" {
		b.Skipped = why
		return b, nil
	}
	expr := string(e.Tree.AppendString(nil))
	now, err := p.now(ctx)
	if err != nil {
		return b, err
	}
	if ahead := time.Until(now); ahead.Abs() > time.Minute {
		b.Skew = ahead.Round(time.Second)
	}
	// A rule is evaluated at one time: what is refused there, no rule can be.
	_, _, err = p.query(ctx, expr, now)
	if no := new(refusal); errors.As(err, &no) && no.kind != "timeout" {
		b.Refused, err = refused(err)
		return b, err
	}
	if b.Unable, err = refused(err); b.Unable != "" || err != nil {
		return b, err
	}
	if err := p.inIncident(ctx, &b, e, expr, now); err != nil {
		return b, err
	}
	return b, p.inDays(ctx, &b, e, expr, now)
}

// evaluable is the expression of a rule as Prometheus can evaluate it today, or
// why it cannot.
func evaluable(r item.Rule, rules []item.Rule) (e promql.Expression, why string) {
	e, err := promql.Parse(r.Expr)
	if err != nil {
		if strings.Contains(r.Expr, "{{") {
			return e, "its expression holds a template, which is not filled in here"
		}
		return e, "its expression is no PromQL; a rule of Loki is neither evaluated nor waited for"
	}
	recorded := map[string]promql.Expression{}
	for _, other := range rules {
		if parsed, err := promql.Parse(other.Expr); err == nil && other.Record {
			recorded[other.Name] = parsed
		}
	}
	source, ok := e.With(recorded)
	if ok {
		e, err = promql.Parse(source)
	}
	if !ok || err != nil {
		return e, "it reads a metric that a new rule records, in a way that cannot be evaluated before that is loaded"
	}
	return e, ""
}

// now is the time by the clock of Prometheus.
func (p *Prometheus) now(ctx context.Context) (time.Time, error) {
	found, _, err := p.query(ctx, "time()", time.Time{})
	if err != nil {
		return time.Time{}, err
	}
	if len(found) != 1 || found[0].Value.At.IsZero() {
		return time.Time{}, errors.New("ask prometheus_url for its time: it gives none")
	}
	return found[0].Value.At, nil
}

// measured are the metrics of an expression, each once.
func measured(e promql.Expression) (metrics []string) {
	for _, s := range e.Selectors() {
		name := s.Metric
		if !promql.IsMetric(name) {
			name = s.Text
		}
		if !slices.Contains(metrics, name) {
			metrics = append(metrics, name)
		}
	}
	return metrics
}

// refused is what Prometheus says against one question, "" when it is no more than
// that: the error is of asking it at all.
func refused(err error) (said string, failed error) {
	var no *refusal
	switch {
	case errors.As(err, &no):
		return cmp.Or(no.said, no.kind, "it does not say why"), nil
	case errors.Is(err, errTooLarge):
		return errTooLarge.Error(), nil
	}
	return "", err
}

// inIncident finds out when the rule would have fired in the incident.
func (p *Prometheus) inIncident(ctx context.Context, b *Backtest, e promql.Expression, expr string, now time.Time) (err error) {
	start, end := b.Incident.Start, b.Incident.End
	if start.IsZero() || start.After(now) {
		b.Future = start.After(now)
		return nil
	}
	if end.After(now) {
		end = now
	}
	defer func() { b.Unable, err = refused(err) }()
	from := start.Add(-lead - b.Rule.For)
	for _, metric := range measured(e) {
		// One that is gone says nothing of the others; one that went away in the
		// incident was there before.
		found, _, err := p.queryRange(ctx, "count("+metric+")", from, end, step(end.Sub(from), sampleSteps))
		if err != nil || len(found) == 0 {
			return err
		}
	}
	each := step(end.Sub(from), incidentSteps)
	found, partial, err := p.over(ctx, expr, from, end, each)
	if err != nil {
		return err
	}
	for _, one := range firings(found, each, b.Rule.For) {
		if !one.until.Before(start) && (b.Fired.IsZero() || one.from.Before(b.Fired)) {
			b.Fired = one.from
		}
	}
	// What is missing in a partial answer may have made it fire.
	b.Samples = !partial || !b.Fired.IsZero()
	return nil
}

// inDays counts how often the rule would have fired lately. What cannot be found
// out, since all of it at once is too much, is told by no days.
func (p *Prometheus) inDays(ctx context.Context, b *Backtest, e promql.Expression, expr string, now time.Time) (err error) {
	defer func() { _, err = refused(err) }()
	from := now.Add(-noiseDays * 24 * time.Hour)
	for _, metric := range measured(e) {
		const quarter = 6 * time.Hour
		found, _, err := p.queryRange(ctx, "count("+metric+")", from, now, quarter)
		if err != nil || len(found) == 0 || len(found[0].Values) == 0 {
			return err
		}
		// Before its first sample, all that is absent would have fired.
		if first := found[0].Values[0].At; first.After(from) {
			from = first
		}
	}
	each := min(max(b.Rule.For/2, time.Minute), 5*time.Minute).Round(time.Second)
	found, _, err := p.over(ctx, expr, from, now, each)
	if err != nil {
		return err
	}
	all, length := firings(found, each, b.Rule.For), now.Sub(from)
	const day = 24 * time.Hour
	b.Firings, b.Days = len(all), int((length+day-time.Second)/day)
	for _, one := range all {
		b.Constant = b.Constant || length >= day && one.until.Sub(one.first).Seconds() >= constantly*length.Seconds()
	}
	b.Noisy = b.Constant || p.config.NoisyAfter > 0 && b.Firings > p.config.NoisyAfter*b.Days
	return nil
}

// over evaluates an expression from one time to another, in as many questions as
// that takes.
func (p *Prometheus) over(ctx context.Context, expr string, from, to time.Time, each time.Duration) (all []series, partial bool, err error) {
	place := map[string]int{} // of a series in all
	for at := from; !at.After(to); at = at.Add(mostSteps * each) {
		until := at.Add((mostSteps - 1) * each)
		if until.After(to) {
			until = to
		}
		found, part, err := p.queryRange(ctx, expr, at, until, each)
		if err != nil {
			return nil, false, err
		}
		partial = partial || part
		for _, one := range found {
			key := fmt.Sprint(one.Metric)
			if before, ok := place[key]; ok {
				all[before].Values = append(all[before].Values, one.Values...)
				continue
			}
			place[key] = len(all)
			all = append(all, one)
		}
	}
	return all, partial, nil
}

// firing is one time that a rule would have fired.
type firing struct{ first, from, until time.Time }

// firings are the times that a rule would have fired: where its expression has a
// result, without a gap, for as long as the rule waits.
func firings(found []series, each, wait time.Duration) (list []firing) {
	for _, one := range found {
		var first, last time.Time
		fires := -1
		for _, s := range one.Values {
			if first.IsZero() || s.At.Sub(last) > each+each/2 {
				first, fires = s.At, -1
			}
			last = s.At
			if fires < 0 && s.At.Sub(first) >= wait {
				list = append(list, firing{first, s.At, s.At})
				fires = len(list) - 1
			}
			if fires >= 0 {
				list[fires].until = s.At
			}
		}
	}
	return list
}

// step parts a time into at most so many steps of whole seconds.
func step(length time.Duration, most int) time.Duration {
	each := (length/time.Duration(most) + time.Second - 1).Truncate(time.Second)
	return max(each, shortestStep)
}
