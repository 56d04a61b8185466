// Package term knows what the labels in a document mean: titles of sections and
// columns, statuses, types, priorities, and the tags of tasks.
package term

import (
	"strings"
	"unicode"

	"github.com/pm-todos/pm-todos/plugin/pattern"
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
	bearOpen           // not yet done
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

	// numbering is what may stand before a title: "2.1 ", "P1 — ", "Phase 2: ", an emoji.
	numbering = pattern.Lazy(`^(?:[^\pL]+|(?:p[0-9]+|\pL|(?:section|part|phase|appendix) [\pL0-9]+)(?:[.:：)]*\s+|\s*[:：—–-]\s*))+`)
	// noted parts "Remediation (pending)", "Actions [open]", "Actions: next week" and
	// "Fixes — applied" into the title and its note.
	noted = pattern.Lazy(`^(.+?)(?:[(（[［【:：—]| [–-] | \| )(.*)$`)
	// prevents is a title such as "How will we prevent this from happening again".
	prevents = pattern.Lazy(`^how .*prevent|^(?:what .*)?prevent.*(?: again|recurrence)$`)
)

// ReadTitle reads a heading by the whole of it: numbers, emoji and markup go
// first, then a trailing note after a parenthesis, colon or dash.
func ReadTitle(title string) (SectionKind, Bearing) {
	core, note := words.Fold(markdown.Plain(title)), ""
	core = core[len(numbering().FindString(core)):]
	if parts := noted().FindStringSubmatch(core); parts != nil {
		core, note = parts[1], strings.TrimRight(parts[2], ")）]］】. ")
	}
	core = bareTitle(core)
	kind := titleKind(core)
	return kind, titleBearing(kind, core, note)
}

// NormalTitle drops numbering and punctuation, and makes one space of hyphens and
// spaces.
func NormalTitle(core string) string { return bareTitle(core[len(numbering().FindString(core)):]) }

func bareTitle(core string) string {
	core = strings.TrimRightFunc(core, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return markdown.Squeeze(hyphens.Replace(core))
}

func titleKind(core string) SectionKind {
	if s := coreKind(core); s != SectionUnknown {
		return s
	}
	parts := strings.Split(joints.Replace(core), "/")
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
	if strings.Contains(core, "prevent") && prevents().MatchString(core) {
		return SectionWeak
	}
	for {
		if i := words.Find(core).Which(words.HeadingFollowUps, len(kinds)); i >= 0 {
			return kinds[i]
		}
		head, rest, _ := strings.Cut(core, " ")
		if rest == "" || !words.Is(head, words.HeadingQualifiers) {
			return SectionUnknown
		}
		core = rest
	}
}

// kinds are those of the classes of words from HeadingFollowUps on.
var kinds = []SectionKind{SectionStrong, SectionWeak, SectionNever, SectionAspect}

// titleBearing is what a title says of how the items below it stand: one that is
// known in all of its words, any other only when it or its note is nothing else.
// "Complete outage of the shop" and "Rejected writes" say nothing of items.
func titleBearing(kind SectionKind, core, note string) Bearing {
	whole, inNote, inCore := bearingOf(words.Find(note)), bearingIn(note, false), bearingIn(core, true)
	switch {
	case inNote == bearOpen:
		return BearNone
	case whole != BearNone:
		return whole
	case kind == SectionUnknown:
		whole = bearingOf(words.Find(core))
		return whole
	case inCore == bearOpen:
		return BearNone
	case inNote == BearPerson || inCore == BearNone:
		return inNote
	}
	return inCore
}

func bearingOf(word words.Word) Bearing {
	return Bearing(1 + word.Which(words.HeadingDone, 2)) // and HeadingPeople
}

// bearingIn looks for a word of bearing in a text, and for one that says that the
// items are open. In a note it has to stand by itself: "completed by the team", not
// "complete outage".
func bearingIn(text string, anywhere bool) (found Bearing) {
	for rest, word := range words.In(text, words.Of(words.HeadingDone, words.HeadingPeople, words.HeadingNotYet)) {
		switch {
		case word.Has(words.HeadingNotYet):
			return bearOpen
		case found != BearPerson && (anywhere || standsAlone(rest)):
			found = bearingOf(word)
		}
	}
	return found
}

// alone is what may stand behind a word of bearing that says how all of the items
// are: no noun that it would only describe.
var alone = pattern.Lazy(`^(?:[^ ]|$| +(?:[^\pL ]|$|(?:by|on|in|at|as|since|see|per|via|during|until|and|por|em|en|am|im|von|par|le)\b))`)

func standsAlone(rest string) bool {
	next, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	next = strings.TrimRight(next, ",.;:)")
	return alone().MatchString(rest) || words.Is(next, words.ColumnItem) || words.Is(next, words.HeadingFollowUps)
}
