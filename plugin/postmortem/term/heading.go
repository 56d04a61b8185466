// Package term knows what the labels in a document mean: titles of sections and
// columns, statuses, types, priorities, and the tags of tasks.
package term

import (
	"strings"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// SectionKind says what a heading promises about the items below it.
type SectionKind int

const (
	SectionUnknown SectionKind = iota // says nothing; the heading above decides
	SectionStrong                     // follow-ups: tables, tasks, and bullets as implicit items
	SectionWeak                       // measures: tables and tasks only
	SectionNever                      // no items at all
	SectionAspect                     // no items, unless a follow-up heading stands above
)

// Bearing is the state that a heading gives to the items below it.
type Bearing int

const (
	BearNone   Bearing = iota
	BearDone           // finished
	BearPerson         // declined, deferred, optional: for a person
)

// Section is a heading, or a bold label that serves as one, with what it
// inherits from those above.
type Section struct {
	Level    int
	Kind     SectionKind
	Bearing  Bearing
	Priority Priority
	Path     []string // titles, outermost first
}

// HoldsItems reports whether tables and tasks below the heading are items.
func (s Section) HoldsItems() bool { return s.Kind == SectionStrong || s.Kind == SectionWeak }

// Levels of what is no heading but works like one.
const (
	LevelLabel = 7 // a lone bold line
	LevelItem  = 8 // a bold label in a list item, for the lists in it
)

var (
	hyphens = strings.NewReplacer("-", " ", "‑", " ", "’", "'")
	joints  = strings.NewReplacer(" and ", "/", " & ", "/", "&", "/", " + ", "/", ", ", "/", " e ", "/", " y ", "/", " et ", "/", " und ", "/",
		"と", "/", "・", "/", "、", "/", "和", "/", "与", "/", "及", "/")
	ofBearing = words.Of(words.HeadingDone, words.HeadingPeople, words.HeadingNotYet)
)

// Set is the words of a list that are parted by |.
func Set(list string) map[string]bool {
	known := make(map[string]bool, 1+strings.Count(list, "|"))
	for word := range strings.SplitSeq(list, "|") {
		known[strings.TrimSpace(word)] = true
	}
	return known
}

// ReadTitle reads a heading by the whole of it: numbers, emoji and markup go
// first, then a trailing note after a parenthesis, colon or dash.
func ReadTitle(title string) (SectionKind, Bearing) {
	text := words.Fold(markdown.Plain(title))
	core, note := splitNote(text)
	core = NormalTitle(core)
	kind := titleKind(core)
	return kind, titleBearing(kind, core, note)
}

// splitNote parts "Remediation (pending)", "Actions [open]", "Actions: next week"
// and "Fixes — applied" into the title and its note.
func splitNote(text string) (core, note string) {
	at, width := len(text), 0
	for _, mark := range []string{"(", "（", "[", "［", "【", ":", "：", " — ", " – ", " - ", "—", " | "} {
		// A mark at the very beginning is decoration, or follows a number.
		if i := strings.Index(text, mark); i > 0 && i < at && strings.ContainsFunc(text[:i], unicode.IsLetter) && !bareNumber(text[:i]) {
			at, width = i, len(mark)
		}
	}
	return text[:at], strings.TrimRight(text[min(at+width, len(text)):], ")）]］】. ")
}

// bareNumber reports whether a title begins like "P1 — …" or "Phase 2: …", where
// the words after the mark are the title.
func bareNumber(head string) bool {
	fields := SplitWords(head)
	if len(fields) == 1 && (HeadingPriority(fields[0]) != "" || len(fields[0]) == 1) {
		return true
	}
	return len(fields) == 2 && (fields[0] == "section" || fields[0] == "part" || fields[0] == "phase" || fields[0] == "appendix")
}

// NormalTitle drops numbering, emoji and punctuation, and makes one space of
// hyphens and spaces.
func NormalTitle(core string) string {
	core = strings.TrimLeftFunc(core, func(r rune) bool { return !unicode.IsLetter(r) })
	if head, rest, found := strings.Cut(core, " "); found && bareNumber(head) {
		core = strings.TrimLeftFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
	}
	core = strings.TrimRightFunc(core, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return markdown.Squeeze(hyphens.Replace(core))
}

func titleKind(core string) SectionKind {
	if s := coreKind(core); s != SectionUnknown {
		return s
	}
	parts := strings.Split(joints.Replace(core), "/")
	if len(parts) < 2 || len(parts) > 4 {
		return SectionUnknown
	}
	best := SectionUnknown
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if i > 0 && words.Is(part, words.HeadingTails) || i+1 < len(parts) && words.Is(part, words.HeadingQualifiers) && coreKind(part) == SectionUnknown {
			continue // "Action items & owners", "Corrective and preventive measures"
		}
		switch s := coreKind(part); {
		case s == SectionUnknown:
			return SectionUnknown
		case best == SectionUnknown || s < best:
			best = s
		}
	}
	return best
}

// coreKind is the kind of a title after the qualifiers before it.
func coreKind(core string) SectionKind {
	if asksPrevention(core) {
		return SectionWeak
	}
	for {
		word := words.Find(core)
		switch {
		case word.Has(words.HeadingFollowUps):
			return SectionStrong
		case word.Has(words.HeadingMeasures):
			return SectionWeak
		case word.Has(words.HeadingNoItems):
			return SectionNever
		case word.Has(words.HeadingAspects):
			return SectionAspect
		}
		head, rest, found := strings.Cut(core, " ")
		if !found || !words.Is(head, words.HeadingQualifiers) {
			return SectionUnknown
		}
		core = rest
	}
}

// asksPrevention reports whether a title is such as "How will we prevent this from
// happening again".
func asksPrevention(core string) bool {
	if !strings.HasPrefix(core, "how ") && !strings.HasPrefix(core, "what ") && !strings.HasPrefix(core, "prevent") {
		return false
	}
	return strings.Contains(core, "prevent") && (strings.HasPrefix(core, "how ") || strings.HasSuffix(core, " again") || strings.HasSuffix(core, "recurrence"))
}

// titleBearing is what a title says of how the items below it stand: one that is
// known in all of its words, any other only when it or its note is nothing else.
// "Complete outage of the shop" and "Rejected writes" say nothing of items.
func titleBearing(kind SectionKind, core, note string) Bearing {
	inNote, open := bearingIn(note, false)
	if open {
		return BearNone
	}
	if whole := bearingOf(words.Find(note)); whole != BearNone {
		return whole
	}
	if kind == SectionUnknown {
		return bearingOf(words.Find(core))
	}
	inCore, open := bearingIn(core, true)
	switch {
	case open:
		return BearNone
	case inNote == BearPerson || inCore == BearNone:
		return inNote
	}
	return inCore
}

func bearingOf(word words.Word) Bearing {
	switch {
	case word.Has(words.HeadingPeople):
		return BearPerson
	case word.Has(words.HeadingDone):
		return BearDone
	}
	return BearNone
}

// bearingIn looks for a word of bearing in a text, and for one that says that the
// items are open. In a note it has to stand by itself: "completed by the team", not
// "complete outage".
func bearingIn(text string, anywhere bool) (found Bearing, open bool) {
	inWord := false
	for i, r := range text {
		if was := inWord; true {
			inWord = unicode.IsLetter(r) || unicode.IsDigit(r) || r == '\'' || r == '’'
			if was || !inWord {
				continue
			}
		}
		n, word := words.Begins(text[i:], ofBearing)
		switch {
		case n == 0:
		case word.Has(words.HeadingNotYet):
			return BearNone, true
		case found != BearPerson && (anywhere || standsAlone(text[i+n:])):
			found = bearingOf(word)
		}
	}
	return found, false
}

// followers stand behind a word of bearing that says how all of the items are.
var followers = Set("by|on|in|at|as|since|see|per|via|during|until|and|por|em|en|am|im|von|par|le")

// standsAlone reports whether a word of bearing is followed by no noun that it
// would only describe.
func standsAlone(rest string) bool {
	next, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if next == "" || rest[0] != ' ' || !unicode.IsLetter([]rune(next)[0]) {
		return true
	}
	next = strings.TrimRight(next, ",.;:)")
	return followers[next] || words.Is(next, words.ColumnItem) || words.Is(next, words.HeadingFollowUps)
}
