package fact

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Sentences of values that cannot be put together.
const (
	whyUnknownValues = "values of the release are known only when the plan is applied"
	whyNoMap         = "an element of values is no YAML map"
	whyOverride      = "an override of a value cannot be resolved"
	whyOverlap       = "two overrides stand in each other's way, and which of them wins is not shown"
)

// Bounds of overrides: how many there are, and the index in a path of one.
const (
	maxOverrides = 1000
	maxListIndex = 1000
)

// release puts the values of a helm_release together as the provider does: the
// elements of values are merged in order, maps with maps and everything else
// replaced, and then set, set_list and set_sensitive assign by path. In version
// 2 of the provider these are blocks, in version 3 lists of objects; the plan
// shows both as lists. The attributes are replaced by one text "values" whose
// document is the outcome, so that a key that is overridden shows what it is.
func (d *documents) release(attributes *Node) {
	inputs := []string{"values", "set", "set_list", "set_sensitive"}
	taken := map[string]*Node{}
	attributes.Entries = slices.DeleteFunc(attributes.Entries, func(e Entry) bool {
		if slices.Contains(inputs, e.Key) {
			taken[e.Key] = e.Value
			return true
		}
		return e.Key == "metadata" // tells of the release what the other attributes say
	})
	h := &helmValues{documents: d, out: &Node{Kind: String, Origin: Attribute, Document: &Node{Kind: Map, Origin: YAML}}, assigned: map[string]bool{}}
	err := h.merge(taken["values"])
	for _, input := range inputs[1:] {
		if err == nil {
			err = h.override(taken[input], input)
		}
	}
	var why errNotUnderstood
	if errors.As(err, &why) {
		h.out = &Node{Kind: List, Origin: Attribute, Why: string(why)}
		for _, input := range inputs {
			if n := taken[input]; !n.nothing() {
				h.out.Elems = append(h.out.Elems, n)
			}
		}
	} else if len(h.out.Document.Entries) == 0 {
		return
	}
	attributes.Entries = append(attributes.Entries, Entry{Key: "values", Value: h.out})
	slices.SortStableFunc(attributes.Entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
}

// helmValues is the values of a release while they are put together.
type helmValues struct {
	*documents
	out      *Node
	assigned map[string]bool // places that an override has, true, or that are above one
}

func (h *helmValues) merge(values *Node) error {
	if values.nothing() {
		return nil
	}
	if values.Kind != List {
		return errNotUnderstood(whyUnknownValues)
	}
	for _, elem := range values.Elems {
		switch {
		case elem.Kind == Unknown:
			return errNotUnderstood(whyUnknownValues)
		case elem.Kind == Null || elem.Kind == String && blank(elem.Text):
			continue
		case elem.Kind != String:
			return errNotUnderstood(whyNoMap)
		}
		tree, err := h.read(elem.Text, true, 0)
		if errors.Is(err, errNoDocument) {
			tree, err = h.yaml(elem.Text, 0) // one line, as in {a: 1}
		}
		if errors.Is(err, errNoDocument) || err == nil && tree.Kind != Map {
			return errNotUnderstood(whyNoMap)
		} else if err != nil {
			return err
		}
		if elem.Sensitive {
			tree, h.out.Sensitive = h.markSensitive(tree), true
		}
		h.out.Text += elem.Text + "\n"
		h.out.Document = merged(h.out.Document, tree)
	}
	return nil
}

// blank reports whether a text of values holds nothing but comments.
func blank(text string) bool {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return !strangeBreaks(text) && !strings.Contains(text, "\t")
}

// merged is a map with what another lays over it.
func merged(under, over *Node) *Node {
	out := *under
	out.Entries = slices.Clone(under.Entries)
	index := make(map[string]int, len(out.Entries))
	for i, entry := range out.Entries {
		index[entry.Key] = i
	}
	for _, entry := range over.Entries {
		i, known := index[entry.Key]
		switch {
		case !known:
			out.Entries = append(out.Entries, entry)
		case out.Entries[i].Value.Kind == Map && entry.Value.Kind == Map:
			out.Entries[i] = Entry{entry.Key, entry.Style, merged(out.Entries[i].Value, entry.Value)}
		default:
			out.Entries[i] = entry
		}
	}
	return &out
}

// override assigns what one of the lists of overrides holds.
func (h *helmValues) override(list *Node, input string) error {
	if list.nothing() {
		return nil
	}
	if len(list.Elems) > maxOverrides {
		return errNotUnderstood(whyOverride)
	}
	for _, elem := range list.Elems {
		name, value, kind := elem.Get("name"), elem.Get("value"), elem.Get("type")
		if name == nil || name.Kind != String || name.Sensitive {
			return errNotUnderstood(whyOverride)
		}
		place, ok := overridePath(name.Text)
		if !ok {
			return errNotUnderstood(whyOverride)
		}
		if value.nothing() || value.Text == "" && strings.Contains(name.Text, "[") {
			return errNotUnderstood(whyOverride) // readers differ in what is assigned to an element then
		}
		node, ok := h.overrideValue(name.Text, value, kind)
		if input == "set_list" {
			node, ok = overrideList(value)
		}
		if !ok {
			return errNotUnderstood(whyOverride)
		}
		if input == "set_sensitive" || elem.Sensitive || value != nil && value.Sensitive {
			node = h.markSensitive(node)
		}
		if h.overlaps(place) {
			return errNotUnderstood(whyOverlap)
		}
		if h.out.Document, ok = assign(h.out.Document, place, node); !ok {
			return errNotUnderstood(whyOverride)
		}
	}
	if list.Kind != List {
		return errNotUnderstood(whyUnknownValues)
	}
	return nil
}

// overlaps notes the place of an override, and reports whether it stands in the way
// of one before it: at the same place, above it or below it.
func (h *helmValues) overlaps(place Place) bool {
	if _, taken := h.assigned[place.key()]; taken {
		return true
	}
	for i := range place {
		if h.assigned[place[:i].key()] {
			return true
		}
		h.assigned[place[:i].key()] = false
	}
	h.assigned[place.key()] = true
	return false
}

// overridePath reads the name of an override: keys divided by points, indices
// in brackets, and a backslash before what does not divide.
func overridePath(name string) (Place, bool) {
	var place Place
	var key strings.Builder
	pending := false // a key is being read
	finish := func() {
		if pending {
			place = append(place, Step{Key: key.String()})
		}
		key.Reset()
		pending = false
	}
	for i := 0; i < len(name); i++ {
		switch c := name[i]; c {
		case '\\':
			if i++; i == len(name) {
				return nil, false
			}
			key.WriteByte(name[i])
			pending = true
		case '.':
			if !pending && (len(place) == 0 || name[i-1] != ']') {
				return nil, false
			}
			finish()
		case '[':
			if !pending && (len(place) == 0 || name[i-1] != ']') {
				return nil, false
			}
			finish()
			digits, _, closed := strings.Cut(name[i+1:], "]")
			index, err := strconv.Atoi(digits)
			if !closed || err != nil || index < 0 || index > maxListIndex || strconv.Itoa(index) != digits {
				return nil, false
			}
			place = append(place, Step{List: true, Index: index})
			i += len(digits) + 1
			if i+1 < len(name) && name[i+1] != '.' && name[i+1] != '[' {
				return nil, false
			}
		case ',', '=', '{', '}', ']', '\n':
			return nil, false
		default:
			key.WriteByte(c)
			pending = true
		}
	}
	if !pending && !strings.HasSuffix(name, "]") {
		return nil, false
	}
	finish()
	return place, len(place) > 0
}

// overrideValue is the value of an override of set or set_sensitive. Of the type
// literal a backslash in the name is one.
func (h *helmValues) overrideValue(name string, value, kind *Node) (*Node, bool) {
	text, ok := plainText(value)
	if !ok {
		return nil, false
	}
	if list, isList := strings.CutPrefix(text, "{"); isList && (kind.nothing() || kind.Text == "auto" || kind.Text == "") {
		inner, closed := strings.CutSuffix(list, "}")
		out := &Node{Kind: List, Origin: YAML}
		for item := range strings.SplitSeq(inner, ",") {
			out.Elems = append(out.Elems, typed(item))
		}
		return out, closed && inner != "" && !strings.ContainsAny(inner, `{}\`) // readers differ in {}
	}
	switch {
	case kind.nothing(), kind.Kind == String && (kind.Text == "" || kind.Text == "auto"):
		text, ok = unescaped(text)
		return typed(text), ok
	case kind.Kind == String && kind.Text == "string":
		text, ok = unescaped(text)
		return h.text(text, YAML, Text, 1), ok && !strings.HasPrefix(text, "{")
	case kind.Kind == String && kind.Text == "literal":
		_, err := h.yaml(text, 0)
		return &Node{Kind: String, Origin: YAML, Style: Text, Text: text}, errors.Is(err, errNoDocument) && !strings.Contains(name, `\`)
	}
	return nil, false
}

func plainText(value *Node) (string, bool) {
	return value.Text, value.Kind == String || value.Kind == Number || value.Kind == Bool
}

// unescaped is a value without its backslashes. A comma that has none would
// begin another assignment.
func unescaped(text string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ',':
			return "", false
		case '\\':
			if i++; i == len(text) {
				return "", false
			}
		}
		b.WriteByte(text[i])
	}
	return b.String(), true
}

// typed is a value as Helm takes it from a text: booleans, null and whole
// numbers are what they look like, all else is a text.
func typed(text string) *Node {
	switch lower := strings.ToLower(text); lower {
	case "true", "false":
		return &Node{Kind: Bool, Origin: YAML, Style: Plain, Text: lower}
	case "null":
		return &Node{Kind: Null, Origin: YAML}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && (text == "0" || text[0] != '0') {
		return &Node{Kind: Number, Origin: YAML, Style: Plain, Text: strconv.FormatInt(n, 10)}
	}
	return &Node{Kind: String, Origin: YAML, Style: Text, Text: text}
}

// overrideList is the value of an override of set_list.
func overrideList(value *Node) (*Node, bool) {
	out := &Node{Kind: List, Origin: YAML}
	for _, elem := range value.Elems {
		text, ok := plainText(elem)
		if !ok || strings.ContainsAny(text, `,{}\`) {
			return nil, false
		}
		out.Elems = append(out.Elems, typed(text))
	}
	return out, value.Kind == List
}

// assign is a tree in which a place has another value. It is false where the
// way goes through something that is neither a map nor a list.
func assign(tree *Node, place Place, value *Node) (*Node, bool) {
	if len(place) == 0 {
		return value, true
	}
	step := place[0]
	wanted := Map
	if step.List {
		wanted = List
	}
	if tree == nil {
		tree = &Node{Kind: wanted, Origin: YAML}
	}
	if tree.Kind != wanted {
		return nil, false
	}
	out := *tree
	if step.List {
		out.Elems = slices.Clone(tree.Elems)
		var inner *Node
		if step.Index < len(out.Elems) {
			inner = out.Elems[step.Index]
		}
		for len(out.Elems) <= step.Index {
			out.Elems = append(out.Elems, &Node{Kind: Null, Origin: YAML})
		}
		fresh, ok := assign(inner, place[1:], value)
		out.Elems[step.Index] = fresh
		return &out, ok
	}
	out.Entries = slices.Clone(tree.Entries)
	i := slices.IndexFunc(out.Entries, func(e Entry) bool { return e.Key == step.Key })
	if i < 0 {
		fresh, ok := assign(nil, place[1:], value)
		out.Entries = append(out.Entries, Entry{Key: step.Key, Style: Text, Value: fresh})
		return &out, ok
	}
	fresh, ok := assign(out.Entries[i].Value, place[1:], value)
	out.Entries[i].Value = fresh
	return &out, ok
}
