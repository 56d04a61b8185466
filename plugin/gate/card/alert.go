package card

import (
	"slices"
	"strings"

	"pm-todos/plugin/gate/fact"
)

// inRules reports whether a place leads to an element of a list of rules.
func inRules(place fact.Place) bool {
	n := len(place)
	return n >= 2 && place[n-1].List && place[n-2].Key == "rules"
}

// isRule reports whether an element of such a list is an alerting or a recording
// rule. Another program's element with a key alert is none.
func isRule(n *fact.Node) bool {
	_, expr := scalarText(n.Get("expr"))
	return expr && ruleName(n) != ""
}

// ruleName is the name of a rule, that of a recording rule being its metric.
func ruleName(n *fact.Node) string {
	if name, ok := scalarText(n.Get("alert")); ok {
		return name
	}
	name, _ := scalarText(n.Get("record"))
	return name
}

// changedRule is the rule that a place lies in, before and after.
type changedRule struct {
	place         fact.Place // of the rule
	rest          fact.Place // from the rule on
	before, after *fact.Node
}

// ruleAt is the rule that exists and that a fact changes.
func ruleAt(e *fact.Effect, place fact.Place) (changedRule, bool) {
	for i := len(place); i > 1; i-- {
		if !inRules(place[:i]) {
			continue
		}
		r := changedRule{place: place[:i], rest: place[i:], before: e.Before.At(place[:i]), after: e.After.At(place[:i])}
		return r, r.before != nil && r.after != nil && isRule(r.before) && isRule(r.after) && ruleName(r.before) == ruleName(r.after)
	}
	return changedRule{}, false
}

// prose proves what only people read.
func (c *card) prose(e *fact.Effect, f fact.Fact) (bool, string) {
	texts := []*fact.Node{f.After}
	if r, ok := ruleAt(e, f.Place); ok && len(r.rest) > 2 {
		texts = []*fact.Node{r.after.At(r.rest[:2])} // the whole of it
	} else if tree := document(f.After); tree != nil && tree.Kind == fact.Map {
		texts = nil
		for _, entry := range tree.Entries {
			texts = append(texts, entry.Value)
		}
	}
	if f.Kind != fact.Added && f.Kind != fact.Changed || !c.isProse(e, f) {
		return false, ""
	}
	for _, one := range texts {
		value, ok := scalarText(one)
		switch {
		case !ok:
			return false, ""
		case !balanced(value):
			return true, "the text has a template that is not closed, or that defines or calls another"
		}
	}
	return true, ""
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

// longestWait is how long a new alert may wait before it fires, in seconds.
const longestWait = 7 * 86400

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
	tree := document(n)
	if tree == nil || tree.Kind != fact.Map || len(tree.Entries) != 1 || tree.Entries[0].Key != "groups" {
		return nil
	}
	return tree.Entries[0].Value.Elems
}

// document is a node, or the document that its text is.
func document(n *fact.Node) *fact.Node {
	for n != nil && n.Document != nil {
		n = n.Document
	}
	return n
}

func (c *card) newGroups(e *fact.Effect, place fact.Place, groups []*fact.Node) (bool, string) {
	if len(groups) == 0 {
		return false, ""
	}
	for _, group := range groups {
		rules := document(group.Get("rules"))
		if rules == nil || rules.Kind != fact.List || len(rules.Elems) == 0 {
			return false, ""
		}
		name, ok := scalarText(group.Get("name"))
		if !ok || !onlyKeys(group, groupKeys) {
			return true, "a new group has keys that groups need not have"
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

// groups counts the groups of a name in a resource.
func (c *card) groups(e *fact.Effect, name string) int {
	count := 0
	e.After.Walk(func(place fact.Place, n *fact.Node) bool {
		if len(place) > 1 && place[len(place)-1].List && place[len(place)-2].Key == "groups" {
			if text, ok := scalarText(n.Get("name")); ok && text == name {
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
	if why := plainObject(object); why != "" {
		return true, why
	}
	spec := object.Get("spec")
	groups := document(spec.Get("groups"))
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
	}
	for _, wait := range []string{"for", "keep_firing_for"} {
		if why := newWait(r.Get(wait)); why != "" {
			return why
		}
	}
	if why := c.newLabels(e, place, document(r.Get("labels"))); why != "" {
		return why
	}
	if why := newTexts(document(r.Get("annotations"))); why != "" {
		return why
	}
	source, _ := scalarText(r.Get("expr"))
	if recording {
		return c.newRecord(name, source)
	}
	return c.newExpression(source)
}

func newWait(n *fact.Node) string {
	if n == nil {
		return ""
	}
	source, _ := scalarText(n)
	if source == "0" {
		return ""
	}
	for _, q := range readings(source) {
		if q.dimension == seconds && q.value <= longestWait && lasting().MatchString(source) {
			return ""
		}
	}
	return "a new rule waits for something that is no duration of at most seven days"
}

// newLabels holds the labels of a new rule to those that its document has
// already, and to the common ones.
func (c *card) newLabels(e *fact.Effect, place fact.Place, labels *fact.Node) string {
	if labels == nil {
		return ""
	}
	used := map[string]map[string]bool{}
	eachRule(e.Before, func(r *fact.Node) {
		tree := document(r.Get("labels"))
		if tree == nil {
			return
		}
		for _, entry := range tree.Entries {
			if used[entry.Key] == nil {
				used[entry.Key] = map[string]bool{}
			}
			value, _ := scalarText(entry.Value)
			used[entry.Key][value] = true
		}
	})
	for _, entry := range labels.Entries {
		value, ok := scalarText(entry.Value)
		switch {
		case !ok || !balanced(value):
			return "a label of a new rule is no plain text"
		case slices.Contains(ownLabels, entry.Key):
			return "a new rule sets a label that says where an alert comes from"
		case used[entry.Key] == nil && !slices.Contains(commonLabels, entry.Key):
			return "a new rule has a label that no other rule of the document has"
		case entry.Key == "severity" && level(value) < 2 && !used[entry.Key][value]:
			return "a new rule has a severity that is not known"
		}
	}
	return ""
}

func newTexts(annotations *fact.Node) string {
	if annotations == nil {
		return ""
	}
	for _, entry := range annotations.Entries {
		if value, ok := scalarText(entry.Value); !ok || !balanced(value) {
			return "an annotation of a new rule is no text, or has a template that is not closed or calls another"
		}
	}
	return ""
}

func (c *card) newRecord(name, source string) string {
	e, err := parse(source)
	switch {
	case !strings.Contains(name, ":"):
		return "a new recording rule's name holds no colon, so that it may hide a metric"
	case err != nil:
		return err.Error()
	case e.constant():
		return "the expression measures nothing"
	case slices.ContainsFunc(c.queries, func(q string) bool { return strings.Contains(q, name) }):
		return "an existing expression reads the metric that a new rule would record"
	}
	return ""
}

func (c *card) newExpression(source string) string {
	e, err := parse(source)
	switch {
	case err == nil && e.constant():
		return "the expression measures nothing, so that it always holds or never"
	case err == nil:
		return ""
	case slices.ContainsFunc(c.queries, isLogQL) && isLogQL(source):
		return ""
	}
	return err.Error()
}

// isLogQL reports whether a query has the shape of one for Loki: a selector in
// braces with an equality, counted over a range, and a comparison.
func isLogQL(source string) bool {
	tokens, ok := tokenize(source)
	if !ok {
		return false
	}
	var selector, equality, ranged, compared bool
	depth := 0
	for i, t := range tokens {
		switch {
		case t.text == "{" && (i == 0 || tokens[i-1].kind != isWord):
			selector, depth = true, depth+1
		case t.text == "{":
			return false // a metric: PromQL
		case t.text == "}":
			depth--
		case depth > 0 && t.text == "=" && i+1 < len(tokens) && tokens[i+1].kind == isText && len(tokens[i+1].text) > 2:
			equality = true
		case t.text == "[" && i+1 < len(tokens) && tokens[i+1].kind == isDuration:
			ranged = true
		case depth == 0 && slices.Contains([]string{">", ">=", "<", "<=", "=="}, t.text) && i+1 < len(tokens) && tokens[i+1].kind == isNumber:
			compared = true
		}
	}
	return selector && equality && ranged && compared && depth == 0
}

// onlyKeys reports whether a map has no other keys.
func onlyKeys(n *fact.Node, keys []string) bool {
	tree := document(n)
	if tree == nil || tree.Kind != fact.Map {
		return false
	}
	return !slices.ContainsFunc(tree.Entries, func(entry fact.Entry) bool {
		return !slices.Contains(keys, entry.Key) || entry.Value.Why != ""
	})
}

// level is how loud a severity is, 0 when it is not known.
func level(severity string) int {
	return slices.IndexFunc(severities, func(words []string) bool { return slices.Contains(words, strings.ToLower(severity)) }) + 1
}
