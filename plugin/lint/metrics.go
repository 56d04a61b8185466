package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Measured is what an open alert of a document names, as a rule that Prometheus
// can be asked about.
type Measured struct {
	Rule item.Rule // its name stands for the place, and is no alert's
	// Name tells that it is a name alone. Whether it is one of a metric shows when
	// Prometheus has it, or one much like it.
	Name bool

	about postmortem.Item
}

var (
	codeSpan = pattern.Lazy("`+([^`]+)`+")
	// metricWord is a word of the form that exporters name metrics by.
	metricWord = pattern.Lazy(`[A-Za-z][A-Za-z0-9:]*_[A-Za-z0-9_:]*[A-Za-z0-9]`)
)

// mostMeasured is how many expressions and names of one document are asked about.
const mostMeasured = 40

// MeasuredIn is what the open alerts of a document name, in their action or their
// details: expressions in code spans, and names of metrics wherever they stand.
func MeasuredIn(in *postmortem.Inspection) (all []Measured) {
	for _, one := range in.Items {
		if one.Lane == "" || one.Type != string(term.Alert) {
			continue
		}
		said := one.Action + "\n" + one.Details
		for _, span := range codeSpan().FindAllStringSubmatch(said, -1) {
			// A name alone, or a word with a dash in it, may be anything's.
			e, err := promql.Parse(span[1])
			if err != nil || !strings.ContainsAny(span[1], "<>=[({") || len(e.Selectors()) == 0 {
				continue
			}
			all = append(all, Measured{Rule: item.Rule{Expr: span[1]}, about: one})
			said = strings.ReplaceAll(said, span[0], " ")
		}
		for _, at := range metricWord().FindAllStringIndex(said, -1) {
			word := said[at[0]:at[1]]
			if alone(said, at[0], at[1]) && !slices.ContainsFunc(all, func(m Measured) bool { return m.Rule.Expr == word && m.about.ID == one.ID }) {
				all = append(all, Measured{Rule: item.Rule{Expr: word}, Name: true, about: one})
			}
		}
	}
	all = all[:min(len(all), mostMeasured)]
	for i := range all {
		all[i].Rule.Name = fmt.Sprint(i)
	}
	return all
}

// alone reports whether a word of a text is no part of a path, a pattern, a
// variable or a label.
func alone(said string, from, to int) bool {
	if from > 0 && strings.ContainsRune(`/\.$-@*%`, rune(said[from-1])) {
		return false
	}
	rest := said[to:]
	return !strings.HasPrefix(rest, "_") && !strings.HasPrefix(rest, "…") && (rest == "" || !strings.ContainsRune(`/\*-@=~(!`, rune(rest[0]))) &&
		(len(rest) < 2 || rest[0] != '.' || strings.ContainsRune(" \n,;)`", rune(rest[1])))
}

// AddUnknown adds what Prometheus does not know of what an alert names.
func (r *Report) AddUnknown(m Measured, sentence string) {
	at, _ := slices.BinarySearchFunc(r.Findings, m.about, func(f Finding, about postmortem.Item) int {
		if f.File != about.File || f.Line <= about.Line {
			return -1 // documents are added one after another
		}
		return 1
	})
	r.Findings = slices.Insert(r.Findings, at, Finding{
		File: m.about.File, Line: m.about.Line, Column: m.about.Column, Level: LevelWarning, Reason: reason.MetricUnknown, Lane: m.about.Lane,
		Detail: text.Line(sentence, 0) + ".", Fix: reason.MetricUnknown.Fix(), Text: text.Marked(m.about.Action, 80),
	})
}
