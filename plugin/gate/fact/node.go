package fact

import "slices"

// NodeKind is the kind of a value.
type NodeKind string

// The kinds of value. Unknown is one that shows only when the plan is applied.
const (
	Null    NodeKind = "null"
	Bool    NodeKind = "bool"
	Number  NodeKind = "number"
	String  NodeKind = "string"
	List    NodeKind = "list"
	Map     NodeKind = "map"
	Unknown NodeKind = "unknown"
)

// Origin is where a tree was read from.
type Origin string

// The origins of a value: an attribute in the plan, or a document in one.
const (
	Attribute Origin = "attribute"
	YAML      Origin = "yaml"
	JSON      Origin = "json"
)

// Style is how a scalar of a YAML document is written, as far as readers of
// YAML differ by it.
type Style string

// The styles. Plain is a scalar without quotes that some reader may take for
// something else than a text: off, 0x10, 1:30, 2024-01-01, ~. Text is one that is
// a text for every reader: quoted, a block, or a plain word.
const (
	NoStyle Style = "" // not a scalar of a YAML document
	Plain   Style = "plain"
	Text    Style = "text"
)

// Node is a value of a resource: an attribute, or a value in a document that an
// attribute holds. It may hold secrets: it is read in memory and never printed.
type Node struct {
	Kind   NodeKind
	Origin Origin
	Style  Style

	// Text is the value of a scalar: the text of a string, the digits of a
	// number as they are written, true, false, or in YAML what else stands for
	// a boolean, such as off.
	Text string

	// Document is the tree of a text that is a JSON or YAML map or list, with
	// merges and aliases resolved. Texts of one line are documents only when
	// they are JSON: "Note: disk full" is a sentence. Text stays the text.
	Document *Node

	// Why says that the value is not understood, and why, in one sentence
	// without values: a text that may be a document and is read in different
	// ways by different readers, values that cannot be merged, or a value that
	// is written and never shown. Nothing may be proved about it.
	Why string

	Entries   []Entry // of a map, in the order of a document; attributes and JSON by key
	Elems     []*Node // of a list
	Sensitive bool    // stands in a value that is marked as sensitive

	computed bool // unknown, and left to the provider
}

// Entry is one key of a map. Its style is of a key in YAML.
type Entry struct {
	Key   string
	Style Style
	Value *Node
}

// Get is the value of a key of a map, nil when there is none. It looks into a
// text that is a document.
func (n *Node) Get(key string) *Node {
	n = n.Tree()
	if n == nil {
		return nil
	}
	if i := slices.IndexFunc(n.Entries, func(e Entry) bool { return e.Key == key }); i >= 0 {
		return n.Entries[i].Value
	}
	return nil
}

// Scalar is the text of a value that is a single one and understood. It is false
// for all others, nil included.
func (n *Node) Scalar() (string, bool) {
	if n == nil || n.Why != "" || n.Kind != String && n.Kind != Number && n.Kind != Bool {
		return "", false
	}
	return n.Text, true
}

// Tree is the node itself, or the document in it.
func (n *Node) Tree() *Node {
	for n != nil && n.Document != nil {
		n = n.Document
	}
	return n
}

// At is the value at a place, nil when there is none. An element of a list that
// has an identity is found by it, so that a place in the tree after leads to the
// same element in the tree before; without one it is found by its index.
func (n *Node) At(place Place) *Node {
	for _, step := range place {
		if n = n.Tree(); n == nil {
			return nil
		}
		switch {
		case !step.List:
			n = n.Get(step.Key)
		case step.IDKey != "":
			n = n.element(step)
		case step.Index < len(n.Elems):
			n = n.Elems[step.Index]
		default:
			return nil
		}
	}
	return n
}

// element is the element of a list that a step with an identity names. Where
// several have the same identity, the one at the step's index is preferred.
func (n *Node) element(step Step) *Node {
	named := func(elem *Node) bool { return identity(elem, step.IDKey) == step.ID }
	if step.Index < len(n.Elems) && named(n.Elems[step.Index]) {
		return n.Elems[step.Index]
	}
	if i := slices.IndexFunc(n.Elems, named); i >= 0 {
		return n.Elems[i]
	}
	return nil
}

// identities is the keys that name an element among its siblings, the most
// telling first.
var identities = []string{"alert", "record", "name", "job_name", "title", "id", "key"}

// identity is the value of a key that names an element, "" when it has none.
func identity(elem *Node, key string) string {
	value := elem.Get(key)
	if value == nil || value.Kind != String && value.Kind != Number {
		return ""
	}
	return value.Text
}

// Walk calls visit for the node and all below it, documents included, with the
// way from it. It goes no deeper where visit is false.
func (n *Node) Walk(visit func(place Place, n *Node) bool) { n.walk(nil, visit) }

func (n *Node) walk(place Place, visit func(Place, *Node) bool) {
	if n == nil || !visit(place, n) {
		return
	}
	n = n.Tree()
	for _, entry := range n.Entries {
		entry.Value.walk(append(slices.Clip(place), Step{Key: entry.Key}), visit)
	}
	for i, elem := range n.Elems {
		elem.walk(append(slices.Clip(place), elementStep(i, elem, namedBy(elem))), visit)
	}
}

// Any reports whether something holds for the node or for one below it, with the
// way to that.
func (n *Node) Any(holds func(place Place, n *Node) bool) bool {
	found := false
	n.Walk(func(place Place, n *Node) bool {
		found = found || holds(place, n)
		return !found
	})
	return found
}

// namedBy is the most telling key that names an element, "" when none does.
func namedBy(elem *Node) string {
	for _, key := range identities {
		if identity(elem, key) != "" {
			return key
		}
	}
	return ""
}

func elementStep(index int, elem *Node, key string) Step {
	step := Step{List: true, Index: index, IDKey: key}
	if key != "" {
		step.ID = identity(elem, key)
		step.Hidden = elem.Get(key).Sensitive
	}
	return step
}
