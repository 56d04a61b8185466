package classify

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// What follows decides before anything is paid. What a change does is seen in its
// plan; here only the words count that say what no plan of this program may do, or
// that somebody else has to decide.

// cells are a set of the cells of an item.
type cells uint8

const (
	inAction cells = 1 << iota
	inDetails
	inOthers   // status, owner, due date, ticket
	everywhere = inAction | inDetails | inOthers
)

// rule says where the words of a class hold back an item.
type rule struct {
	class  words.Class
	why    reason.Code
	in     cells
	config bool // only in a change of configuration, code spans included
	step   bool // only at the beginning of a step
}

var rules = []rule{
	{class: words.Hedges, why: reason.Hedged, in: inAction},
	{class: words.OpenEnds, why: reason.Hedged, in: inAction},
	{class: words.Holds, why: reason.Hedged, in: everywhere},
	{class: words.HoldsConfiguration, why: reason.Hedged, in: everywhere, config: true},
	{class: words.ByHand, why: reason.Hedged, in: everywhere, config: true},
	{class: words.Undecided, why: reason.Hedged, in: inDetails},
	{class: words.Decides, why: reason.Hedged, in: inDetails, config: true},
	{class: words.Decides, why: reason.Hedged, in: inDetails, step: true},
	{class: words.DestroysAnywhere, why: reason.DestructiveVerb, in: inDetails, step: true},
	{class: words.Secrets, why: reason.DestructiveVerb, in: inAction | inDetails, config: true},
	{class: words.Everybody, why: reason.DestructiveVerb, in: inAction | inDetails, config: true},
	{class: words.Risks, why: reason.DestructiveVerb, in: inAction, config: true},
	{class: words.Loses, why: reason.DestructiveVerb, in: inAction, config: true},
}

// apply adds what the rules of single words find in a cell.
func (c *Claim) apply(all []token, in cells, config bool) {
	for i, t := range all {
		for _, r := range rules {
			if r.in&in == 0 || !t.Has(r.class) || r.config && !config || r.step && !t.joined {
				continue
			}
			if !t.code || r.config && r.why == reason.DestructiveVerb || r.class == words.ByHand {
				c.Found.Add(r.why)
			}
		}
		if i == 0 && t.Has(words.ByHand) && !t.code {
			c.Found.Add(reason.Hedged)
		}
	}
}

// judgeWork looks at what the item asks for. A type that its words do not bear out
// does not spare it the rules of what they speak of.
func (j *Judge) judgeWork(c *Claim, action, details []token) {
	config := c.Kind == term.Config || c.Found.Has(reason.TypeDoubtful)
	alert := c.Kind == term.Alert || c.Kind == term.Monitor || config && anyOf(action, words.AboutAlerts)
	c.apply(action, inAction, config)
	c.apply(details, inDetails, config)
	if destroys(action) || destroysFirst(details, config) || config && risks(action) || alert && silences(action) || (alert || config) && neverTold(c.Action, action) {
		c.Found.Add(reason.DestructiveVerb)
	}
	if !config && changesMore(action) {
		c.Found.Add(reason.DestructiveVerb)
	}
	if config && (j.protected(c.Action) || j.protected(c.Details)) {
		c.Found.Add(reason.ProtectedTarget)
	}
	for _, cell := range []string{c.Status, c.Owner, c.Due, c.Ticket} {
		if len(cell) > longestBox {
			c.apply(j.other.read(cell), inOthers, config)
		}
	}
	if leads(c, action) || undecided(c.Action) || config && either().MatchString(c.Details) || term.SafeByNature(c.Kind) && vague(action, c.Details) ||
		config && !c.Found.Has(reason.DestructiveVerb) && unclear(c.Action, action) {
		c.Found.Add(reason.Hedged)
	}
}

// longestBox is how long a cell is that is too short to hold anything back.
const longestBox = 8 // bytes

// leads reports whether an action is led by a verb of deciding or checking, by the
// work of a person, or by what not to do, or has a later step that is.
func leads(c *Claim, all []token) bool {
	for i, t := range all {
		switch {
		case t.code || !t.lead():
		case i > 0 && t.Base.Has(words.HedgesInFront):
			return true
		case i > 0:
		case t.Has(words.Negates):
			return true
		case t.Has(words.PhrasesAnAlert) && anyOf(all[1:min(len(all), 6)], words.Conditions): // "Page the on-call when the queue grows"
		case c.Kind == term.Monitor && !c.Inferred && len(all) > 1 && t.Has(words.Watches) && !all[1].Has(words.Doubts):
			// What a monitor does: "Check the expiry of the certificates daily".
		case t.Has(words.HedgesInFront), term.SafeByNature(c.Kind) && t.Has(words.LeadsForPeople):
			return true
		}
	}
	return false
}

var (
	either = pattern.Lazy(`(?i)\beither .* or `)
	// asks finds a question mark that is not part of an address, and two ways to do it.
	asks = pattern.Lazy(`(?i)(?:^|\s)[^\s:]*\?|？|\beither .* or |(?:—|–| -) or `)
)

// undecided reports whether an action asks, or leaves a choice.
func undecided(action string) bool {
	return (strings.ContainsAny(action, "?？") || strings.Contains(action, " or ")) && asks().MatchString(markdown.WithoutCode(action))
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
		if !namesSetting(t) && !t.Has(words.Definite) && !t.Has(words.AboutAlerts) {
			return false
		}
	}
	return lead.Has(words.Adjusts)
}

// unclear reports whether a change of configuration does not say which setting it
// is about, "Update cert-manager", or is led by no verb of changing one.
func unclear(action string, all []token) bool {
	if len(all) == 0 || all[0].Has(words.Sets) && !anyOf(all, words.Structure) {
		return false
	}
	named, changes := strings.IndexByte(action, '=') >= 0, all[0].Has(words.Adds) || all[0].Has(words.Changes)
	for _, t := range all {
		if namesSetting(t) {
			return false
		}
		named = named || t.code || t.Name || t.Has(words.Settings)
		changes = changes || t.Has(words.ChangesAnywhere)
	}
	return !named || !changes
}

// Alternative tells by its first words whether an action is one of several that
// exclude each other, and whether it is so for the action before it.
func Alternative(action string) (one, toPrevious bool) {
	if lead := strings.TrimLeft(action, " *_~`[(-"); lead == "" || strings.IndexByte("OoAa", lead[0]) < 0 {
		return false, false
	}
	found := alternatives().FindStringSubmatch(action)
	return found != nil, found != nil && found[1] != ""
}

var alternatives = pattern.Lazy("(?i)^[ *_~`\\[(-]*(?:(or[: ]|alternative)|option [a-z0-9](?:[^a-z0-9]|$))")

func namesSetting(t token) bool {
	return t.Has(words.AboutSettings) || t.Has(words.AboutResources) || t.Has(words.SettingsNamed)
}

// watching reports whether a text has a word of alerting, watching or measuring, or
// the name of an alert, which is written like one of a type.
func watching(text string, all []token) bool {
	for _, t := range all {
		if t.Has(words.Watching) || t.Has(words.QuietsAnywhere) || t.Name && !t.Inside && text[t.Start] >= 'A' && text[t.Start] <= 'Z' {
			return true
		}
	}
	return false
}
