package card

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/said"
	"github.com/pm-todos/pm-todos/plugin/pattern"
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

	single bool // one is another kind of number than several
}

// settings are what may be tuned, the first that matches counts.
var settings = []setting{
	{what: "retention", words: []string{"retention", "retain", "keep", "ttl", "history"}, way: up},
	{what: "requests and limits", words: []string{"cpu", "memory", "ephemeral+storage"}, way: up, below: []string{"limits", "requests"}},
	{what: "replicas", words: []string{"replica", "replicas"}, way: up, single: true},
	{what: "storage and throughput", words: []string{"storage", "size", "iops", "throughput", "disk"}, way: up},
	{what: "scrape and evaluation intervals", words: []string{"scrape+interval", "evaluation+interval"}, way: down},
	{what: "timeouts, deadlines and delays", words: []string{"timeout", "timeouts", "deadline", "delay", "wait", "grace"}},
	{what: "retries", words: []string{"retry", "retries", "attempts", "backoff", "backofflimit"}},
	{what: "workers and connections", words: []string{
		"worker", "workers", "connection", "connections", "conns", "threads", "concurrency", "pool", "parallelism", "maxconn",
	}},
	{
		what: "probe timings", words: []string{"initial+delay", "period+seconds", "timeout+seconds", "failure+threshold", "success+threshold"},
		below: probeKeys,
	},
}

// probeKeys are the keys of what Kubernetes asks of containers.
var probeKeys = []string{"livenessProbe", "readinessProbe", "startupProbe", "liveness_probe", "readiness_probe", "startup_probe"}

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
	before, okOld := f.Before.Scalar()
	after, okNow := f.After.Scalar()
	last := key(f.Place)
	kind, known := settingOf(f.Place)
	switch {
	case slices.ContainsFunc(f.Place.Keys(), access().MatchString):
		return true, "the setting says who gets in, or for how long"
	case okOld && okNow && (f.Before.Kind != f.After.Kind || f.Before.Style != f.After.Style):
		return true, "the value changes its type"
	case f.Kind != fact.Changed || !okOld || !okNow || f.Place[len(f.Place)-1].List:
		return true, "something is added, taken away or moved; only numbers of existing settings change by themselves"
	case !known:
		return true, "the setting is none of those that are tuned without a person"
	case !c.said.States(last, after):
		return true, "the item does not state the new value"
	case !c.mentionsPlace(e, f.Place):
		return true, "the item does not mention what changes"
	case c.mentionsAnother(e, f.Place):
		return true, "the item mentions another place with such a setting, and not this one"
	}
	if why := direction(kind, last, before, after); why != "" {
		return true, why
	}
	return true, fitsBeside(e, f.Place)
}

// belongsToAlerts reports whether a place lies in something that watches.
func belongsToAlerts(e *fact.Effect, place fact.Place) bool {
	if _, ok := types[e.Type]; ok {
		return true
	}
	if _, kind := manifest(e); manifests[kind] != "" {
		return true
	}
	watching := func(key string) bool {
		return slices.ContainsFunc(said.Words(key), func(w string) bool {
			return slices.Contains([]string{"alert", "alerts", "alerting", "alarm", "alarms", "threshold"}, w)
		})
	}
	return slices.ContainsFunc(place.Keys(), watching) && !within(place, probeKeys...) || within(place, "rules", "groups", "receivers", "route", "routes", "inhibit_rules", "mute_time_intervals", "time_intervals") || within(place, scrapeLists...)
}

// secretWords are words of keys whose values let somebody in.
const secretWords = `passw|secret|token|credential|api_?key|auth|bearer|private_?key|cookie`

// access matches keys of what says who gets in, or for how long.
var access = pattern.Lazy(`(?i)` + secretWords + `|session|lock|login|cert|lease|jwt|oidc|saml|sso|mfa|otp`)

// settingOf is the kind of number that stands at a place.
func settingOf(place fact.Place) (setting, bool) {
	parts := said.Words(key(place))
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
	r, ok := said.Ratio(last, before, after)
	switch {
	case !ok:
		return "the value moves to, from or past nothing, or changes its unit"
	case kind.single && before == "1":
		return "one becomes several, which not everything takes"
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
	return slices.ContainsFunc(placeWords(e.Address, place), c.said.Mentions)
}

// mentionsAnother reports whether the item speaks of another place of the plan
// that ends in the same key, by a word that this one does not have, and not of
// this one by a word that the other does not have.
func (c *card) mentionsAnother(e *fact.Effect, place fact.Place) bool {
	mine, last := placeWords(e.Address, place), key(place)
	beyond := func(words, others []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(others, w) && !oneOfPair(w) && c.said.Mentions(w) })
	}
	return slices.ContainsFunc(c.plan.Resources, func(r *fact.Resource) bool {
		return r.After.Any(func(other fact.Place, n *fact.Node) bool {
			if _, ok := n.Scalar(); !ok || key(other) != last || len(other) == 0 {
				return false
			}
			theirs := placeWords(r.Address, other)
			return beyond(theirs, mine) && !beyond(mine, theirs)
		})
	})
}

// placeWords are the words of a place that say what stands there: of its keys,
// of the names of its elements and of the resource.
func placeWords(address string, place fact.Place) []string {
	var list []string
	for _, step := range append(place[:len(place):len(place)], fact.Step{Key: address}) {
		for _, w := range append(said.Words(step.Key), said.Words(step.ID)...) {
			if len(w) > 2 && !slices.Contains(vague, w) {
				list = append(list, w)
			}
		}
	}
	return list
}

// vague are words of places that say nothing of what stands there.
var vague = []string{"values", "spec", "input", "config", "resource", "release", "data", "this", "main", "the", "seconds", "containers", "container", "template", "for"}

// fitting are words of keys beside each other, of which what the first stands for
// is at most what the second does: else no container starts, nothing scales, and
// Prometheus takes none of its configuration.
var fitting = [][2]string{{"requests", "limits"}, {"min", "max"}, {"scrape+timeout", "scrape+interval"}}

// oneOfPair reports whether a word tells one of two that belong together.
func oneOfPair(word string) bool {
	return slices.ContainsFunc(fitting, func(pair [2]string) bool { return word == pair[0] || word == pair[1] })
}

// fitsBeside says why a number does not fit one that stands beside it, "" when it
// does or none does.
func fitsBeside(e *fact.Effect, place fact.Place) string {
	for depth := 1; depth <= 2 && depth < len(place)+1; depth++ {
		at := len(place) - depth
		if place[at].List {
			return ""
		}
		parent, rest := e.After.At(place[:at]).Tree(), place[at+1:]
		if parent == nil {
			return ""
		}
		for _, pair := range fitting {
			for _, low := range parent.Entries {
				for _, high := range parent.Entries {
					if place[at].Key != low.Key && place[at].Key != high.Key || !counterparts(low.Key, high.Key, pair) {
						continue
					}
					less, okLess := low.Value.At(rest).Scalar()
					more, okMore := high.Value.At(rest).Scalar()
					if !okLess || !okMore {
						continue
					}
					if r, ok := said.Ratio(key(place), more, less); !ok || r > 1 {
						return "a number does not fit the one beside it: a request is at most its limit, the least at most the most, a timeout at most the interval"
					}
				}
			}
		}
	}
	return ""
}

// counterparts reports whether two keys differ by the words of a pair alone.
func counterparts(low, high string, pair [2]string) bool {
	of, with := said.Words(low), said.Words(high)
	for i, words := range [][]string{of, with} {
		for _, w := range strings.Split(pair[i], "+") {
			at := slices.Index(words, w)
			if at < 0 {
				return false
			}
			words = slices.Delete(words, at, at+1)
		}
		if i == 0 {
			of = words
		} else {
			with = words
		}
	}
	return slices.Equal(of, with)
}

var mountOptionForm = pattern.Lazy(`^([a-z]+)(?:=([0-9.]+|all|none|pos))?$`)

// mountOption proves options of NFS whose value the item states.
func (c *card) mountOption(f fact.Fact) string {
	after, ok := f.After.Scalar()
	if !ok || f.Kind != fact.Added && f.Kind != fact.Changed {
		return "mount options are taken away or moved"
	}
	old, _ := f.Before.Scalar()
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
		case !c.said.Mentions(form[1]) || form[2] != "" && !c.said.States("", form[2]):
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
