package term

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// State is what a status says.
type State int

const (
	StateUnknown State = iota
	StateOpen
	StateDone
	StateInProgress
	StateDeclined
	StateHeld
	StatePartly
	StateTypeWord // a type where a status is expected: open, for a person
)

// statusClasses are the classes of words for the states.
var statusClasses = []struct {
	class words.Class
	state State
}{
	{words.StatusOpen, StateOpen},
	{words.StatusApproved, StateOpen},
	{words.StatusDone, StateDone},
	{words.StatusInProgress, StateInProgress},
	{words.StatusHeld, StateHeld},
	{words.StatusDeclined, StateDeclined},
}

var allStatus = words.Of(words.StatusOpen, words.StatusApproved, words.StatusDone, words.StatusInProgress, words.StatusHeld, words.StatusDeclined)

// stateOf is what a word says as a status.
func stateOf(word words.Word) State {
	for _, one := range statusClasses {
		if word.Has(one.class) {
			return one.state
		}
	}
	return StateUnknown
}

// Status is a status cell as it was understood.
type Status struct {
	State    State
	Approved bool // the word says that somebody approved it
	Exact    bool // the cell holds nothing but the word
	Paren    bool // nothing but the word and a note in parentheses
	Note     string
	Token    markdown.Span // the word, relative to the cell
}

// Stated reports whether a cell holds nothing but the word and perhaps a note in
// parentheses.
func (s Status) Stated() bool { return s.State != StateUnknown && (s.Exact || s.Paren) }

// ParseStatus reads a status cell. Markup, no-break spaces and HTML comments
// around the word are ignored.
func ParseStatus(cell string) Status {
	s := statedStatus(cell)
	if !s.Token.Empty() {
		return s
	}
	start, end := unwrap(cell)
	if typeOf(words.Find(markdown.Plain(cell[start:end]))) != "" {
		return Status{State: StateTypeWord, Token: markdown.Span{Start: start, End: end}}
	}
	return s
}

// statedStatus is the status that a text begins with, the zero status when it
// begins with none.
func statedStatus(cell string) Status {
	start, end := unwrap(cell)
	text := cell[start:end]
	if text == "" {
		return Status{}
	}
	if rest, found := markdown.Unstruck(cell); found {
		if Struck(cell) {
			return Status{State: StateDeclined, Note: cell, Token: markdown.Span{Start: start, End: end}}
		}
		return Status{State: ParseStatus(rest).State, Note: cell, Token: markdown.Span{Start: start, End: end}}
	}
	length, word := words.Begins(text, allStatus)
	if length == 0 && text[0] == '[' && markdown.LinkStart(text) {
		// A linked word is a word with a note: replacing it would break the link.
		if length, word := words.Begins(markdown.Plain(text), allStatus); length > 0 {
			return Status{State: stateOf(word), Note: text, Token: markdown.Span{Start: start, End: end}}
		}
	}
	if length == 0 && startsWithSign(text) {
		// A sign that says nothing by itself: "🔴 Open" is open with a note.
		bare := strings.TrimLeftFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if length, word := words.Begins(bare, allStatus); length > 0 {
			return Status{State: stateOf(word), Note: text, Token: markdown.Span{Start: start, End: end}}
		}
	}
	if length == 0 {
		return Status{}
	}
	s := Status{State: stateOf(word), Approved: word.Has(words.StatusApproved), Token: markdown.Span{Start: start, End: start + length}}
	_, rest := unwrap(text[length:])
	s.Note = strings.TrimLeft(text[length:length+rest], " \t*~_`\u00a0\u3000")
	s.Exact = s.Note == ""
	s.Paren = strings.HasPrefix(s.Note, "(") || strings.HasPrefix(s.Note, "（")
	if s.State == StateDone && remains(s.Note) {
		s.State = StatePartly
	}
	return s
}

// MarkedStatus is the status word that a cell about something else ends with or
// consists of, when it is marked as one: bold, or in capitals.
func MarkedStatus(cell string) State {
	cell = strings.TrimRight(strings.TrimSpace(cell), ".")
	for _, mark := range []string{"**", "__"} {
		head, found := strings.CutSuffix(cell, mark)
		if !found {
			continue
		}
		if s := ParseStatus(head[strings.LastIndex(head, mark)+1:]); s.Exact {
			return s.known()
		}
	}
	word := cell[strings.LastIndexAny(cell, " )]")+1:]
	if len(word) < 4 || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return StateUnknown
	}
	if s := ParseStatus(word); s.Exact {
		return s.known()
	}
	return StateUnknown
}

// known is the state, but for a type word, which is none outside its column.
func (s Status) known() State {
	if s.State == StateTypeWord {
		return StateUnknown
	}
	return s.State
}

// startsWithSign reports whether text begins with a sign such as an emoji.
func startsWithSign(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

// remains reports whether the note after a done word says that work is left.
func remains(note string) bool {
	for _, word := range SplitWords(note) {
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

// DoneToken is what an open status word becomes, "" when the token is not
// exactly an open word.
func DoneToken(token string) string {
	word := words.Find(strings.TrimSuffix(token, "\ufe0f"))
	if stateOf(word) != StateOpen {
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

// SplitWords splits s at everything that is no letter, digit, hyphen, underscore or
// apostrophe.
func SplitWords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' && r != '\'' && r != '’'
	})
}
