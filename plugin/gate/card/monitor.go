package card

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// plainChoice is a regular expression that is a list of words.
var plainChoice = pattern.Lazy(`^\(?[A-Za-z0-9_:]+(?:\|[A-Za-z0-9_:]+)*\)?$`)

// keepGrows proves that a rule which keeps metrics by name keeps more.
func (c *card) keepGrows(e *fact.Effect, f fact.Fact) (bool, string) {
	if f.Kind != fact.Changed || key(f.Place) != "regex" || !within(f.Place, "metric_relabel_configs", "metricRelabelings", "metricRelabelConfigs") {
		return false, ""
	}
	parent := f.Place[:len(f.Place)-1]
	action, _ := e.After.At(parent).Get("action").Scalar()
	before, _ := f.Before.Scalar()
	after, _ := f.After.Scalar()
	switch {
	case action != "keep":
		return true, "the list is none of what is kept"
	case !plainChoice().MatchString(before) || !plainChoice().MatchString(after):
		return true, "the list is no plain one of names"
	}
	kept := choices(after)
	for _, name := range choices(before) {
		if !slices.Contains(kept, name) {
			return true, "a metric is not kept any more"
		}
	}
	return true, ""
}

func choices(source string) []string { return strings.Split(strings.Trim(source, "()"), "|") }

// within reports whether a place lies below one of the keys.
func within(place fact.Place, keys ...string) bool {
	return slices.ContainsFunc(place, func(s fact.Step) bool { return !s.List && slices.Contains(keys, s.Key) })
}

// scrapeLists are the keys of lists of scrape jobs.
var scrapeLists = []string{"scrape_configs", "additionalScrapeConfigs", "extraScrapeConfigs", "scrapeConfigs"}

// monitorAdded proves a new check, and a new place that is scraped.
func (c *card) monitorAdded(e *fact.Effect, f fact.Fact) (bool, string) {
	if f.Kind != fact.Added {
		return false, ""
	}
	if created(e, f) {
		return c.createdMonitor(e)
	}
	last := len(f.Place) - 1
	list := f.Place[last].List
	switch {
	case list && slices.Contains(scrapeLists, key(f.Place)):
		return true, c.newJob(e, f.After)
	case list && within(f.Place, scrapeLists...) && key(f.Place) == "targets" && within(f.Place, "static_configs"):
		return true, newScrapeTarget(f.After, probes(jobAround(e, f.Place)))
	case list && within(f.Place, scrapeLists...) && key(f.Place) == "static_configs":
		return true, staticConfig(f.After, probes(jobAround(e, f.Place)))
	}
	return false, ""
}

func (c *card) createdMonitor(e *fact.Effect) (bool, string) {
	if known, ok := types[e.Type]; ok && known.role == monitor {
		if why := c.newResource(e, known); why != "" {
			return true, why
		}
		return true, c.harmlessCheck(e)
	}
	object, kind := manifest(e)
	if manifests[kind] != monitor {
		return false, ""
	}
	if why := c.plainObject(e, object); why != "" {
		return true, why
	}
	return true, newScrapeObject(object.Get("spec"))
}

// address matches keys of what a check asks.
var address = pattern.Lazy(`^(?:url|uri|path|resource_path|address|host|hostname|fqdn)$`)

// harmlessCheck says why a check of its own does more than look, "" when it does
// not. A question with parameters may ask for something to be done.
func (c *card) harmlessCheck(e *fact.Effect) string {
	why := ""
	e.After.Walk(func(place fact.Place, n *fact.Node) bool {
		text, ok := n.Scalar()
		switch name := strings.ToLower(key(place)); {
		case !ok || text == "":
		case name == "method" || name == "http_method" || name == "request_method":
			if !slices.Contains([]string{"get", "head"}, strings.ToLower(text)) {
				why = "the check does more than GET and HEAD"
			}
		case address().MatchString(name) && strings.ContainsAny(text, "?@"):
			why = "the address that is checked has parameters or credentials"
		case name == "namespace" && strings.HasPrefix(text, "AWS/"):
			why = "the new metric would stand among those of AWS"
		case name == "name" && within(place, "metric_transformation") && c.others(e, func(_ string, other *fact.Node) bool { return countsInto(other, text) }):
			why = "the metric exists already"
		}
		return why == ""
	})
	return why
}

// countsInto reports whether a resource reads or writes a metric of that name.
func countsInto(tree *fact.Node, metric string) bool {
	return tree.Any(func(place fact.Place, n *fact.Node) bool {
		last := key(place)
		return n.Text == metric && (last == "metric_name" || last == "name" && within(place, "metric_transformation"))
	})
}
