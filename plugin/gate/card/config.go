package card

import (
	"slices"
	"strings"

	"pm-todos/plugin/gate/fact"
	"pm-todos/plugin/pattern"
)

// way is in which direction a number of a kind may go.
type way int

const (
	either way = iota
	up
	down
)

// setting is a kind of number that an item of type Config may tune: by words of
// its key, in any joined form.
type setting struct {
	what  string   // for the documentation
	words []string // one of them must be a word of the key, or all of a pair joined by +
	way   way
	below []string // only below one of these keys, when there are any
}

// settings are what may be tuned, the first that matches counts.
var settings = []setting{
	{what: "retention", words: []string{"retention", "retain", "keep", "ttl", "history"}, way: up},
	{what: "requests and limits", words: []string{"cpu", "memory", "ephemeral+storage"}, way: up, below: []string{"limits", "requests"}},
	{what: "replicas", words: []string{"replica", "replicas"}, way: up},
	{what: "storage and throughput", words: []string{"storage", "size", "iops", "throughput", "disk"}, way: up},
	{what: "scrape and evaluation intervals", words: []string{"scrape+interval", "evaluation+interval"}, way: down},
	{what: "timeouts, deadlines and delays", words: []string{"timeout", "timeouts", "deadline", "delay", "wait", "grace"}},
	{what: "retries", words: []string{"retry", "retries", "attempts", "backoff", "backofflimit"}},
	{what: "workers and connections", words: []string{
		"worker", "workers", "connection", "connections", "conns", "threads", "concurrency", "pool", "parallelism", "maxconn",
	}},
	{
		what: "probe timings", words: []string{"initial+delay", "period+seconds", "timeout+seconds", "failure+threshold", "success+threshold"},
		below: []string{"livenessProbe", "readinessProbe", "startupProbe", "liveness_probe", "readiness_probe", "startup_probe"},
	},
}

// mountOptions are those of NFS that an item may state, by exact name.
// Source: nfs(5) and mount(8).
var mountOptions = []string{
	"hard", "soft", "softerr", "nconnect", "timeo", "retrans", "rsize", "wsize", "noatime", "nodiratime", "relatime", "acregmin", "acregmax",
	"acdirmin", "acdirmax", "actimeo", "nfsvers", "vers", "bg", "fg", "lookupcache", "noresvport", "resvport",
}

// stated proves a number whose new value the item states, and one word of its
// place.
func (c *card) stated(e *fact.Effect, f fact.Fact) (bool, string) {
	if belongsToAlerts(e, f.Place) {
		return false, ""
	}
	if within(f.Place, "mount_options", "mountOptions") {
		return true, c.mountOption(f)
	}
	before, okOld := scalarText(f.Before)
	after, okNow := scalarText(f.After)
	last := key(f.Place)
	kind, known := settingOf(f.Place)
	switch {
	case f.Kind != fact.Changed || !okOld || !okNow || f.Place[len(f.Place)-1].List:
		return true, "something is added, taken away or moved; only numbers of existing settings change by themselves"
	case !known:
		return true, "the setting is none of those that are tuned without a person"
	case !c.said.states(last, after):
		return true, "the item does not state the new value"
	case !c.mentionsPlace(e, f.Place):
		return true, "the item does not mention what changes"
	}
	if why := direction(kind, last, before, after); why != "" {
		return true, why
	}
	return true, requestWithinLimit(e, f.Place)
}

// belongsToAlerts reports whether a place lies in something that watches.
func belongsToAlerts(e *fact.Effect, place fact.Place) bool {
	if _, ok := types[e.Type]; ok {
		return true
	}
	if _, kind := manifest(e); manifests[kind] != "" {
		return true
	}
	return within(place, "rules", "groups", "receivers", "route", "routes", "inhibit_rules", "mute_time_intervals", "time_intervals") || within(place, scrapeLists...)
}

// settingOf is the kind of number that stands at a place.
func settingOf(place fact.Place) (setting, bool) {
	last := key(place)
	words := camel(strings.NewReplacer("_", " ", "-", " ", ".", " ").Replace(last))
	var parts []string
	for _, w := range words {
		parts = append(parts, strings.Fields(w)...)
	}
	for _, s := range settings {
		matches := slices.ContainsFunc(s.words, func(pair string) bool {
			return !slices.ContainsFunc(strings.Split(pair, "+"), func(w string) bool { return !slices.Contains(parts, w) })
		})
		if matches && (len(s.below) == 0 || within(place, s.below...)) {
			return s, true
		}
	}
	return setting{}, false
}

// direction says why a number may not move so, "" when it may.
func direction(kind setting, last, before, after string) string {
	r, ok := ratio(last, before, after)
	switch {
	case !ok:
		return "the value moves to, from or past nothing, or changes its unit"
	case kind.way == up && r < 1:
		return "the value becomes less"
	case kind.way == down && r > 1:
		return "the value becomes more"
	case r > mostMoved*(1+1e-9) || r < 1/mostMoved*(1-1e-9):
		return "the value moves by more than ten times"
	}
	return ""
}

// mentionsPlace reports whether a word of the place, or of the resource, stands
// in the item.
func (c *card) mentionsPlace(e *fact.Effect, place fact.Place) bool {
	names := place.Keys()
	for _, name := range append(names, e.Address) {
		for _, p := range pieces(name) {
			for _, w := range camel(p.text) {
				if len(w) > 2 && !slices.Contains(vague, w) && c.said.mentions(w) {
					return true
				}
			}
		}
	}
	return false
}

// vague are words of places that say nothing of what stands there.
var vague = []string{"values", "spec", "input", "config", "resource", "release", "data", "this", "main", "the", "seconds", "containers", "container", "template", "for"}

// requestWithinLimit refuses a request over its limit: no such container starts.
func requestWithinLimit(e *fact.Effect, place fact.Place) string {
	if !within(place, "requests", "limits") || len(place) < 2 {
		return ""
	}
	parent := place[:len(place)-2]
	name := key(place)
	resources := e.After.At(parent)
	request, okRequest := scalarText(resources.Get("requests").Get(name))
	limit, okLimit := scalarText(resources.Get("limits").Get(name))
	if !okRequest || !okLimit {
		return ""
	}
	if r, ok := ratio("", limit, request); !ok || r > 1 {
		return "a request is over its limit, or in another unit"
	}
	return ""
}

var mountOptionForm = pattern.Lazy(`^([a-z]+)(?:=([0-9.]+|all|none|pos))?$`)

// mountOption proves options of NFS whose value the item states.
func (c *card) mountOption(f fact.Fact) string {
	after, ok := scalarText(f.After)
	if !ok || f.Kind != fact.Added && f.Kind != fact.Changed {
		return "mount options are taken away or moved"
	}
	old, _ := scalarText(f.Before)
	had := strings.Split(old, ",")
	options := strings.Split(after, ",")
	for _, option := range options {
		if slices.Contains(had, option) {
			continue
		}
		form := mountOptionForm().FindStringSubmatch(option)
		switch {
		case form == nil || !slices.Contains(mountOptions, form[1]):
			return "a mount option is none of those that are known"
		case !c.said.mentions(form[1]) || form[2] != "" && !c.said.states("", form[2]):
			return "the item does not state the mount option"
		}
	}
	for _, option := range had {
		name, _, _ := strings.Cut(option, "=")
		if option != "" && !slices.ContainsFunc(options, func(o string) bool { n, _, _ := strings.Cut(o, "="); return n == name || opposite(n, name) }) {
			return "a mount option is taken away"
		}
	}
	return ""
}

// opposite reports whether one option takes the place of the other.
func opposite(a, b string) bool {
	for _, group := range [][]string{{"hard", "soft", "softerr"}, {"bg", "fg"}, {"noatime", "relatime"}, {"resvport", "noresvport"}, {"nfsvers", "vers"}} {
		if slices.Contains(group, a) && slices.Contains(group, b) {
			return true
		}
	}
	return false
}
