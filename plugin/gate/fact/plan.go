package fact

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// whyVerb is the fact of a plan that does something else than create or update.
const whyVerb = "the plan does something else than to create or to update the resource"

// Shown is a plan as Terraform's show command writes it.
type Shown struct {
	JSON   []byte         // the plan's JSON alone
	Object map[string]any // what it says, as ReadJSON reads it
}

// Show takes the plan out of what the show command printed: see planJSON. What
// cannot be trusted as JSON or is no object is an error that quotes nothing of it.
func Show(printed []byte) (*Shown, error) {
	line, err := planJSON(printed)
	if err != nil {
		return nil, err
	}
	value, err := ReadJSON(line)
	if err != nil {
		return nil, fmt.Errorf("the plan's JSON cannot be trusted: %w", err)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("the plan's JSON is no object")
	}
	return &Shown{line, object}, nil
}

// Read takes the facts out of a plan, and of the plan of the untouched base, nil
// where there is none. Whether the plan may be trusted at all (its format, its
// fields, its verbs) others judge; what cannot be read is an error that quotes
// nothing of it.
func Read(shown, baseline *Shown) (*Plan, error) {
	plan, err := readPlan(shown.Object)
	if err != nil || baseline == nil {
		return plan, err
	}
	base, err := readPlan(baseline.Object)
	if err != nil {
		return nil, fmt.Errorf("the plan of the base: %w", err)
	}
	plan.markDrift(base)
	return plan, nil
}

// markDrift marks the facts that stand in the plan of the untouched base as well:
// at the same place, above it or below it, so that what drifted and what the
// change does there cannot be told apart.
func (p *Plan) markDrift(base *Plan) {
	drifted, around := map[string]bool{}, map[string]bool{} // places of drift, and all above them
	for _, effect := range base.Effects {
		for _, one := range effect.Facts {
			for i := range len(one.Place) + 1 {
				around[effect.Address+one.Place[:i].key()] = true
			}
			drifted[effect.Address+one.Place.key()] = true
		}
	}
	for _, effect := range p.Effects {
		for i := range effect.Facts {
			one := &effect.Facts[i]
			one.Drift = around[effect.Address+one.Place.key()]
			for n := range one.Place {
				one.Drift = one.Drift || drifted[effect.Address+one.Place[:n].key()]
			}
		}
	}
}

func readPlan(value map[string]any) (*Plan, error) {
	changes, ok := Member(value, "resource_changes").([]any)
	if !ok && Member(value, "resource_changes") != nil {
		return nil, errors.New("the plan's resource_changes is no list")
	}
	r := &planReader{
		documents: &documents{known: map[reading]document{}},
		plan:      &Plan{References: map[string]map[string][]string{}, Modules: map[string]Module{}},
		written:   map[string]any{},
	}
	r.configuration("", Member(Member(value, "configuration"), "root_module"), nil)
	for _, entry := range changes {
		if err := r.change(entry); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(r.plan.Effects, func(a, b *Effect) int { return cmp.Compare(a.Address, b.Address) })
	slices.SortStableFunc(r.plan.Resources, func(a, b *Resource) int { return cmp.Compare(a.Address, b.Address) })
	return r.plan, nil
}

// planReader reads one plan.
type planReader struct {
	*documents
	plan    *Plan
	written map[string]any // expressions by address without instance keys
}

// change reads one entry of resource_changes.
func (r *planReader) change(entry any) error {
	address, _ := Member(entry, "address").(string)
	kind, _ := Member(entry, "type").(string)
	change, ok := Member(entry, "change").(map[string]any)
	if address == "" || kind == "" || !ok {
		return errors.New("an entry of the plan's resource_changes has no address, no type or no change")
	}
	if Member(entry, "mode") != "managed" {
		return nil // reading data has no effect
	}
	effect := &Effect{Address: address, Type: kind, Verb: verbOf(change["actions"])}
	written, known := r.written[WithoutKeys(address)]
	declared := declaration{expressions: written, known: known, top: true}
	after := r.attributes(kind, change["after"], change["after_unknown"], change["after_sensitive"], declared)
	if after.Kind == Map {
		r.plan.Resources = append(r.plan.Resources, &Resource{Address: address, Type: kind, After: after})
	}
	switch effect.Verb {
	case "":
	case Create:
		effect.After = after
		r.writeOnly(effect)
		after.withoutComputed()
		effect.Facts = append([]Fact{{Kind: Added, After: after}}, opaqueIn(nil, after, false)...)
	case Update:
		effect.Before = r.attributes(kind, change["before"], nil, change["before_sensitive"], declared)
		effect.After = after
		effect.Facts = Differences(effect.Before, after)
		r.writeOnly(effect)
		after.withoutComputed()
		effect.Facts = withoutMirrors(kind, effect.Facts)
	default:
		effect.Facts = []Fact{{Kind: Opaque, Why: whyVerb}}
	}
	if effect.Verb != "" {
		r.plan.Effects = append(r.plan.Effects, effect)
	} else {
		after.withoutComputed()
	}
	if r.nodes > maxNodes {
		return errors.New("the plan holds more values than can be judged")
	}
	return nil
}

// verbOf is the verb of a change, "" for one that does nothing.
func verbOf(actions any) Verb {
	list, _ := actions.([]any)
	if len(list) != 1 {
		return Other
	}
	switch list[0] {
	case "no-op":
		return ""
	case "create":
		return Create
	case "update":
		return Update
	}
	return Other
}

// mirrors is the attributes that say what another of the resource says.
var mirrors = map[string]string{"kubernetes_manifest": "object", "terraform_data": "output"}

// attributes is the attributes of a resource as they take effect.
func (r *planReader) attributes(kind string, value, unknown, sensitive any, declared declaration) *Node {
	n := r.attribute(value, unknown, sensitive, declared)
	if n.Kind != Map {
		return n
	}
	mirror, tagged := mirrors[kind], n.Get("tags") != nil
	n.Entries = slices.DeleteFunc(n.Entries, func(e Entry) bool {
		return e.Key == "tags_all" && tagged || mirror != "" && e.Key == mirror
	})
	if kind == "helm_release" {
		r.release(n)
	}
	return n
}

// withoutMirrors takes out what a Helm release computes of its values, where they
// differ. Otherwise a chart does something that its values do not say.
func withoutMirrors(kind string, facts []Fact) []Fact {
	first := func(keys ...string) func(Fact) bool {
		return func(f Fact) bool { return len(f.Place) > 0 && slices.Contains(keys, f.Place[0].Key) }
	}
	if kind != "helm_release" || !slices.ContainsFunc(facts, first("values")) {
		return facts
	}
	return slices.DeleteFunc(facts, first("manifest", "resources"))
}

// writeOnly adds what a resource is given to keep and never shows: arguments that
// end in _wo, which the plan holds as null, when it is created or what says that
// they are another differs, such as password_wo_version.
func (r *planReader) writeOnly(effect *Effect) {
	if effect.After.Kind != Map {
		return
	}
	for argument := range r.plan.References[WithoutKeys(effect.Address)] {
		if !strings.HasSuffix(argument, "_wo") {
			continue
		}
		hidden := &Node{Kind: Unknown, Origin: Attribute, Sensitive: true, Why: whyWriteOnly}
		changes := func(f Fact) bool { return len(f.Place) > 0 && strings.HasPrefix(f.Place[0].Key, argument+"_") }
		if effect.Verb == Create {
			effect.After.Entries = slices.DeleteFunc(effect.After.Entries, func(e Entry) bool { return e.Key == argument })
			effect.After.Entries = append(effect.After.Entries, Entry{Key: argument, Value: hidden})
		} else if slices.ContainsFunc(effect.Facts, changes) {
			effect.Facts = append(effect.Facts, Fact{Kind: Opaque, Place: Place{{Key: argument}}, After: hidden, Why: whyWriteOnly})
		}
	}
	sortFacts(effect.Facts)
}

// configuration notes the expressions of a module and of those that it calls.
func (r *planReader) configuration(address string, module, call any) {
	prefix := address
	if prefix != "" {
		prefix += "."
	}
	for _, entry := range MemberList(module, "resources") {
		name := MemberText(entry, "address")
		r.written[prefix+name] = MemberObject(entry, "expressions")
		arguments := referencesByName(MemberObject(entry, "expressions"), "")
		for _, meta := range []string{"count", "for_each"} {
			if expression := Member(entry, meta+"_expression"); expression != nil {
				arguments[meta] = referencesOf(expression)
			}
		}
		r.plan.References[prefix+name] = arguments
	}
	r.plan.Modules[address] = Module{referencesByName(Member(call, "expressions"), ""), referencesByName(Member(module, "outputs"), "expression")}
	for name, call := range MemberObject(module, "module_calls") {
		r.configuration(prefix+"module."+name, Member(call, "module"), call)
	}
}

// referencesByName is what expressions by name refer to, or what holds one at a
// key.
func referencesByName(value any, key string) map[string][]string {
	object, _ := value.(map[string]any)
	references := make(map[string][]string, len(object))
	for name, expression := range object {
		if key != "" {
			expression = Member(expression, key)
		}
		references[name] = referencesOf(expression)
	}
	return references
}

// referencesOf is what an expression refers to, or those of a block together.
func referencesOf(value any) []string {
	var list []string
	object, _ := value.(map[string]any)
	blocks, isBlocks := value.([]any)
	switch {
	case isBlocks:
		for _, block := range blocks {
			list = append(list, referencesOf(block)...)
		}
	case !isExpression(object):
		for _, inner := range object {
			list = append(list, referencesOf(inner)...)
		}
	default:
		for _, reference := range MemberList(object, "references") {
			if text, ok := reference.(string); ok {
				list = append(list, text)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// ReferencesOf is what an argument of a resource refers to, with the address as
// in [Effect].
func (p *Plan) ReferencesOf(address, argument string) []string {
	return p.References[WithoutKeys(address)][argument]
}
