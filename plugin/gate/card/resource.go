package card

import (
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/said"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// tunedResource judges a changed attribute of an alarm or a monitor of its own.
func (c *card) tunedResource(known resourceType, e *fact.Effect, f fact.Fact) string {
	name := resourceName(known, e.Before)
	last := key(f.Place)
	switch {
	case name == "" || !c.said.Names(name):
		return "the item does not name what changes"
	case slices.Contains(known.targets, f.Place[0].Key):
		return c.newTarget(known, e, f)
	case known.louder[last] != nil && !f.Place[len(f.Place)-1].List:
		return louder(known.louder[last], f)
	case f.Kind != fact.Changed:
		return "something is added to an existing alert or monitor, or taken away"
	}
	moves, why := resourceMoves(known, e)
	if why != "" {
		return why
	}
	if !slices.ContainsFunc(moves, func(m move) bool { return m.at == last }) {
		return "something else of an existing alert or monitor changes than its numbers"
	}
	if why := c.mayMove(moves); why != "" {
		return why
	}
	return enoughSamples(known, e.After)
}

func resourceName(known resourceType, n *fact.Node) string {
	for _, key := range known.name {
		if name, ok := n.Get(key).Scalar(); ok && name != "" {
			return name
		}
	}
	return ""
}

// resourceMoves are the numbers of an alarm that differ, all of them, since they
// are judged together.
func resourceMoves(known resourceType, e *fact.Effect) ([]move, string) {
	var moves []move
	for _, f := range e.Facts {
		last := key(f.Place)
		before, okOld := f.Before.Scalar()
		after, okNow := f.After.Scalar()
		if f.Kind != fact.Changed || !okOld || !okNow || f.Place[len(f.Place)-1].List {
			continue
		}
		unit := last
		if slices.Contains(known.seconds, last) {
			unit = said.InSeconds
		}
		from := len(moves)
		switch {
		case within(f.Place, known.threshold...):
			moves = append(moves, thresholdMove(known, e, f, before, after))
		case slices.Contains(known.wait, last), slices.Contains(known.samples, last):
			moves = append(moves, moved(unit, before, after, true))
		case slices.Contains(known.window, last):
			m := moved(unit, before, after, true)
			if r, ok := said.Ratio(last, before, after); ok && r < 1 {
				m.why = "what is looked back on becomes shorter"
			}
			moves = append(moves, m)
		case slices.Contains(known.query, last):
			found, why := queryMoves(before, after)
			if why != "" {
				return nil, why
			}
			moves = append(moves, found...)
		}
		for i := range moves[from:] {
			moves[from+i].at = last
		}
	}
	return moves, ""
}

// Comparisons as the types of the table name them, by whether an alarm fires when
// the value is above its threshold.
var comparisons = map[string]bool{
	"GreaterThanThreshold": true, "GreaterThanOrEqualToThreshold": true, "LessThanThreshold": false, "LessThanOrEqualToThreshold": false,
	"GreaterThan": true, "GreaterThanOrEqual": true, "LessThan": false, "LessThanOrEqual": false,
	"COMPARISON_GT": true, "COMPARISON_GE": true, "COMPARISON_LT": false, "COMPARISON_LE": false,
	"above": true, "above_or_equals": true, "below": false, "below_or_equals": false,
	">": true, ">=": true, "<": false, "<=": false,
}

// thresholdMove judges a threshold by the comparison that stands beside it or
// above it; where its type has none, either way may be the quieter one.
func thresholdMove(known resourceType, e *fact.Effect, f fact.Fact, before, after string) move {
	size, sizeNow := strings.TrimPrefix(before, "-"), strings.TrimPrefix(after, "-")
	operator, has := "", known.direction != ""
	for i := len(f.Place) - 1; i >= 0 && operator == "" && has; i-- {
		operator, _ = e.After.At(f.Place[:i]).Get(known.direction).Scalar()
	}
	above, ordered := comparisons[operator]
	m := moved("", size, sizeNow, above == (size == before))
	switch {
	case (size == before) != (sizeNow == after):
		m.why = "a number moves to, from or past zero, or is none"
	case operator != "" && !ordered:
		m.why = "a number beside an equality is no threshold"
	case operator == "":
		m.quieter = eitherWay(size, sizeNow)
	}
	return m
}

// enoughSamples refuses an alarm that asks for more bad samples than it looks at.
func enoughSamples(known resourceType, after *fact.Node) string {
	for _, samples := range known.samples {
		need, ok := after.Get(samples).Scalar()
		if !ok || need == "0" {
			continue
		}
		have, _ := after.Get(known.wait[0]).Scalar()
		if r, ok := said.Ratio("", have, need); !ok || r > 1 {
			return "the alarm asks for more bad samples than it looks at, so that it never fires"
		}
	}
	return ""
}

// louder reports whether a value moves from quiet to loud by a table.
func louder(order []string, f fact.Fact) string {
	before, _ := f.Before.Scalar()
	after, _ := f.After.Scalar()
	from, to := slices.Index(order, before), slices.Index(order, after)
	if before == "" && f.Before == nil {
		from = -1
	}
	if to > from && to == len(order)-1 || from >= 0 && to > from {
		return ""
	}
	return "an existing alert or monitor becomes quieter, or something that is not known"
}

const whyTarget = "the alarm would tell, or do, something that no other alarm of the stack does"

// newTarget proves one more destination that another alarm of the stack has.
func (c *card) newTarget(known resourceType, e *fact.Effect, f fact.Fact) string {
	if f.Kind != fact.Added || !c.targetsInUse(known, e, f.Place[0].Key, f.After) {
		return "an existing alarm would notify a target that no other alarm of the stack notifies"
	}
	return ""
}

// topic is a topic of SNS, which only tells.
var topic = pattern.Lazy(`^arn:aws[a-z-]*:sns:`)

// targetsInUse reports whether other alarms tell all that stand in a value. What
// is no text, as a number or an answer, must be the same under the same key.
func (c *card) targetsInUse(known resourceType, self *fact.Effect, name string, value *fact.Node) bool {
	return !value.Any(func(_ fact.Place, n *fact.Node) bool {
		target, ok := n.Scalar()
		switch {
		case n.Kind == fact.Unknown || n.Why != "":
			return true
		case !ok || empty(n):
			return false
		case known.topics && !topic().MatchString(target):
			return true
		}
		return !c.others(self, func(kind string, other *fact.Node) bool {
			return slices.ContainsFunc(types[kind].targets, func(key string) bool {
				return (n.Kind == fact.String || key == name) && holdsScalar(other.Get(key), n)
			})
		})
	})
}

// holdsScalar reports whether a value stands in a tree.
func holdsScalar(tree, value *fact.Node) bool {
	return tree.Any(func(_ fact.Place, n *fact.Node) bool { return n.Kind == value.Kind && n.Text == value.Text })
}

// others reports whether something holds for a resource as it is, another than
// one that is made.
func (c *card) others(self *fact.Effect, holds func(kind string, n *fact.Node) bool) bool {
	touched := map[string]bool{self.Address: self.Before == nil}
	for _, e := range c.plan.Effects {
		touched[e.Address] = true
		if e.Before != nil && holds(e.Type, e.Before) {
			return true
		}
	}
	return slices.ContainsFunc(c.plan.Resources, func(r *fact.Resource) bool { return !touched[r.Address] && holds(r.Type, r.After) })
}

// newAlarm says why an alarm of its own may not be made, "" when it may.
func (c *card) newAlarm(e *fact.Effect, known resourceType) string {
	if why := c.newResource(e, known); why != "" {
		return why
	}
	return enoughSamples(known, e.After)
}

// tells says why a new alarm or check may not tell whom it tells, "" when it may.
func (c *card) tells(e *fact.Effect, known resourceType) string {
	for _, name := range known.targets {
		values := e.After.Get(name)
		references := c.plan.ReferencesOf(e.Address, name)
		switch {
		case len(references) > 0 && (values == nil || unknownOnly(values)): // it is known when it is applied
			if !c.referencesInUse(e, known, references) {
				return whyTarget
			}
		case values != nil && !c.targetsInUse(known, e, name, values):
			return whyTarget
		}
	}
	for _, name := range known.handles {
		if text, _ := e.After.Get(name).Scalar(); !c.handlesInUse(text) {
			return "the monitor would notify a target that no other monitor of the stack notifies"
		}
	}
	return ""
}

// unknownOnly reports whether all of a value is known only when it is applied.
func unknownOnly(value *fact.Node) bool {
	return !value.Any(func(_ fact.Place, n *fact.Node) bool { _, scalar := n.Scalar(); return scalar })
}

// handle is somebody who is told, in the text of a monitor.
var handle = pattern.Lazy(`@[A-Za-z0-9_.@-]+`)

// handlesInUse reports whether the monitors that exist tell all whom a text
// names.
func (c *card) handlesInUse(text string) bool {
	return !slices.ContainsFunc(handle().FindAllString(text, -1), func(one string) bool {
		return !c.others(&fact.Effect{}, func(kind string, other *fact.Node) bool {
			return slices.ContainsFunc(types[kind].handles, func(name string) bool {
				told, _ := other.Get(name).Scalar()
				return slices.Contains(handle().FindAllString(told, -1), one)
			})
		})
	})
}

// referencesInUse reports whether an alarm that exists refers to the same
// destinations, and each that is a resource is a topic where only those tell.
func (c *card) referencesInUse(self *fact.Effect, known resourceType, mine []string) bool {
	var used []string
	for _, r := range c.plan.Resources {
		if created := slices.ContainsFunc(c.plan.Effects, func(e *fact.Effect) bool { return e.Address == r.Address && e.Verb == fact.Create }); created || r.Address == self.Address {
			continue
		}
		for _, other := range types[r.Type].targets {
			used = append(used, c.plan.ReferencesOf(r.Address, other)...)
		}
	}
	return !slices.ContainsFunc(mine, func(ref string) bool {
		return !slices.Contains(used, ref) || known.topics && !strings.HasPrefix(strings.TrimPrefix(ref, "data."), "aws_sns_topic.")
	})
}

// newResource holds a new resource to the keys that the table knows, to a name of
// its own, and to telling whom others tell.
func (c *card) newResource(e *fact.Effect, known resourceType) string {
	keys := slices.Concat(known.name, known.prose, known.threshold, known.wait, known.window, known.samples, known.targets, known.handles, known.query,
		known.document, known.tags, known.create, slices.Collect(maps.Keys(known.inside)))
	if known.direction != "" {
		keys = append(keys, known.direction)
	}
	for _, entry := range e.After.Entries {
		switch {
		case entry.Value.Kind == fact.Null:
			continue
		case !empty(entry.Value) && !slices.Contains(keys, entry.Key):
			return "a new resource has an argument that is not on its list"
		case entry.Value.Why != "":
			return entry.Value.Why
		}
		if allowed := known.demand[entry.Key]; allowed != nil {
			if text, ok := entry.Value.Scalar(); !ok || !slices.Contains(allowed, text) {
				return "a new resource has an argument whose value is not one of those on its list"
			}
		}
		if !onlyInside(entry.Value, known.inside[entry.Key]) {
			return "a block of a new resource has an argument that is not on its list"
		}
	}
	if c.others(e, func(kind string, other *fact.Node) bool { return kind == e.Type && sameName(known, other, e.After) }) {
		return "a resource of this name exists already, and the new one may overwrite it"
	}
	if why := c.tells(e, known); why != "" {
		return why
	}
	return carriesSecret(e.After)
}

// onlyInside reports whether blocks have no other keys than those, if any are
// given, that say something.
func onlyInside(blocks *fact.Node, keys []string) bool {
	return keys == nil || !slices.ContainsFunc(blocks.Elems, func(block *fact.Node) bool {
		return slices.ContainsFunc(block.Entries, func(entry fact.Entry) bool { return !empty(entry.Value) && !slices.Contains(keys, entry.Key) })
	})
}

// sameName reports whether two resources of a type are named alike.
func sameName(known resourceType, a, b *fact.Node) bool {
	name := resourceName(known, a)
	return name != "" && name == resourceName(known, b)
}

// credentials matches keys of what a check sends beside its question.
var credentials = pattern.Lazy(`(?i)` + secretWords + `|headers?$|^body$`)

// carriesSecret refuses a new check that sends credentials, headers or a body.
func carriesSecret(tree *fact.Node) string {
	if tree.Any(func(place fact.Place, n *fact.Node) bool {
		return len(place) > 0 && !place[len(place)-1].List && credentials().MatchString(place[len(place)-1].Key) && !empty(n)
	}) {
		return "a new resource carries credentials, headers or a body"
	}
	return ""
}

// empty reports whether a value says nothing.
func empty(n *fact.Node) bool {
	if n == nil || n.Why != "" {
		return n == nil
	}
	switch n.Kind {
	case fact.Null:
		return true
	case fact.String:
		return n.Text == ""
	case fact.Bool:
		return n.Text == "false"
	case fact.List, fact.Map:
		return len(n.Elems) == 0 && len(n.Entries) == 0
	}
	return false
}

// manifest is the Kubernetes object that a resource holds, and its kind.
func manifest(e *fact.Effect) (*fact.Node, string) {
	attribute, ok := manifestAttributes[e.Type]
	if !ok {
		return nil, ""
	}
	object := e.After.Get(attribute).Tree()
	kind, _ := object.Get("kind").Scalar()
	return object, kind
}

// plainObject says why a Kubernetes object is more than its spec, or not a new
// one, "" when it is neither.
func (c *card) plainObject(e *fact.Effect, object *fact.Node) string {
	for _, entry := range e.After.Entries {
		if entry.Key != manifestAttributes[e.Type] && !empty(entry.Value) && !slices.Contains(manifestMirrors, entry.Key) {
			return "a new object has an argument beside what it is"
		}
	}
	if !onlyKeys(object, []string{"apiVersion", "kind", "metadata", "spec"}) || !onlyKeys(object.Get("metadata"), []string{"name", "namespace", "labels"}) {
		return "the object has more than a name, a namespace, labels and its spec"
	}
	if c.others(e, func(kind string, other *fact.Node) bool {
		return sameObject(object, other.Get(manifestAttributes[kind]))
	}) {
		return "an object of this name exists already, and the new one may overwrite it"
	}
	return ""
}

// sameObject reports whether two Kubernetes objects have one name.
func sameObject(a, b *fact.Node) bool {
	for _, place := range []fact.Place{{{Key: "kind"}}, {{Key: "metadata"}, {Key: "name"}}, {{Key: "metadata"}, {Key: "namespace"}}} {
		one, _ := a.At(place).Scalar()
		other, _ := b.At(place).Scalar()
		if one != other {
			return false
		}
	}
	return true
}
