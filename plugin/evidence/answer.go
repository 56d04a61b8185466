package evidence

import (
	"context"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// Answer is what Prometheus says of one rule to an author, before any run.
type Answer struct {
	Sentences   []string  `json:"sentences"` // all that is said, for people
	Unknown     []string  `json:"unknown_metrics"`
	Refused     string    `json:"refused"`     // what Prometheus has against the expression
	Samples     bool      `json:"has_samples"` // those of the incident's time are there
	Fired       time.Time `json:"fired,omitzero"`
	Firings     int       `json:"firings"` // in so many days of which samples are there
	Days        int       `json:"days"`
	Constant    bool      `json:"constant"`
	Noisy       bool      `json:"noisy"`
	Missed      bool      `json:"missed"`       // it would not have told of the incident
	NeedsPerson bool      `json:"needs_person"` // a run would ask one about such a rule
}

// Answer asks what a run asks before it applies a new rule.
func (p *Prometheus) Answer(ctx context.Context, rule item.Rule, incident item.Incident) (Answer, error) {
	out := Answer{Unknown: []string{}}
	unknown, err := p.Known(ctx, []item.Rule{rule})
	if err != nil {
		return out, err
	}
	for _, u := range unknown {
		out.Unknown = append(out.Unknown, u.Selector.Metric)
		out.Sentences = append(out.Sentences, u.Sentence(func(string) bool { return true }))
	}
	b, err := p.WouldHaveFired(ctx, rule, nil, incident)
	if err != nil {
		return out, err
	}
	out.Refused, out.Samples, out.Fired, out.Firings, out.Days = b.Refused, b.Samples, b.Fired, b.Firings, b.Days
	out.Constant, out.Noisy, out.Missed = b.Constant, b.Noisy, b.Missed()
	out.Sentences = append(out.Sentences, b.Sentence())
	switch {
	case b.Constant:
		out.Sentences = append(out.Sentences, "an alert that fires nearly all the time tells of nothing")
	case b.Noisy:
		out.Sentences = append(out.Sentences, "that is more than noisy_after firings a day")
	}
	out.NeedsPerson = len(unknown) > 0 || b.Refused != "" || b.Missed() || b.Noisy
	return out, nil
}
