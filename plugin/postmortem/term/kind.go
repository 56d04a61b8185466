package term

import (
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// Type is the kind of work that an item asks for.
type Type string

// The types that are recognised. Only the first three may ever be safe.
const (
	Alert         Type = "Alert"
	Config        Type = "Config"
	Monitor       Type = "Monitor"
	Architecture  Type = "Architecture"
	Investigation Type = "Investigation"
	Migration     Type = "Migration"
	Runbook       Type = "Runbook"
	Upstream      Type = "Upstream"
)

// Priority is P0 (most urgent) to P3. Its values sort as text.
type Priority string

// The priorities. An item that states none has P2.
const (
	P0 Priority = "P0"
	P1 Priority = "P1"
	P2 Priority = "P2"
	P3 Priority = "P3"
)

var (
	types      = []Type{Alert, Config, Monitor, Architecture, Investigation, Migration, Runbook, Upstream} // of the classes from TypeAlert on
	priorities = []Priority{P0, P1, P2, P3}                                                                // of those from PriorityP0 on
)

// typeOf is the type that a word names, "" when it names none.
func typeOf(word words.Word) Type {
	if i := word.Which(words.TypeAlert, len(types)); i >= 0 {
		return types[i]
	}
	return ""
}

var typeJoints = strings.NewReplacer(" and ", "+", " or ", "+")

// Stated is a type that the author wrote down.
type Stated struct {
	Text     string // canonical name when recognised, else the text
	Kind     Type   // "" when not recognised
	Compound bool   // several types joined; kind is that of a recognised part
}

// ParseType reads a Type cell by the whole of it.
func ParseType(cell string) Stated {
	text := markdown.Plain(cell)
	word := words.Find(text)
	if strings.Trim(text, "-") == "" || word.Has(words.TypeNone) {
		return Stated{}
	}
	if kind := typeOf(word); kind != "" {
		return Stated{Text: string(kind), Kind: kind}
	}
	s := Stated{Text: markdown.Squeeze(cell)}
	parts := strings.FieldsFunc(typeJoints.Replace(words.Fold(text)), func(r rune) bool {
		return strings.ContainsRune("+/,&|;", r)
	})
	if len(parts) < 2 {
		return s
	}
	for _, part := range parts {
		if kind := typeOf(words.Find(part)); kind != "" {
			s.Compound, s.Kind = true, kind
		}
	}
	return s
}

// SafeByNature reports whether a type may be safe at all. Settings only narrow
// this set.
func SafeByNature(t Type) bool { return t == Alert || t == Config || t == Monitor }

// LeadPriority reads a P-number before the text of an action, such as
// "[P1] Add …" or "**P0**: Fix …".
func LeadPriority(action string) Priority {
	text := strings.TrimLeft(action, " *_~`[(")
	p, rest := PriorityWord(text)
	rest = strings.TrimLeft(rest, " *_`")
	if len(text) < len(strings.TrimLeft(action, " ")) || strings.IndexAny(rest, ":-–—|") == 0 {
		return p
	}
	return ""
}

// PriorityWord reads P and a number at the beginning of s as a whole word, and the
// rest of s.
func PriorityWord(s string) (Priority, string) {
	if len(s) < 2 || s[0] != 'P' && s[0] != 'p' {
		return "", s
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	digits := s[1 : len(s)-len(rest)]
	if digits == "" || rest != "" && markdown.IsWord(rest[0]) {
		return "", s
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n >= len(priorities) {
		return P3, rest
	}
	return priorities[n], rest
}

// ParsePriority reads a priority cell; "" when it states none that is known.
func ParsePriority(cell string) Priority {
	text := strings.TrimLeftFunc(markdown.Plain(cell), func(r rune) bool { return r >= 0x80 || !markdown.IsWord(byte(r)) })
	if p, _ := PriorityWord(text); p != "" {
		return p
	}
	head, _, _ := strings.Cut(text, " ")
	if i := words.Find(strings.Trim(head, ".,:;()/-")).Which(words.PriorityP0, len(priorities)); i >= 0 {
		return priorities[i]
	}
	return ""
}

// HeadingPriority is the P-number of a heading, "" when it has none.
func HeadingPriority(title string) Priority {
	for i := range len(title) {
		if i == 0 || !markdown.IsWord(title[i-1]) {
			if p, _ := PriorityWord(title[i:]); p != "" {
				return p
			}
		}
	}
	return ""
}
