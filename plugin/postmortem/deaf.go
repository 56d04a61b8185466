package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Limits beyond which an alert that is adjusted says nothing in time.
const (
	deafPercent = 99
	deafRepeat  = 24 * 3600 // seconds between two notifications of one alert
	deafFor     = 3600      // seconds that a condition must hold, more than it
	deafFactor  = 5         // times that a threshold or a wait is moved by, up or down
)

var (
	// newVerbs add what was not there, which makes nothing quieter.
	newVerbs = set("add|create|implement|introduce|define|write|deploy|build|instrument|install")
	// goodRatios are of what an alert misses when it is under its threshold.
	goodRatios = set("availability|uptime|success|slo|sla|objective|below|under|coverage|hit")
	// repeats are settings of how often a notification is sent.
	repeats = set("repeat_interval|repeat-interval|repeatinterval|repeat|group_interval|groupinterval|resend|resend_delay|renotify_interval|renotify|reminder")
)

// deafStems are parts of texts of which deafens has something to say.
var deafStems = []string{"threshold", "repeat", "interval", "resend", "renotify", "reminder", "severity", "priority", "sensitivity", "urgency", "pending"}

// deafens reports whether the values of an action make an alert that is there
// miss what it was made for: a threshold that nothing reaches, a severity that
// pages nobody, a wait of a day.
func deafens(action string) bool {
	if low := lower(action); !containsAny(low, deafStems) && (strings.HasPrefix(low, "add ") || !strings.Contains(low, "for") || !strings.ContainsAny(low, "0123456789")) {
		return false
	}
	all := tokens(untagged(action))
	if len(all) == 0 {
		return false
	}
	adds := newVerbs[all[0]] && !labels(all)
	for i, word := range all {
		switch {
		case repeats[word]:
			if waits(all[i+1:], deafRepeat, true) {
				return true
			}
		case adds:
		case word == "threshold" || word == "thresholds":
			if unreachable(all) || leaps(all) {
				return true
			}
		case urgency[word]:
			if lessUrgent(all) {
				return true
			}
		case word == "pending", word == "for" && i+1 < len(all):
			if holdsFor(all, i) || word == "for" && all[i+1] == "`" && leaps(all[i+1:]) {
				return true
			}
		}
	}
	return false
}

// labels reports whether what is added is how urgent something is, which changes
// an alert that is there: "Add `severity: info` to NodeDown".
func labels(all []string) bool {
	for _, word := range all[1:] {
		if word != "`" && word != "a" && word != "the" {
			return urgency[word]
		}
	}
	return false
}

// leaps reports whether a value is moved so far from what it was that it is
// another alert: "from 10% to 1%".
func leaps(all []string) bool {
	for i, word := range all {
		if word != "from" && word != "was" {
			continue
		}
		was, known := quantityAt(all[i+1:])
		if !known || was.value <= 0 {
			continue
		}
		for j := range all {
			if all[j] != "to" || j > i && j > i+4 {
				continue
			}
			becomes, known := quantityAt(all[j+1:])
			a, b := was.beside(becomes), becomes.beside(was)
			if known && a.dimension == b.dimension && (b.value*b.factor*deafFactor <= a.value*a.factor || b.value*b.factor >= a.value*a.factor*deafFactor) {
				return true
			}
		}
	}
	return false
}

// waits reports whether a duration of at least so many seconds is among the
// words; from is the one before the change.
func waits(all []string, limit float64, equal bool) bool {
	for i, word := range all {
		q, known := quantityAt(all[i:])
		if q = q.beside(quantity{unit: unit{dimension: seconds}}); !known || q.dimension != seconds || i > 0 && all[i-1] == "from" {
			continue
		}
		if value := q.value * q.factor; word != "" && (value > limit || equal && value == limit) {
			return true
		}
	}
	return false
}

// holdsFor reports whether the word at i is the setting of how long a condition
// must hold, not the preposition, and is set to more than an hour.
func holdsFor(all []string, i int) bool {
	next := all[min(i+1, len(all)-1)]
	switch next {
	case "duration", "period", "clause", "time", "window", "interval", "to", "of", "`", "field", "setting", "value":
		return waits(all[i+1:], deafFor, false)
	}
	q, known := quantityAt(all[i+1:])
	return all[i] == "pending" && waits(all[i+1:], deafFor, false) || known && q.dimension == seconds && waits(all[i+1:min(i+3, len(all))], deafFor, false)
}

// unreachable reports whether a threshold is set to what is hardly ever reached.
func unreachable(all []string) bool {
	found := false
	for i, word := range all {
		if goodRatios[word] || strings.HasPrefix(word, "availab") {
			return false
		}
		q, known := quantityAt(all[i:])
		if !known || i == 0 || all[i-1] == "from" {
			continue
		}
		whole := q.dimension == percent && q.value >= deafPercent
		part := q.dimension == plainNumber && q.value >= deafPercent/100.0 && q.value < 1
		found = found || whole || part
	}
	return found
}

// lessUrgent reports whether a severity is set to one that pages nobody, or to
// less than the one it is told to have been.
func lessUrgent(all []string) bool {
	var was, becomes text.Severity
	before := ""
	for _, word := range all {
		if word == "`" {
			continue
		}
		if rank := text.SeverityOfWord(word); rank > 0 {
			switch before {
			case "from", "was":
				was = rank
			case "to", "as", "severity", "priority", "urgency":
				becomes = rank
			}
		}
		before = word
	}
	return becomes > 0 && (becomes <= text.Quiet || becomes < was)
}

// sends reports whether a text tells to send something to an address of the web.
// A page that is probed is no such address.
func sends(text string) bool {
	if !strings.Contains(text, "://") {
		return false
	}
	sender := false
	before := ""
	for _, word := range tokens(text) {
		switch {
		case sendWords[word]:
			sender = true
		case strings.HasPrefix(word, "http://"), strings.HasPrefix(word, "https://"):
			if sender && (sendWords[before] || contains("to at via into towards url endpoint with using", before)) {
				return true
			}
		}
		if word != "`" && word != "(" {
			before = word
		}
	}
	return false
}

var sendWords = set("send|sends|sending|post|posts|posting|forward|forwards|forwarding|webhook|webhooks|receiver|receivers|push|pushes|deliver|delivers|notify|" +
	"notifies|notification|notifications|report|reports|call|calls|route|routes|relay|relays|hook|upload|uploads|export|exports|curl")

// everybody are names of principals that stand for all people there are.
var everybody = []string{
	"allusers", "allauthenticatedusers", "authenticatedusers", "authenticated-users", "system:unauthenticated", "system:anonymous", "system:authenticated",
	`principal: "*"`, `principal: *`, `principal = "*"`, `"principal": "*"`, `principal "*"`, "principal *", "world-readable", "world readable", "world-writable",
}
