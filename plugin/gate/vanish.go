package gate

import (
	"fmt"
	"slices"
	"strings"
)

// loss is something that the new text of a document does not have any more.
type loss struct {
	line int // in the old text, 0 when unknown
	what string
}

// textChange is the difference of two texts that hold data.
type textChange struct {
	losses []loss
	leaves []leafChange
	alarms []alarm
}

// leafChange is a value of a document, before and after.
type leafChange struct {
	key           string
	before, after any // nil when absent
}

// maxTextDepth bounds how deep documents are looked for inside documents.
const maxTextDepth = 5

// kindOfText says whether a text holds JSON, YAML (or something that looks
// like it), or neither.
func kindOfText(text string) (string, any) {
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if value, err := readJSON([]byte(trimmed)); err == nil {
			return "json", value
		}
	}
	for line := range strings.SplitSeq(trimmed, "\n") {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- "))
		if _, _, ok := splitKey(line); ok && !strings.HasPrefix(line, "//") && (strings.Contains(trimmed, "\n") || strings.HasSuffix(line, ":")) {
			return "yaml", nil
		}
	}
	return "", nil
}

// compareTexts compares two texts that hold data. Texts of no known kind have
// no losses.
func compareTexts(before, after string) textChange { return compareTextsAt(before, after, 0) }

func compareTextsAt(before, after string, depth int) textChange {
	var c textChange
	if before == after {
		return c
	}
	oldKind, oldValue := kindOfText(before)
	newKind, newValue := kindOfText(after)
	switch {
	case depth > maxTextDepth:
		c.lose(0, "documents are nested too deeply to be compared")
	case oldKind == "" && strings.TrimSpace(before) != "":
	case oldKind == "" && newKind == "json":
		c.values("", nil, newValue, depth)
	case oldKind == "" && newKind == "yaml":
		c.outlines(outline{}, readOutline(after), depth)
	case oldKind == "":
	case newKind != oldKind:
		c.lose(1, "the document cannot be compared: it is no longer of the same kind, or cannot be read")
	case oldKind == "json":
		c.values("", oldValue, newValue, depth)
	default:
		c.outlines(readOutline(before), readOutline(after), depth)
	}
	return c
}

func (c *textChange) lose(line int, what string) { c.losses = append(c.losses, loss{line, what}) }

func (c *textChange) include(inner textChange, line int) {
	for _, l := range inner.losses {
		if line > 0 && l.line > 0 {
			l.line += line
		}
		c.losses = append(c.losses, l)
	}
	c.leaves = append(c.leaves, inner.leaves...)
	c.alarms = append(c.alarms, inner.alarms...)
}

const (
	lostEntry = "a key, a named entry or a list element that was there before is gone"
	lostOdd   = "lines that cannot be compared (anchors, templates, collections over several lines, repeated keys, document marks) are not the same as before"
	lostValue = "a value that was there before is empty"
)

// outlines compares the skeletons of two texts.
func (c *textChange) outlines(before, after outline, depth int) {
	now := map[string][]entry{}
	for _, e := range after.entries {
		now[e.path] = append(now[e.path], e)
	}
	for _, old := range before.entries {
		same := now[old.path]
		if len(same) == 0 {
			c.lose(old.line, lostEntry)
			continue
		}
		now[old.path] = same[1:]
		c.entry(old, same[0], depth)
	}
	for _, e := range after.entries {
		if rest := now[e.path]; len(rest) > 0 && rest[0].line == e.line {
			now[e.path] = rest[1:]
			if e.block != "" {
				c.include(compareTextsAt("", e.block, depth+1), 0)
			} else if e.leaf {
				c.leaves = append(c.leaves, leafChange{e.key, nil, e.value})
				c.alarms = append(c.alarms, freshFlow(e)...)
			} else if e.key != "" {
				c.leaves = append(c.leaves, leafChange{e.key, nil, collection})
			}
		}
	}
	c.alarms = append(c.alarms, alarmsOf(before, after)...)
	old, fresh := slices.Sorted(slices.Values(before.odd)), slices.Sorted(slices.Values(after.odd))
	if !slices.Equal(old, fresh) {
		c.lose(0, lostOdd)
	}
}

// entry compares one entry that both texts have.
func (c *textChange) entry(old, now entry, depth int) {
	switch {
	case old.block != "" && now.block == "" && (!now.leaf || nothingText(now.value)):
		c.lose(old.line, lostValue)
	case old.block != "" || now.block != "":
		c.include(compareTextsAt(old.block+old.value, now.block+now.value, depth+1), old.line)
	case old.hasFlow():
		c.alarms = append(c.alarms, flowAlarm(old.value, now.value)...)
		has := flowNames(now.value)
		for _, name := range flowNames(old.value) {
			i := slices.Index(has, name)
			if i < 0 || !now.hasFlow() {
				c.lose(old.line, lostEntry)
				break
			}
			has = slices.Delete(has, i, i+1)
		}
	case old.leaf && !nothingText(old.value) && (!now.leaf || nothingText(now.value)):
		c.lose(old.line, lostValue)
	case old.leaf || now.leaf:
		c.leaves = append(c.leaves, leafChange{old.key, old.value, now.value})
	}
	if now.hasFlow() {
		c.leaves = append(c.leaves, flowLeaves(old.value, now.value)...)
	}
}

// flowLeaves is the values inside a flow collection, so that they are watched
// too.
func flowLeaves(before, after string) []leafChange {
	had := map[string]string{}
	for _, part := range flowParts(before) {
		had[part[0]] = part[1]
	}
	var list []leafChange
	for _, part := range flowParts(after) {
		change := leafChange{key: part[0], after: part[1]}
		if value, ok := had[part[0]]; ok {
			change.before = value
		}
		list = append(list, change)
	}
	return list
}

func flowParts(value string) [][2]string {
	if !strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "[") {
		return nil
	}
	var parts [][2]string
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune("{}[],", r) }) {
		if key, inner, ok := splitKey(strings.TrimSpace(part)); ok {
			parts = append(parts, [2]string{key, unquote(inner)})
		} else {
			parts = append(parts, [2]string{"", unquote(strings.TrimSpace(part))})
		}
	}
	return parts
}

// nothingText tells whether a YAML scalar says nothing.
func nothingText(value string) bool {
	return value == "" || value == "~" || strings.EqualFold(value, "null")
}

// values compares two parsed JSON values.
func (c *textChange) values(key string, before, after any, depth int) {
	switch old := before.(type) {
	case map[string]any:
		c.object(old, after, depth)
		return
	case []any:
		now, ok := after.([]any)
		if !ok && len(old) > 0 {
			c.lose(0, lostEntry)
		}
		c.array(key, old, now, depth)
		return
	}
	switch now := after.(type) {
	case map[string]any:
		c.leaves = append(c.leaves, leafChange{key, nil, collection})
		c.object(nil, now, depth)
	case []any:
		c.leaves = append(c.leaves, leafChange{key, nil, collection})
		c.array(key, nil, now, depth)
	case nil:
		if !empty(before) {
			c.lose(0, lostValue)
		}
	default:
		c.leaves = append(c.leaves, leafChange{key, before, after})
		oldText, wasText := before.(string)
		newText, isText := now.(string)
		if isText && (wasText || before == nil) {
			c.include(compareTextsAt(oldText, newText, depth+1), 0)
		}
	}
}

func (c *textChange) object(before map[string]any, after any, depth int) {
	now, _ := after.(map[string]any)
	for key, value := range before {
		if _, there := now[key]; !there && !empty(value) {
			c.lose(0, lostEntry)
		}
	}
	for key, value := range now {
		c.values(key, before[key], value, depth)
	}
	c.alarms = append(c.alarms, alarmsIn(before, now)...)
	if name, value, ok := setting(now); ok {
		_, old, _ := setting(before)
		c.leaves = append(c.leaves, leafChange{name, old, value})
	}
}

func (c *textChange) array(key string, before, after []any, depth int) {
	for _, pair := range pairs(before, after) {
		if pair.gone {
			c.lose(0, lostEntry)
			continue
		}
		c.values(key, pair.before, pair.after, depth)
	}
}

// pair is an element of a list before and after; gone when after has none.
type pair struct {
	before, after any
	index         int // of after
	gone          bool
}

// pairs finds the elements of a list again: by their names where they have
// any, else equal ones first and then in order.
func pairs(before, after []any) []pair {
	fresh := newShelf(after)
	list := make([]pair, 0, max(len(before), len(after)))
	var moved []any
	for _, old := range before {
		name, text := elementName(old), ""
		if name == "" {
			text = fmt.Sprint(old)
		}
		if i, ok := fresh.take(name, text); ok {
			list = append(list, pair{old, after[i], i, false})
		} else if name != "" {
			list = append(list, pair{before: old, gone: true})
		} else {
			moved = append(moved, old)
		}
	}
	rest := fresh.rest()
	for _, old := range moved {
		i := slices.IndexFunc(rest, func(i int) bool { return elementName(after[i]) == "" })
		if i < 0 {
			list = append(list, pair{before: old, gone: !empty(old)})
			continue
		}
		list = append(list, pair{old, after[rest[i]], rest[i], false})
		rest = slices.Delete(rest, i, i+1)
	}
	for _, i := range rest {
		list = append(list, pair{nil, after[i], i, false})
	}
	return list
}

// shelf is the elements of a list that are not paired yet, by name, or by all
// of their text when they have none.
type shelf struct{ byName, byText map[string][]int }

func newShelf(list []any) shelf {
	s := shelf{map[string][]int{}, map[string][]int{}}
	for i, element := range list {
		if name := elementName(element); name != "" {
			s.byName[name] = append(s.byName[name], i)
		} else {
			text := fmt.Sprint(element)
			s.byText[text] = append(s.byText[text], i)
		}
	}
	return s
}

func (s shelf) take(name, text string) (int, bool) {
	from, key := s.byName, name
	if name == "" {
		from, key = s.byText, text
	}
	if len(from[key]) == 0 {
		return 0, false
	}
	i := from[key][0]
	from[key] = from[key][1:]
	return i, true
}

// rest is the indexes of what is left, in order.
func (s shelf) rest() []int {
	var list []int
	for _, from := range []map[string][]int{s.byName, s.byText} {
		for _, indexes := range from {
			list = append(list, indexes...)
		}
	}
	slices.Sort(list)
	return list
}

// elementName is what names a list element: the value of its most telling key,
// or a short plain text itself.
func elementName(element any) string {
	switch e := element.(type) {
	case string:
		if strings.Contains(e, "\n") || strings.HasPrefix(e, "{") || strings.HasPrefix(e, "[") {
			return ""
		}
		return scalarName(e)
	case map[string]any:
		lower := map[string]any{}
		for key, value := range e {
			lower[strings.ToLower(key)] = value
		}
		for _, key := range identities {
			if value, ok := lower[key]; ok && !empty(value) {
				if text := fmt.Sprint(value); len(text) <= maxPlace {
					return key + "=" + text
				}
			}
		}
	}
	return ""
}

// setting reads an object with a name and a value (Helm's set blocks): the
// last part of the name, and the value.
func setting(object map[string]any) (string, any, bool) {
	name, ok := object["name"].(string)
	value, there := object["value"]
	if !ok || !there {
		return "", nil, false
	}
	return name[strings.LastIndexByte(name, '.')+1:], value, true
}
