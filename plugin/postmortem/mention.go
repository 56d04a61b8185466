package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// mentions maps what a document calls an item to the last place, in bytes of
// the file, that says of it that it is settled.
type mentions map[string]int

// mentionScan is how much of one block is searched.
const mentionScan = 16 << 10 // bytes

var (
	// named is what a line may call an item by its number or ticket: "row 3", "#3",
	// "AI-3"; quoted is its action in quotes or markup.
	named = pattern.Lazy(`(?i)(?:(?:item|action|row|follow-?up|todo|task|no\.?|number|ai|fix|step)s?\s+#?|#)([0-9]{1,7})\b|` +
		`(?:^|[^\w-])([a-z]{1,10}-?[0-9]{1,7}(?:[.-][0-9]{1,4})*)(?:[^\w-]|$)`)
	quoted = pattern.Lazy("\"([^\"]{4,})\"|“([^”]{4,})”|\\*\\*(.{4,}?)\\*\\*|`([^`]{4,})`|'([^']{4,})'|~~(.{4,}?)~~|「([^」]{4,})」")
)

// mention notes what a block of prose at an offset of the text says of items.
func (r *reader) mention(at int, text string) {
	for line := range strings.Lines(text[:min(len(text), mentionScan)]) {
		for range words.In(line, words.Of(words.Settles)) {
			r.settled(at, line)
			break
		}
	}
}

// settled notes what a line calls items that it says to be settled.
func (r *reader) settled(at int, line string) {
	if r.mentions == nil {
		r.mentions = mentions{}
	}
	if strings.ContainsAny(line, "0123456789") {
		for _, found := range named().FindAllStringSubmatch(line, -1) {
			name := words.Fold(found[2])
			if found[1] != "" {
				name = "#" + found[1]
			}
			r.mentions[name] = at + r.Base
		}
	}
	if !strings.ContainsAny(line, "\"“*`'~「") {
		return
	}
	for _, found := range quoted().FindAllStringSubmatch(line, -1) {
		r.mentions[markdown.Key(strings.Join(found[1:], ""))] = at + r.Base
	}
}

// settle reports whether a later place of the document says that the item is
// settled.
func (m mentions) settle(item *Item) bool {
	if len(m) == 0 {
		return false
	}
	for _, name := range item.names() {
		if at, known := m[name]; known && at > item.Row.Start {
			return true
		}
	}
	return false
}

// names are what a document may call the item.
func (i *Item) names() []string {
	names := []string{markdown.Key(i.Action)}
	head, _, _ := strings.Cut(markdown.Plain(i.Action[:min(len(i.Action), 40)]), " ")
	for _, text := range []string{i.number, i.Ticket, strings.Trim(head, ":.)([]")} {
		text = words.Fold(strings.TrimPrefix(strings.TrimSpace(markdown.Plain(text)), "#"))
		// P1 is a priority and names many items.
		if p, rest := term.PriorityWord(text); text == "" || p != "" && rest == "" {
			continue
		}
		if strings.Trim(text, "0123456789") == "" {
			text = "#" + text
		}
		names = append(names, text)
	}
	return names
}
