package gate

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"pm-todos/plugin/pattern"
)

// What may change of an alert, a monitor or a route that the item names. What
// makes it tell earlier is free within bounds; what could keep it from telling
// anybody is left to people, and so is every key that the gate does not know.

// Keys by how a new value is judged.
var (
	expressionKeys = []string{"expr", "expression", "query", "metricquery", "promql", "logql"}
	waitKeys       = []string{
		"for", "pendingperiod", "interval", "intervalseconds", "groupwait", "groupinterval", "repeatinterval", "evaluationinterval", "scrapeinterval", "scrapetimeout", "queryoffset",
		"frequency", "timeout", "checkinterval", "retryinterval", "resolvetimeout",
	}
	labelKeys  = []string{"severity", "priority", "team", "channel", "labels"}
	targetKeys = []string{"alarmactions", "okactions", "notificationchannels", "notificationidlist", "notificationids", "contactgroups", "alertcontacts"}
	numberKeys = []string{
		"threshold", "thresholds", "critical", "criticalrecovery", "warning", "warningrecovery", "params", "evaluationperiods", "datapointstoalarm", "period", "retries", "maxretries",
		"attempts", "failurethreshold", "successthreshold",
	}
)

// receivers that tell nobody, by their names.
var nobody = pattern.Lazy(`(?i)(^|[^a-z])(null|blackhole|black-hole|black_hole|none|nobody|noop|no-op|devnull|dev-null|drop|discard|silent|silence|ignore|void|sink)([^a-z]|$)`)

// dropsAll tells whether a receiver's name says that it tells nobody.
func dropsAll(receiver string) bool { return nobody().MatchString(receiver) }

const anotherValue = "the gate does not know whether it could still tell anybody with this value"

// weaker says why a change of something that watches may keep it from telling
// anybody, "" when it may not.
func weaker(a alarm) string {
	key := plainKey(a.key[strings.LastIndexByte(a.key, '.')+1:])
	before, after := strings.TrimSpace(a.before), strings.TrimSpace(a.after)
	is := func(keys []string) bool { return slices.Contains(keys, key) }
	switch {
	case before == after:
		return ""
	case after == "":
		return "something of it becomes empty"
	case key == "keepfiringfor":
		return longerWait(key, after, before) // the other way round: it ends later
	case is(waitKeys):
		return longerWait(key, before, after)
	case is(labelKeys), strings.HasPrefix(a.key, "labels."):
		return lowerLabel(key, before, after)
	case before == "":
		return "something is added to it, and the gate does not know whether it could still tell anybody"
	case key == "receiver" && dropsAll(after):
		return "its receiver seems to tell nobody"
	case key == "receiver":
		return ""
	case is(expressionKeys):
		return weakerExpression(before, after)
	case is(numberKeys):
		return otherNumber(before, after)
	case key == "url":
		return otherAddress(before, after)
	case is(targetKeys):
		return fewerTargets(before, after)
	}
	return weakerDocument(key, before, after)
}

// Bounds of waiting, in seconds.
const (
	tenTimes  = 3600      // that a wait may grow to, ten times at once
	twoTimes  = 24 * 3600 // that it may grow to, twice at once
	shortWait = 60        // that stands for a wait of nothing
)

// closerBounds is what some waits must not pass. Prometheus looks back five
// minutes for a sample: with more between two, most of the time there is none.
var closerBounds = map[string]float64{"scrapeinterval": 120, "queryoffset": 300, "evaluationinterval": 300}

// longerWait judges how long something waits before it tells.
func longerWait(key, before, after string) string {
	old, okOld := readWait(before)
	now, okNow := readWait(after)
	ten, two := float64(tenTimes), float64(twoTimes)
	if bound, ok := closerBounds[key]; ok {
		ten, two = bound, bound
	}
	if key == "repeatinterval" {
		ten = twoTimes // only of reminders
	}
	switch {
	case !okOld || !okNow:
		return "a wait cannot be read for certain"
	case key == "scrapetimeout" && now < old/2:
		return "what it measures could not be read in time"
	case now > old && now > two, now > 2*old && now > min(mostMoved*max(old, shortWait), ten):
		return "it waits much longer than before"
	}
	return ""
}

// plainWait is a length of time in seconds, or with units.
var plainWait = pattern.Lazy(`^(?:[0-9]{1,9}(?:\.[0-9]+)?|(?:[0-9]{1,9}(?:ms|[smhdwy]))+)?$`)

func readWait(text string) (float64, bool) {
	if !plainWait().MatchString(text) {
		return 0, false
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return n, true
	}
	return seconds(text), true
}

// severities is what labels of severity say, the mildest first.
var severities = [][]string{
	{"none", "debug"},
	{"info", "informational", "notice", "p5"},
	{"low", "minor", "p4"},
	{"warning", "warn", "medium", "ticket", "p3"},
	{"error", "major", "high", "p2"},
	{"critical", "crit", "page", "urgent", "emergency", "fatal", "disaster", "p1", "p0"},
}

func severity(text string) int {
	return slices.IndexFunc(severities, func(same []string) bool { return slices.Contains(same, strings.ToLower(text)) })
}

// lowerLabel judges the labels of a rule, by which its alerts find whom to tell.
func lowerLabel(key, before, after string) string {
	if old, now := severity(before), severity(after); (key == "severity" || key == "priority") && old >= 0 && now >= old {
		return ""
	}
	old, okOld := readTree(before).(map[string]any)
	now, okNow := readTree(after).(map[string]any)
	if !okOld || !okNow {
		return "a label that decides whom it tells is lower or another one"
	}
	for _, name := range keysOf(old, now) {
		was, is := encoded(old[name]), encoded(now[name])
		if was == is {
			continue
		}
		if _, there := old[name]; !there || is == "" {
			return "labels that decide whom it tells are not the same"
		}
		if why := lowerLabel(plainKey(name), was, is); why != "" {
			return why
		}
	}
	return ""
}

// otherNumber judges a number, or several in the same places.
func otherNumber(before, after string) string {
	old, errOld := strconv.ParseFloat(before, 64)
	now, errNow := strconv.ParseFloat(after, 64)
	if errOld != nil || errNow != nil {
		return weakerDocument("", before, after)
	}
	_, why := movedNumber(old, now)
	return why
}

// otherAddress lets a check look at another page of the same server.
func otherAddress(before, after string) string {
	old, errOld := url.Parse(before)
	now, errNow := url.Parse(after)
	if errOld != nil || errNow != nil || old.Host == "" || old.Scheme != now.Scheme || old.Host != now.Host || old.User.String() != now.User.String() {
		return "it would look at another server"
	}
	return ""
}

// fewerTargets lets a list of whom to tell grow.
func fewerTargets(before, after string) string {
	old, okOld := readTree(before).([]any)
	now, okNow := readTree(after).([]any)
	gone := slices.ContainsFunc(old, func(target any) bool {
		return !slices.ContainsFunc(now, func(other any) bool { return encoded(target) == encoded(other) })
	})
	if !okOld || !okNow || gone {
		return "whom it tells is not the same"
	}
	return ""
}

// readTree is a text as JSON when it is a collection, else nil.
func readTree(text string) any {
	if !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil
	}
	value, err := readJSON([]byte(text))
	if err != nil {
		return nil
	}
	return value
}

// weakerDocument judges a value that is a collection in JSON, leaf by leaf.
func weakerDocument(key, before, after string) string {
	old, now := readTree(before), readTree(after)
	if old == nil || now == nil {
		return anotherValue
	}
	return weakerTree(key, old, now)
}

func weakerTree(key string, before, after any) string {
	switch now := after.(type) {
	case map[string]any:
		old, ok := before.(map[string]any)
		if !ok || len(old) != len(now) {
			return anotherValue
		}
		for _, name := range keysOf(old, now) {
			if slices.Contains(telling, plainKey(name)) {
				continue
			}
			if why := weakerTree(name, old[name], now[name]); why != "" {
				return why
			}
		}
		return ""
	case []any:
		old, ok := before.([]any)
		if !ok || len(old) != len(now) {
			return anotherValue
		}
		for i := range now {
			if why := weakerTree(key, old[i], now[i]); why != "" {
				return why
			}
		}
		return ""
	}
	if _, is := after.(json.Number); is && slices.Contains(numberKeys, plainKey(key)) {
		return otherNumber(encoded(before), encoded(after))
	}
	return weaker(alarm{"", key, encoded(before), encoded(after)})
}
