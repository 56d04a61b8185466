package postmortem

import (
	"strings"
	"unicode/utf8"
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

// counters stand before the number of an item.
var counters = set("item|action|row|follow-up|followup|todo|task|no|no.|number|ai|fix|step")

// quotes open and close what a document calls an item.
var quotes = [][2]string{{`"`, `"`}, {"“", "”"}, {"**", "**"}, {"`", "`"}, {"'", "'"}, {"~~", "~~"}, {"「", "」"}}

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
		if settles(line) {
			r.mentions.numbers(line, at+r.base)
			r.mentions.quoted(line, at+r.base)
		}
	}
}

// numbers notes the numbers and ids of a line: "row 3", "#3", "AI-3".
func (m mentions) numbers(line string, at int) {
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case i > 0 && (isASCIIWord(line[i-1]) || line[i-1] == '-'):
		case c >= '0' && c <= '9':
			n := digits(line[i:], 8)
			if n < 8 && (i+n == len(line) || !isASCIIWord(line[i+n])) && counts(line[:i]) {
				m["#"+line[i:i+n]] = at
			}
			i += n - 1
		case isASCIIWord(c):
			if n := idLength(line[i:]); n > 0 {
				m[lower(line[i:i+n])] = at
			}
		}
	}
}

// counts reports whether a number after head is that of an item.
func counts(head string) bool {
	if strings.HasSuffix(head, "#") {
		return true
	}
	bare := strings.TrimRight(head, " \t")
	if len(bare) == len(head) {
		return false
	}
	start := len(bare)
	for start > 0 && len(bare)-start < 12 && (isASCIIWord(bare[start-1]) || bare[start-1] == '-' || bare[start-1] == '.') {
		start--
	}
	word := lower(bare[start:])
	return counters[word] || counters[strings.TrimSuffix(word, "s")]
}

// idLength is the length of an id such as AI-3, PM12 or FU-2.1 that text begins
// with, 0 when it begins with none.
func idLength(text string) int {
	n := 0
	for n < len(text) && n < 11 && (text[n]|0x20) >= 'a' && (text[n]|0x20) <= 'z' {
		n++
	}
	if n == 0 || n > 10 {
		return 0
	}
	if n < len(text) && text[n] == '-' {
		n++
	}
	number := digits(text[n:], 8)
	if number == 0 || number > 7 {
		return 0
	}
	for n += number; n+1 < len(text) && (text[n] == '.' || text[n] == '-'); {
		more := digits(text[n+1:], 5)
		if more == 0 || more > 4 {
			break
		}
		n += 1 + more
	}
	if n < len(text) && isASCIIWord(text[n]) {
		return 0
	}
	return n
}

// longestQuote is in bytes.
const longestQuote = 600

// quoted notes what stands in quotes or markup in a line.
func (m mentions) quoted(line string, at int) {
	for i := 0; i < len(line); i++ {
		if c := line[i]; c < utf8.RuneSelf && strings.IndexByte("\"*`'~", c) < 0 {
			continue
		}
		for _, pair := range quotes {
			rest, opens := strings.CutPrefix(line[i:], pair[0])
			if !opens {
				continue
			}
			end := strings.Index(rest[:min(len(rest), longestQuote)], pair[1])
			if end >= 4 {
				m[key(rest[:end])] = at
				i += len(pair[0]) + end + len(pair[1]) - 1
			}
			break
		}
	}
}

// settles reports whether text holds a word that settles something. All prose of
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

// settle reports whether a later place of the document says that the item is
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
		if _, rest := priorityWord(name); name != "" && rest != "" && idLength(name) == len(name) {
			names = append(names, lower(name))
		}
	}
	return names
}
