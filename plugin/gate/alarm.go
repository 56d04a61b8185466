package gate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"pm-todos/plugin/pattern"
)

// An alert that stays by name can still be made worthless: by an expression
// that never holds, a longer wait, a label that routes it to nobody, a receiver
// that drops it. So what is there may change only when the item names it, and
// only in ways that leave it able to fire. Adding is free.

// alarm is one changed value of something that watches or tells: an alert rule,
// a monitor, a route, a receiver.
type alarm struct {
	name          string // of the rule, monitor or receiver
	key           string // what of it changed
	before, after string
}

// muteKeys is what silences others, drops their alerts before they are sent, or
// decides which rules and monitors are loaded at all; it is left to people, new
// or changed.
var muteKeys = []string{
	"inhibitrules", "mutetimeintervals", "mutetimings", "mutetimes", "activetimeintervals", "timeintervals", "silences", "disabledrules",
	"alertrelabelconfigs", "alertrelabelings", "additionalalertrelabelconfigs", "ruleselector", "rulenamespaceselector", "servicemonitorselector", "servicemonitornamespaceselector",
	"podmonitorselector", "podmonitornamespaceselector", "probeselector", "probenamespaceselector", "alertmanagerconfigselector", "alertmanagerconfignamespaceselector",
}

// paceKeys is how often things are looked at and told, by names of their own.
// groupKeys is what holds for a whole group of rules.
var (
	paceKeys  = []string{"groupwait", "groupinterval", "repeatinterval", "evaluationinterval", "scrapeinterval", "scrapetimeout"}
	groupKeys = []string{"interval", "limit", "queryoffset"}
)

// telling is what people read and nothing acts upon.
var telling = []string{"annotations", "description", "message", "notes", "summary", "runbookurl", "tags"}

// watching is the lists whose named elements watch something.
var watching = []string{"endpoints", "monitors", "probes", "checks", "alerts", "receivers", "contactpoints", "policies", "defaultrules", "customrules"}

// alarmKinds matches resource types that watch something or tell of it, and
// muteKinds those that keep them quiet.
var (
	alarmKinds = pattern.Lazy(`(^|_)(monitor|monitors|alert|alerts|alarm|alarms|alert_policy|alert_rule|rule_group|uptime_check|uptime_check_config|uptimecheck|check|heartbeat|contact_point|notification|notification_policy|notification_channel|notification_rule|escalation_policy|escalation|receiver|on_call|oncall)(_v[0-9]+)?$`)
	muteKinds  = pattern.Lazy(`(^|_)(silence|silences|mute|mute_timing|mutes|downtime|downtime_schedule|maintenance|maintenance_window|inhibit_rule|inhibition)(_v[0-9]+)?$`)
)

// alarmPath reads a path of an outline: the name of what watches there, the
// path up to it, and the key below it. Telling keys have none.
func alarmPath(path string) (name, prefix, key string) {
	parts := strings.Split(path, pathBreak)
	inList := false
	for i, part := range parts {
		part = strings.TrimSuffix(part, "~")
		plain := plainKey(part)
		switch {
		case name != "":
			if key = key + "." + part; slices.Contains(telling, plain) {
				return "", "", ""
			}
		case slices.Contains(muteKeys, plain):
			return muted, strings.Join(parts[:i+1], pathBreak), part
		case strings.HasPrefix(part, "[alert="), strings.HasPrefix(part, "[record="), strings.HasPrefix(part, "[receiver="),
			inList && strings.HasPrefix(part, "[") && strings.Contains(part, "="):
			_, name, _ = strings.Cut(strings.TrimSuffix(part, "]"), "=")
			prefix = strings.Join(parts[:i+1], pathBreak)
		case i == len(parts)-1 && plain == "receiver":
			name, prefix, key = aReceiver, path, part
		case i == len(parts)-1 && slices.Contains(paceKeys, plain):
			name, prefix, key = part, strings.Join(parts[:i], pathBreak), part
		case i == len(parts)-1 && i > 1 && slices.Contains(groupKeys, plain) && parts[i-2] == "groups" && strings.HasPrefix(parts[i-1], "[name="):
			name, prefix, key = strings.TrimSuffix(strings.TrimPrefix(parts[i-1], "[name="), "]"), strings.Join(parts[:i], pathBreak), part
		case (plain == "defaultrules" || plain == "customrules") && i < len(parts)-1:
			name, prefix = strings.TrimSuffix(parts[len(parts)-1], "~"), strings.Join(parts[:i+1], pathBreak)
		}
		inList = slices.Contains(watching, plain)
	}
	return name, prefix, strings.TrimPrefix(key, ".")
}

// Names of what has none: whatever is silenced, the route to a receiver, which
// is named by the receiver itself, and a new route beside others.
const (
	muted     = "\x00muted"
	aReceiver = "\x00receiver"
	aRoute    = "\x00route"
)

// alarmsOf compares what watches in two outlines.
func alarmsOf(before, after outline) []alarm {
	was, now := watchedEntries(before), watchedEntries(after)
	had, has := placesOf(before), placesOf(after)
	list := objectAlarms(before, after)
	for _, path := range slices.Sorted(maps.Keys(merged(was, now))) {
		name, prefix, key := alarmPath(path)
		prefix = unmarked(prefix)
		last := plainKey(prefix[strings.LastIndex(prefix, pathBreak)+1:])
		routes := routesAbove(prefix)
		fresh := !had[prefix] && name != muted && last != "defaultrules" && last != "customrules"
		switch {
		case was[path] == now[path] || !has[prefix]:
		case fresh && routes != "" && had[routes]:
			list = append(list, alarm{aRoute, key, was[path], now[path]})
		case !fresh:
			list = append(list, alarm{name, key, was[path], now[path]})
		}
	}
	return list
}

// unmarked is a path without the marks of entries that hold a value.
func unmarked(path string) string { return strings.ReplaceAll(path, "~", "") }

// routesAbove is the route that holds the list of routes of which a path is an
// element, "" when it is none.
func routesAbove(prefix string) string {
	at := strings.LastIndex(prefix, pathBreak+"routes"+pathBreak+"[")
	if at < 0 || strings.Count(prefix[at:], pathBreak) != 2 {
		return ""
	}
	return prefix[:at]
}

// placesOf is the paths that an outline has, and those above them.
func placesOf(o outline) map[string]bool {
	places := map[string]bool{"": true}
	for _, e := range o.entries {
		for path := unmarked(e.path); path != "" && !places[path]; path = path[:strings.LastIndex(path, pathBreak)] {
			places[path] = true
		}
	}
	return places
}

func watchedEntries(o outline) map[string]string {
	texts := map[string]string{}
	for _, e := range o.entries {
		if name, _, _ := alarmPath(e.path); name != "" && e.leaf {
			texts[e.path] += e.block + e.value
		}
	}
	return texts
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// watchObjects is the kinds of Kubernetes objects that are found by their
// labels and make rules, monitors and routes.
var watchObjects = []string{"prometheusrule", "servicemonitor", "podmonitor", "probe", "scrapeconfig", "alertmanagerconfig", "vmrule", "vmservicescrape", "vmpodscrape", "vmalertmanagerconfig"}

// objectAlarms tells of an object that watches and could not be found under its
// labels any more.
func objectAlarms(before, after outline) []alarm {
	metadata := func(o outline) (texts map[string]string, watches bool) {
		texts = map[string]string{}
		for _, e := range o.entries {
			if strings.HasPrefix(e.path, pathBreak+"metadata"+pathBreak) && !strings.Contains(e.path, "annotations") && e.leaf {
				texts[e.path] = e.value
			}
			watches = watches || e.path == pathBreak+"kind" && slices.Contains(watchObjects, strings.ToLower(e.value))
		}
		return texts, watches
	}
	was, watches := metadata(before)
	now, _ := metadata(after)
	for path, text := range was {
		if watches && now[path] != text {
			return []alarm{{muted, "metadata", text, now[path]}}
		}
	}
	return nil
}

// flowAlarm is what changes of a rule in one line: {alert: X, expr: …}.
func flowAlarm(before, after string) []alarm {
	if before == after {
		return nil
	}
	old, now := flowParts(before), flowParts(after)
	for _, part := range old {
		if key := plainKey(part[0]); key != "alert" && key != "record" && key != "receiver" {
			continue
		}
		if !slices.EqualFunc(old, now, func(a, b [2]string) bool { return a[0] == b[0] }) {
			return []alarm{{part[1], "", before, after}}
		}
		var list []alarm
		for i := range old {
			if old[i] != now[i] {
				list = append(list, alarm{part[1], old[i][0], old[i][1], now[i][1]})
			}
		}
		return list
	}
	return nil
}

// freshFlow is what a new element in one line does to others.
func freshFlow(e entry) []alarm {
	var list []alarm
	for _, part := range flowParts(e.value) {
		if key := plainKey(part[0]); slices.Contains(muteKeys, key) || key == "receiver" && routesAbove(unmarked(e.path)) != "" {
			list = append(list, alarm{aRoute, part[0], "", part[1]})
		}
	}
	return list
}

// alarmsIn compares what watches in one object of structured data.
func alarmsIn(before, after map[string]any) []alarm {
	list := metadataAlarms(before, after)
	for _, key := range slices.Sorted(maps.Keys(after)) {
		was, now := encoded(before[key]), encoded(after[key])
		if was == now {
			continue
		}
		switch plain := plainKey(key); {
		case slices.Contains(muteKeys, plain) && !empty(after[key]):
			list = append(list, alarm{muted, key, was, now})
		case plain == "receiver" && before == nil:
			list = append(list, alarm{aRoute, key, was, now})
		case plain == "receiver":
			list = append(list, alarm{scalarText(after[key]), key, was, now})
		case slices.Contains(paceKeys, plain) && before != nil:
			list = append(list, alarm{key, key, was, now})
		}
	}
	name, keys := watcherName(before), keysOf(before, after)
	if group, ok := before["name"].(string); name == "" && ok && before["rules"] != nil {
		name = group
		keys = slices.DeleteFunc(keys, func(key string) bool { return !slices.Contains(groupKeys, plainKey(key)) })
	}
	if name == "" || len(after) == 0 {
		return list
	}
	for _, key := range keys {
		was, now := encoded(before[key]), encoded(after[key])
		if was != now && !slices.Contains(telling, plainKey(key)) {
			list = append(list, alarm{name, key, was, now})
		}
	}
	return list
}

// metadataAlarms is objectAlarms for structured data.
func metadataAlarms(before, after map[string]any) []alarm {
	kind, _ := before["kind"].(string)
	was, _ := before["metadata"].(map[string]any)
	now, _ := after["metadata"].(map[string]any)
	if !slices.Contains(watchObjects, strings.ToLower(kind)) {
		return nil
	}
	oldLabels, _ := was["labels"].(map[string]any)
	newLabels, _ := now["labels"].(map[string]any)
	for _, pair := range [][2]map[string]any{{was, now}, {oldLabels, newLabels}} {
		for key := range pair[0] {
			if key != "labels" && key != "annotations" && encoded(pair[0][key]) != encoded(pair[1][key]) {
				return []alarm{{muted, "metadata", "", ""}}
			}
		}
	}
	return nil
}

// watcherName is the name of an object that watches something, "" when it does
// not: a rule of Prometheus or Grafana, or an element of a route.
func watcherName(object map[string]any) string {
	for _, key := range []string{"alert", "record"} {
		if name, ok := object[key].(string); ok && name != "" {
			return name
		}
	}
	for _, key := range []string{"title", "name"} {
		name, ok := object[key].(string)
		if !ok || name == "" {
			continue
		}
		for _, mark := range []string{"noDataState", "no_data_state", "exec_err_state", "execErrState", "slack_configs", "webhook_configs", "pagerduty_configs", "email_configs"} {
			if _, ok := object[mark]; ok {
				return name
			}
		}
	}
	return ""
}

// encoded is a value as comparable text; maps come out sorted.
func encoded(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// alarms judges changes of what watches.
func (w *watcher) alarms(list []alarm) {
	for _, a := range list {
		if a.name == aReceiver {
			a.name = a.after
		}
		switch a.name {
		case muted:
			w.report(CodeAlarm, "something that keeps alerts quiet, or decides which rules are loaded, is new or changed; it is left to people")
		case aRoute:
			w.report(CodeAlarm, "a new route takes alerts away from where they go today; it is left to people")
		default:
			w.alarm(a, namedIn(w.policy.Text, a.name))
		}
	}
}

// alarm judges one change of an alert, a monitor or a route that exists.
func (w *watcher) alarm(a alarm, named bool) {
	if !named {
		w.report(CodeAlarm, "an alert rule, monitor or route that exists would change, and the item does not name it")
	} else if why := weaker(a); why != "" {
		w.report(CodeAlarm, "an alert rule, monitor or route that the item names could tell less than before: "+why)
	}
}

// alarmResource judges the update of a resource that is itself a monitor, a
// rule or a route, and any resource that keeps others quiet.
func (w *watcher) alarmResource(before, after map[string]any) {
	if muteKinds().MatchString(w.resource.kind) {
		w.attribute = "resource"
		w.report(CodeAlarm, "resources of this type keep alerts quiet; they are left to people")
		return
	}
	if !alarmKinds().MatchString(w.resource.kind) || !w.resource.is("update") {
		return
	}
	names := []string{w.resource.name}
	for _, key := range []string{"name", "title", "friendly_name", "alert_name", "display_name"} {
		if name, ok := before[key].(string); ok && name != "" {
			names = append(names, name)
		}
	}
	named := slices.ContainsFunc(names, func(name string) bool { return namedIn(w.policy.Text, name) })
	for _, key := range keysOf(before, after) {
		was, now := encoded(before[key]), encoded(after[key])
		if was == now || slices.Contains(telling, plainKey(key)) || key == "rule" || w.known && !w.declared.arguments[key] {
			continue // the elements of rule are looked at one by one
		}
		w.attribute = key
		w.alarm(alarm{names[0], key, was, now}, named)
	}
}

// namedIn tells whether a text names something. Case and what divides words do
// not matter; names of less than four letters must stand alone.
func namedIn(text, name string) bool {
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return -1
		}, s)
	}
	short := letters(name)
	if len(short) < 4 {
		return short != "" && slices.Contains(strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), short)
	}
	return strings.Contains(letters(text), short)
}
