package postmortem

import "strings"

// hedgeVerbs leave the decision to somebody wherever they stand in an action.
var hedgeVerbs = forms(`consider|evaluate evaluation|investigate investigation|explore|decide|assess|research|brainstorm|revisit|rethink|
considerar|avaliar|investigar`)

// leadHedges do so when they begin a step; inside one they are ordinary nouns
// such as an audit log.
var leadHedges = forms(`review|audit|discuss|determine|debate|propose|understand|analyze|analyse|check|verify|ask|clarify|think|look|
find|figure|test|validate|plan|study|confirm`)

// personVerbs are work of a person when they lead an action.
var personVerbs = forms(`watch|observe|follow|track|keep|schedule|train|document|communicate|notify|contact|talk|coordinate|prepare|escalate|share|
report|learn|teach|rehearse|practice|practise|approve|agree|align|hire|buy|order|purchase|meet|sync|have having|let|tell|remind|try|help|get`)

// vagueVerbs name an outcome, not a step.
var vagueVerbs = forms(`fix|improve|make|ensure|handle|address|resolve|harden|clean|optimize|optimise|stabilize|rework|enhance|strengthen|solve`)

// hedgeWords leave something open as whole words.
var hedgeWords = set("optional|optionally|tbd|tbc|maybe|perhaps|possibly|potentially|probably|whether|eventually|ideally|someday|undecided|tentative|tentatively|might|opcional|talvez|appropriate|appropriately|reasonable|sensible|suitable|proper|better|whatever|somehow|adequate|sane|optimal")

// hedgePhrases do so as they stand, in the action of any item.
var hedgePhrases = []string{
	"if possible", "if needed", "if necessary", "if feasible", "where possible", "where appropriate", "as appropriate", "as needed",
	"nice to have", "nice-to-have", "to be decided", "to be determined", "to be confirmed", "not sure", "look into", "think about",
	"or similar", "and/or", "— or ", "– or ", " - or ", ", or else", ", or a ", ", or an ", "as discussed", "as agreed", "as required", "where missing", "where needed", "when needed", "with the vendor", "depends on", " by hand", "要検討", "検討",
}

// openPhrases leave something open in any cell of an item of type Config.
var openPhrases = []string{
	"or equivalent", "separate ticket", "separate issue", "separate pr", "needs human", "need human", "human review", "awaiting", "user decision",
	"declined", "needs decision", "needs approval", "pending approval", "pending decision", "to be decided", "to be determined",
	"do not implement", "don't implement", "do not apply", "manual step", "manually", "by hand", "coordinate with", " once the ", " once we ", " once it ", " once this ", "has agreed", "have agreed", " until ", " unless ", "wait for ", "waiting for ", " after the ", " after we ",
	" after this ", "kubectl", " ssh", "maintenance window", "downtime", "outage window",
}

// neverPhrases hold back any item, whichever cell they stand in.
var neverPhrases = []string{
	"needs human", "human review", "do not automate", "don't automate", "user decision", "needs a person", "not automatable", "do not implement",
	"depends on #", "depends on item", "depends on row", "depends on action", "depends on the above", "depends on [", "depends on p0", "depends on p1",
	"depends on p2", "depends on p3", "depends on a decision", "depends on the decision", "blocked by", "blocked on", "needs decision", "needs a decision", "needs approval", "need approval", "requires approval", "must approve",
	"after approval", "to be approved", "needs sign-off", "requires sign-off", "awaiting decision", "awaiting approval", "previous instructions", "system prompt",
}

// hedged reports whether an item leaves a decision open.
func hedged(item *Item, all []actionWord, config bool) bool {
	if !watches(item, all) && (hedgedLead(all) || safeByNature(item.kind) && forPerson(all)) || hedgedAction(item.Action, all) {
		return true
	}
	low := lower(item.raw)
	if containsAny(low, neverPhrases) || wordIn(lower(item.Details), "tbd", "tbc") {
		return true
	}
	if !config {
		return false
	}
	return containsAny(low, openPhrases) || eitherOr(low)
}

func hedgedAction(action string, all []actionWord) bool {
	bare := lower(withoutCode(action))
	if forbids(all) || questions(bare) || containsAny(bare, hedgePhrases) || strings.HasPrefix(untagged(bare), "manually ") {
		return true
	}
	for i, w := range all {
		if _, known := hedgeVerbs[w.text]; known || hedgeWords[w.text] {
			return true
		}
		if base, known := leadHedges[w.text]; known && i > 0 && w.joined && base == w.text {
			return true
		}
	}
	return eitherOr(bare)
}

// forbids reports whether the action says what not to do, or that there is nothing
// to do: "Do not raise the limit", "No alert needed".
func forbids(all []actionWord) bool {
	if len(all) == 0 {
		return false
	}
	switch all[0].text {
	case "don't", "dont", "never", "no", "not", "avoid", "without", "nothing", "cannot":
		return true
	}
	return all[0].text == "do" && len(all) > 1 && all[1].text == "not"
}

// hedgedLead reports whether the action is led by a verb of deciding or checking.
func hedgedLead(all []actionWord) bool {
	if len(all) == 0 {
		return false
	}
	_, known := leadHedges[all[0].text]
	return known
}

// watchVerbs are what a monitor does.
var watchVerbs = set("check|track|watch|observe|monitor")

// doubts follow a verb of watching when a person is meant to find out.
var doubts = set("if|whether|why|how|that|what|with|out|down|up|all|existing|our|current")

// watches reports whether an item of a stated type Monitor is led by what a
// monitor does: "Check the expiry of the certificates daily".
func watches(item *Item, all []actionWord) bool {
	return item.kind == Monitor && !item.Inferred && len(all) > 2 && watchVerbs[all[0].text] && !doubts[all[1].text]
}

// forPerson reports whether the action is led by what only a person can do.
func forPerson(all []actionWord) bool {
	if len(all) == 0 {
		return false
	}
	_, known := personVerbs[all[0].text]
	return known
}

// vague reports whether an action names an outcome in a few words, such as "Fix
// DNS" or "Improve alerts", and nothing says how.
func vague(all []actionWord, details string) bool {
	if len(all) == 0 || strings.TrimSpace(details) != "" {
		return false
	}
	_, known := vagueVerbs[all[0].text]
	return known && len(all) <= 3 || outcomes[vagueVerbs[all[0].text]] || targetless(all)
}

// outcomes are vague verbs whatever follows them.
var outcomes = set("improve|harden|optimize|optimise|enhance|strengthen|rework|stabilize|address|handle|solve")

// adjusting verbs need a target.
var adjusting = forms("tune tuning|adjust|increase|raise|lower|decrease|reduce|set setting|change|update|tighten")

// targetless reports whether an action adjusts something without saying whose:
// "Tune alert thresholds", "Increase timeouts and limits".
func targetless(all []actionWord) bool {
	if _, known := adjusting[all[0].text]; !known {
		return false
	}
	for _, w := range all[1:] {
		if _, generic := nouns[w.text]; !generic && !settingWords[w.text] && !determiners[w.text] {
			return false
		}
	}
	return true
}

// changeVerbs change a setting, besides those that add or adjust something.
var changeVerbs = forms(`change|pin pinning|exclude|spread|keep|use|give|forbid forbidding|require|enforce|prefer|reserve|attach|annotate|label|assign|
apply|fix|make|ensure|double|size|right-size|allocate|schedule|stagger|correct|codify|parameterise|parameterize|mount|put putting|
return|report|log logging|cache|throttle|debounce|group|prioritize|prioritise|place|request|turn|opt|rate-limit|harden|improve|handle|address|resolve|optimize|optimise|bind`)

// settingWords name a setting where the type is stated; alone they are too vague
// to infer it from.
var settingWords = set("option|options|parameter|parameters|config|configuration|annotation|annotations|label|labels|flag|flags|variable|variables|" +
	"env|header|headers|middleware|threshold|thresholds|schedule|window|rule|rules|mode|budget|class")

// settingVerbs say by themselves that something is added or set, whatever its
// name is: "Set fsid in /etc/exports".
var settingVerbs = forms("add adding adds addition|set setting|configure configuration|specify|declare|limit")

// structure is what systems are built of. What is set of it, or added to it,
// has to be named: "Add the node to the cluster" is no change of a setting.
var structure = set("node|nodes|cluster|clusters|machine|machines|vm|vms|vm's|host|hosts|route|routes|network|networks|volume|volumes|" +
	"database|databases|disk|disks|server|servers|namespace|namespaces|user|users|account|accounts")

func structural(all []actionWord) bool {
	for _, w := range all {
		if structure[w.text] {
			return true
		}
	}
	return false
}

// unclearChange reports whether a change of configuration does not say which
// setting it is about, "Update cert-manager", or is led by no verb of changing
// one, "Vacuum the `orders` database".
func unclearChange(action string, all []actionWord) bool {
	if len(all) == 0 || strings.HasPrefix(strings.TrimLeft(action, " *_"), "`") {
		return false // a setting in a code span
	}
	if _, sets := settingVerbs[all[0].text]; sets && !structural(all) {
		return false
	}
	if !namesSetting(action, all) {
		return true
	}
	_, adds := constructive[all[0].text]
	_, changes := changeVerbs[all[0].text]
	return !adds && !changes && !namesKnown(all)
}

// decisions are verbs that leave something to be decided.
var decisions = set("decide|decided|consider|discuss|undecided|evaluate|investigate")

// decides reports whether the details, split into words, leave something to be
// decided. Those of a configuration do wherever such a verb stands; elsewhere "it
// took an hour to investigate" only tells what happened.
func decides(details []actionWord, config bool) bool {
	for i, w := range details {
		if decisions[w.text] && (config || i == 0 || w.joined) {
			return true
		}
	}
	return false
}

// alternative tells by its first words whether an action is one of several that
// exclude each other, and whether it is so for the action before it.
func alternative(action string) (one, toPrevious bool) {
	text := lower(strings.TrimLeft(action[:min(len(action), 40)], " *_~`[(-"))
	if strings.HasPrefix(text, "or:") || strings.HasPrefix(text, "or ") || strings.HasPrefix(text, "alternative") {
		return true, true
	}
	rest, found := strings.CutPrefix(text, "option ")
	return found && len(rest) > 1 && isWord(rest[0]) && !isWord(rest[1]), false
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
	for _, word := range strings.Fields(text) {
		if strings.Contains(word, "?") && !strings.Contains(word, "://") {
			return true
		}
	}
	return false
}

func eitherOr(text string) bool {
	at := strings.Index(text, "either ")
	return at >= 0 && (at == 0 || !isWord(text[at-1])) && strings.Contains(text[at:], " or ")
}

func containsAny(text string, phrases []string) bool {
	for _, phrase := range phrases {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

func wordIn(text string, wanted ...string) bool {
	found := false
	for _, one := range wanted {
		found = found || strings.Contains(text, one)
	}
	if !found {
		return false
	}
	for _, word := range splitWords(text) {
		for _, one := range wanted {
			if word == one {
				return true
			}
		}
	}
	return false
}
