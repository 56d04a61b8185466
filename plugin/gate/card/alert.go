package card

import (
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// inRules reports whether a place leads to an element of a list of rules.
func inRules(place fact.Place) bool {
	n := len(place)
	return n >= 2 && place[n-1].List && place[n-2].Key == "rules"
}

// isRule reports whether an element of such a list is an alerting or a recording
// rule. Another program's element with a key alert is none.
func isRule(n *fact.Node) bool {
	_, expr := n.Get("expr").Scalar()
	return expr && ruleName(n) != ""
}

// ruleName is the name of a rule, that of a recording rule being its metric.
func ruleName(n *fact.Node) string {
	if name, ok := n.Get("alert").Scalar(); ok {
		return name
	}
	name, _ := n.Get("record").Scalar()
	return name
}

// changedRule is the rule that a place lies in, before and after.
type changedRule struct {
	rest          fact.Place // from the rule on
	before, after *fact.Node
}

// ruleAt is the rule that exists and that a fact changes.
func ruleAt(e *fact.Effect, place fact.Place) (changedRule, bool) {
	for i := len(place); i > 1; i-- {
		if !inRules(place[:i]) {
			continue
		}
		r := changedRule{rest: place[i:], before: e.Before.At(place[:i]), after: e.After.At(place[:i])}
		return r, r.before != nil && r.after != nil && isRule(r.before) && isRule(r.after) && ruleName(r.before) == ruleName(r.after)
	}
	return changedRule{}, false
}

// prose proves what only people read.
func (c *card) prose(e *fact.Effect, f fact.Fact) (bool, string) {
	if f.Kind != fact.Added && f.Kind != fact.Changed || !c.isProse(e, f) {
		return false, ""
	}
	if blank(f.After) {
		return true, "a text is taken away"
	}
	if r, ok := ruleAt(e, f.Place); ok {
		return true, newTexts(r.after.Get("annotations"))
	}
	texts := []*fact.Node{f.After}
	if tree := f.After.Tree(); tree != nil && tree.Kind == fact.Map {
		texts = nil
		for _, entry := range tree.Entries {
			texts = append(texts, entry.Value)
		}
	}
	return !slices.ContainsFunc(texts, func(n *fact.Node) bool { _, ok := n.Scalar(); return !ok }), ""
}

// blank reports whether a value is a text that says nothing.
func blank(n *fact.Node) bool {
	text, ok := n.Scalar()
	return ok && strings.TrimSpace(text) == ""
}

// isProse reports whether a place holds a text, or all of the texts or tags
// where there were none.
func (c *card) isProse(e *fact.Effect, f fact.Fact) bool {
	place := f.Place
	if r, ok := ruleAt(e, place); ok {
		// A text of several lines may be a document, of which a part changes.
		return len(r.rest) > 0 && r.rest[0].Key == "annotations" && (len(r.rest) >= 2 || f.Kind == fact.Added)
	}
	known, ok := types[e.Type]
	if !ok || len(place) == 0 || e.Verb != fact.Update {
		return false
	}
	return slices.Contains(known.prose, place[0].Key) || known.role == alarm && slices.Contains(known.tags, place[0].Key) &&
		(len(place) == 2 || len(place) == 1 && f.Kind == fact.Added)
}

// Keys and labels of a new rule.
var (
	alertKeys    = []string{"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
	recordKeys   = []string{"record", "expr", "labels"}
	groupKeys    = []string{"name", "interval", "rules"}
	commonLabels = []string{"severity", "team", "service", "component", "subsystem"}
	ownLabels    = []string{"alertname", "job", "instance"}
)

// longestWait is how long a new alert may wait before it fires, and the others
// how often a new group is looked at.
const (
	longestWait   = 7 * 24 * time.Hour
	longestPause  = time.Hour
	shortestPause = shortestInterval * time.Second
)

// added proves new rules: one in a list, a group, a file of groups, or an object
// that holds nothing else.
func (c *card) added(e *fact.Effect, f fact.Fact) (bool, string) {
	if f.Kind != fact.Added {
		return false, ""
	}
	if created(e, f) {
		return c.createdRules(e)
	}
	switch {
	case inRules(f.Place) && isRule(f.After):
		return true, c.newRule(e, f.Place, f.After)
	case key(f.Place) == "groups" && f.Place[len(f.Place)-1].List:
		return c.newGroups(e, f.Place, []*fact.Node{f.After})
	}
	if groups := groupsOf(f.After); groups != nil {
		return c.newGroups(e, f.Place, groups)
	}
	return false, ""
}

// groupsOf are the groups of a node that holds nothing else.
func groupsOf(n *fact.Node) []*fact.Node {
	tree := n.Tree()
	if tree == nil || tree.Kind != fact.Map || len(tree.Entries) != 1 || tree.Entries[0].Key != "groups" {
		return nil
	}
	return tree.Entries[0].Value.Elems
}

func (c *card) newGroups(e *fact.Effect, place fact.Place, groups []*fact.Node) (bool, string) {
	if len(groups) == 0 {
		return false, ""
	}
	for _, group := range groups {
		rules := group.Get("rules").Tree()
		if rules == nil || rules.Kind != fact.List || len(rules.Elems) == 0 {
			return false, ""
		}
		name, ok := group.Get("name").Scalar()
		switch {
		case !ok || name == "" || !onlyKeys(group, groupKeys):
			return true, "a new group has no name, or keys that groups need not have"
		case !pauses(group.Get("interval")):
			return true, "a new group is looked at more often than every five seconds or less often than every hour"
		}
		if c.groups(e, name) > 1 {
			return true, "a group of this name exists already"
		}
		for _, r := range rules.Elems {
			if !isRule(r) {
				return true, "a new group holds something that is no rule"
			}
			if why := c.newRule(e, place, r); why != "" {
				return true, why
			}
		}
	}
	return true, ""
}

// pauses reports whether a group may be looked at so often.
func pauses(interval *fact.Node) bool {
	if interval == nil {
		return true
	}
	source, _ := interval.Scalar()
	length, ok := promql.ParseDuration(source)
	return ok && length >= shortestPause && length <= longestPause
}

// groups counts the groups of a name in a resource.
func (c *card) groups(e *fact.Effect, name string) int {
	count := 0
	e.After.Walk(func(place fact.Place, n *fact.Node) bool {
		if len(place) > 1 && place[len(place)-1].List && place[len(place)-2].Key == "groups" {
			if text, ok := n.Get("name").Scalar(); ok && text == name {
				count++
			}
		}
		return true
	})
	return count
}

// createdRules proves a new object that holds only rules.
func (c *card) createdRules(e *fact.Effect) (bool, string) {
	if known, ok := types[e.Type]; ok && known.role == alarm {
		return true, c.newAlarm(e, known)
	}
	object, kind := manifest(e)
	if manifests[kind] != alarm {
		return false, ""
	}
	if why := c.plainObject(e, object); why != "" {
		return true, why
	}
	spec := object.Get("spec")
	groups := spec.Get("groups").Tree()
	if groups == nil || !onlyKeys(spec, []string{"groups"}) {
		return true, "the object holds something beside groups of rules"
	}
	mine, why := c.newGroups(e, nil, groups.Elems)
	if !mine {
		why = "the object holds no rules"
	}
	return true, why
}

// newRule says why a rule is not one that may be added, "" when it may.
func (c *card) newRule(e *fact.Effect, place fact.Place, r *fact.Node) string {
	name := ruleName(r)
	recording := r.Get("record") != nil
	keys := alertKeys
	if recording {
		keys = recordKeys
	}
	switch {
	case !onlyKeys(r, keys):
		return "a new rule has keys beside " + strings.Join(keys, ", ")
	case name == "" || c.names[name] != 1 || c.former[name] != 0:
		return "a rule of this name exists already"
	case c.isRead(name):
		return "something that exists reads, routes or silences what has the name of a new rule"
	}
	for _, wait := range []string{"for", "keep_firing_for"} {
		if why := newWait(r.Get(wait)); why != "" {
			return why
		}
	}
	if why := c.newLabels(e, place, r.Get("labels")); why != "" {
		return why
	}
	if why := newTexts(r.Get("annotations")); why != "" {
		return why
	}
	source, _ := r.Get("expr").Scalar()
	if recording {
		return newRecord(name, source)
	}
	return c.newExpression(source)
}

func newWait(n *fact.Node) string {
	if n == nil {
		return ""
	}
	source, _ := n.Scalar()
	if length, ok := promql.ParseDuration(source); ok && length <= longestWait {
		return ""
	}
	return "a new rule waits for something that is no duration of at most seven days"
}

// newLabels holds the labels of a new rule to those that its document has
// already, and to the common ones.
func (c *card) newLabels(e *fact.Effect, place fact.Place, labels *fact.Node) string {
	used := map[string]map[string]bool{}
	eachRule(e.Before, func(r *fact.Node) {
		for _, entry := range entries(r.Get("labels")) {
			if used[entry.Key] == nil {
				used[entry.Key] = map[string]bool{}
			}
			value, _ := entry.Value.Scalar()
			used[entry.Key][value] = true
		}
	})
	for _, entry := range entries(labels) {
		value, ok := entry.Value.Scalar()
		switch {
		case !ok || !promql.IsLabel(entry.Key) || !promql.IsTemplate(value):
			return "a label of a new rule is none that Prometheus takes"
		case slices.Contains(ownLabels, entry.Key):
			return "a new rule sets a label that says where an alert comes from"
		case used[entry.Key] == nil && !slices.Contains(commonLabels, entry.Key):
			return "a new rule has a label that no other rule of the document has"
		case entry.Key == "severity" && text.SeverityOfLabel(value) <= text.Silent && !used[entry.Key][value]:
			return "a new rule has a severity that is not known"
		}
	}
	return ""
}

func newTexts(annotations *fact.Node) string {
	for _, entry := range entries(annotations) {
		if value, ok := entry.Value.Scalar(); !ok || !promql.IsLabel(entry.Key) || !promql.IsTemplate(value) {
			return "an annotation of a new rule is no text or no template that Prometheus takes"
		}
	}
	return ""
}

func newRecord(name, source string) string {
	if !strings.Contains(name, ":") || !promql.IsMetric(name) {
		return "a new recording rule's name is that of no metric or holds no colon, so that it may hide one"
	}
	return expressionWhy(source, promql.Expression.Constant)
}

func (c *card) newExpression(source string) string {
	if slices.ContainsFunc(c.queries, isLogQL) && isLogQL(source) {
		return ""
	}
	return expressionWhy(source, func(e promql.Expression) bool { return e.Constant() || e.Always() })
}

// expressionWhy says why an expression may not stand in a new rule.
func expressionWhy(source string, always func(promql.Expression) bool) string {
	e, err := promql.Parse(source)
	switch {
	case err != nil:
		return err.Error()
	case always(e):
		return "the expression has a result whatever is measured"
	case e.Never():
		return "the expression never has a result"
	}
	return ""
}

// isLogQL reports whether a query has the shape of one for Loki: a selector in
// braces with an equality, counted over a range, and a comparison.
func isLogQL(source string) bool {
	tokens, ok := promql.Tokenize(source)
	if !ok {
		return false
	}
	var selector, equality, ranged, compared bool
	depth := 0
	for i, t := range tokens {
		switch {
		case t.Text == "{" && (i == 0 || tokens[i-1].Kind != promql.Word):
			selector, depth = true, depth+1
		case t.Text == "{":
			return false // a metric: PromQL
		case t.Text == "}":
			depth--
		case depth > 0 && t.Text == "=" && i+1 < len(tokens) && tokens[i+1].Kind == promql.Text && len(tokens[i+1].Text) > 2:
			equality = true
		case t.Text == "[" && i+1 < len(tokens) && tokens[i+1].Kind == promql.Duration:
			ranged = true
		case depth == 0 && slices.Contains([]string{">", ">=", "<", "<=", "=="}, t.Text) && i+1 < len(tokens) && tokens[i+1].Kind == promql.Number:
			compared = true
		}
	}
	return selector && equality && ranged && compared && depth == 0
}

// onlyKeys reports whether a map has no other keys.
func onlyKeys(n *fact.Node, keys []string) bool {
	tree := n.Tree()
	if tree == nil || tree.Kind != fact.Map {
		return false
	}
	return !slices.ContainsFunc(tree.Entries, func(entry fact.Entry) bool {
		return !slices.Contains(keys, entry.Key) || entry.Value.Why != ""
	})
}
