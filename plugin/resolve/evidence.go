package resolve

import (
	"context"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// mostBacktests is how many rules of one change are evaluated over the past.
const mostBacktests = 5

// askPrometheus asks what the change's rules measure and what they would have
// done. The findings are what a person must decide on. What cannot be asked
// hinders nothing: then there is no evidence, and the log says why.
func (a *attempt) askPrometheus(ctx context.Context, rules []item.Rule, c *gate.Changeset) []item.Finding {
	a.out.Observed, a.out.Briefly = "", ""
	if a.opts.Prometheus == nil || a.unanswered || len(rules) == 0 {
		return nil
	}
	a.log.Info().Str("stage", "evidence").Int("rules", len(rules)).Msg("asking Prometheus about the rules of the change")
	show := func(name string) bool { return name != "" && c.Mentions(name) }
	var findings []item.Finding
	unknown, err := a.opts.Prometheus.Known(ctx, rules)
	for _, u := range unknown {
		findings = append(findings, item.Finding{Code: reason.MetricUnknown, Place: placeOf(u.Rule, show), Detail: u.Sentence(show)})
	}
	var said, briefly []string
	for _, r := range rules[:min(len(rules), mostBacktests)] {
		if r.Record || err != nil {
			continue
		}
		var b evidence.Backtest
		if b, err = a.opts.Prometheus.WouldHaveFired(ctx, r, rules, a.item.Incident); err != nil {
			break
		}
		name := ""
		if len(rules) > 1 && show(r.Name) {
			name = r.Name + ": "
		}
		said, briefly = append(said, name+b.Sentence()), append(briefly, name+b.Briefly())
		if code := codeOf(b); code != "" && !unknownIn(unknown, r) {
			findings = append(findings, item.Finding{Code: code, Place: placeOf(r.Name, show), Detail: b.Sentence()})
		}
	}
	if err != nil {
		a.unanswered = ctx.Err() == nil
		a.log.Warn().Str("stage", "evidence").Err(err).Msg("Prometheus could not be asked; the run goes on without its evidence")
		return findings
	}
	a.answered = true
	a.out.Observed, a.out.Briefly = strings.Join(said, ". "), strings.Join(briefly, ". ")
	a.log.Info().Str("stage", "evidence").Int("findings", len(findings)).Msg(a.out.Observed)
	return findings
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
