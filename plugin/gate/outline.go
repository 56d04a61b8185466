package gate

import (
	"slices"
	"strings"

	"pm-todos/plugin/pattern"
)

// outline is the skeleton of a block-style YAML text, read line by line: which
// keys and list elements there are, by path. It is no YAML parser. What it
// cannot read for certain (anchors, flow collections over several lines,
// templates, document marks, repeated keys) it keeps as odd lines, which must
// be the same before and after.
type outline struct {
	entries []entry
	odd     []string
}

// entry is one key or list element.
type entry struct {
	path  string // of the outline, components separated by pathBreak
	key   string // last key, "" for a list element
	value string // of a leaf, without quotes and comment; "" else
	block string // text of a block scalar
	leaf  bool   // has a value of its own
	line  int    // counted from 1
}

const pathBreak = "\x1f"

// identities is the keys that name a list element, the most telling first.
var identities = []string{
	"alert", "record", "uid", "refid", "job_name", "name", "id", "key", "title", "receiver", "url", "host", "hostname", "target", "address", "path", "port", "cidr", "label",
}

// level is a mapping or a list that is open while the lines are read.
type level struct {
	column int
	list   bool
	prefix string
	last   string // the last component, with a mark when it holds a value of its own
	keys   map[string]bool
}

// outliner reads a text.
type outliner struct {
	outline
	lines  []string
	levels []*level
}

var blockHeader = pattern.Lazy(`^[|>][-+0-9]*\s*(#.*)?$`)

// readOutline reads the skeleton of a text.
func readOutline(text string) outline {
	o := &outliner{lines: strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")}
	for i := 0; i < len(o.lines); {
		i = o.line(i)
	}
	return o.outline
}

// line reads the line with that index, and the lines of its block scalar, and
// is the index of the next.
func (o *outliner) line(i int) int {
	text := strings.TrimRight(o.lines[i], " \t\r")
	rest := strings.TrimLeft(text, " ")
	column := len(text) - len(rest)
	if rest == "" || strings.HasPrefix(rest, "#") {
		return i + 1
	}
	if strings.HasPrefix(rest, "\t") || column == 0 && (strings.HasPrefix(rest, "---") || strings.HasPrefix(rest, "...")) {
		o.strange(rest)
		return i + 1
	}
	for rest == "-" || strings.HasPrefix(rest, "- ") {
		inner := strings.TrimLeft(rest[1:], " ")
		innerColumn := column + len(rest) - len(inner)
		here := o.open(column, true)
		here.last = "[" + o.identity(i, innerColumn, inner) + "]"
		o.record(entry{path: here.prefix + pathBreak + here.last, line: i + 1})
		if inner == "" || strings.HasPrefix(inner, "#") {
			return i + 1
		}
		rest, column = inner, innerColumn
		if _, _, isKey := splitKey(rest); !isKey && rest != "-" && !strings.HasPrefix(rest, "- ") {
			return o.value(i, column-1, here, "", rest)
		}
	}
	key, value, ok := splitKey(rest)
	if !ok {
		o.continued(column, rest)
		return i + 1
	}
	here := o.open(column, false)
	if here.keys[key] || key == "<<" {
		o.strange("repeated " + rest)
	}
	here.keys[key] = true
	here.last = key
	return o.value(i, column, here, key, value)
}

// open is the mapping or list at a column: one that is open already, or a new
// one below the last entry.
func (o *outliner) open(column int, list bool) *level {
	for len(o.levels) > 0 {
		top := o.levels[len(o.levels)-1]
		if top.column < column || top.column == column && (top.list == list || list) {
			break
		}
		o.levels = o.levels[:len(o.levels)-1]
	}
	prefix := ""
	if len(o.levels) > 0 {
		top := o.levels[len(o.levels)-1]
		if top.column == column && top.list == list {
			return top
		}
		prefix = top.prefix + pathBreak + top.last
	}
	fresh := &level{column: column, list: list, prefix: prefix, keys: map[string]bool{}}
	o.levels = append(o.levels, fresh)
	return fresh
}

// value reads what stands behind a key or a dash at a column.
func (o *outliner) value(i, column int, here *level, key, value string) int {
	at := entry{path: here.prefix + pathBreak + here.last, key: key, line: i + 1}
	value = withoutComment(value)
	next := i + 1
	switch {
	case value == "":
	case blockHeader().MatchString(value):
		at.block, next = o.blockScalar(i+1, column)
		at.leaf = true
	case strings.ContainsAny(value[:1], "&*!%@`?") || unclosed(value) || strings.Contains(value, "{{") && !quoted(value) || strings.HasPrefix(value, "|") || strings.HasPrefix(value, ">"):
		o.strange(key + ": " + value)
	default:
		at.leaf, at.value = true, unquote(value)
	}
	if key != "" || at.leaf {
		if key == "" {
			o.entries = o.entries[:len(o.entries)-1] // the element that record has noted, now with its value
		}
		o.record(at)
	}
	if value != "" {
		here.last += "~" // what is indented below belongs to the value, not to a mapping
	}
	return next
}

// blockScalar is the text of a block scalar whose header is at a column, and
// the index of the line after it.
func (o *outliner) blockScalar(i, column int) (string, int) {
	var lines []string
	indent := -1
	for ; i < len(o.lines); i++ {
		text := o.lines[i]
		if strings.TrimSpace(text) == "" {
			lines = append(lines, "")
			continue
		}
		spaces := len(text) - len(strings.TrimLeft(text, " "))
		if spaces <= column {
			break
		}
		if indent < 0 {
			indent = spaces
		}
		lines = append(lines, text[min(indent, spaces):])
	}
	return strings.Join(lines, "\n"), i
}

// continued reads a line that is neither a key nor a list element: the rest of
// a plain text of several lines, or something that the outline cannot read.
func (o *outliner) continued(column int, rest string) {
	if len(o.levels) > 0 {
		top := o.levels[len(o.levels)-1]
		if top.column < column && strings.HasSuffix(top.last, "~") && !strings.ContainsAny(rest[:1], "{}[]&*!|>'\"%@`?,<$") {
			if n := len(o.entries); n > 0 {
				o.entries[n-1].value += " " + rest // a plain text goes on
			}
			return
		}
	}
	o.strange(rest)
}

func (o *outliner) record(e entry)      { o.entries = append(o.entries, e) }
func (o *outliner) strange(line string) { o.odd = append(o.odd, line) }
func (e entry) flow() bool              { return strings.HasPrefix(e.value, "{") || strings.HasPrefix(e.value, "[") }
func (e entry) hasFlow() bool           { return e.leaf && e.block == "" && e.flow() }
func quoted(value string) bool          { return strings.HasPrefix(value, `"`) || strings.HasPrefix(value, "'") }

func closes(value, mark string) bool { return len(value) >= 2 && strings.HasSuffix(value, mark) }

// identity is what names a list element: the value of its most telling key, or
// itself when it is a plain text.
func (o *outliner) identity(i, column int, first string) string {
	key, value, ok := splitKey(first)
	if !ok {
		if first == "" || strings.ContainsAny(first[:1], "{[") || strings.HasPrefix(first, "- ") {
			return ""
		}
		return scalarName(unquote(withoutComment(first)))
	}
	found := map[string]string{strings.ToLower(key): unquote(withoutComment(value))}
	for _, text := range o.lines[i+1:] {
		rest := strings.TrimLeft(text, " ")
		if strings.TrimSpace(rest) == "" || strings.HasPrefix(rest, "#") {
			continue
		}
		indent := len(text) - len(rest)
		if indent < column {
			break
		}
		if key, value, ok := splitKey(strings.TrimRight(rest, " \t\r")); ok && indent == column {
			found[strings.ToLower(key)] = unquote(withoutComment(value))
		}
	}
	for _, key := range identities {
		if value := found[key]; value != "" {
			return key + "=" + value
		}
	}
	return ""
}

// scalarName is what names a plain list element: for flags and settings what
// stands before the equals sign, else all of it.
func scalarName(text string) string {
	if name, _, ok := strings.Cut(text, "="); ok && name != "" && !strings.ContainsAny(name, " {\"'") {
		return name
	}
	return text
}

// splitKey divides a line into key and value.
func splitKey(rest string) (key, value string, ok bool) {
	if rest == "" || strings.ContainsAny(rest[:1], "{}[]&*!|>%@`,#") || rest == "?" || strings.HasPrefix(rest, "? ") {
		return "", "", false
	}
	if quote := rest[:1]; quote == `"` || quote == "'" {
		end := strings.Index(rest[1:], quote)
		if end < 0 {
			return "", "", false
		}
		after := strings.TrimLeft(rest[end+2:], " ")
		if after != ":" && !strings.HasPrefix(after, ": ") {
			return "", "", false
		}
		return rest[1 : end+1], strings.TrimSpace(after[1:]), true
	}
	at := strings.Index(rest, ": ")
	if at < 0 {
		if !strings.HasSuffix(rest, ":") {
			return "", "", false
		}
		at = len(rest) - 1
	}
	key = strings.TrimSpace(rest[:at])
	if strings.Contains(key, " #") {
		return "", "", false
	}
	return key, strings.TrimSpace(rest[at+1:]), key != ""
}

// withoutComment is a value without the comment behind it.
func withoutComment(value string) string {
	if strings.HasPrefix(value, "#") {
		return ""
	}
	if quoted(value) {
		if end := strings.LastIndex(value, value[:1]); end > 0 {
			if comment := strings.TrimSpace(value[end+1:]); comment == "" || strings.HasPrefix(comment, "#") {
				return value[:end+1]
			}
		}
		return value
	}
	if at := strings.Index(value, " #"); at >= 0 {
		value = value[:at]
	}
	return strings.TrimSpace(value)
}

// unclosed tells whether a quoted text or a flow collection goes on after the
// line.
func unclosed(value string) bool {
	switch value[0] {
	case '"':
		return !closes(value, `"`)
	case '\'':
		return !closes(value, "'")
	case '{', '[':
		return strings.Count(value, "{") != strings.Count(value, "}") || strings.Count(value, "[") != strings.Count(value, "]") ||
			!strings.HasSuffix(value, "}") && !strings.HasSuffix(value, "]")
	}
	return false
}

func unquote(value string) string {
	if len(value) >= 2 && quoted(value) && value[len(value)-1] == value[0] {
		return value[1 : len(value)-1]
	}
	return value
}

// flowNames is what a flow collection holds: its list elements and the names
// of its keys, with the value where the key names something.
func flowNames(value string) []string {
	var names []string
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("{}[],", r) }) {
		part = strings.TrimSpace(part)
		key, inner, isKey := splitKey(part)
		switch {
		case part == "":
		case isKey && !slices.Contains(identities, strings.ToLower(key)):
			names = append(names, key+":")
		case isKey:
			names = append(names, key+":"+unquote(inner))
		default:
			names = append(names, scalarName(unquote(part)))
		}
	}
	return names
}
