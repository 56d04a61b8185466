package postmortem

import "strings"

// typeWords maps what authors write into a Type cell to its type.
var typeWords = map[string]Type{
	"alert": Alert, "alerting": Alert, "alerts": Alert,
	"config": Config, "configuration": Config,
	"monitor": Monitor, "monitoring": Monitor, "probe": Monitor,
	"architecture": Architecture, "design": Architecture,
	"investigation": Investigation, "investigate": Investigation, "research": Investigation,
	"migration": Migration,
	"runbook":   Runbook, "docs": Runbook, "documentation": Runbook,
	"upstream": Upstream,
}

// categories are words of Type columns that mean another thing than the kind
// of work; such a cell states no type.
var categories = map[string]bool{
	"prevent": true, "prevention": true, "preventive": true, "detect": true, "detection": true, "detective": true,
	"mitigate": true, "mitigation": true, "process": true, "other": true, "repair": true, "corrective": true,
	"-": true, "–": true, "—": true, "n/a": true, "none": true,
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
	word := lower(text)
	if text == "" || categories[word] {
		return stated{}
	}
	if kind, known := typeWords[word]; known {
		return stated{text: string(kind), kind: kind}
	}
	s := stated{text: squeeze(cell)}
	parts := strings.FieldsFunc(typeJoints.Replace(word), func(r rune) bool {
		return strings.ContainsRune("+/,&|;", r)
	})
	if len(parts) < 2 {
		return s
	}
	for _, part := range parts {
		if kind, known := typeWords[strings.TrimSpace(part)]; known {
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
	switch strings.Trim(head, ".,:;()/-") {
	case "critical", "urgent", "blocker", "highest":
		return P0
	case "high":
		return P1
	case "medium", "med", "normal", "moderate":
		return P2
	case "low", "lowest", "minor":
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
