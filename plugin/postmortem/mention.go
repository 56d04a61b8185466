package postmortem

import (
	"regexp"
	"strings"
)

// mentions maps what a document calls an item to the last place, in bytes of
// the file, that says of it that it is settled.
type mentions map[string]int

// settledWords tell in the text of a document that an item is overtaken, by
// their first letter.
var settledWords = map[byte][]string{
	'r': {"removed", "resolved", "reverted", "rejected", "replaced"},
	's': {"superseded", "supersedes", "superseding"},
	'o': {"override", "overrides", "overridden", "overtaken", "obsolete"},
	'n': {"no longer"},
	'w': {"withdrawn", "wontfix", "won't", "won’t", "will not"},
	'a': {"abandoned"},
	'c': {"canceled", "cancelled"},
	'd': {"dropped", "declined"},
}

var (
	nameRef  = regexp.MustCompile(`(?:^|[^\w-])([A-Za-z]{1,10}-?[0-9]{1,7}(?:[.-][0-9]{1,4})*)\b`)
	countRef = regexp.MustCompile(`(?i)(?:#|\b(?:item|action item|action|row|follow-?up|todo|task|no\.?|number|ai|fix|step)s?[ \t]+#?)([0-9]{1,7})\b`)
	quoteRef = regexp.MustCompile("\"([^\"]{4,300})\"|“([^”]{4,300})”|\\*\\*([^*]{4,300})\\*\\*|`([^`]{4,300})`|'([^']{4,300})'|~~([^~]{4,300})~~|「([^」]{2,300})」")
)

// mentionScan is how much of one block is searched.
const mentionScan = 16 << 10 // bytes

// mention notes what a block of prose at an offset of the text says of items.
func (r *reader) mention(at int, text string) {
	text = text[:min(len(text), mentionScan)]
	if !settles(text) {
		return
	}
	if r.mentions == nil {
		r.mentions = mentions{}
	}
	for line := range strings.Lines(text) {
		if !settles(line) {
			continue
		}
		if strings.ContainsAny(line, "0123456789") {
			for _, m := range nameRef.FindAllStringSubmatch(line, -1) {
				r.mentions[lower(m[1])] = at + r.base
			}
			for _, m := range countRef.FindAllStringSubmatch(line, -1) {
				r.mentions["#"+m[1]] = at + r.base
			}
		}
		if !strings.ContainsAny(line, "\"“*`'~「") {
			continue
		}
		for _, m := range quoteRef.FindAllStringSubmatch(line, -1) {
			for _, quoted := range m[1:] {
				if quoted != "" {
					r.mentions[key(quoted)] = at + r.base
				}
			}
		}
	}
}

// settles tells whether text holds a word that settles something. All prose of
// a document passes here, so it looks at the first letters of words only.
func settles(text string) bool {
	for i := 0; i < len(text); i++ {
		if i > 0 && isWord(text[i-1]) {
			continue
		}
		for _, word := range settledWords[text[i]|0x20] {
			if end := i + len(word); end <= len(text) && strings.EqualFold(text[i:end], word) && (end == len(text) || !isWord(text[end])) {
				return true
			}
		}
	}
	return false
}

// settle tells whether a later place of the document says that the item is
// settled.
func (m mentions) settle(item *Item) bool {
	if len(m) == 0 {
		return false
	}
	for _, name := range item.names() {
		if at, known := m[name]; known && at > item.row.start {
			return true
		}
	}
	return false
}

// names are what a document may call the item.
func (i *Item) names() []string {
	names := []string{key(i.Action)}
	for _, text := range []string{i.number, i.Ticket} {
		text = strings.TrimSpace(plain(text))
		if text == "" || len(text) > 60 {
			continue
		}
		names = append(names, lower(strings.TrimPrefix(text, "#")))
		if digits := strings.TrimPrefix(text, "#"); strings.Trim(digits, "0123456789") == "" {
			names = append(names, "#"+digits)
		}
	}
	if head, _, found := strings.Cut(plain(i.Action[:min(len(i.Action), 40)]), " "); found {
		// P1 is a priority and names many items.
		name := strings.TrimPrefix(strings.Trim(head, ":.)(]"), "[")
		if _, rest := priorityWord(name); name != "" && rest != "" && nameRef.FindString(name) == name {
			names = append(names, lower(name))
		}
	}
	return names
}
