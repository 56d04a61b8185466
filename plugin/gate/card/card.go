// Package card decides which facts of a plan an item proves: whether the change
// is what the item asks for, and nothing beside it. It is pure.
//
// A card is the list of rules of an item's type. Each rule knows one kind of
// change completely and proves a fact or says why not. What no rule proves is
// left for a person to decide, whatever it is.
package card

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/gate/said"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// The rules, as they stand in reports. The numbers of docs/what-is-automatic.md
// follow their order.
const (
	ruleProse     = "prose"
	ruleAdded     = "alert-added"
	ruleTuned     = "alert-tuned"
	ruleKeep      = "keep-list"
	ruleMonitor   = "monitor-added"
	ruleDashboard = "dashboard"
	ruleStated    = "config-stated"
	ruleListed    = "automatic-creates"
)

// Item is what a card is made from.
type Item struct {
	Type    string // Alert, Config or Monitor; any other type has no card
	Action  string // Markdown
	Details string // Markdown
}

// Policy is what the owner allows beside the tables.
type Policy struct {
	// AutomaticCreates are resource types that may be created automatically for
	// items of this type, beside those that the cards know.
	AutomaticCreates []string
}

// Proof is a fact with the rule that proves it.
type Proof struct {
	Address string // of the resource, "" where the fact is about a file
	Fact    fact.Fact
	Rule    string // that proves it, "" when none does
	Why     string // none does: one sentence without values
}

// Proved reports whether a rule proves the fact.
func (p Proof) Proved() bool { return p.Rule != "" }

// Place is where the fact stands, for people.
func (p Proof) Place() string {
	switch {
	case p.Fact.File != "" && p.Fact.Line > 0:
		return fmt.Sprintf("%s:%d", p.Fact.File, p.Fact.Line)
	case p.Fact.File != "":
		return p.Fact.File
	case len(p.Fact.Place) == 0:
		return p.Address
	}
	return p.Address + ": " + p.Fact.Place.String()
}

// card is one judgement.
type card struct {
	plan    *fact.Plan
	item    Item
	policy  Policy
	said    said.Text
	names   map[string]int // of rules in the whole plan, as it will be
	former  map[string]int // the same as it is
	queries []string       // expressions of the rules in the whole plan, as they are
	readers []string       // these, and texts of what routes and silences alerts
}

// rule proves a fact of an effect. mine is false when the fact is not of its
// kind, why says what hinders it when it is.
type rule struct {
	name string
	ask  func(c *card, e *fact.Effect, f fact.Fact) (mine bool, why string)
}

// rules are those of all cards, in the order in which they are asked.
var rules = []rule{
	{ruleProse, (*card).prose},
	{ruleTuned, (*card).tuned},
	{ruleAdded, (*card).added},
	{ruleKeep, (*card).keepGrows},
	{ruleMonitor, (*card).monitorAdded},
	{ruleDashboard, (*card).dashboard},
	{ruleListed, (*card).listed},
}

// configOnly are the rules that only the card of Config has.
var configOnly = []rule{{ruleStated, (*card).stated}}

// Judge asks the item's card about every fact of a plan, and about those of
// files that nothing in the plan accounts for.
func Judge(plan *fact.Plan, unaccounted []fact.Fact, item Item, policy Policy) []Proof {
	c := &card{plan: plan, item: item, policy: policy, said: said.Read(item.Action + "\n\n" + item.Details)}
	c.collect()
	var list []Proof
	for _, e := range plan.Effects {
		for _, f := range e.Facts {
			p := Proof{Address: e.Address, Fact: f}
			p.Rule, p.Why = c.prove(e, f)
			list = append(list, p)
		}
	}
	for _, f := range unaccounted {
		list = append(list, Proof{Fact: f, Why: f.Why})
	}
	return list
}

// prove is the rule that proves a fact, or why none does.
func (c *card) prove(e *fact.Effect, f fact.Fact) (name, why string) {
	mine, ok := c.rules()
	switch {
	case f.Kind == fact.Opaque:
		return "", f.Why
	case f.Drift:
		return "", "the plan of the unchanged base also has a change here"
	case !ok:
		return "", "items of this type are never automatic"
	}
	why = "no rule of the item's type covers this change"
	for _, r := range mine {
		known, hindrance := r.ask(c, e, f)
		if known && hindrance == "" {
			return r.name, ""
		}
		if known {
			why = hindrance
		}
	}
	return "", why
}

// rules are those of the item's type.
func (c *card) rules() ([]rule, bool) {
	switch c.item.Type {
	case "Alert", "Monitor":
		return rules, true
	case "Config":
		return append(slices.Clip(rules), configOnly...), true
	}
	return nil, false
}

// collect notes the names and expressions of all rules in the plan, and what
// reads names.
func (c *card) collect() {
	c.names, c.former = map[string]int{}, map[string]int{}
	touched := map[string]bool{}
	for _, e := range c.plan.Effects {
		touched[e.Address] = true
		c.note(e.Before)
	}
	for _, resource := range c.plan.Resources {
		eachRule(resource.After, func(r *fact.Node) { c.names[ruleName(r)]++ })
		if !touched[resource.Address] {
			c.note(resource.After)
		}
	}
}

// note notes the rules of a resource as it is, and what reads names in it.
func (c *card) note(tree *fact.Node) {
	eachRule(tree, func(r *fact.Node) {
		c.former[ruleName(r)]++
		expr, _ := r.Get("expr").Scalar()
		c.queries, c.readers = append(c.queries, expr), append(c.readers, expr)
	})
	tree.Walk(func(place fact.Place, n *fact.Node) bool {
		if text, ok := n.Scalar(); ok && n.Document == nil && within(place, notifying...) {
			c.readers = append(c.readers, text)
			if last := place[len(place)-1]; last.Key == "alertname" {
				c.readers = append(c.readers, "alertname=~"+strconv.Quote(text))
			}
		}
		return true
	})
}

// notifying are the keys below which Alertmanager's configuration says what
// becomes of alerts.
var notifying = []string{"route", "routes", "inhibit_rules", "inhibitRules"}

// naming is a matcher of names by a regular expression.
var naming = pattern.Lazy(`(?:alertname|__name__)\s*=~\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^"',}]+)`)

// isRead reports whether an expression, a route or an inhibition that exists
// speaks of a name, or of names like it. One that speaks of every name does not.
func (c *card) isRead(name string) bool {
	return slices.ContainsFunc(c.readers, func(text string) bool {
		if slices.ContainsFunc(strings.FieldsFunc(text, func(r rune) bool { return !promql.IsMetric("a" + string(r)) }), func(word string) bool { return word == name }) {
			return true
		}
		for _, found := range naming().FindAllStringSubmatch(text, -1) {
			source := strings.Trim(found[1], `'"`)
			if unquoted, err := strconv.Unquote(found[1]); err == nil {
				source = unquoted
			}
			expression, err := regexp.Compile("^(?:" + source + ")$")
			if err != nil || expression.MatchString(name) && !expression.MatchString("_:_") {
				return true
			}
		}
		return false
	})
}

// eachRule visits every alerting and recording rule of a tree.
func eachRule(tree *fact.Node, visit func(*fact.Node)) {
	tree.Walk(func(place fact.Place, n *fact.Node) bool {
		if inRules(place) && isRule(n) {
			visit(n)
			return false
		}
		return true
	})
}

// listed proves resources of the types that the owner lists.
func (c *card) listed(e *fact.Effect, f fact.Fact) (bool, string) {
	return created(e, f) && slices.Contains(c.policy.AutomaticCreates, e.Type), ""
}

// created reports whether the fact is that of a new resource.
func created(e *fact.Effect, f fact.Fact) bool {
	return e.Verb == fact.Create && f.Kind == fact.Added && len(f.Place) == 0
}

// key is the last key of a place, of the list when it leads to an element.
func key(place fact.Place) string {
	for _, step := range slices.Backward(place) {
		if !step.List {
			return step.Key
		}
	}
	return ""
}

// Has reports whether items of a type have a card; those of others are never
// automatic.
func Has(kind string) bool {
	_, ok := (&card{item: Item{Type: kind}}).rules()
	return ok
}
