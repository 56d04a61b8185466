package classify

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// token is a word of an action or of details, and what stands before it.
type token struct {
	words.Token
	joined bool // it begins a step: the first, or one after "and", a comma or the like
	aim    bool // after to, by, which and the like
	code   bool // in a code span
	opens  bool // the first of its code span
}

// lead reports whether the step of the token begins with it.
func (t token) lead() bool { return t.joined && !t.Inside }

// sentence reads texts into tokens; each text into those of the one before.
type sentence struct {
	scanned []words.Token
	all     []token
	said    []token // those of all that stand outside code spans
}

// Limits of how much of a text is looked at.
const (
	maxScanned = 8 << 10 // bytes
	maxTokens  = 400
)

// read splits a text into its words, code spans included, without the tags and
// priorities in front of it, and without the words that only join its steps.
func (s *sentence) read(text string) []token {
	text = text[:min(len(text), maxScanned)]
	bare := markdown.WithoutCode(text)
	start := tagsEnd(text)
	s.scanned = words.Scan(s.scanned[:0], text[start:])
	s.all, s.said = s.all[:0], s.said[:0]
	joined, aim, end := true, false, start
	for _, w := range s.scanned {
		w.Start, w.End = w.Start+start, w.End+start
		t := token{Token: w, code: bare[w.Start] == ' ' && text[w.Start] != ' '}
		for i := end; i < w.Start; i++ {
			j, a := separates(text, i)
			joined, aim = joined || j, aim || a
			t.opens = t.code && (text[i] == '`' || t.opens && markdown.IsSpace(text[i]))
		}
		end = w.End
		switch {
		case t.Inside || t.code:
		case t.Has(words.Joins):
			joined = true
			continue
		case t.Has(words.Aims):
			aim = true
			continue
		}
		if t.joined, t.aim = joined, aim; len(s.all) == maxTokens {
			break
		}
		s.all = append(s.all, t)
		if !t.code {
			s.said = append(s.said, t)
		}
		// "Maybe delete …" is led by the verb all the same.
		joined, aim = joined && (t.Has(words.OpenEnds) || t.Has(words.ByHand)), false
	}
	return s.all
}

// tagsEnd is where the tags and the priority in front of a text end.
func tagsEnd(text string) int {
	rest := text
	for tag, after := range term.LeadTags(text) {
		if strings.HasPrefix(strings.TrimLeft(rest, " *_:-"), "`") || len(strings.Fields(tag)) > 3 {
			break
		}
		rest = after
	}
	if p, after := term.PriorityWord(strings.TrimLeft(rest, " *_")); p != "" {
		rest = after
	}
	return len(text) - len(rest)
}

// separates reports whether the sign at i begins another step, or an aside.
func separates(text string, i int) (joined, aim bool) {
	next := i+1 >= len(text) || markdown.IsSpace(text[i+1])
	switch text[i] {
	case '(':
		return false, true
	case ',', ';', '+', '&', ':', '\n', '!', '>', '|':
		return true, false
	case '.', '/':
		// A stop inside 3.5 or a path ends no sentence.
		return next, false
	case '-':
		return next && i > 0 && markdown.IsSpace(text[i-1]), false
	case 0xe2: // – — → ⇒
		return strings.HasPrefix(text[i:], "–") || strings.HasPrefix(text[i:], "—") || strings.HasPrefix(text[i:], "→") || strings.HasPrefix(text[i:], "⇒"), false
	}
	return false, false
}

// anyOf reports whether one of the tokens stands in one of the classes.
func anyOf(all []token, classes ...words.Class) bool {
	for _, t := range all {
		for _, class := range classes {
			if t.Has(class) {
				return true
			}
		}
	}
	return false
}

// noun reports whether the token at i is the first part of a compound noun: restart
// loops, delete requests.
func noun(all []token, i int) bool {
	return i+1 < len(all) && !all[i+1].joined && all[i+1].Has(words.Events)
}
