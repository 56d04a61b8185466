package postmortem

import "strings"

// Details explain: what happened, why the change helps, how to do it. Only the
// last is an instruction, so a verb counts there when it is told as one. "The
// pod was killed" and "so that a drain does not evict all of them" hold nothing
// back; "delete the old volume first" does.

// mild verbs are destructive when an action is led by them, and ordinary in the
// steps of a change.
var mild = forms(`run|execute|exec|bump|skip|ignore|block|force|format|merge|split|shift|promote|suppress|mute|recover|repair|restore|encrypt|permit`)

// dataLosers lose data wherever details tell to do so or tell that it will
// happen.
var dataLosers = forms(`delete deletion|destroy destruction|purge|wipe wiping|truncate truncation|prune|erase|
remove removal|drop dropping dropped|uninstall|decommission|cleanup|unmount unmounting|umount`)

// gentle are those whose third person mostly tells of a benefit: "removes the
// single point of failure".
var gentle = set("remove|drop|cleanup")

// eventNouns follow a verb's base form that is a noun: restart loops, delete
// requests, backup and restore failures.
var eventNouns = set("alert|alerts|attempt|attempts|budget|call|calls|count|counter|counts|cycle|cycles|duration|durations|error|errors|event|events|" +
	"failure|failures|job|jobs|latency|log|logs|loop|loops|metric|metrics|operation|operations|policy|rate|rates|ratio|request|requests|" +
	"spike|spikes|state|status|storm|storms|success|time|times|timestamp|window|windows|alarm|alarms|duration|durations|signal|signals|backlog")

// asNoun reports whether the word at i is the first part of a compound noun.
func asNoun(all []actionWord, i int) bool {
	return i+1 < len(all) && !all[i+1].joined && eventNouns[all[i+1].text]
}

// instructsDestruction reports whether details, already split into words, tell to
// destroy, or that the change will.
func instructsDestruction(all []actionWord) bool {
	for i, w := range all {
		if _, known := mild[w.text]; !known && (w.joined || i == 0) && destroys(all, i, true) && !asNoun(all, i) {
			return true
		}
		before := ""
		if i > 0 {
			before = all[i-1].text
		}
		if losesDataNow(w.text, before) && !asNoun(all, i) {
			return true
		}
	}
	return false
}

// ledToDestroy reports whether the first word of details tells to destroy: the
// step of an alert too, such as "Remove the old rule".
func ledToDestroy(all []actionWord) bool {
	if len(all) < 2 || asNoun(all, 0) {
		return false
	}
	_, known := mild[all[0].text]
	return !known && destroys(all, 0, true)
}

// losesDataNow reports whether a word says that data will be lost: not that it was.
func losesDataNow(word, before string) bool {
	for part := range strings.FieldsFuncSeq(word, hyphened) {
		base, known := dataLosers[part]
		switch {
		case !known:
		case strings.HasSuffix(part, "ed") && part != base:
			switch before {
			case "be", "is", "are", "gets", "get":
				return true
			}
		case part == base+"s" && gentle[base]:
		default:
			return true
		}
	}
	return false
}

func hyphened(r rune) bool { return r == '-' || r == '_' }
