package term

import (
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

// typeClasses are the classes of words for the types.
var typeClasses = []struct {
	class words.Class
	kind  Type
}{
	{words.TypeAlert, Alert},
	{words.TypeConfig, Config},
	{words.TypeMonitor, Monitor},
	{words.TypeArchitecture, Architecture},
	{words.TypeInvestigation, Investigation},
	{words.TypeMigration, Migration},
	{words.TypeRunbook, Runbook},
	{words.TypeUpstream, Upstream},
}

// typeOf is the type that a word names, "" when it names none.
func typeOf(word words.Word) Type {
	for _, one := range typeClasses {
		if word.Has(one.class) {
			return one.kind
		}
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
	if len(text) < 2 || text[0] != 'P' && text[0] != 'p' {
		return ""
	}
	p, rest := PriorityWord(text)
	if p == "" || rest != "" && markdown.IsWord(rest[0]) {
		return ""
	}
	decorated := len(text) < len(strings.TrimLeft(action, " "))
	rest = strings.TrimLeft(rest, " *_`")
	if decorated || rest != "" && strings.ContainsRune(":-–—|", []rune(rest[:min(len(rest), 4)])[0]) {
		return p
	}
	return ""
}

// PriorityWord reads P and a number at the beginning of s, and the rest of s.
func PriorityWord(s string) (Priority, string) {
	if len(s) < 2 || s[0] != 'P' && s[0] != 'p' {
		return "", s
	}
	n := 1
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	switch digits := strings.TrimLeft(s[1:n], "0"); {
	case n == 1:
		return "", s
	case digits == "":
		return P0, s[n:]
	case digits == "1":
		return P1, s[n:]
	case digits == "2":
		return P2, s[n:]
	}
	return P3, s[n:]
}

// ParsePriority reads a priority cell; "" when it states none that is known.
func ParsePriority(cell string) Priority {
	text := strings.TrimLeftFunc(markdown.Plain(cell), func(r rune) bool { return r >= 0x80 || !markdown.IsWord(byte(r)) })
	if p, rest := PriorityWord(text); p != "" && (rest == "" || !markdown.IsWord(rest[0])) {
		return p
	}
	head, _, _ := strings.Cut(words.Fold(text), " ")
	switch word := words.Find(strings.Trim(head, ".,:;()/-")); {
	case word.Has(words.PriorityP0):
		return P0
	case word.Has(words.PriorityP1):
		return P1
	case word.Has(words.PriorityP2):
		return P2
	case word.Has(words.PriorityP3):
		return P3
	}
	return ""
}

// HeadingPriority is the P-number of a heading, "" when it has none.
func HeadingPriority(title string) Priority {
	for i := 0; i+1 < len(title); i++ {
		if (title[i] == 'P' || title[i] == 'p') && (i == 0 || !markdown.IsWord(title[i-1])) {
			if p, rest := PriorityWord(title[i:]); p != "" && (rest == "" || !markdown.IsWord(rest[0])) {
				return p
			}
		}
	}
	return ""
}
