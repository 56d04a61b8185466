package card

import (
	"slices"
	"strings"

	"pm-todos/plugin/gate/fact"
	"pm-todos/plugin/pattern"
)

// plainChoice is a regular expression that is a list of words.
var plainChoice = pattern.Lazy(`^\(?[A-Za-z0-9_:]+(?:\|[A-Za-z0-9_:]+)*\)?$`)

// keepGrows proves that a rule which keeps metrics by name keeps more.
func (c *card) keepGrows(e *fact.Effect, f fact.Fact) (bool, string) {
	if f.Kind != fact.Changed || key(f.Place) != "regex" || !within(f.Place, "metric_relabel_configs", "metricRelabelings", "metricRelabelConfigs") {
		return false, ""
	}
	parent := f.Place[:len(f.Place)-1]
	action, _ := scalarText(e.After.At(parent).Get("action"))
	before, _ := scalarText(f.Before)
	after, _ := scalarText(f.After)
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
		return true, newScrapeTarget(f.After)
	case list && within(f.Place, scrapeLists...) && key(f.Place) == "static_configs":
		return true, staticConfig(f.After)
	}
	return false, ""
}

func (c *card) createdMonitor(e *fact.Effect) (bool, string) {
	if known, ok := types[e.Type]; ok && known.role == monitor {
		if why := newResource(e, known); why != "" {
			return true, why
		}
		return true, harmlessCheck(e.After)
	}
	object, kind := manifest(e)
	if manifests[kind] != monitor {
		return false, ""
	}
	if why := plainObject(object); why != "" {
		return true, why
	}
	return true, newScrapeObject(object.Get("spec"))
}

// harmlessCheck says why a check of its own does more than look, "" when it does
// not.
func harmlessCheck(tree *fact.Node) string {
	why := ""
	tree.Walk(func(place fact.Place, n *fact.Node) bool {
		text, ok := scalarText(n)
		switch name := strings.ToLower(key(place)); {
		case !ok || text == "":
		case name == "method" || name == "http_method" || name == "request_method":
			if !slices.Contains([]string{"get", "head"}, strings.ToLower(text)) {
				why = "the check does more than GET and HEAD"
			}
		case name == "namespace" && strings.HasPrefix(text, "AWS/"):
			why = "the new metric would stand among those of AWS"
		}
		return why == ""
	})
	return why
}

// Keys of scrape jobs, of the objects that make them, and of their parts.
var (
	jobKeys = []string{
		"job_name", "static_configs", "metrics_path", "scheme", "params", "scrape_interval", "scrape_timeout", "relabel_configs", "metric_relabel_configs",
		"kubernetes_sd_configs", "dns_sd_configs", "file_sd_configs", "sample_limit",
	}
	relabelKeys = []string{
		"source_labels", "sourceLabels", "separator", "target_label", "targetLabel", "regex", "modulus", "replacement", "action",
	}
	objectKeys   = []string{"selector", "namespaceSelector", "endpoints", "podMetricsEndpoints", "jobLabel", "prober", "module", "targets", "interval", "scrapeTimeout"}
	endpointKeys = []string{"port", "targetPort", "path", "scheme", "interval", "scrapeTimeout", "params", "relabelings", "metricRelabelings", "honorTimestamps"}
)

// newJob says why a scrape job may not be added, "" when it may.
func (c *card) newJob(e *fact.Effect, job *fact.Node) string {
	name, ok := scalarText(job.Get("job_name"))
	if !ok || name == "" || !onlyKeys(job, jobKeys) {
		return "a new scrape job has keys that are not on its list, or no name"
	}
	count := 0
	e.After.Walk(func(place fact.Place, n *fact.Node) bool {
		if text, ok := scalarText(n); ok && key(place) == "job_name" && text == name {
			count++
		}
		return true
	})
	if count != 1 {
		return "a scrape job of this name exists already"
	}
	if static := document(job.Get("static_configs")); static != nil {
		for _, one := range static.Elems {
			if why := staticConfig(one); why != "" {
				return why
			}
		}
	}
	return scrapes(job)
}

func staticConfig(n *fact.Node) string {
	if !onlyKeys(n, []string{"targets", "labels"}) {
		return "a group of targets has keys that are not on its list"
	}
	if labels := document(n.Get("labels")); labels != nil {
		for _, entry := range labels.Entries {
			if slices.Contains(append([]string{"__name__"}, ownLabels...), entry.Key) || strings.HasPrefix(entry.Key, "__") {
				return "a group of targets sets a label that says where metrics come from"
			}
		}
	}
	targets := document(n.Get("targets"))
	if targets == nil || targets.Kind != fact.List {
		return "a group of targets names none"
	}
	for _, t := range targets.Elems {
		if why := newScrapeTarget(t); why != "" {
			return why
		}
	}
	return ""
}

var (
	scrapeTarget = pattern.Lazy(`^(?:https?://)?[A-Za-z0-9._-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?$`)
	scrapePath   = pattern.Lazy(`(?:^|/)(?:metrics|probe|snmp)(?:/[a-z0-9._-]+)?/?$`)
)

func newScrapeTarget(n *fact.Node) string {
	if text, ok := scalarText(n); !ok || !scrapeTarget().MatchString(text) {
		return "a new target is no plain host, port and path"
	}
	return ""
}

// newScrapeObject says why a ServiceMonitor, PodMonitor or Probe may not be made,
// "" when it may.
func newScrapeObject(spec *fact.Node) string {
	if !onlyKeys(spec, objectKeys) {
		return "the object has keys that are not on its list"
	}
	for _, list := range []string{"endpoints", "podMetricsEndpoints"} {
		endpoints := document(spec.Get(list))
		if endpoints == nil {
			continue
		}
		for _, endpoint := range endpoints.Elems {
			if !onlyKeys(endpoint, endpointKeys) {
				return "an endpoint has keys that are not on its list"
			}
			if why := scrapes(endpoint); why != "" {
				return why
			}
		}
	}
	return scrapes(spec)
}

// shortestInterval between two scrapes, in seconds.
const shortestInterval = 5

// scrapes judges what a job and an endpoint have in common.
func scrapes(n *fact.Node) string {
	for _, name := range []string{"metrics_path", "path"} {
		if text, ok := scalarText(n.Get(name)); ok && !scrapePath().MatchString(text) {
			return "the path that is scraped is none of metrics, probe or snmp"
		}
	}
	for _, name := range []string{"scrape_interval", "interval"} {
		text, ok := scalarText(n.Get(name))
		if ok && !slices.ContainsFunc(readings(text), func(q quantity) bool { return q.dimension == seconds && q.value >= shortestInterval }) {
			return "it scrapes more often than every five seconds"
		}
	}
	for name, own := range map[string]bool{"relabel_configs": false, "relabelings": false, "metric_relabel_configs": true, "metricRelabelings": true} {
		list := document(n.Get(name))
		if list == nil {
			continue
		}
		for _, one := range list.Elems {
			if why := relabels(one, own); why != "" {
				return why
			}
		}
	}
	return carriesSecret(n)
}

// relabels says why a rule that writes labels is more than one of an ordinary
// job. Only metrics of its own may be dropped.
func relabels(n *fact.Node, metrics bool) string {
	action, _ := scalarText(n.Get("action"))
	target, _ := scalarText(n.Get("target_label"))
	if target == "" {
		target, _ = scalarText(n.Get("targetLabel"))
	}
	actions := []string{"", "replace", "labelmap", "lowercase", "uppercase", "keep", "drop"}
	if metrics {
		actions = []string{"", "replace", "drop", "keep"}
	}
	switch {
	case !onlyKeys(n, relabelKeys) || !slices.Contains(actions, action):
		return "a rule that writes labels does something that is not on its list"
	case target == "job" || target == "__name__" || target == "alertname":
		return "a rule rewrites the label that says where metrics come from"
	}
	return ""
}

// dashboard proves what is only looked at.
func (c *card) dashboard(e *fact.Effect, f fact.Fact) (bool, string) {
	known, ok := types[e.Type]
	if !ok || known.role != dashboard {
		return false, ""
	}
	if asksDatabase(f.After) {
		return true, "a query reaches a database itself"
	}
	if created(e, f) {
		return true, newResource(e, known)
	}
	inside := len(f.Place) > 0 && slices.Contains(known.document, f.Place[0].Key)
	last := key(f.Place)
	switch {
	case !inside || last == "uid" || last == "id" && !f.Place[len(f.Place)-1].List:
		return true, "something else of a dashboard changes than what it shows"
	case f.Kind == fact.Added:
		return true, ""
	case f.Kind == fact.Changed && slices.Contains([]string{"title", "description", "text", "content", "legendFormat"}, last):
		return true, ""
	case f.Kind == fact.Changed && last == "version":
		return true, ""
	}
	return true, "something of a dashboard is taken away or shown in another way"
}

func asksDatabase(tree *fact.Node) bool {
	found := false
	tree.Walk(func(place fact.Place, n *fact.Node) bool {
		name := strings.ToLower(key(place))
		found = found || strings.Contains(name, "sql") && !empty(n)
		return !found
	})
	return found
}
