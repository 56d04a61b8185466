package term

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/pattern"
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

// states are those of the classes of words from StatusOpen on.
var states = []State{StateOpen, StateOpen, StateDone, StateInProgress, StateHeld, StateDeclined}

var allStatus = words.Of(words.StatusOpen, words.StatusApproved, words.StatusDone, words.StatusInProgress, words.StatusHeld, words.StatusDeclined)

// stateOf is what a word says as a status.
func stateOf(word words.Word) State {
	if i := word.Which(words.StatusOpen, len(states)); i >= 0 {
		return states[i]
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
// begins with none. One that is linked, struck through or behind a sign that says
// nothing by itself, "🔴 Open", is the word with a note.
func statedStatus(cell string) Status {
	start, end := unwrap(cell)
	text := cell[start:end]
	if text == "" {
		return Status{}
	}
	whole := Status{Note: cell, Token: markdown.Span{Start: start, End: end}}
	if rest, found := markdown.Unstruck(cell); found {
		if whole.State = StateDeclined; !Struck(cell) {
			whole.State = statedStatus(rest).State
		}
		return whole
	}
	length, word := words.Begins(text, allStatus)
	if first, _ := utf8.DecodeRuneInString(text); length == 0 && !unicode.IsLetter(first) && !unicode.IsDigit(first) {
		bare := strings.TrimLeftFunc(markdown.Plain(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		length, word = words.Begins(bare, allStatus)
		if whole.State = stateOf(word); length > 0 {
			return whole
		}
	}
	if length == 0 {
		return Status{}
	}
	s := Status{State: stateOf(word), Approved: word.Has(words.StatusApproved), Token: markdown.Span{Start: start, End: start + length}}
	_, rest := unwrap(text[length:])
	s.Note = strings.TrimLeft(text[length:length+rest], wrapping)
	s.Exact = s.Note == ""
	s.Paren = strings.HasPrefix(s.Note, "(") || strings.HasPrefix(s.Note, "（")
	if s.State == StateDone && slices.ContainsFunc(SplitWords(s.Note), func(word string) bool { return words.Is(word, words.StatusRemains) }) {
		s.State = StatePartly
	}
	return s
}

var markedWord = pattern.Lazy(`(?:\*\*([^*]+)\*\*|(?:^|[ )\]])([A-Z]{4,}))[. ]*$`)

// MarkedStatus is the status word that a cell about something else ends with or
// consists of, when it is marked as one: bold, or in capitals.
func MarkedStatus(cell string) State {
	if found := markedWord().FindStringSubmatch(cell); found != nil {
		if s := ParseStatus(found[1] + found[2]); s.Exact {
			return s.State
		}
	}
	return StateUnknown
}

// wrapping is what may stand around a word.
const wrapping = " \t\r\n*~_`\u00a0\u3000\u202f"

// unwrap is the range of cell without the markup, white space and comments
// around it. Only outer underscores go: IN_PROGRESS keeps its own.
func unwrap(cell string) (start, end int) {
	for {
		start = len(cell) - len(strings.TrimLeft(cell[start:], wrapping))
		at := strings.Index(cell[start:], "-->")
		if at < 0 || !strings.HasPrefix(cell[start:], "<!--") {
			break
		}
		start += at + len("-->")
	}
	for text := cell[start:]; ; {
		text = strings.TrimRight(text, wrapping)
		at := strings.LastIndex(text, "<!--")
		if at <= 0 || !strings.HasSuffix(text, "-->") {
			return start, start + len(text)
		}
		text = text[:at]
	}
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
