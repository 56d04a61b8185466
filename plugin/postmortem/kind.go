package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
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

// stated is a type that the author wrote down.
type stated struct {
	text     string // canonical name when recognised, else the text
	kind     Type   // "" when not recognised
	compound bool   // several types joined; kind is that of a recognised part
}

// parseType reads a Type cell by the whole of it.
func parseType(cell string) stated {
	text := plain(cell)
	word := words.Find(text)
	if strings.Trim(text, "-") == "" || word.Has(words.TypeNone) {
		return stated{}
	}
	if kind := typeOf(word); kind != "" {
		return stated{text: string(kind), kind: kind}
	}
	s := stated{text: squeeze(cell)}
	parts := strings.FieldsFunc(typeJoints.Replace(lower(text)), func(r rune) bool {
		return strings.ContainsRune("+/,&|;", r)
	})
	if len(parts) < 2 {
		return s
	}
	for _, part := range parts {
		if kind := typeOf(words.Find(part)); kind != "" {
			s.compound, s.kind = true, kind
		}
	}
	return s
}

// safeByNature reports whether a type may be safe at all. Settings only narrow
// this set.
func safeByNature(t Type) bool { return t == Alert || t == Config || t == Monitor }

// leadPriority reads a P-number before the text of an action, such as
// "[P1] Add …" or "**P0**: Fix …".
func leadPriority(action string) Priority {
	text := strings.TrimLeft(action, " *_~`[(")
	if len(text) < 2 || text[0] != 'P' && text[0] != 'p' {
		return ""
	}
	p, rest := priorityWord(text)
	if p == "" || rest != "" && isWord(rest[0]) {
		return ""
	}
	decorated := len(text) < len(strings.TrimLeft(action, " "))
	rest = strings.TrimLeft(rest, " *_`")
	if decorated || rest != "" && strings.ContainsRune(":-–—|", []rune(rest[:min(len(rest), 4)])[0]) {
		return p
	}
	return ""
}

// priorityWord reads P and a number at the beginning of s, and the rest of s.
func priorityWord(s string) (Priority, string) {
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

// parsePriority reads a priority cell; "" when it states none that is known.
func parsePriority(cell string) Priority {
	text := strings.TrimLeftFunc(plain(cell), func(r rune) bool { return r >= 0x80 || !isWord(byte(r)) })
	if p, rest := priorityWord(text); p != "" && (rest == "" || !isWord(rest[0])) {
		return p
	}
	head, _, _ := strings.Cut(lower(text), " ")
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

// headingPriority is the P-number of a heading, "" when it has none.
func headingPriority(title string) Priority {
	for i := 0; i+1 < len(title); i++ {
		if (title[i] == 'P' || title[i] == 'p') && (i == 0 || !isWord(title[i-1])) {
			if p, rest := priorityWord(title[i:]); p != "" && (rest == "" || !isWord(rest[0])) {
				return p
			}
		}
	}
	return ""
}
