package card

import (
	"slices"
	"strings"

	"pm-todos/plugin/gate/fact"
	"pm-todos/plugin/pattern"
)

// tunedResource judges a changed attribute of an alarm or a monitor of its own.
func (c *card) tunedResource(known resourceType, e *fact.Effect, f fact.Fact) string {
	name := resourceName(known, e.Before)
	last := key(f.Place)
	switch {
	case name == "" || !c.said.names(name):
		return "the item does not name what changes"
	case slices.Contains(known.targets, f.Place[0].Key):
		return c.newTarget(e, f)
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
		if name, ok := scalarText(n.Get(key)); ok && name != "" {
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
		before, okOld := scalarText(f.Before)
		after, okNow := scalarText(f.After)
		if f.Kind != fact.Changed || !okOld || !okNow || f.Place[len(f.Place)-1].List {
			continue
		}
		unit := last
		if slices.Contains(known.seconds, last) {
			unit = inSeconds
		}
		from := len(moves)
		switch {
		case within(f.Place, known.threshold...):
			moves = append(moves, thresholdMove(known, e, f, before, after))
		case slices.Contains(known.wait, last), slices.Contains(known.samples, last):
			moves = append(moves, moved(unit, before, after, true))
		case slices.Contains(known.window, last):
			m := moved(unit, before, after, true)
			if r, ok := ratio(last, before, after); ok && r < 1 {
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

// thresholdMove judges a threshold by the comparison that stands beside it or
// above it; where there is none, either way may be the quieter one.
func thresholdMove(known resourceType, e *fact.Effect, f fact.Fact, before, after string) move {
	last := key(f.Place)
	m := moved(last, strings.TrimPrefix(before, "-"), strings.TrimPrefix(after, "-"), true)
	if strings.HasPrefix(before, "-") != strings.HasPrefix(after, "-") {
		m.why = "a number moves to, from or past zero, or is none"
	}
	operator := ""
	for i := len(f.Place) - 1; i >= 0 && operator == ""; i-- {
		operator, _ = scalarText(e.After.At(f.Place[:i]).Get(known.direction))
	}
	operator = strings.ToLower(operator)
	switch {
	case strings.HasPrefix(before, "-") || !strings.Contains(operator, "greater") && !strings.Contains(operator, "above") && !strings.Contains(operator, "_gt") &&
		!strings.Contains(operator, "less") && !strings.Contains(operator, "below") && !strings.Contains(operator, "_lt"):
		m.quieter = eitherWay(strings.TrimPrefix(before, "-"), strings.TrimPrefix(after, "-"))
	case strings.Contains(operator, "less") || strings.Contains(operator, "below") || strings.Contains(operator, "_lt"):
		m.quieter = moved(last, before, after, false).quieter
	}
	return m
}

// enoughSamples refuses an alarm that asks for more bad samples than it looks at.
func enoughSamples(known resourceType, after *fact.Node) string {
	for _, samples := range known.samples {
		need, ok := scalarText(after.Get(samples))
		if !ok || need == "0" {
			continue
		}
		have, _ := scalarText(after.Get(known.wait[0]))
		if r, ok := ratio("", have, need); !ok || r > 1 {
			return "the alarm asks for more bad samples than it looks at, so that it never fires"
		}
	}
	return ""
}

// louder reports whether a value moves from quiet to loud by a table.
func louder(order []string, f fact.Fact) string {
	before, _ := scalarText(f.Before)
	after, _ := scalarText(f.After)
	from, to := slices.Index(order, before), slices.Index(order, after)
	if before == "" && f.Before == nil {
		from = -1
	}
	if to > from && to == len(order)-1 || from >= 0 && to > from {
		return ""
	}
	return "an existing alert or monitor becomes quieter, or something that is not known"
}

// newTarget proves one more destination that another alarm of the stack has.
func (c *card) newTarget(e *fact.Effect, f fact.Fact) string {
	if f.Kind != fact.Added {
		return "who is told of an existing alarm changes"
	}
	for _, value := range append([]*fact.Node{f.After}, f.After.Elems...) {
		text, ok := scalarText(value)
		if ok && !c.targetInUse(e, text) || !ok && value.Kind != fact.List {
			return "the alarm gets a destination that no other alarm of the stack has"
		}
	}
	return ""
}

// targetInUse reports whether an alarm that exists tells this destination.
func (c *card) targetInUse(self *fact.Effect, target string) bool {
	in := func(kind string, n *fact.Node) bool {
		for _, list := range types[kind].targets {
			if values := document(n.Get(list)); values != nil && slices.ContainsFunc(values.Elems, func(v *fact.Node) bool { return v.Text == target && v.Kind == fact.String }) {
				return true
			}
		}
		return false
	}
	touched := map[string]bool{}
	for _, e := range c.plan.Effects {
		touched[e.Address] = true
		if in(e.Type, e.Before) {
			return true
		}
	}
	return slices.ContainsFunc(c.plan.Resources, func(r *fact.Resource) bool {
		return !touched[r.Address] && r.Address != self.Address && in(r.Type, r.After)
	})
}

// newAlarm says why an alarm of its own may not be made, "" when it may.
func (c *card) newAlarm(e *fact.Effect, known resourceType) string {
	if why := newResource(e, known); why != "" {
		return why
	}
	for _, list := range known.targets {
		values := document(e.After.Get(list))
		if values == nil {
			continue
		}
		for _, v := range values.Elems {
			if text, ok := scalarText(v); !ok || !c.targetInUse(e, text) {
				return "the alarm would tell, or do, something that no other alarm of the stack does"
			}
		}
		if expression, ok := c.plan.Expression(e.Address, list); ok && len(values.Elems) == 0 && len(expression.References) > 0 && !c.referenceInUse(e, list, expression) {
			return "the alarm would tell, or do, something that no other alarm of the stack does"
		}
	}
	for _, name := range known.handles {
		if text, _ := scalarText(e.After.Get(name)); !c.handlesInUse(e.Type, text) {
			return "the monitor would tell somebody whom no other monitor of the stack tells"
		}
	}
	return enoughSamples(known, e.After)
}

// handle is somebody who is told, in the text of a monitor.
var handle = pattern.Lazy(`@[A-Za-z0-9_.@-]+`)

// handlesInUse reports whether the monitors that exist tell all whom a text
// names.
func (c *card) handlesInUse(kind, text string) bool {
	var known []string
	note := func(n *fact.Node) {
		for _, name := range types[kind].handles {
			told, _ := scalarText(n.Get(name))
			known = append(known, handle().FindAllString(told, -1)...)
		}
	}
	touched := map[string]bool{}
	for _, e := range c.plan.Effects {
		touched[e.Address] = true
		if e.Type == kind && e.Before != nil {
			note(e.Before)
		}
	}
	for _, r := range c.plan.Resources {
		if r.Type == kind && !touched[r.Address] {
			note(r.After)
		}
	}
	return !slices.ContainsFunc(handle().FindAllString(text, -1), func(one string) bool { return !slices.Contains(known, one) })
}

// referenceInUse reports whether an alarm that exists refers to the same
// destinations.
func (c *card) referenceInUse(self *fact.Effect, list string, mine fact.Expression) bool {
	var known []string
	for _, r := range c.plan.Resources {
		if created := slices.ContainsFunc(c.plan.Effects, func(e *fact.Effect) bool { return e.Address == r.Address && e.Verb == fact.Create }); created || r.Address == self.Address {
			continue
		}
		for _, other := range types[r.Type].targets {
			if expression, ok := c.plan.Expression(r.Address, other); ok {
				known = append(known, expression.References...)
			}
		}
	}
	return !slices.ContainsFunc(mine.References, func(ref string) bool { return !slices.Contains(known, ref) })
}

// newResource holds a new resource to the keys that the table knows.
func newResource(e *fact.Effect, known resourceType) string {
	keys := slices.Concat(known.name, known.prose, known.threshold, known.wait, known.window, known.samples, known.targets, known.handles, known.query,
		known.document, known.tags, known.create)
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
			if text, ok := scalarText(entry.Value); !ok || !slices.Contains(allowed, text) {
				return "a new resource has an argument whose value is not one of those on its list"
			}
		}
	}
	return carriesSecret(e.After)
}

// credentials are words of keys whose values let somebody in.
var credentials = pattern.Lazy(`(?i)password|passwd|secret|token|credential|api_?key|authorization|bearer|basic_?auth|private_?key|headers?$|cookie|^body$|^auth`)

// carriesSecret refuses a new check that sends credentials, headers or a body.
func carriesSecret(tree *fact.Node) string {
	why := ""
	tree.Walk(func(place fact.Place, n *fact.Node) bool {
		if len(place) > 0 && !place[len(place)-1].List && credentials().MatchString(place[len(place)-1].Key) && !empty(n) {
			why = "a new resource carries credentials, headers or a body"
		}
		return why == ""
	})
	return why
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
	object := document(e.After.Get(attribute))
	kind, _ := scalarText(object.Get("kind"))
	return object, kind
}

// plainObject says why a Kubernetes object is more than its spec, "" when it is
// not.
func plainObject(object *fact.Node) string {
	if !onlyKeys(object, []string{"apiVersion", "kind", "metadata", "spec"}) || !onlyKeys(object.Get("metadata"), []string{"name", "namespace", "labels"}) {
		return "the object has more than a name, a namespace, labels and its spec"
	}
	return ""
}
