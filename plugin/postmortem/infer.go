package postmortem

import "strings"

// nouns tell what an action is about, by whole words.
var nouns = func() map[string]Type {
	known := map[string]Type{}
	for kind, list := range map[Type]string{
		Alert: "alert|alerts|alerting|prometheusrule|prometheusrules|alarm|alarms",
		Monitor: "monitor|monitors|monitoring|servicemonitor|servicemonitors|podmonitor|podmonitors|probe|probes|blackbox|" +
			"uptime-kuma|uptimekuma|healthchecks.io",
		Config: "limit|limits|timeout|timeouts|retention|replicas|livenessprobe|readinessprobe|startupprobe|" +
			"poddisruptionbudget|pdb|antiaffinity|anti-affinity|affinity|topologyspreadconstraints|priorityclass|" +
			"setting|settings|quota|quotas|resourcequota|interval|backoff|ttl|concurrency|" +
			"memory|cpu|requests|toleration|tolerations|nodeselector|mount-options|ratelimit|keepalive|hpa|" +
			"terminationgraceperiodseconds|revisionhistorylimit|ndots|sysctl|kubelet",
		Runbook:      "runbook|runbooks|playbook|playbooks|docs|documentation|wiki|readme|postmortem|post-mortem|procedure|guide|checklist|template|training",
		Migration:    "migration|migrations",
		Architecture: "architecture|redesign|design|multi-master|ha|high-availability|refactoring",
		Upstream:     "upstream",
		"other": "dashboard|dashboards|script|scripts|test|tests|ci|pipeline|pipelines|policy|process|meeting|vendor|support|ticket|issue|pr|" +
			"code|library|feature|hardware|disk|ups|backup|backups|certificate|certificates|environment|validation|drift|repository|image",
	} {
		for word := range set(list) {
			known[word] = kind
		}
	}
	return known
}()

// softwareWords tell that an action may be about a program's source, where a
// timeout or a limit is code and no configuration.
var softwareWords = set("annotation|annotations|api|app|class|cli|client|clients|code|codebase|component|form|frontend|function|functions|handler|" +
	"handlers|http|importer|library|method|module|page|parser|payload|queries|query|sdk|screen|sql|tests|type|types|ui|widget|workflow")

// boundless words make a scope that nobody can finish.
var boundless = set("everything|anything|everywhere|all|etc|stuff|things|various|better|more|proper|comprehensive|general")

// verbKinds are the types of actions that their leading verb decides alone.
var verbKinds = map[string]Type{
	"migrate": Migration, "move": Migration, "relocate": Migration,
	"investigate": Investigation, "research": Investigation, "analyze": Investigation, "analyse": Investigation, "explore": Investigation,
	"evaluate": Investigation, "understand": Investigation, "determine": Investigation, "debug": Investigation, "reproduce": Investigation,
	"document": Runbook, "redesign": Architecture, "design": Architecture, "rearchitect": Architecture, "re-architect": Architecture,
}

// inferType reads the type of an action from its leading verb and whole words.
// It is "" unless only one type is possible. named says that the action has a
// code span.
func inferType(all []actionWord, named bool) Type {
	if len(all) == 0 {
		return ""
	}
	lead := all[0].text
	for _, verbs := range []map[string]string{destructive, human} {
		if base, known := verbs[lead]; known {
			return verbKinds[base]
		}
	}
	if destroys(all, 0, false) || secondStep(all) {
		return ""
	}
	// Two words such as "Add alerts" do not say what to do; a name in a code
	// span, which is no word here, does.
	if len(all) < 3 && !named {
		return ""
	}
	for _, w := range all {
		if boundless[w.text] {
			return ""
		}
	}
	if _, builds := constructive[lead]; !builds {
		return nounLed(all)
	}
	return nounKind(all)
}

// secondStep reports whether the action joins another step that is not of the
// adding kind.
func secondStep(all []actionWord) bool {
	for i, w := range all[1:] {
		if !w.joined {
			continue
		}
		if base, known := human[w.text]; known && base == w.text || destroys(all, i+1, true) {
			return true
		}
	}
	return false
}

// nounLed reads "Alert on …" and "PrometheusRule for …".
func nounLed(all []actionWord) Type {
	if len(all) < 2 {
		return ""
	}
	switch all[0].text {
	case "alert", "alerts", "alerting", "prometheusrule":
	default:
		return ""
	}
	switch all[1].text {
	case "on", "for", "when", "if", "rule", "rules":
		if kind := nounKind(all); kind == Alert {
			return Alert
		}
	}
	return ""
}

// nounKind is the one type that the words of the action name. An alert about
// a timeout is an alert, and words such as node name no type beside one; but an
// alert in a runbook, or a monitor with an alert, may be either.
func nounKind(all []actionWord) Type {
	var found [6]int
	order := []Type{Alert, Monitor, Config, Runbook, Migration, Upstream}
	for i, w := range all {
		kind, known := nouns[w.text]
		if isMountOption(all, i) {
			kind, known = Config, true
		}
		if !known {
			continue
		}
		if i > 0 && isProbe(all, i-1) {
			kind = Config
		}
		for n, one := range order {
			if kind == one {
				found[n]++
			}
		}
	}
	alert, monitor, config := found[0] > 0, found[1] > 0, found[2] > 0
	switch {
	case found[3]+found[4]+found[5] > 0:
		return onlyRunbook(alert || monitor || config, found[3] > 0, found[4]+found[5] > 0)
	case alert && !monitor && alertIsObject(all):
		return Alert
	case monitor && !alert && !config && monitorIsObject(all):
		return Monitor
	case config && !alert && !monitor && configIsObject(all):
		return Config
	}
	return ""
}

func onlyRunbook(other, runbook, more bool) Type {
	if runbook && !other && !more {
		return Runbook
	}
	return ""
}

// near is how many words after the verb the object is expected in.
const near = 8

// after are words that may follow the thing that an action adds: what stands
// before them is the whole thing, not the beginning of an alert receiver or a
// config validation.
var after = set("for|on|when|whenever|if|in|of|about|at|with|per|against|based|using|from|as|above|below|over|under|so|covering|around|where|" +
	"while|every|during|into|until|because|than|rule|rules|threshold|thresholds|across|between|between|within|upon|once|due|is|are|" +
	"para|quando|pour|für|cuando")

// ends reports whether the thing named by the word at i ends there.
func ends(all []actionWord, i int) bool {
	if i+1 >= len(all) {
		return true
	}
	next := all[i+1]
	return next.joined || next.aim || after[next.text] || next.text[0] >= '0' && next.text[0] <= '9'
}

// alertIsObject reports whether the alert is what is added, not what something
// else is about: "Add an alert when the limit is hit" but not "Set the timeout
// of the alert receiver".
func alertIsObject(all []actionWord) bool {
	for i, w := range all {
		switch {
		case i > near || i > 0 && after[w.text]:
			return i == 1 && nouns[all[0].text] == Alert
		case nouns[w.text] == Alert && ends(all, i):
			return true
		case nouns[w.text] == Alert && i+1 < len(all) && nouns[all[i+1].text] != Alert:
			return false
		}
	}
	return false
}

// monitorIsObject is the same for monitors.
func monitorIsObject(all []actionWord) bool {
	for i, w := range all {
		if i > near || i > 0 && after[w.text] {
			return false
		}
		if nouns[w.text] == Monitor && ends(all, i) {
			return true
		}
	}
	return false
}

// configIsObject reports whether a setting is what is adjusted.
func configIsObject(all []actionWord) bool {
	for _, w := range all {
		if softwareWords[w.text] {
			return false
		}
	}
	for i, w := range all {
		switch {
		case i > near:
			return false
		case nouns[w.text] == "other" || i > 0 && after[w.text]:
			return false
		case isProbe(all, i), isMountOption(all, i):
			return true
		case (w.text == "memory" || w.text == "cpu") && !limited(all, i):
			// "Add memory to node3" is a purchase.
			return false
		case nouns[w.text] == Config && ends(all, i):
			return true
		}
	}
	return false
}

// limited reports whether the memory or CPU at i is that of a container: its
// limit or request is named, or a quantity such as 2Gi.
func limited(all []actionWord, i int) bool {
	for _, w := range all[i+1:] {
		if contains("limit limits request requests quota", w.text) {
			return true
		}
		number := strings.TrimLeft(w.text, "0123456789")
		if number != w.text && contains("gi mi ki m g", number) {
			return true
		}
	}
	return false
}

func isMountOption(all []actionWord, i int) bool {
	return all[i].text == "mount" && i+1 < len(all) && (all[i+1].text == "option" || all[i+1].text == "options")
}

// isProbe reports whether the word at i begins a liveness probe or the like.
func isProbe(all []actionWord, i int) bool {
	switch all[i].text {
	case "liveness", "readiness", "startup", "liveness/readiness", "readiness/liveness":
		return i+1 < len(all) && (all[i+1].text == "probe" || all[i+1].text == "probes")
	}
	return false
}
