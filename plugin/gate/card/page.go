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
PrometheusRule or wherever the plan shows such a list. A new one has only the keys ` + "{alertKeys}" + `; a name that no other rule of the plan has, and that no
expression, route or inhibition of the plan refers to; waits of at most seven days; only labels that the document already uses, or {commonLabels}; a known
severity; labels and annotations with templates that Prometheus accepts; and an expression that Prometheus accepts (in every version since 2.42), with a metric or an
equality in every selector, that looks back at most 92 days and whose result is neither always present nor always empty. LogQL is accepted if the document already
holds LogQL. A new group has a new name, no limit, and an interval from five seconds to one hour. The name of a recording rule contains a colon. A new alarm of
the types below has a new name and notifies only targets that another alarm of the stack notifies.`,
		"A new alert goes into a list `rules` that holds rules already. Its keys are at most {alertKeys}; its labels are ones that other rules there have, or {commonLabels}; use only functions that Prometheus itself has.",
	},
	{
		ruleTuned, "Alerts and monitors that the item names", `The item names the alert (as consecutive words, or in backticks) and **states the new value**. Then numbers next to a
comparison, waits and ranges may change, each by a factor of at most ten, and all together by a factor of at most ten towards silence. A range never becomes
shorter, a severity only becomes louder, and a number in a test for equality or inequality does not change. Nothing else of the alert changes. A negated number ("not 50"),
a relative change ("by 20 %") or a label ("issue 7") does not count as a stated value.`,
		"An existing alert changes only if the item names it: copy the name and the number exactly as the item says, one number and nothing beside it. Where the item states no number, choose one and expect that a person will be asked.",
	},
	{ruleProse, "Texts for people", "Annotations of rules, with templates that Prometheus accepts, and descriptions of alarms and monitors. None may become empty.", ""},
	{
		ruleMonitor, "New checks and scrape jobs", `Checks of the types below, with GET or HEAD, of an address without parameters, and without body, headers or credentials; they notify only targets that others notify.
Metric filters with a new metric. Scrape jobs, targets, ServiceMonitors, PodMonitors and Probes that Prometheus accepts, whose path ends in metrics,
probe or snmp, with an interval of at least five seconds, that relabel neither job nor name and do not select everything in a cluster.`,
		"A new check uses GET or HEAD and carries no credentials, headers or body; a new scrape job has a name of its own and a path that ends in metrics, probe or snmp.",
	},
	{ruleKeep, "More metrics that are kept", "A list `a|b|c` in metric relabelling with `action: keep` gets more entries.", ""},
	{ruleDashboard, "Dashboards and saved queries", "New dashboards, panels and queries, and texts; no `overwrite`, no changed uid, no SQL, nothing that a browser or the cloud runs.", ""},
	{
		ruleStated, "Settings whose new value the item states (type Config only)", `An existing number changes to the value that the item states; the item contains a word of the number's place (and not only words of another place with such a number); its
type and unit stay; and it changes by a factor of at most ten. One replica does not become several; a request is at most its limit, a minimum at most its maximum, and a
scrape timeout at most its interval. Numbers that control who has access, or for how long, and numbers of an alert never change by this rule. These numbers may change, in this direction:`,
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
			b.WriteString("Alarms that are separate resources, and what may be tuned if the item names them:\n\n" + typeTable(alarm))
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
	b.WriteString("| type | named by | texts | numbers that may change | other arguments that a new one may have |\n|---|---|---|---|---|\n")
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
	b.WriteString("| numbers | a word of the key | direction |\n|---|---|---|\n")
	for _, s := range settings {
		words := strings.ReplaceAll(codes(s.words), "+", " ")
		if len(s.below) > 0 {
			words += " below " + codes(s.below)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.what, words, map[way]string{either: "either", up: "up", down: "down"}[s.way])
	}
	b.WriteString("\nNFS mount options whose value the item states: " + codes(mountOptions) + ".\n\n")
	return b.String()
}
