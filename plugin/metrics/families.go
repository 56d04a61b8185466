package metrics

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// lastSuccess is the family that outlives runs that fail.
const lastSuccess = "pm_todos_last_success_timestamp_seconds"

const day = 24 * time.Hour

// ages are the buckets of the histogram of ages.
var ages = []time.Duration{7 * day, 14 * day, 30 * day, 60 * day, 90 * day, 180 * day, 365 * day}

// families are all metrics, in the order in which they are written and documented.
var families = []family{
	{
		name: "pm_todos_build_info", kind: "gauge", labels: []string{"version"},
		help:    "Version of the pm-todos that ran, as a label of the value 1.",
		samples: func(f Facts) []sample { return []sample{{value: 1, labels: []string{f.Version}}} },
	},
	{
		name: "pm_todos_documents", kind: "gauge",
		help:    "Number of post-mortems.",
		samples: waiting(func(b *Backlog) float64 { return float64(b.Documents) }),
	},
	{
		name: "pm_todos_open_items", kind: "gauge", labels: []string{"priority", "type", "lane"},
		help: "Number of open follow-ups by priority, type (other for unusual words, none) and lane (automatic, approval, person). Those that there are none of have no sample.",
		samples: func(f Facts) []sample {
			if f.Backlog == nil {
				return nil
			}
			return counted(f.Backlog.Open, func(o backlog.Open) []string { return []string{o.Priority, kindOf(o.Item), string(o.Lane)} })
		},
	},
	{
		name: "pm_todos_open_item_age_seconds", kind: "histogram", labels: []string{"priority"},
		help: "How long the follow-ups that are open now have been open, from the day of their post-mortem. It is a picture of now and no counter: use it without rate().",
		samples: func(f Facts) (all []sample) {
			if f.Backlog == nil {
				return nil
			}
			for _, priority := range priorities {
				all = append(all, distribution(priority, f.Backlog.of(priority))...)
			}
			return all
		},
	},
	{
		name: "pm_todos_oldest_open_item_age_seconds", kind: "gauge", labels: []string{"priority"},
		help: "How long the oldest open follow-up has been open; 0 when there is none.",
		samples: byPriority(func(open []backlog.Open) float64 {
			if len(open) == 0 {
				return 0
			}
			return slices.MaxFunc(open, func(a, b backlog.Open) int { return cmp.Compare(a.Age, b.Age) }).Age.Seconds()
		}),
	},
	{
		name: "pm_todos_target_seconds", kind: "gauge", labels: []string{"priority"},
		help: "How long a follow-up may stay open, the setting slo; no sample for a priority without a target.",
		samples: func(f Facts) (all []sample) {
			for _, priority := range priorities {
				if limit, ok := f.Targets[priority]; ok {
					all = append(all, sample{value: limit.Seconds(), labels: []string{priority}})
				}
			}
			return all
		},
	},
	{
		name: "pm_todos_open_items_past_target", kind: "gauge", labels: []string{"priority"},
		help:    "Number of open follow-ups that have been open for longer than the target.",
		samples: byPriority(counting(func(o backlog.Open) bool { return o.Late })),
	},
	{
		name: "pm_todos_overdue_items", kind: "gauge", labels: []string{"priority"},
		help:    "Number of open follow-ups whose due date, written YYYY-MM-DD, has passed.",
		samples: byPriority(counting(func(o backlog.Open) bool { return o.Overdue })),
	},
	{
		name: "pm_todos_open_proposals", kind: "gauge",
		help:    "Number of proposals that wait on a branch for a person.",
		samples: waiting(func(b *Backlog) float64 { return float64(b.Proposals) }),
	},
	{
		name: "pm_todos_run_items", kind: "gauge", labels: []string{"state", "reason"},
		help: "Number of follow-ups that the last run came to, by what became of them and the reason code, which is empty for those that are done.",
		samples: func(f Facts) []sample {
			return counted(f.Outcomes, func(o item.Outcome) []string { return []string{string(o.State), codeOf(o.Reason)} })
		},
	},
	{
		name: "pm_todos_run_cost_usd", kind: "gauge",
		help:    "What the agents of the last run cost.",
		samples: one(func(f Facts) float64 { return f.CostUSD }),
	},
	{
		name: "pm_todos_month_cost_usd", kind: "gauge",
		help:    "What agents have cost in this calendar month (UTC), by the ledger.",
		samples: waiting(func(b *Backlog) float64 { return b.MonthUSD }),
	},
	{
		name: "pm_todos_month_budget_usd", kind: "gauge",
		help: "What they may cost in a month, the setting budget_month_usd; no sample without a limit.",
		samples: func(f Facts) []sample {
			if f.MonthLimitUSD == 0 {
				return nil
			}
			return []sample{{value: f.MonthLimitUSD}}
		},
	},
	{
		name: "pm_todos_run_duration_seconds", kind: "gauge",
		help:    "How long the last run took.",
		samples: one(func(f Facts) float64 { return math.Round(f.Ended.Sub(f.Started).Seconds()*10) / 10 }),
	},
	{
		name: "pm_todos_run_exit_code", kind: "gauge",
		help:    "Exit code of the last run: 0, 1, 2, 3 (a person must look now) or 75 (temporary).",
		samples: one(func(f Facts) float64 { return float64(f.ExitCode) }),
	},
	{
		name: "pm_todos_last_run_timestamp_seconds", kind: "gauge",
		help:    "When the last run ended.",
		samples: one(func(f Facts) float64 { return float64(f.Ended.Unix()) }),
	},
	{
		name: lastSuccess, kind: "gauge",
		help: "When the last run ended that exited 0; no sample when none is known.",
		samples: func(f Facts) []sample {
			if f.LastSuccess.IsZero() {
				return nil
			}
			return []sample{{value: float64(f.LastSuccess.Unix())}}
		},
	},
}

// distribution is the histogram of the ages of some items.
func distribution(priority string, open []backlog.Open) (all []sample) {
	sum := 0.0
	for _, o := range open {
		sum += o.Age.Seconds()
	}
	for _, limit := range ages {
		within := counting(func(o backlog.Open) bool { return o.Age <= limit })(open)
		all = append(all, sample{suffix: "_bucket", value: within, labels: []string{priority, number(limit.Seconds())}})
	}
	count := float64(len(open))
	return append(all,
		sample{suffix: "_bucket", value: count, labels: []string{priority, "+Inf"}},
		sample{suffix: "_sum", value: math.Round(sum), labels: []string{priority}},
		sample{suffix: "_count", value: count, labels: []string{priority}},
	)
}

// kindOf is the type of an item as a label: of what authors write, only the types
// that are known, so that no document makes series without end.
func kindOf(i item.Item) string {
	switch stated := term.ParseType(i.Type); {
	case stated.Text == "":
		return "none"
	case stated.Kind == "" || stated.Compound:
		return "other"
	default:
		return string(stated.Kind)
	}
}

// codeOf is a reason code as a label: a record of the remote could hold anything.
func codeOf(code reason.Code) string {
	if code != "" && code.Fix() == "" {
		return "other"
	}
	return string(code)
}
