package classify

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// destroys reports whether the action tells to delete, move, restart, stop and the
// like: as a step of its own, or as a command.
func destroys(all []token) bool {
	for i, t := range all {
		switch {
		case t.Has(words.DestroysAnywhere), commands(all, i):
			return true
		case t.code || !t.Has(words.Destroys):
		case i == 0, t.lead() && t.Base.Has(words.Destroys) && !noun(all, i), caused(all, i):
			return true
		}
	}
	return false
}

// caused reports whether the word at i is what the action makes happen: "trigger a
// restart when …", but not "trigger an alert", nor "when a deploy triggers one".
func caused(all []token, i int) bool {
	for j := i - 1; j >= 0 && !all[j+1].joined && !all[j].Has(words.EndsAThing) && !noun(all, i); j-- {
		if all[j].Has(words.Causes) {
			return all[j].aim || all[j].Base.Has(words.Causes)
		}
	}
	return false
}

// destroysFirst reports whether the details tell to destroy: by their first word,
// by a command, or in a later step by what they do to one definite thing; those of
// a configuration by any step, and by any verb in a code span. Else they explain:
// "the pod was killed", "so that a drain does not evict all of them".
func destroysFirst(all []token, config bool) bool {
	for i, t := range all {
		// "Removal of the old one" is a step; "it removes" and "dropped" tell of one.
		verb := t.Base.Has(words.Destroys) && !t.Has(words.Mild) || config && t.Has(words.Loses) && !strings.HasSuffix(t.Text, "ed") && !strings.HasSuffix(t.Text, "s")
		switch {
		case commands(all, i):
			return true
		case !verb || noun(all, i) || i+1 == len(all):
		case config && (t.code || t.lead()), !t.code && i == 0:
			return true
		case !t.code && t.lead() && !all[i+1].joined && all[i+1].Has(words.Definite):
			return true
		}
	}
	return false
}

// commandReach is how many words behind a program its verb may stand.
const commandReach = 8

// commands reports whether the word at i is what a command destroys by, in a code
// span or not: "`terraform destroy` the old module", "run kubectl delete pod".
// One that is only told of is none: "somebody ran kubectl delete".
func commands(all []token, i int) bool {
	t := all[i]
	if t.Has(words.Commands) && i > 0 && all[i-1].Has(words.Runs) && !t.Inside {
		return true
	}
	if !t.Base.Has(words.Destroys) && !t.Has(words.Commands) || noun(all, i) {
		return false
	}
	if t.opens && !t.Name && i+1 < len(all) && (t.Has(words.Commands) || all[i+1].code && !all[i+1].opens) {
		return !told(all, i)
	}
	for j := i - 1; j >= 0 && j >= i-commandReach; j-- {
		if all[j+1].joined {
			return false
		}
		if all[j].Has(words.Programs) {
			return !told(all, j)
		}
	}
	return false
}

// told reports whether the command that begins at i is only told of.
func told(all []token, i int) bool {
	for i > 0 && all[i-1].Text == "sudo" {
		i--
	}
	return i > 0 && all[i-1].Has(words.Told)
}

// risks reports whether a change of configuration is one for a person: it destroys
// something, loosens protection, keeps less than before, or turns something off.
// Settings stand in code spans as often as outside.
func risks(all []token) bool {
	ended := false
	for i, t := range all {
		ended = ended || i > 0 && (t.aim || t.Has(words.EndsAThing))
		last := i+1 == len(all) || all[i+1].joined || t.code && !all[i+1].code
		switch {
		case t.Name && t.Has(words.RisksInNames), t.Has(words.Commands) && t.code:
		case t.Has(words.Destroys) && stepOf(t, i, ended) && !noun(all, i) && (last || !namesSetting(all[i+1])):
		case t.Has(words.Frees) && (i == 0 || t.joined || t.aim) && !noun(all, i):
		case t.Has(words.Kept) && !all[0].Has(words.KeepsMore):
		case t.Has(words.Sizes) && all[0].Has(words.Lessens):
		case t.Has(words.Off) && (t.aim || last):
		case t.Has(words.Zero) && (i == 0 || all[i-1].Text != "from"):
		default:
			continue
		}
		return true
	}
	return false
}

// stepOf reports whether a destructive verb at i is what a change does, or part of
// the thing that it adds.
func stepOf(t token, i int, ended bool) bool {
	return t.aim || !ended || (i == 0 || t.lead() || t.code) && t.Base.Has(words.Destroys)
}

// silences reports whether an alert or a monitor that is there is made quieter, or
// is meant to act where it should tell.
func silences(all []token) bool {
	for i, t := range all {
		switch {
		case t.Has(words.Quiets) && (i == 0 || t.lead() && t.Base.Has(words.Quiets)), t.Has(words.QuietsAnywhere):
			return true
		case t.aim && t.Has(words.Destroys) && i > 0 && (strings.HasSuffix(t.Text, "ing") ||
			all[i-1].Has(words.AboutAlerts) || all[i-1].Has(words.AboutMonitors) || all[i-1].Has(words.Doers)):
			return true
		}
	}
	return false
}

// changesMore reports whether an alert or a monitor comes with a later step that
// changes something else, and that no change of configuration may have: "Add an alert
// and open port 22". A step with a word of watching is about the alert.
func changesMore(all []token) bool {
	for i := 1; i < len(all); i++ {
		if !all[i].lead() {
			continue
		}
		end := i + 1
		for end < len(all) && (!all[end].lead() || all[end].code && all[end-1].code) {
			end++
		}
		step, lead := all[i:end], all[i]
		changes := lead.Base.Has(words.Adds) || lead.Base.Has(words.Changes) || lead.Base.Has(words.Frees)
		if (changes && !lead.code || anyOf(step, words.ChangesAnywhere)) && !anyOf(step, words.Watching) &&
			(risks(step) || anyOf(step, words.Risks, words.Everybody, words.Loses)) {
			return true
		}
	}
	return false
}

var neverReached = pattern.Lazy(`\b(?:99(?:[.,][0-9]+)?|100) ?(?:%|per ?cent\b|prozent\b|pour cent\b|por ciento\b|por cento\b)`)

// neverTold reports whether all or nearly all has to be gone before anything happens:
// a threshold of 99.9%, a maxUnavailable of 100%.
func neverTold(action string, all []token) bool {
	return anyOf(all, words.Thresholds) && !anyOf(all, words.GoodRatios) && neverReached().MatchString(words.Fold(markdown.Squeeze(action)))
}
