package card

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/gate/promql"
	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Keys of scrape jobs, of the objects that make them, and of their parts.
var (
	jobKeys = []string{
		"job_name", "static_configs", "metrics_path", "scheme", "params", "scrape_interval", "scrape_timeout", "relabel_configs", "metric_relabel_configs",
		"kubernetes_sd_configs", "dns_sd_configs", "file_sd_configs", "sample_limit",
	}
	discoveryKeys = map[string][]string{
		"kubernetes_sd_configs": {"role", "namespaces", "selectors"},
		"dns_sd_configs":        {"names", "type", "port", "refresh_interval"},
		"file_sd_configs":       {"files", "refresh_interval"},
	}
	relabelKeys = []string{
		"source_labels", "sourceLabels", "separator", "target_label", "targetLabel", "regex", "modulus", "replacement", "action",
	}
	objectKeys   = []string{"selector", "namespaceSelector", "endpoints", "podMetricsEndpoints", "jobLabel", "prober", "module", "targets", "interval", "scrapeTimeout"}
	endpointKeys = []string{"port", "targetPort", "path", "scheme", "interval", "scrapeTimeout", "params", "relabelings", "metricRelabelings", "honorTimestamps"}
)

// newJob says why a scrape job may not be added, "" when it may. Prometheus
// takes none of its configuration when there is a mistake in one job.
func (c *card) newJob(e *fact.Effect, job *fact.Node) string {
	name, ok := job.Get("job_name").Scalar()
	if !ok || name == "" || !onlyKeys(job, jobKeys) {
		return "a new scrape job has keys that are not on its list, or no name"
	}
	count := 0
	e.After.Walk(func(place fact.Place, n *fact.Node) bool {
		if text, ok := n.Scalar(); ok && key(place) == "job_name" && text == name {
			count++
		}
		return true
	})
	if count != 1 {
		return "a scrape job of this name exists already"
	}
	if why := each(job.Get("static_configs"), func(n *fact.Node) string { return staticConfig(n, probes(job)) }); why != "" {
		return why
	}
	if why := discovers(job); why != "" {
		return why
	}
	if limit := job.Get("sample_limit"); limit != nil && limit.Kind != fact.Number {
		return "the limit of samples is no number"
	}
	return scrapes(job)
}

// entries are those of a map, or of the document in a text; nothing has none.
func entries(n *fact.Node) []fact.Entry {
	if tree := n.Tree(); tree != nil {
		return tree.Entries
	}
	return nil
}

// each is the first reason against an element of a list.
func each(list *fact.Node, why func(*fact.Node) string) string {
	tree := list.Tree()
	if tree == nil {
		return ""
	}
	for _, one := range tree.Elems {
		if reason := why(one); reason != "" {
			return reason
		}
	}
	return ""
}

// discovers says why a job may not look for its targets as it does, "" when it
// may: all that runs in a cluster is too much.
func discovers(job *fact.Node) string {
	for name, keys := range discoveryKeys {
		if job.Get(name) == nil {
			continue
		}
		if why := each(job.Get(name), func(n *fact.Node) string {
			if !onlyKeys(n, keys) {
				return "a job looks for targets with keys that are not on its list"
			}
			return ""
		}); why != "" {
			return why
		}
		keeps := each(job.Get("relabel_configs"), func(n *fact.Node) string {
			action, _ := n.Get("action").Scalar()
			return map[string]string{"keep": action}[action]
		})
		if name == "kubernetes_sd_configs" && keeps == "" {
			return "a job takes all that it finds in the cluster"
		}
	}
	return ""
}

// jobAround is the job that a place lies in.
func jobAround(e *fact.Effect, place fact.Place) *fact.Node {
	for i := len(place); i > 1; i-- {
		if place[i-1].List && slices.Contains(scrapeLists, place[i-2].Key) {
			return e.After.At(place[:i])
		}
	}
	return nil
}

// probes reports whether the targets of a job are what another program is asked
// to look at, as the blackbox exporter.
func probes(job *fact.Node) bool {
	return each(job.Get("relabel_configs"), func(n *fact.Node) string {
		target, _ := n.Get("target_label").Scalar()
		return map[string]string{"__param_target": target}[target]
	}) != ""
}

func staticConfig(n *fact.Node, probed bool) string {
	if !onlyKeys(n, []string{"targets", "labels"}) {
		return "a group of targets has keys that are not on its list"
	}
	if why := targetLabels(n.Get("labels")); why != "" {
		return why
	}
	targets := n.Get("targets").Tree()
	if targets == nil || targets.Kind != fact.List {
		return "a group of targets names none"
	}
	return each(targets, func(t *fact.Node) string { return newScrapeTarget(t, probed) })
}

func targetLabels(n *fact.Node) string {
	for _, entry := range entries(n) {
		if slices.Contains(ownLabels, entry.Key) || strings.HasPrefix(entry.Key, "__") || !promql.IsLabel(entry.Key) {
			return "a group of targets sets a label that says where metrics come from, or that is no name of one"
		}
	}
	return ""
}

var (
	scrapeTarget = pattern.Lazy(`^[A-Za-z0-9._-]+(?::[0-9]{1,5})?$`)
	probeTarget  = pattern.Lazy(`^(?:https?://)?[A-Za-z0-9._-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?$`)
	scrapePath   = pattern.Lazy(`(?:^|/)(?:metrics|probe|snmp)(?:/[a-z0-9._-]+)?/?$`)
)

func newScrapeTarget(n *fact.Node, probed bool) string {
	form := scrapeTarget()
	if probed {
		form = probeTarget()
	}
	if text, ok := n.Scalar(); !ok || !form.MatchString(text) {
		return "a new target is no plain host and port, or no address that a probe looks at"
	}
	return ""
}

// newScrapeObject says why a ServiceMonitor, PodMonitor or Probe may not be made,
// "" when it may.
func newScrapeObject(spec *fact.Node) string {
	if !onlyKeys(spec, objectKeys) {
		return "the object has keys that are not on its list"
	}
	if selector := spec.Get("selector"); selector != nil && empty(selector) {
		return "the object selects everything"
	}
	if targets := spec.Get("targets"); targets != nil {
		static := targets.Get("staticConfig")
		if !onlyKeys(targets, []string{"staticConfig"}) || !onlyKeys(static, []string{"static", "labels"}) || !onlyKeys(spec.Get("prober"), []string{"url", "path", "scheme"}) {
			return "a probe has keys that are not on its list"
		}
		if why := targetLabels(static.Get("labels")); why != "" {
			return why
		}
		if why := each(static.Get("static"), func(t *fact.Node) string { return newScrapeTarget(t, true) }); why != "" {
			return why
		}
	}
	for _, list := range []string{"endpoints", "podMetricsEndpoints"} {
		if why := each(spec.Get(list), func(endpoint *fact.Node) string {
			if !onlyKeys(endpoint, endpointKeys) {
				return "an endpoint has keys that are not on its list"
			}
			return scrapes(endpoint)
		}); why != "" {
			return why
		}
	}
	return scrapes(spec)
}

// shortestInterval between two scrapes, in seconds, and how long one takes at
// most where no interval stands beside.
const (
	shortestInterval = 5
	usualTimeout     = 10 * time.Second
)

// scrapes judges what a job and an endpoint have in common.
func scrapes(n *fact.Node) string {
	for _, name := range []string{"metrics_path", "path"} {
		if text, ok := n.Get(name).Scalar(); ok && !scrapePath().MatchString(text) {
			return "the path that is scraped is none of metrics, probe or snmp"
		}
	}
	if scheme, ok := n.Get("scheme").Scalar(); ok && !slices.Contains([]string{"http", "https"}, strings.ToLower(scheme)) {
		return "it scrapes by something else than HTTP"
	}
	if why := scrapeTimes(n); why != "" {
		return why
	}
	if why := parameters(n.Get("params")); why != "" {
		return why
	}
	for _, name := range []string{"relabel_configs", "relabelings", "metric_relabel_configs", "metricRelabelings"} {
		if why := each(n.Get(name), func(one *fact.Node) string { return relabels(one, strings.HasPrefix(name, "metric")) }); why != "" {
			return why
		}
	}
	return carriesSecret(n)
}

// scrapeTimes holds the interval to five seconds at least, and the timeout to the
// interval.
func scrapeTimes(n *fact.Node) string {
	longest := usualTimeout
	for _, name := range []string{"scrape_interval", "interval"} {
		if text, ok := n.Get(name).Scalar(); ok {
			interval, ok := promql.ParseDuration(text)
			if longest = interval; !ok || interval < shortestInterval*time.Second {
				return "it scrapes more often than every five seconds"
			}
		}
	}
	for _, name := range []string{"scrape_timeout", "scrapeTimeout"} {
		if text, ok := n.Get(name).Scalar(); ok {
			if timeout, ok := promql.ParseDuration(text); !ok || timeout == 0 || timeout > longest {
				return "it waits longer for a scrape than until the next one"
			}
		}
	}
	return ""
}

// parameters refuses what Prometheus takes for no list of texts by name.
func parameters(params *fact.Node) string {
	for _, entry := range entries(params) {
		values := entry.Value.Tree()
		if values.Kind != fact.List || slices.ContainsFunc(values.Elems, func(v *fact.Node) bool { _, ok := v.Scalar(); return !ok }) {
			return "a parameter of a scrape is no list of texts"
		}
	}
	return ""
}

// relabels says why a rule that writes labels is more than one of an ordinary
// job. Only metrics of its own may be dropped.
func relabels(n *fact.Node, metrics bool) string {
	either := func(names ...string) string {
		for _, name := range names {
			if text, ok := n.Get(name).Scalar(); ok {
				return text
			}
		}
		return ""
	}
	action, target, replacement := either("action"), either("target_label", "targetLabel"), either("replacement")
	expression := either("regex")
	actions := []string{"", "replace", "labelmap", "lowercase", "uppercase", "keep", "drop"}
	if metrics {
		actions = []string{"", "replace", "drop", "keep"}
	}
	_, err := regexp.Compile("^(?:" + expression + ")$")
	writes := slices.Contains([]string{"", "replace", "lowercase", "uppercase"}, action)
	switch {
	case !onlyKeys(n, relabelKeys) || !slices.Contains(actions, action) || err != nil:
		return "a rule that writes labels does something that is not on its list"
	case slices.Contains([]string{"job", "__name__", "alertname"}, target), writes && !promql.IsLabel(target):
		return "a rule rewrites the label that says where metrics come from, or none that is plain"
	case action == "labelmap" && (!slices.Contains([]string{"", "$1", "__param_$1"}, replacement) || originLabel().MatchString(expression)):
		return "a rule may map a label to one that says where metrics come from"
	case target == "__metrics_path__" && replacement != "" && !strings.HasPrefix(replacement, "$") && !scrapePath().MatchString(replacement):
		return "the path that is scraped is none of metrics, probe or snmp"
	}
	return ""
}

// originLabel is a label that says where a metric comes from, as a word of an
// expression.
var originLabel = pattern.Lazy(`\b(?:job|instance|alertname|__name__)\b`)
