package classify

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
)

// inferType reads the type of an action from its leading verb and whole words,
// without those in code spans. It is "" unless only one type is possible.
func inferType(all, said []token) term.Type {
	if len(said) == 0 {
		return ""
	}
	lead := said[0]
	switch {
	case lead.Has(words.LeadsToMigration):
		return term.Migration
	case lead.Has(words.LeadsToInvestigation):
		return term.Investigation
	case lead.Has(words.LeadsToARunbook):
		return term.Runbook
	case lead.Has(words.LeadsToArchitecture):
		return term.Architecture
	case lead.Has(words.Destroys), lead.Has(words.People):
		return ""
	}
	// Two words such as "Add alerts" do not say what to do; a name in a code
	// span does.
	if len(said) < 3 && len(said) == len(all) || anyOf(said, words.Boundless) || secondStep(said) {
		return ""
	}
	kind := nounKind(all, said)
	if !lead.Has(words.Adds) && (kind != term.Alert || !alertWithoutVerb(said)) {
		return ""
	}
	return kind
}

// secondStep reports whether the action joins another step that is not of the
// adding kind.
func secondStep(all []token) bool {
	for i, t := range all {
		if i > 0 && t.lead() && (t.Base.Has(words.People) || t.Base.Has(words.Destroys)) {
			return true
		}
	}
	return false
}

// alertWithoutVerb reads "Alert on …", "PrometheusRule for …" and "memory headroom
// alert above 85 percent", which say when it fires.
func alertWithoutVerb(all []token) bool {
	if all[0].Has(words.AboutAlerts) {
		return len(all) > 1 && (all[1].Has(words.Conditions) || strings.HasPrefix(all[1].Text, "rule"))
	}
	if all[0].Has(words.Changes) || all[0].Has(words.Vague) || all[0].Has(words.Outcomes) {
		return false
	}
	for i, t := range all {
		if i > 0 && t.Has(words.AboutAlerts) {
			return anyOf(all[i:], words.Bounds)
		}
	}
	return false
}

// nounKind is the one type that the words of the action name. An alert about
// a timeout is an alert, and words such as node name no type beside one; but an
// alert in a runbook, or a monitor with an alert, may be either.
func nounKind(all, said []token) term.Type {
	alert, monitor := anyOf(said, words.AboutAlerts), anyOf(said, words.AboutMonitors)
	config := anyOf(said, words.AboutSettings, words.AboutResources)
	runbook, work := anyOf(said, words.AboutRunbooks), anyOf(said, words.AboutOtherWork)
	switch {
	case runbook && !work && !alert && !monitor && !config:
		return term.Runbook
	case runbook, work:
		return ""
	case alert && !monitor && isObject(all, words.AboutAlerts):
		return term.Alert
	case monitor && !alert && !config && isObject(all, words.AboutMonitors):
		return term.Monitor
	case config && !alert && !monitor && !anyOf(said, words.AboutSoftware) && settingIsObject(all):
		return term.Config
	}
	return ""
}

// isObject reports whether a thing of a class is what is added, not what something
// else is about: "Add an alert when the limit is hit" but not "Set the timeout of
// the alert receiver".
func isObject(all []token, class words.Class) bool {
	for i, t := range all {
		if i > 0 && t.Has(words.EndsAThing) {
			return false
		}
		if t.Has(class) && (i == 0 || ends(all, i) || class == words.AboutAlerts && alertWithoutVerb(all)) {
			return true
		}
	}
	return false
}

// ends reports whether the thing named by the token at i ends there.
func ends(all []token, i int) bool {
	return i+1 == len(all) || all[i+1].joined || all[i+1].aim || all[i+1].code || all[i+1].Has(words.EndsAThing)
}

// settingIsObject reports whether a setting is what is adjusted.
func settingIsObject(all []token) bool {
	for i, t := range all {
		switch {
		case t.Has(words.AboutOtherThings), i > 0 && t.Has(words.EndsAThing), t.Has(words.AboutResources) && !limited(all[i+1:]):
			return false // "Add memory to node3" is a purchase
		case (t.Has(words.AboutSettings) || t.Has(words.AboutResources)) && ends(all, i):
			return true
		}
	}
	return false
}

// limited reports whether memory or CPU is that of a container: its limit or
// request is named behind it, or a quantity such as 2Gi.
func limited(rest []token) bool {
	for _, t := range rest {
		switch unit := strings.TrimLeft(t.Text, "0123456789"); unit {
		case "limit", "limits", "request", "requests", "quota":
			return true
		case "gi", "mi", "ki", "m", "g":
			if unit != t.Text {
				return true
			}
		}
	}
	return false
}
