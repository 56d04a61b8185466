// Package fact reads what a plan would do as facts: the smallest differences
// between before and after of each planned resource, where values are concrete
// and with real parsers. It is pure: bytes in, facts out.
//
// A fact that this package cannot state exactly is opaque. It never guesses: two
// values are equal when every reader of them sees the same, and an attribute
// that hides what another would do is read together with it.
package fact

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Kind says how a place differs.
type Kind string

// The kinds of difference. An opaque one is a difference that cannot be stated
// exactly; nothing can prove it.
const (
	Added   Kind = "added"
	Changed Kind = "changed"
	Removed Kind = "removed"
	Order   Kind = "order"
	Opaque  Kind = "opaque"
)

// Step is one step into a tree: by the key of a map or to an element of a list.
type Step struct {
	Key    string // of a map
	List   bool   // the step goes to an element of a list; Key is empty
	Index  int    // of the element, in the list after, or before when it was removed
	IDKey  string // key that names the element among its siblings, "" when none does
	ID     string // value of that key
	Hidden bool   // ID stands in a sensitive value and is not printed
}

// Place is the way from a resource's attributes to a value. The step into a
// text that is a document is not counted: its keys follow the attribute's.
type Place []Step

// plainKey is a key that needs no quotes in a printed place.
var plainKey = pattern.Lazy(`^[A-Za-z0-9_/@$-]+$`)

// String is the place for people, in the form
// values.serverFiles."alerting_rules.yml".groups[name=nfs].rules[alert=NodeDown].expr.
// Identity values of sensitive texts are left out.
func (p Place) String() string {
	var b strings.Builder
	for _, step := range p {
		switch {
		case step.List && step.IDKey != "" && !step.Hidden:
			b.WriteString("[" + step.IDKey + "=" + quotedUnlessPlain(step.ID) + "]")
		case step.List:
			b.WriteString("[" + strconv.Itoa(step.Index) + "]")
		default:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(quotedUnlessPlain(step.Key))
		}
	}
	return b.String()
}

func quotedUnlessPlain(text string) string {
	if plainKey().MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}

// key is the same for places that lead to the same: an element that has an
// identity is the same wherever it stands.
func (p Place) key() string {
	var b strings.Builder
	for _, step := range p {
		if step.List && step.IDKey != "" {
			step.Index = 0
		}
		b.WriteString(strconv.FormatBool(step.List) + strconv.Quote(step.Key) + strconv.Itoa(step.Index) + strconv.Quote(step.IDKey) + strconv.Quote(step.ID))
	}
	return b.String()
}

// Keys is the keys of the maps on the way, without the elements of lists.
func (p Place) Keys() []string {
	var keys []string
	for _, step := range p {
		if !step.List {
			keys = append(keys, step.Key)
		}
	}
	return keys
}

// Fact is one difference.
type Fact struct {
	Place Place
	Kind  Kind

	// Before and After are the values at the place, nil where there is none.
	// After of what was added is all of it: a whole rule, or the attributes of
	// a resource that is created; what is not understood in it is an opaque
	// fact besides. Of an order both are the lists. Of an opaque difference
	// they are what is known, possibly nothing.
	Before, After *Node

	// Why says in one sentence without values what cannot be stated.
	Why string

	// Drift says that the plan of the untouched base has a fact here as well.
	Drift bool

	// File and Line say where a change of a file stands that no fact of a
	// resource accounts for. The place is empty then.
	File string
	Line int
}

// Verb is what a plan does with a resource.
type Verb string

// The verbs that have facts. What else a plan does to a managed resource is
// Other, with one opaque fact.
const (
	Create Verb = "create"
	Update Verb = "update"
	Other  Verb = "other"
)

// Effect is what a plan would do to one managed resource.
type Effect struct {
	Address string // with the instance key and the module
	Type    string
	Verb    Verb

	// Before and After are the resource's attributes as trees, as they take
	// effect: of a helm_release, "values" is one map of what values, set,
	// set_list and set_sensitive make together. Mirrors of other attributes
	// and computed attributes that are unknown are left out. Before is nil for
	// what is created.
	Before, After *Node

	Facts []Fact // sorted by place
}

// Resource is one managed resource as it will be, unchanged ones included.
type Resource struct {
	Address string
	Type    string
	After   *Node // as in [Effect]
}

// Plan is what a plan would do.
type Plan struct {
	Effects   []*Effect   // sorted by address; only resources that a fact or a verb touches
	Resources []*Resource // sorted by address

	// References is what the arguments of resources and data sources refer to,
	// count and for_each too, by the address without instance keys and by
	// argument, as Terraform lists it: aws_sns_topic.pager.arn,
	// aws_sns_topic.pager, var.topic, local.topic, module.alerts.topic. An
	// argument that is written down and refers to nothing is in it.
	References map[string]map[string][]string

	// Modules is the modules that are called, by address without instance
	// keys. The root is the one at "".
	Modules map[string]Module
}

// Module is what the configuration says about one module, by name.
type Module struct {
	Arguments map[string][]string // what those that the call passes refer to, seen from the module that calls
	Outputs   map[string][]string // what they refer to, seen from the module itself
}

func sortFacts(facts []Fact) {
	slices.SortStableFunc(facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), comparePlaces(a.Place, b.Place), cmp.Compare(a.Kind, b.Kind))
	})
}

// comparePlaces orders places by their steps.
func comparePlaces(a, b Place) int {
	return slices.CompareFunc(a, b, func(x, y Step) int {
		return cmp.Or(cmp.Compare(x.Key, y.Key), cmp.Compare(x.Index, y.Index), cmp.Compare(x.IDKey, y.IDKey), cmp.Compare(x.ID, y.ID))
	})
}

// WithoutKeys is an address without its instance keys: module.a["x"].b[0]
// becomes module.a.b. A key may hold brackets, dots and escaped quotes.
func WithoutKeys(address string) string {
	var b strings.Builder
	depth, quoted, escaped := 0, false, false
	for _, r := range address {
		switch {
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"' && depth > 0:
			quoted = !quoted
		case r == '[' && !quoted:
			depth++
		case r == ']' && !quoted && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}
