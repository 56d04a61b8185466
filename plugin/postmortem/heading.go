package postmortem

import (
	"strings"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// sectionKind says what a heading promises about the items below it.
type sectionKind int

const (
	sectionUnknown sectionKind = iota // says nothing; the heading above decides
	sectionStrong                     // follow-ups: tables, tasks, and bullets as implicit items
	sectionWeak                       // measures: tables and tasks only
	sectionNever                      // no items at all
	sectionAspect                     // no items, unless a follow-up heading stands above
)

// bearing is the state that a heading gives to the items below it.
type bearing int

const (
	bearNone   bearing = iota
	bearDone           // finished
	bearPerson         // declined, deferred, optional: for a person
)

// section is a heading, or a bold label that serves as one, with what it
// inherits from those above.
type section struct {
	level    int
	kind     sectionKind
	bearing  bearing
	priority Priority
	path     []string // titles, outermost first
}

// holdsItems reports whether tables and tasks below the heading are items.
func (s section) holdsItems() bool { return s.kind == sectionStrong || s.kind == sectionWeak }

// Levels of what is no heading but works like one.
const (
	levelLabel = 7 // a lone bold line
	levelItem  = 8 // a bold label in a list item, for the lists in it
)

var (
	hyphens = strings.NewReplacer("-", " ", "‑", " ", "’", "'")
	joints  = strings.NewReplacer(" and ", "/", " & ", "/", "&", "/", " + ", "/", ", ", "/", " e ", "/", " y ", "/", " et ", "/", " und ", "/",
		"と", "/", "・", "/", "、", "/", "和", "/", "与", "/", "及", "/")
	ofBearing = words.Of(words.HeadingDone, words.HeadingPeople, words.HeadingNotYet)
)

// set is the words of a list that are parted by |.
func set(list string) map[string]bool {
	known := make(map[string]bool, 1+strings.Count(list, "|"))
	for word := range strings.SplitSeq(list, "|") {
		known[strings.TrimSpace(word)] = true
	}
	return known
}

// classifyTitle reads a heading by the whole of it: numbers, emoji and markup go
// first, then a trailing note after a parenthesis, colon or dash.
func classifyTitle(title string) (sectionKind, bearing) {
	text := words.Fold(plain(title))
	core, note := splitNote(text)
	core = normalTitle(core)
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
	fields := splitWords(head)
	if len(fields) == 1 && (headingPriority(fields[0]) != "" || len(fields[0]) == 1) {
		return true
	}
	return len(fields) == 2 && (fields[0] == "section" || fields[0] == "part" || fields[0] == "phase" || fields[0] == "appendix")
}

// normalTitle drops numbering, emoji and punctuation, and makes one space of
// hyphens and spaces.
func normalTitle(core string) string {
	core = strings.TrimLeftFunc(core, func(r rune) bool { return !unicode.IsLetter(r) })
	if head, rest, found := strings.Cut(core, " "); found && bareNumber(head) {
		core = strings.TrimLeftFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
	}
	core = strings.TrimRightFunc(core, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return squeeze(hyphens.Replace(core))
}

func titleKind(core string) sectionKind {
	if s := coreKind(core); s != sectionUnknown {
		return s
	}
	parts := strings.Split(joints.Replace(core), "/")
	if len(parts) < 2 || len(parts) > 4 {
		return sectionUnknown
	}
	best := sectionUnknown
	for i, part := range parts {
		part = strings.TrimSpace(part)
		if i > 0 && words.Is(part, words.HeadingTails) || i+1 < len(parts) && words.Is(part, words.HeadingQualifiers) && coreKind(part) == sectionUnknown {
			continue // "Action items & owners", "Corrective and preventive measures"
		}
		switch s := coreKind(part); {
		case s == sectionUnknown:
			return sectionUnknown
		case best == sectionUnknown || s < best:
			best = s
		}
	}
	return best
}

// coreKind is the kind of a title after the qualifiers before it.
func coreKind(core string) sectionKind {
	if asksPrevention(core) {
		return sectionWeak
	}
	for {
		word := words.Find(core)
		switch {
		case word.Has(words.HeadingFollowUps):
			return sectionStrong
		case word.Has(words.HeadingMeasures):
			return sectionWeak
		case word.Has(words.HeadingNoItems):
			return sectionNever
		case word.Has(words.HeadingAspects):
			return sectionAspect
		}
		head, rest, found := strings.Cut(core, " ")
		if !found || !words.Is(head, words.HeadingQualifiers) {
			return sectionUnknown
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
func titleBearing(kind sectionKind, core, note string) bearing {
	inNote, open := bearingIn(note, false)
	if open {
		return bearNone
	}
	if whole := bearingOf(words.Find(note)); whole != bearNone {
		return whole
	}
	if kind == sectionUnknown {
		return bearingOf(words.Find(core))
	}
	inCore, open := bearingIn(core, true)
	switch {
	case open:
		return bearNone
	case inNote == bearPerson || inCore == bearNone:
		return inNote
	}
	return inCore
}

func bearingOf(word words.Word) bearing {
	switch {
	case word.Has(words.HeadingPeople):
		return bearPerson
	case word.Has(words.HeadingDone):
		return bearDone
	}
	return bearNone
}

// bearingIn looks for a word of bearing in a text, and for one that says that the
// items are open. In a note it has to stand by itself: "completed by the team", not
// "complete outage".
func bearingIn(text string, anywhere bool) (found bearing, open bool) {
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
			return bearNone, true
		case found != bearPerson && (anywhere || standsAlone(text[i+n:])):
			found = bearingOf(word)
		}
	}
	return found, false
}

// followers stand behind a word of bearing that says how all of the items are.
var followers = set("by|on|in|at|as|since|see|per|via|during|until|and|por|em|en|am|im|von|par|le")

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
