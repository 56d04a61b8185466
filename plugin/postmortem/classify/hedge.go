package classify

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// hedged reports whether an item leaves a decision open: in its action, or for
// somebody whom another cell names.
func (j *Judge) hedged(c *Claim, action, details []token, config bool) bool {
	if hedgesLead(c, action) || hedgesInside(c.Action, action) || holds(action, config) || holds(details, config) || decides(details, config) {
		return true
	}
	if config && (eitherOr(c.Action) || eitherOr(c.Details)) {
		return true
	}
	for _, cell := range []string{c.Status, c.Owner, c.Due, c.Ticket} {
		if len(cell) > longestBox && holds(j.other.read(cell), config) {
			return true
		}
	}
	return term.SafeByNature(c.Kind) && vague(action, c.Details)
}

// longestBox is how long a cell is that is too short to hold anything back.
const longestBox = 8 // bytes

// hedgesLead reports whether the action is led by a verb of deciding or checking, by
// the work of a person, or by what not to do.
func hedgesLead(c *Claim, all []token) bool {
	if len(all) == 0 || all[0].code {
		return false
	}
	lead := all[0]
	switch {
	case lead.Has(words.Negates):
		return true
	case phrasesAlert(all):
		return false
	case c.Kind == term.Monitor && !c.Inferred && len(all) > 2 && lead.Has(words.Watches):
		// What a monitor does: "Check the expiry of the certificates daily".
		if !all[1].Has(words.Doubts) && !all[1].aim {
			return false
		}
	}
	return lead.Has(words.HedgesInFront) || term.SafeByNature(c.Kind) && lead.Has(words.LeadsForPeople)
}

// phrasesAlert reports whether an action is a new alert in other words: "Page the
// on-call when the queue grows".
func phrasesAlert(all []token) bool {
	if len(all) == 0 || !all[0].Has(words.PhrasesAnAlert) {
		return false
	}
	return anyOf(all[1:min(len(all), 6)], words.Conditions)
}

// hedgesInside reports whether the action says somewhere that it is not decided.
func hedgesInside(action string, all []token) bool {
	bare := words.Fold(markdown.WithoutCode(action))
	if questions(bare) || eitherOr(bare) || strings.Contains(bare, ", or a") || spacedOr(bare) {
		return true
	}
	for i, t := range all {
		switch {
		case t.code:
		case t.Has(words.Hedges), t.Has(words.OpenEnds), i > 0 && t.lead() && t.Base.Has(words.HedgesInFront):
			return true
		}
	}
	return false
}

// holds reports whether somebody or something has to come first.
func holds(all []token, config bool) bool {
	for i, t := range all {
		switch {
		case t.Has(words.ByHand) && (config || i == 0 && !t.code):
			return true
		case t.code:
		case t.Has(words.Holds), config && t.Has(words.HoldsConfiguration):
			return true
		}
	}
	return false
}

// decides reports whether the details leave something to be decided. Those of a
// configuration do wherever such a verb stands; elsewhere "it took an hour to
// investigate" only tells what happened.
func decides(details []token, config bool) bool {
	for _, t := range details {
		if !t.code && (t.Has(words.Decides) && (config || t.joined) || t.Has(words.Undecided)) {
			return true
		}
	}
	return false
}

// vague reports whether an action names an outcome in a few words, such as "Fix
// DNS", or adjusts something without saying whose, and nothing says how.
func vague(all []token, details string) bool {
	if len(all) == 0 || strings.TrimSpace(details) != "" {
		return false
	}
	lead := all[0]
	if lead.Has(words.Vague) && len(all) <= 3 || lead.Has(words.Outcomes) {
		return true
	}
	for _, t := range all[1:] {
		if !generic(t) {
			return false
		}
	}
	return lead.Has(words.Adjusts)
}

// generic reports whether a word names no thing of its own.
func generic(t token) bool {
	return namesSetting(t) || t.Has(words.Definite) || t.Has(words.AboutAlerts) || t.Has(words.AboutMonitors) || t.Has(words.AboutOtherThings)
}

// unclear reports whether a change of configuration does not say which setting it
// is about, "Update cert-manager", or is led by no verb of changing one.
func unclear(action string, all []token) bool {
	if len(all) == 0 || all[0].code {
		return false
	}
	lead := all[0]
	if lead.Has(words.Sets) && !anyOf(all, words.Structure) {
		return false
	}
	known, named := false, strings.IndexByte(action, '=') >= 0
	changes := lead.Has(words.Adds) || lead.Has(words.Changes)
	for _, t := range all {
		known = known || namesSetting(t)
		named = named || t.code || t.Name || t.Has(words.Settings)
		changes = changes || t.Has(words.ChangesAnywhere)
	}
	return !known && (!named || !changes)
}

// Alternative tells by its first words whether an action is one of several that
// exclude each other, and whether it is so for the action before it.
func Alternative(action string) (one, toPrevious bool) {
	text := words.Fold(strings.TrimLeft(action[:min(len(action), 40)], " *_~`[(-"))
	if strings.HasPrefix(text, "or:") || strings.HasPrefix(text, "or ") || strings.HasPrefix(text, "alternative") {
		return true, true
	}
	rest, found := strings.CutPrefix(text, "option ")
	return found && len(rest) > 1 && markdown.IsWord(rest[0]) && !markdown.IsWord(rest[1]), false
}

// questions reports whether text asks: a question mark that is not part of an
// address.
func questions(text string) bool {
	if strings.Contains(text, "？") {
		return true
	}
	if strings.IndexByte(text, '?') < 0 {
		return false
	}
	for word := range strings.FieldsSeq(text) {
		if strings.Contains(word, "?") && !strings.Contains(word, "://") {
			return true
		}
	}
	return false
}

// spacedOr reports whether a dash parts two ways to do it.
func spacedOr(text string) bool {
	return strings.Contains(text, "— or ") || strings.Contains(text, "– or ") || strings.Contains(text, " - or ")
}

func eitherOr(text string) bool {
	at := strings.Index(words.Fold(text), "either ")
	return at >= 0 && (at == 0 || !markdown.IsWord(text[at-1])) && strings.Contains(text[at:], " or ")
}
