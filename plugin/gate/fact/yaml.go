package fact

import (
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Bounds of what is read of one plan. A text beyond them is not understood.
const (
	maxDepth    = 120       // of the maps and lists of a document
	maxEmbedded = 3         // of documents in texts of documents
	maxAliased  = 100_000   // values of a document that its aliases repeat
	maxNodes    = 2_000_000 // values in all documents of a plan, aliases resolved
)

// Sentences of what is not understood, see [Node.Why].
const (
	whyManyDocuments = "the text holds several YAML documents, of which readers take different ones"
	whyBreaks        = "the text holds a line break or a mark that readers of YAML take for different things"
	whyTabs          = "the text holds a tab where readers of YAML take it for different things"
	whyKeys          = "the text holds a key that is written with escapes, or that is no text for some readers of YAML"
	whyTags          = "the text holds a YAML tag or a directive"
	whyTwice         = "the text holds the same key twice in one map"
	whyMerge         = "the text merges something that is no map"
	whyBig           = "the text is too large, too deep, or repeats too much by aliases"
)

// errNotUnderstood is a text that is a document and is not understood.
type errNotUnderstood string

func (e errNotUnderstood) Error() string { return string(e) }

// errNoDocument is a text that is no document.
var errNoDocument = errors.New("the text is no map or list")

// documents reads the texts of a plan. The same text is read once.
type documents struct {
	nodes int // that were made
	known map[reading]document
}

// reading is a text at a level of documents in documents.
type reading struct {
	text     string
	embedded int
}

type document struct {
	tree *Node
	err  error
}

// Parse is a text, with the document that it holds.
func Parse(text string) *Node {
	d := &documents{known: map[reading]document{}}
	return d.text(text, Attribute, NoStyle, 0)
}

// text is a string, with the document that it holds. Of an origin other than
// an attribute it stands in a document itself.
func (d *documents) text(text string, origin Origin, style Style, embedded int) *Node {
	n := &Node{Kind: String, Origin: origin, Style: style, Text: text}
	trimmed := strings.TrimSpace(text)
	isJSON := strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[")
	if !isJSON && !strings.Contains(trimmed, "\n") || embedded > maxEmbedded {
		return n
	}
	tree, err := d.read(text, isJSON, embedded)
	var why errNotUnderstood
	if errors.As(err, &why) {
		n.Why = string(why)
	}
	n.Document = tree
	return n
}

func (d *documents) read(text string, isJSON bool, embedded int) (*Node, error) {
	if known, ok := d.known[reading{text, embedded}]; ok {
		return known.tree, known.err
	}
	tree, err := (*Node)(nil), errNoDocument
	if isJSON {
		tree, err = d.json(text, embedded)
	}
	if errors.Is(err, errNoDocument) && strings.Contains(strings.TrimSpace(text), "\n") {
		tree, err = d.yaml(text, embedded)
	}
	d.known[reading{text, embedded}] = document{tree, err}
	return tree, err
}

// json reads a text as JSON.
func (d *documents) json(text string, embedded int) (*Node, error) {
	value, err := ReadJSON([]byte(text))
	if errors.Is(err, errDuplicate) {
		return nil, errNotUnderstood(whyTwice)
	}
	tree := d.value(value, JSON, embedded+1)
	if err != nil || tree.Kind != Map && tree.Kind != List {
		return nil, errNoDocument
	}
	return tree, nil
}

// yaml reads a text as one YAML document that is a map or a list.
func (d *documents) yaml(text string, embedded int) (tree *Node, err error) {
	// The parser panics on what its author did not think of.
	defer func() {
		if recover() != nil {
			tree, err = nil, errNoDocument
		}
	}()
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil || len(doc.Content) != 1 {
		return nil, errNoDocument
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode && root.Kind != yaml.SequenceNode {
		return nil, errNoDocument
	}
	if strangeBreaks(text) {
		return nil, errNotUnderstood(whyBreaks)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errNotUnderstood(whyManyDocuments)
	}
	r := &yamlReader{documents: d, embedded: embedded + 1, lines: strings.Split(text, "\n")}
	if slices.ContainsFunc(r.lines, func(line string) bool { return strings.HasPrefix(line, "%") }) {
		return nil, errNotUnderstood(whyTags)
	}
	if err := r.inspect(root, 0); err != nil {
		return nil, err
	}
	if r.tabs != strings.Count(text, "\t") {
		return nil, errNotUnderstood(whyTabs)
	}
	return r.node(root, 0)
}

// strangeBreaks reports whether a text holds what some readers take for the end of a
// line, and of a comment, and others do not.
func strangeBreaks(text string) bool {
	return strings.Contains(strings.ReplaceAll(text, "\r\n", ""), "\r") || strings.ContainsAny(text, "\u0085\u2028\u2029\ufeff")
}

// yamlReader makes the tree of one document.
type yamlReader struct {
	*documents
	embedded int
	lines    []string
	tabs     int // that stand in scalars, as they were written
	line     int // where source was asked for last, and the column and the rest there
	column   int
	rest     string
	aliases  int // that are open
	aliased  int // values that were made for aliases
}

// inspect looks for what a node does not tell of how it is written.
func (r *yamlReader) inspect(n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return errNotUnderstood(whyBig)
	}
	source := r.source(n)
	if n.Style&yaml.TaggedStyle != 0 || strings.HasPrefix(source, "!") {
		return errNotUnderstood(whyTags)
	}
	if n.Kind == yaml.ScalarNode && n.Style&yaml.DoubleQuotedStyle == 0 {
		r.tabs += strings.Count(n.Value, "\t") // one that is written \t in double quotes is none in the text
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && !r.plainlyWritten(child) {
			return errNotUnderstood(whyKeys)
		}
		if err := r.inspect(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// plainlyWritten reports whether a key stands in the text as it is read.
func (r *yamlReader) plainlyWritten(key *yaml.Node) bool {
	switch {
	case key.Kind != yaml.ScalarNode || key.Anchor != "" || strings.Contains(key.Value, "\n"):
		return false
	case styleOf(key) == Plain && becomesAnother(key):
		return false
	case key.Style&yaml.DoubleQuotedStyle != 0:
		return strings.HasPrefix(r.source(key), `"`+key.Value+`"`)
	case key.Style&yaml.SingleQuotedStyle != 0:
		return strings.HasPrefix(r.source(key), "'"+key.Value+"'")
	}
	return strings.HasPrefix(r.source(key), key.Value)
}

// becomesAnother reports whether a plain key is another text where keys are made
// texts, as in Helm: 0x10 is 16 then, and off is false.
func becomesAnother(key *yaml.Node) bool {
	switch key.Tag {
	case "!!str":
		return boolean().MatchString(key.Value)
	case "!!int":
		return !decimal().MatchString(key.Value)
	}
	return key.Tag != "!!merge"
}

// source is the rest of the line from where a node begins. Nodes are asked for in
// the order of the text, so that a line of a million keys is gone through once.
func (r *yamlReader) source(n *yaml.Node) string {
	if n.Line < 1 || n.Line > len(r.lines) {
		return ""
	}
	if n.Line != r.line || n.Column < r.column {
		r.line, r.column, r.rest = n.Line, 1, r.lines[n.Line-1]
	}
	for ; r.column < n.Column && r.rest != ""; r.column++ {
		_, size := utf8.DecodeRuneInString(r.rest)
		r.rest = r.rest[size:]
	}
	return r.rest
}

func (r *yamlReader) node(n *yaml.Node, depth int) (*Node, error) {
	r.nodes++
	r.aliased += min(r.aliases, 1)
	if r.nodes > maxNodes || r.aliased > maxAliased || depth > maxDepth {
		return nil, errNotUnderstood(whyBig)
	}
	switch n.Kind {
	case yaml.AliasNode:
		r.aliases++
		defer func() { r.aliases-- }()
		return r.node(n.Alias, depth+1) // an alias in its own anchor ends at the depth
	case yaml.MappingNode:
		return r.mapping(n, depth)
	case yaml.SequenceNode:
		list := &Node{Kind: List, Origin: YAML}
		for _, child := range n.Content {
			elem, err := r.node(child, depth+1)
			if err != nil {
				return nil, err
			}
			list.Elems = append(list.Elems, elem)
		}
		return list, nil
	case yaml.ScalarNode:
		return r.scalar(n), nil
	}
	return nil, errNoDocument
}

// mapping reads a map. What it merges stands behind its own keys, which win.
func (r *yamlReader) mapping(n *yaml.Node, depth int) (*Node, error) {
	m := &Node{Kind: Map, Origin: YAML}
	var merged []Entry
	taken := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		value, err := r.node(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if key.Tag == "!!merge" && key.Style == 0 {
			if merged != nil {
				return nil, errNotUnderstood(whyTwice)
			}
			if merged, err = mergeOf(value); err != nil {
				return nil, err
			}
			continue
		}
		name := key.Value
		if taken[name] {
			return nil, errNotUnderstood(whyTwice)
		}
		taken[name] = true
		m.Entries = append(m.Entries, Entry{Key: name, Style: styleOf(key), Value: value})
	}
	for _, entry := range merged {
		if !taken[entry.Key] {
			taken[entry.Key] = true
			m.Entries = append(m.Entries, entry)
		}
	}
	return m, nil
}

// mergeOf is the entries that a merge key brings: those of a map, or of the
// maps of a list, of which the first wins.
func mergeOf(value *Node) ([]Entry, error) {
	maps := []*Node{value}
	if value.Kind == List {
		maps = value.Elems
	}
	entries := []Entry{}
	for _, m := range maps {
		if m.Kind != Map {
			return nil, errNotUnderstood(whyMerge)
		}
		entries = append(entries, m.Entries...)
	}
	return entries, nil
}

// What plain scalars of YAML are to readers of version 1.1 or 1.2.
var (
	boolean = pattern.Lazy(`^(?i:true|false|yes|no|on|off|y|n)$`)
	nothing = pattern.Lazy(`^(?:~|null|Null|NULL|)$`)
	decimal = pattern.Lazy(`^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$`)
	word    = pattern.Lazy(`^\pL`) // no number, no time and no date begins with a letter
)

// styleOf is the style of a scalar or a key.
func styleOf(n *yaml.Node) Style {
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if quoted || word().MatchString(n.Value) && !boolean().MatchString(n.Value) && !nothing().MatchString(n.Value) {
		return Text
	}
	return Plain
}

func (r *yamlReader) scalar(n *yaml.Node) *Node {
	style := styleOf(n)
	switch {
	case style == Text:
		return r.text(n.Value, YAML, Text, r.embedded)
	case nothing().MatchString(n.Value):
		return &Node{Kind: Null, Origin: YAML}
	case boolean().MatchString(n.Value):
		return &Node{Kind: Bool, Origin: YAML, Style: Plain, Text: strings.ToLower(n.Value)}
	case decimal().MatchString(n.Value):
		return &Node{Kind: Number, Origin: YAML, Style: Plain, Text: n.Value}
	}
	return &Node{Kind: String, Origin: YAML, Style: Plain, Text: n.Value}
}
