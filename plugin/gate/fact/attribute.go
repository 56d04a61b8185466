package fact

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// value is the tree of a JSON value that is known and not sensitive.
func (d *documents) value(value any, origin Origin, embedded int) *Node {
	d.nodes++
	switch v := value.(type) {
	case bool:
		return &Node{Kind: Bool, Origin: origin, Text: strconv.FormatBool(v)}
	case json.Number:
		return &Node{Kind: Number, Origin: origin, Text: v.String()}
	case string:
		return d.text(v, origin, NoStyle, embedded)
	case []any:
		list := &Node{Kind: List, Origin: origin}
		for _, elem := range v {
			list.Elems = append(list.Elems, d.value(elem, origin, embedded))
		}
		return list
	case map[string]any:
		m := &Node{Kind: Map, Origin: origin}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			m.Entries = append(m.Entries, Entry{Key: key, Value: d.value(v[key], origin, embedded)})
		}
		return m
	}
	return &Node{Kind: Null, Origin: origin}
}

// attribute is the tree of an attribute's value. What is unknown and what is
// sensitive stand beside it in the plan, in the same shape, with true where it
// applies to all below. The declaration says what of it is written down in the
// configuration; what is unknown and is not written down is computed.
func (d *documents) attribute(value, unknown, sensitive any, written declaration) *Node {
	if unknown == true {
		return &Node{Kind: Unknown, Origin: Attribute, computed: written.computes()}
	}
	if sensitive == true {
		n := d.attribute(value, unknown, nil, written)
		return d.markSensitive(n)
	}
	_, partlyUnknown := unknown.(map[string]any)
	_, partlyUnknownList := unknown.([]any)
	switch v := value.(type) {
	case map[string]any:
		m := &Node{Kind: Map, Origin: Attribute}
		hidden, _ := unknown.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(union(v, hidden))) {
			if now, has := v[key]; has || !nothingUnknown(hidden[key]) {
				m.Entries = append(m.Entries, Entry{Key: key, Value: d.attribute(now, hidden[key], Member(sensitive, key), written.in(key))})
			}
		}
		return m
	case []any:
		list := &Node{Kind: List, Origin: Attribute}
		hidden, _ := unknown.([]any)
		for i := range max(len(v), len(hidden)) {
			list.Elems = append(list.Elems, d.attribute(element(v, i), element(hidden, i), elementOf(sensitive, i), written.at(i)))
		}
		return list
	case nil:
		if partlyUnknown {
			return d.attribute(map[string]any{}, unknown, sensitive, written)
		}
		if partlyUnknownList {
			return d.attribute([]any{}, unknown, sensitive, written)
		}
	}
	return d.value(value, Attribute, 0)
}

// nothingUnknown reports whether the shape of what is unknown says that all is
// known.
func nothingUnknown(unknown any) bool {
	switch v := unknown.(type) {
	case bool:
		return !v
	case map[string]any:
		for _, inner := range v {
			if !nothingUnknown(inner) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(inner any) bool { return !nothingUnknown(inner) })
	}
	return true
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return all
}

func elementOf(value any, i int) any {
	list, _ := value.([]any)
	return element(list, i)
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

// markSensitive is a copy of a tree in which all is sensitive: the trees of
// documents are shared with those of the same text elsewhere. Copies count as
// what was read, so that a plan with too many is not read at all.
func (d *documents) markSensitive(n *Node) *Node {
	if d.nodes++; n == nil || d.nodes > maxNodes {
		return n
	}
	marked := *n
	marked.Sensitive = true
	marked.Document = d.markSensitive(n.Document)
	marked.Entries = slices.Clone(n.Entries)
	for i := range marked.Entries {
		marked.Entries[i].Value = d.markSensitive(marked.Entries[i].Value)
	}
	marked.Elems = slices.Clone(n.Elems)
	for i := range marked.Elems {
		marked.Elems[i] = d.markSensitive(marked.Elems[i])
	}
	return &marked
}

// withoutComputed takes the computed attributes that are unknown out of a tree.
func (n *Node) withoutComputed() {
	if n == nil || n.Origin != Attribute {
		return
	}
	n.Entries = slices.DeleteFunc(n.Entries, func(e Entry) bool { return e.Value.computed })
	for _, entry := range n.Entries {
		entry.Value.withoutComputed()
	}
	for _, elem := range n.Elems {
		elem.withoutComputed()
	}
}

// declaration is what the configuration says about a value of a resource: the
// expressions of a block, or an expression. The zero value is one that nothing
// is known of.
type declaration struct {
	expressions any
	known       bool
	top         bool // the resource's own attributes
}

// isExpression tells an expression from the expressions of a block.
func isExpression(object map[string]any) bool {
	for key := range object {
		if key != "constant_value" && key != "references" {
			return false
		}
	}
	return true
}

// in is what is said of the value of a key. A block that is not written down may
// come from a dynamic block, which the configuration in the plan does not show:
// nothing is known of what is in it.
func (w declaration) in(key string) declaration {
	object, isBlock := w.expressions.(map[string]any)
	if !w.known || !isBlock || !w.top && isExpression(object) {
		return declaration{expressions: w.expressions, known: w.known && isBlock}
	}
	inner, written := object[key]
	return declaration{expressions: inner, known: w.known && (written || w.top || len(object) > 0)}
}

// at is what is said of an element of a list. Blocks of one type that are
// written down as often as they are there fit by their place.
func (w declaration) at(i int) declaration {
	if list, ok := w.expressions.([]any); ok {
		return declaration{expressions: element(list, i), known: w.known && i < len(list)}
	}
	return declaration{expressions: w.expressions, known: w.known && w.expressions != nil}
}

// computes reports whether a value is left to the provider.
func (w declaration) computes() bool { return w.known && w.expressions == nil }
