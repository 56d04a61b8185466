package postmortem

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// state is what a status says.
type state int

const (
	stateUnknown state = iota
	stateOpen
	stateDone
	stateInProgress
	stateDeclined
	stateHeld
	statePartly
	stateTypeWord // a type where a status is expected: open, for a person
)

// statusClasses are the classes of words for the states.
var statusClasses = []struct {
	class words.Class
	state state
}{
	{words.StatusOpen, stateOpen},
	{words.StatusApproved, stateOpen},
	{words.StatusDone, stateDone},
	{words.StatusInProgress, stateInProgress},
	{words.StatusHeld, stateHeld},
	{words.StatusDeclined, stateDeclined},
}

var allStatus = words.Of(words.StatusOpen, words.StatusApproved, words.StatusDone, words.StatusInProgress, words.StatusHeld, words.StatusDeclined)

// stateOf is what a word says as a status.
func stateOf(word words.Word) state {
	for _, one := range statusClasses {
		if word.Has(one.class) {
			return one.state
		}
	}
	return stateUnknown
}

// status is a status cell as it was understood.
type status struct {
	state state
	okay  bool // the word says that somebody approved it
	exact bool // the cell holds nothing but the word
	paren bool // nothing but the word and a note in parentheses
	note  string
	token span // the word, relative to the cell
}

// parseStatus reads a status cell. Markup, no-break spaces and HTML comments
// around the word are ignored.
func parseStatus(cell string) status {
	s := statedStatus(cell)
	if !s.token.empty() {
		return s
	}
	start, end := unwrap(cell)
	if typeOf(words.Find(plain(cell[start:end]))) != "" {
		return status{state: stateTypeWord, token: span{start, end}}
	}
	return s
}

// statedStatus is the status that a text begins with, the zero status when it
// begins with none.
func statedStatus(cell string) status {
	start, end := unwrap(cell)
	text := cell[start:end]
	if text == "" {
		return status{}
	}
	if rest, found := unstruck(cell); found {
		if struck(cell) {
			return status{state: stateDeclined, note: cell, token: span{start, end}}
		}
		return status{state: parseStatus(rest).state, note: cell, token: span{start, end}}
	}
	length, word := words.Begins(text, allStatus)
	if length == 0 && text[0] == '[' && linkStart(text) {
		// A linked word is a word with a note: replacing it would break the link.
		if length, word := words.Begins(plain(text), allStatus); length > 0 {
			return status{state: stateOf(word), note: text, token: span{start, end}}
		}
	}
	if length == 0 && startsWithSign(text) {
		// A sign that says nothing by itself: "🔴 Open" is open with a note.
		bare := strings.TrimLeftFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if length, word := words.Begins(bare, allStatus); length > 0 {
			return status{state: stateOf(word), note: text, token: span{start, end}}
		}
	}
	if length == 0 {
		return status{}
	}
	s := status{state: stateOf(word), okay: word.Has(words.StatusApproved), token: span{start, start + length}}
	_, rest := unwrap(text[length:])
	s.note = strings.TrimLeft(text[length:length+rest], " \t*~_`\u00a0\u3000")
	s.exact = s.note == ""
	s.paren = strings.HasPrefix(s.note, "(") || strings.HasPrefix(s.note, "（")
	if s.state == stateDone && remains(s.note) {
		s.state = statePartly
	}
	return s
}

// markedStatus is the status word that a cell about something else ends with or
// consists of, when it is marked as one: bold, or in capitals.
func markedStatus(cell string) state {
	cell = strings.TrimRight(strings.TrimSpace(cell), ".")
	for _, mark := range []string{"**", "__"} {
		head, found := strings.CutSuffix(cell, mark)
		if !found {
			continue
		}
		if s := parseStatus(head[strings.LastIndex(head, mark)+1:]); s.exact {
			return s.known()
		}
	}
	word := cell[strings.LastIndexAny(cell, " )]")+1:]
	if len(word) < 4 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return stateUnknown
	}
	if s := parseStatus(word); s.exact {
		return s.known()
	}
	return stateUnknown
}

// known is the state, but for a type word, which is none outside its column.
func (s status) known() state {
	if s.state == stateTypeWord {
		return stateUnknown
	}
	return s.state
}

// startsWithSign reports whether text begins with a sign such as an emoji.
func startsWithSign(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// remains reports whether the note after a done word says that work is left.
func remains(note string) bool {
	for _, word := range splitWords(note) {
		if words.Is(word, words.StatusRemains) {
			return true
		}
	}
	return false
}

// unwrap is the range of cell without the markup, white space and comments
// around it. Only outer underscores go: IN_PROGRESS keeps its own.
func unwrap(cell string) (start, end int) {
	start, end = 0, len(cell)
	for start < end {
		switch {
		case strings.IndexByte(" \t\r\n*~_`", cell[start]) >= 0:
			start++
		case strings.HasPrefix(cell[start:end], "\u00a0"), strings.HasPrefix(cell[start:end], "\u3000"), strings.HasPrefix(cell[start:end], "\u202f"):
			_, size := utf8.DecodeRuneInString(cell[start:end])
			start += size
		case strings.HasPrefix(cell[start:end], "<!--") && strings.Contains(cell[start:end], "-->"):
			start += strings.Index(cell[start:end], "-->") + len("-->")
		default:
			return start, unwrapEnd(cell, start, end)
		}
	}
	return start, end
}

func unwrapEnd(cell string, start, end int) int {
	for start < end {
		r, size := utf8.DecodeLastRuneInString(cell[start:end])
		switch {
		case strings.IndexByte(" \t\r\n*~_`", cell[end-1]) >= 0, r == 0xa0, r == 0x3000, r == 0x202f:
			end -= size
		case strings.HasSuffix(cell[start:end], "-->") && strings.LastIndex(cell[start:end], "<!--") > 0:
			end = start + strings.LastIndex(cell[start:end], "<!--")
		default:
			return end
		}
	}
	return end
}

// doneToken is what an open status word becomes, "" when the token is not
// exactly an open word.
func doneToken(token string) string {
	word := words.Find(strings.TrimSuffix(token, "\ufe0f"))
	if stateOf(word) != stateOpen {
		return ""
	}
	if word.Done != "" {
		return word.Done
	}
	if first, _ := utf8.DecodeRuneInString(token); unicode.IsUpper(first) {
		return "Done"
	}
	return "done"
}

// splitWords splits s at everything that is no letter, digit, hyphen, underscore or
// apostrophe.
func splitWords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != '\'' && r != '’'
	})
}
