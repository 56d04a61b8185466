package gate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
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

// muteKeys is what silences others; it is left to people, new or changed.
var muteKeys = []string{"inhibitrules", "mutetimeintervals", "mutetimings", "mutetimes", "activetimeintervals", "timeintervals", "silences", "disabledrules"}

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
		case (plain == "defaultrules" || plain == "customrules") && i < len(parts)-1:
			name, prefix = strings.TrimSuffix(parts[len(parts)-1], "~"), strings.Join(parts[:i+1], pathBreak)
		}
		inList = slices.Contains(watching, plain)
	}
	return name, prefix, strings.TrimPrefix(key, ".")
}

// Names of what has none: whatever is silenced, and the route to a receiver,
// which is named by the receiver itself.
const (
	muted     = "\x00muted"
	aReceiver = "\x00receiver"
)

// alarmsOf compares what watches in two outlines.
func alarmsOf(before, after outline) []alarm {
	was, had := watchedEntries(before)
	now, has := watchedEntries(after)
	var list []alarm
	for _, path := range slices.Sorted(maps.Keys(merged(was, now))) {
		name, prefix, key := alarmPath(path)
		last := plainKey(strings.TrimSuffix(prefix[strings.LastIndex(prefix, pathBreak)+1:], "~"))
		fresh := !had[prefix] && name != muted && last != "defaultrules" && last != "customrules"
		if was[path] != now[path] && !fresh && has[prefix] {
			list = append(list, alarm{name, key, was[path], now[path]})
		}
	}
	return list
}

func watchedEntries(o outline) (texts map[string]string, prefixes map[string]bool) {
	texts, prefixes = map[string]string{}, map[string]bool{}
	for _, e := range o.entries {
		name, prefix, _ := alarmPath(e.path)
		if name == "" {
			continue
		}
		prefixes[prefix] = true
		if e.leaf {
			texts[e.path] += e.block + e.value
		}
	}
	return texts, prefixes
}

func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// flowAlarm is the alarm of a rule in one line: {alert: X, expr: …}.
func flowAlarm(before, after string) []alarm {
	if before == after {
		return nil
	}
	for _, part := range flowParts(before) {
		if key := plainKey(part[0]); key == "alert" || key == "record" || key == "receiver" {
			return []alarm{{part[1], "", before, after}}
		}
	}
	return nil
}

// alarmsIn compares what watches in one object of structured data.
func alarmsIn(before, after map[string]any) []alarm {
	var list []alarm
	for _, key := range slices.Sorted(maps.Keys(after)) {
		was, now := encoded(before[key]), encoded(after[key])
		if was == now {
			continue
		}
		switch plain := plainKey(key); {
		case slices.Contains(muteKeys, plain) && !empty(after[key]):
			list = append(list, alarm{muted, key, was, now})
		case plain == "receiver" && (before != nil || dropsAll(now)):
			list = append(list, alarm{scalarText(after[key]), key, was, now})
		}
	}
	name := watcherName(before)
	if name == "" || len(after) == 0 {
		return list
	}
	for _, key := range keysOf(before, after) {
		was, now := encoded(before[key]), encoded(after[key])
		if was != now && !slices.Contains(telling, plainKey(key)) {
			list = append(list, alarm{name, key, was, now})
		}
	}
	return list
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
		switch {
		case a.name == muted:
			w.report(CodeAlarm, "something that keeps alerts quiet is new or changed; it is left to people")
		case !namedIn(w.policy.Text, a.name):
			w.report(CodeAlarm, "an alert rule, monitor or route that exists would change, and the item does not name it")
		case worthless(a):
			w.report(CodeAlarm, "an alert rule, monitor or route would change so that it may never tell anybody again")
		}
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
		if a := (alarm{names[0], key, was, now}); !named {
			w.report(CodeAlarm, "an alert rule, monitor or route that exists would change, and the item does not name it")
		} else if worthless(a) {
			w.report(CodeAlarm, "an alert rule, monitor or route would change so that it may never tell anybody again")
		}
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

var (
	nobody    = pattern.Lazy(`(?i)(^|[^a-z])(null|blackhole|black-hole|black_hole|none|nobody|noop|no-op|devnull|dev-null|drop|discard|silent|silence|ignore|void|sink)([^a-z]|$)`)
	never     = pattern.Lazy(`(?i)\bvector\s*\(|\bunless\b|[+-]?\binf(inity)?\b|\bnan\b|\*\s*0+(\.0*)?\b|\bbool\b|#`)
	metric    = pattern.Lazy(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	number    = pattern.Lazy(`(?:^|[^a-zA-Z0-9_.])([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)`)
	longWait  = pattern.Lazy(`^"?([0-9]+)(ms|s|m|h|d|w|y)`)
	waitUnits = map[string]float64{"ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400, "y": 365 * 86400}
)

// dropsAll tells whether a receiver's name says that it tells nobody.
func dropsAll(receiver string) bool { return nobody().MatchString(receiver) }

// most is how many times a threshold may grow or shrink at once.
const most = 100

// worthless tells whether a change of something that watches may keep it from
// telling anybody: an expression that loses a name or gains what never holds, a
// threshold out of all proportion, a wait of more than a day, a receiver or
// severity that is nobody's.
func worthless(a alarm) bool {
	key := plainKey(a.key[strings.LastIndexByte(a.key, '.')+1:])
	after := strings.TrimSpace(a.after)
	if after == "" && strings.TrimSpace(a.before) != "" {
		return true
	}
	if found := longWait().FindStringSubmatch(after); found != nil && !strings.ContainsAny(after, "()><=") {
		n, err := strconv.ParseFloat(found[1], 64)
		return err != nil || n*waitUnits[found[2]] > 86400
	}
	switch key {
	case "receiver", "severity", "priority", "team", "channel", "labels":
		return dropsAll(after)
	}
	for _, found := range never().FindAllString(after, -1) {
		if strings.Count(after, found) > strings.Count(a.before, found) {
			return true
		}
	}
	now := metric().FindAllString(after, -1)
	for _, name := range metric().FindAllString(a.before, -1) {
		if !slices.Contains(now, name) {
			return true
		}
	}
	return outOfProportion(a.before, after)
}

// outOfProportion compares the numbers of two texts in their order.
func outOfProportion(before, after string) bool {
	old, now := numbers(before), numbers(after)
	for i := range now {
		if i >= len(old) {
			return slices.Max(now) > most*max(1, slices.Max(append(old, 1)))
		}
		if old[i] == now[i] {
			continue
		}
		high, low := max(old[i], now[i]), min(old[i], now[i])
		if low == 0 && high > most || low > 0 && high/low > most {
			return true
		}
	}
	return false
}

func numbers(text string) []float64 {
	var list []float64
	for _, found := range number().FindAllStringSubmatch(text, -1) {
		if n, err := strconv.ParseFloat(found[1], 64); err == nil {
			list = append(list, n)
		}
	}
	return list
}
