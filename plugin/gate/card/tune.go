package card

import (
	"math"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/gate/said"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// mostMoved is how many times a number may move at once, and all numbers of one
// alert together in the direction in which it fires less.
const mostMoved = 10.0

// move is one number that takes another value.
type move struct {
	key     string // that says what the number counts, "" in an expression
	at      string // attribute that it stands in
	after   string
	quieter float64 // how many times less easily the alert fires, 1 when it fires more easily
	why     string  // it may not move so
}

// tuned proves numbers of an alert that the item names and whose new values it
// states.
func (c *card) tuned(e *fact.Effect, f fact.Fact) (bool, string) {
	if r, ok := ruleAt(e, f.Place); ok {
		if r.before.Get("record") != nil {
			return true, "an existing recording rule changes; other rules read what it records"
		}
		return true, c.tunedRule(r, f)
	}
	known, ok := types[e.Type]
	if !ok || known.role == dashboard || e.Verb != fact.Update || len(f.Place) == 0 {
		return false, ""
	}
	return true, c.tunedResource(known, e, f)
}

func (c *card) tunedRule(r changedRule, f fact.Fact) string {
	if !c.said.Names(ruleName(r.before)) {
		return "the item does not name the alert that changes"
	}
	was, _ := f.Before.Scalar()
	switch old, _ := r.before.At(r.rest).Scalar(); {
	case was != old:
		return "several alerts have this name, and it is not known which was which"
	case len(r.rest) == 2 && r.rest[0].Key == "labels" && r.rest[1].Key == "severity":
		return louderSeverity(f)
	case len(r.rest) != 1 || f.Kind != fact.Changed:
		return "something else of an existing alert changes than its numbers"
	}
	var moves []move
	for _, key := range []string{"expr", "for", "keep_firing_for"} {
		found, why := movesOf(key, r.before.Get(key), r.after.Get(key))
		if why != "" {
			return why
		}
		moves = append(moves, found...)
	}
	if !slices.Contains([]string{"expr", "for", "keep_firing_for"}, r.rest[0].Key) {
		return "something else of an existing alert changes than its numbers"
	}
	return c.mayMove(moves)
}

// mayMove says why numbers may not move as they do, "" when they may.
func (c *card) mayMove(moves []move) string {
	total := 1.0
	for _, m := range moves {
		switch {
		case m.why != "":
			return m.why
		case !c.said.States(m.key, m.after):
			return "the item does not state the new value"
		}
		total *= m.quieter
	}
	if total > mostMoved*(1+1e-9) {
		return "the changes together make the alert more than ten times less sensitive"
	}
	return ""
}

func louderSeverity(f fact.Fact) string {
	before, _ := f.Before.Scalar()
	after, _ := f.After.Scalar()
	if was := text.SeverityOfLabel(before); f.Kind == fact.Changed && was > 0 && text.SeverityOfLabel(after) > was {
		return ""
	}
	return "the severity of an existing alert becomes milder, or one that is not known"
}

// movesOf are the numbers of one part of a rule that differ.
func movesOf(key string, before, after *fact.Node) ([]move, string) {
	old, okOld := before.Scalar()
	now, okNow := after.Scalar()
	switch {
	case old == now && okOld == okNow:
		return nil, ""
	case !okOld || !okNow:
		return nil, "a part of an existing alert is added or removed"
	case key == "expr":
		return expressionMoves(old, now)
	}
	return []move{moved("", old, now, true)}, ""
}

// moved judges a number that takes another value. more says that the alert fires
// less easily when it grows.
func moved(key, before, after string, more bool) move {
	m := move{key: key, after: after, quieter: 1}
	r, ok := said.Ratio(key, before, after)
	switch {
	case !ok:
		m.why = "a number moves to, from or past zero, or is none"
	case r > mostMoved*(1+1e-9) || r < 1/mostMoved*(1-1e-9):
		m.why = "a number moves by more than ten times"
	case more == (r > 1):
		m.quieter = max(r, 1/r)
	}
	return m
}

const otherExpression = "the expression is another one; only numbers beside comparisons, and ranges, may move"

// expressionMoves are the numbers that differ in two versions of an expression
// whose trees are the same.
func expressionMoves(before, after string) ([]move, string) {
	old, errOld := promql.Parse(before)
	now, errNow := promql.Parse(after)
	if errOld != nil || errNow != nil {
		return queryMoves(before, after)
	}
	differences, ok := promql.Differences(old, now)
	if !ok {
		return nil, otherExpression
	}
	var moves []move
	for _, d := range differences {
		m := moved("", d.Before, d.After, d.Quieter != promql.Lower)
		r, _ := said.Ratio("", d.Before, d.After)
		switch {
		case d.Sign:
			m.why = "a number moves to, from or past zero, or is none"
		case d.Range && r < 1:
			m.why = "a range becomes shorter, so that it may hold too few samples"
		case d.Quieter == promql.EitherWay:
			m.quieter = eitherWay(d.Before, d.After)
		}
		moves = append(moves, m)
	}
	return moves, ""
}

// eitherWay is how far a number moved when nobody knows which way is quieter.
func eitherWay(before, after string) float64 {
	r, ok := said.Ratio("", before, after)
	if !ok {
		return math.Inf(1)
	}
	return max(r, 1/r)
}

// queryMoves are the numbers that differ in two texts of another query language,
// beside comparisons only.
func queryMoves(before, after string) ([]move, string) {
	old, okOld := promql.Tokenize(before)
	now, okNow := promql.Tokenize(after)
	if !okOld || !okNow || len(old) != len(now) {
		return nil, otherExpression
	}
	var moves []move
	for i := range old {
		if old[i] == now[i] {
			continue
		}
		beside := i > 0 && slices.Contains([]string{">", ">=", "<", "<="}, old[i-1].Text)
		if old[i].Kind != promql.Number || now[i].Kind != promql.Number || !beside {
			return nil, otherExpression
		}
		m := moved("", old[i].Text, now[i].Text, strings.HasPrefix(old[i-1].Text, ">"))
		moves = append(moves, m)
	}
	return moves, ""
}
