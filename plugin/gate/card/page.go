package card

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// hints are what an agent and an author must know of each rule, in the order of
// the page. The prompt and docs/what-is-automatic.md are both made of them.
var hints = []struct {
	rule   string
	title  string
	page   string // what the rule proves, for people
	prompt string // what the agent must do for it, one line
}{
	{
		ruleAdded, "New alerts and recording rules", `A rule is an element of a list ` + "`rules`" + ` with ` + "`alert` or `record`" + ` and ` + "`expr`" + `, in the values of a Helm release, in a
PrometheusRule or wherever the plan shows such a list. A new one has no keys but ` + "{alertKeys}" + `; a name that no other rule of the plan has, and that no
expression, route or inhibition of the plan reads; waits of at most seven days; labels that the document uses already, or {commonLabels}; a severity that is
known; labels and annotations with templates that Prometheus takes; and an expression that Prometheus takes (every version since 2.42), with a metric or an
equality in every selector, that looks back 92 days at most and that neither always nor never has a result. LogQL is taken where the document holds LogQL
already. A new group has a name of its own, no limit, and is looked at every five seconds to every hour. A recording rule's name holds a colon. A new alarm of
the types below has a name of its own and tells only whom another one of the stack tells.`,
		"A new alert goes into a list `rules` that holds rules already. Its keys are at most {alertKeys}; its labels are ones that other rules there have, or {commonLabels}; use only functions that Prometheus itself has.",
	},
	{
		ruleTuned, "Alerts and monitors that the item names", `The item has the name of the alert (in words next to each other, or in backticks) and **states the new value**. Then numbers beside a
comparison, waits and ranges may move, each by at most ten times, and all of them together by at most ten times towards silence; a range never becomes
shorter; a severity only becomes louder; a number that something is equal to, or not, stays. Nothing else of it changes. What the item denies it does not state
("not 50"), nor how much something changes ("by 20 %"), nor what a number labels ("issue 7").`,
		"An existing alert changes only if the item names it: copy the name and the number exactly as the item says, one number and nothing beside it. Where the item states no number, choose one and expect that a person will be asked.",
	},
	{ruleProse, "Texts for people", "Annotations of rules, with templates that Prometheus takes, and descriptions of alarms and monitors. None is emptied.", ""},
	{
		ruleMonitor, "New checks and scrape jobs", `Checks of the types below, with GET or HEAD, of an address without parameters, and without body, headers or credentials; they tell only whom others tell.
Metric filters with a metric of their own. Scrape jobs, targets, ServiceMonitors, PodMonitors and Probes that Prometheus takes, whose path ends in metrics,
probe or snmp, every five seconds or less often, that rewrite neither job nor name and do not take all that runs in a cluster.`,
		"A new check uses GET or HEAD and carries no credentials, headers or body; a new scrape job has a name of its own and a path that ends in metrics, probe or snmp.",
	},
	{ruleKeep, "More metrics that are kept", "A list `a|b|c` of metric relabelling with `action: keep` grows.", ""},
	{ruleDashboard, "Dashboards and saved queries", "New dashboards, panels and queries, and texts; no `overwrite`, no other uid, no SQL, nothing that a browser or the cloud runs.", ""},
	{
		ruleStated, "Settings whose new value the item states (type Config only)", `An existing number changes to what the item states, a word of its place stands in the item (and not only words of another place with such a number), its
type and unit stay, and it moves by at most ten times. One replica does not become several; a request is at most its limit, the least at most the most, and a
scrape's timeout at most its interval. Never what says who gets in, or for how long, nor what belongs to an alert. Which numbers, and which way:`,
		"For type Config, change the one value that the item states, in place. A request is not over its limit.",
	},
	{ruleListed, "What you list yourself", "Resources of the types in `automatic_creates`.", ""},
}

// Prompt is what an agent must know of the card of a type, a line each; none for
// types that have no card.
func Prompt(kind string) []string {
	c := card{item: Item{Type: kind}}
	mine, ok := c.rules()
	if !ok {
		return nil
	}
	lines := []string{"Do not move or reformat what stands there. Add no program, provider, module source, chart or image. Stay in one stack."}
	for _, h := range hints {
		if h.prompt != "" && slices.ContainsFunc(mine, func(r rule) bool { return r.name == h.rule }) {
			lines = append(lines, filled(h.prompt))
		}
	}
	return lines
}

func filled(text string) string {
	return strings.NewReplacer("{alertKeys}", strings.Join(alertKeys, ", "), "{commonLabels}", strings.Join(commonLabels, ", ")).Replace(text)
}

// Page is docs/what-is-automatic.md below its introduction.
func Page() string {
	var b strings.Builder
	for i, h := range hints {
		fmt.Fprintf(&b, "## %d. %s\n\n`%s`\n\n%s\n\n", i+1, h.title, h.rule, filled(h.page))
		switch h.rule {
		case ruleTuned:
			b.WriteString("Severities, from quiet to loud: ")
			for j, words := range text.SeverityLabels() {
				if j > 0 {
					b.WriteString("; ")
				}
				b.WriteString(strings.Join(words, ", "))
			}
			b.WriteString(".\n\n")
		case ruleMonitor:
			b.WriteString(typeTable(monitor))
		case ruleAdded:
			b.WriteString("Alarms that are resources of their own, with what may be tuned of them when they are named:\n\n" + typeTable(alarm))
		case ruleDashboard:
			b.WriteString(typeTable(dashboard))
		case ruleStated:
			b.WriteString(settingTable())
		}
	}
	return b.String()
}

// typeTable lists the resource types of a role.
func typeTable(r role) string {
	var b strings.Builder
	b.WriteString("| type | named by | texts | numbers that may move | further arguments of a new one |\n|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(types)) {
		t := types[name]
		if t.role != r {
			continue
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, codes(t.name), codes(slices.Concat(t.prose, t.document)),
			codes(slices.Concat(t.threshold, t.wait, t.window, t.samples)), codes(t.create))
	}
	b.WriteByte('\n')
	return b.String()
}

func codes(list []string) string {
	if len(list) == 0 {
		return "—"
	}
	return "`" + strings.Join(list, "`, `") + "`"
}

func settingTable() string {
	var b strings.Builder
	b.WriteString("| numbers | a word of the key | way |\n|---|---|---|\n")
	for _, s := range settings {
		words := strings.ReplaceAll(codes(s.words), "+", " ")
		if len(s.below) > 0 {
			words += " below " + codes(s.below)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.what, words, map[way]string{either: "either", up: "up", down: "down"}[s.way])
	}
	b.WriteString("\nMount options of NFS whose value is stated: " + codes(mountOptions) + ".\n\n")
	return b.String()
}
