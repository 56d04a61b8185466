package observe

import (
	"context"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// mostBacktests is how many rules of one change are evaluated over the past.
const mostBacktests = 5

// Said is what Prometheus says of the rules of a change.
type Said struct {
	Observed string         // "" when nothing
	Briefly  string         // the same, for chats
	Findings []item.Finding // what a person must decide on
}

// Ask asks what the rules of a change measure and what they would have done. What
// cannot be asked hinders nothing: then there is no evidence, and the log says why.
// A name is shown where the files of the change mention it.
func (o *Observer) Ask(ctx context.Context, log zerolog.Logger, rules []item.Rule, incident item.Incident, mentions func(string) bool) (said Said) {
	if o.prometheus == nil || o.unanswered || len(rules) == 0 {
		return said
	}
	log.Info().Str("stage", "evidence").Int("rules", len(rules)).Msg("asking Prometheus about the rules of the change")
	show := func(name string) bool { return name != "" && mentions(name) }
	unknown, err := o.prometheus.Known(ctx, rules)
	for _, u := range unknown {
		said.Findings = append(said.Findings, item.Finding{Code: reason.MetricUnknown, Place: placeOf(u.Rule, show), Detail: u.Sentence(show)})
	}
	var whole, briefly []string
	for _, r := range rules[:min(len(rules), mostBacktests)] {
		if r.Record || err != nil {
			continue
		}
		var b evidence.Backtest
		if b, err = o.prometheus.WouldHaveFired(ctx, r, rules, incident); err != nil {
			break
		}
		name := ""
		if len(rules) > 1 && show(r.Name) {
			name = r.Name + ": "
		}
		whole, briefly = append(whole, name+b.Sentence()), append(briefly, name+b.Briefly())
		if code := codeOf(b); code != "" && !unknownIn(unknown, r) {
			said.Findings = append(said.Findings, item.Finding{Code: code, Place: placeOf(r.Name, show), Detail: b.Sentence()})
		}
	}
	if err != nil {
		o.unanswered = ctx.Err() == nil
		log.Warn().Str("stage", "evidence").Err(err).Msg("Prometheus could not be asked; the run goes on without its evidence")
		return said
	}
	o.answered = true
	said.Observed, said.Briefly = strings.Join(whole, ". "), strings.Join(briefly, ". ")
	log.Info().Str("stage", "evidence").Int("findings", len(said.Findings)).Msg(said.Observed)
	return said
}

// codeOf is what a person must decide on for a rule, "" when there is nothing.
func codeOf(b evidence.Backtest) reason.Code {
	switch {
	case b.Refused != "":
		return reason.ExpressionRefused
	case b.Missed():
		return reason.WouldNotHaveFired
	case b.Noisy:
		return reason.Noisy
	}
	return ""
}

// unknownIn reports whether a rule measures what is unknown: that it would not have
// fired goes without saying.
func unknownIn(unknown []evidence.Unknown, r item.Rule) bool {
	for _, u := range unknown {
		if u.Rule == r.Name {
			return true
		}
	}
	return false
}

// placeOf is a rule's name where the files of the change hold it. A plan knows
// names that no file has.
func placeOf(name string, show func(string) bool) string {
	if show(name) {
		return name
	}
	return "a rule"
}
