package report

import (
	"errors"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// leaked is the secret that tests hide in texts.
const leaked = "hunter22-of-the-vault"

const (
	fixCommit  = "abc1234def5678abc1234def5678abc1234def56"
	docsCommit = "0123456789abcdef0123456789abcdef01234567"
)

// evil is a text that tries to become something else in every target.
const evil = "<!channel> @admin [x](https://evil.example) | `code` **b** <img src=x onerror=1> https://evil.example/a #12\n\x1b[31mWRN forged\u202e \u200b" + leaked

// summary is a run in which everything happened that can happen, with hostile
// texts in all the places that others fill.
func summary() Summary {
	var redactor secret.Redactor
	redactor.Add(secret.New(leaked))
	nfs := "docs/post-mortems/2026-04-14-nfs.md"
	return Summary{
		Version: "1.4.0", Run: "20260415-101500-ab12", Mode: "apply", Event: "push", Repository: "ops/infra", Branch: "main",
		PipelineURL: "https://ci.example.org/repos/7/pipeline/42?a=1&b=2", Scope: "changed", Base: docsCommit, Sandboxed: "yes",
		Started: time.Date(2026, 4, 15, 10, 15, 0, 0, time.UTC), Duration: 12*time.Minute + 3*time.Second,
		Documents: []Document{
			{File: nfs, Date: "2026-04-14", Title: "NFS outage & " + evil, Changed: true, Safe: 4, Skipped: 2, Unclear: 1, Problems: 1},
			{File: "docs/post-mortems/2026-01-02-a b|c`d.md", Date: "2026-01-02", Title: "Grafana", Safe: 1},
		},
		Outcomes:  outcomes(nfs),
		Skipped:   []Left{{Item: itemAt(nfs, 31, "P1", "Migrate Vault to an encrypted PVC", "Migration"), Reason: "type-not-safe", Evidence: func() string { return "Migrate " + evil }}, {Item: whose(itemAt(nfs, 32, "P3", evil, evil), evil, "2026-04-14"), Reason: "type-unknown"}},
		Unclear:   []Left{{Item: itemAt(nfs, 50, "P2", "Think about "+evil, ""), Reason: "implicit"}},
		Problems:  []Problem{{File: nfs, Problem: postmortem.Problem{Line: 33, Column: 4, Reason: "malformed-row", Detail: "The row has 7 cells. " + evil, Text: evil}}},
		CostUSD:   1.2345,
		BudgetUSD: 5, DocsCommit: docsCommit,
		Err: errors.New("push the docs commit: refused by a hook:\n" + evil), Exit: fault.Person,
		Warnings: []string{"vault_addr is plain http", evil}, Notes: []string{"the base of the comparison is unknown: all documents were read"},
		Issues:   map[ItemKey]int64{{nfs, "31"}: 12, {nfs, "25"}: 13},
		Known:    map[string]reason.Code{"31": "type-not-safe"},
		Links:    Links{Commit: "https://forge.example.org/ops/infra/commit/{sha}", Branch: "https://forge.example.org/ops/infra/src/branch/{branch}", Pull: "https://forge.example.org/ops/infra/pulls/{number}", Issue: "https://forge.example.org/ops/infra/issues/{number}", Pages: "https://pages.example.org/{file}?x=1&y=2"},
		Redactor: &redactor,
	}
}

func itemAt(document string, line int, priority, action, kind string) item.Item {
	return item.Item{
		Document: document, ID: string(rune('0'+line/10)) + string(rune('0'+line%10)), Line: line, Date: "2026-04-14",
		Priority: priority, Action: action, Type: kind, Details: "see " + evil,
	}
}

// whose is an item with its owner and due date.
func whose(i item.Item, owner, due string) item.Item {
	i.Owner, i.Due = owner, due
	return i
}

func outcomes(nfs string) []item.Outcome {
	return []item.Outcome{
		{
			Item: itemAt(nfs, 23, "P2", "Add NFS RPC retransmission alert", "Alert"), State: item.Done, Stack: "stacks/monitoring", Commit: fixCommit,
			PlanHash: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Counts: item.Counts{Create: 1, Update: 2},
			CostUSD: 0.42, Duration: 190 * time.Second, Attempt: 1, Observed: "would have fired at 09:56 UTC, 16 minutes after the start (09:40); fired 3 times in 30 days",
			Briefly: "would have fired 16 minutes after the start",
		},
		{
			Item: itemAt(nfs, 24, "P0", "Page on "+evil, "Alert"), State: item.NeedsPerson, Reason: "apply-failed", Stack: "stacks/" + evil, Commit: fixCommit,
			Err: errors.New("apply: exit 1\nError: " + evil), CostUSD: 0.5, Duration: time.Minute, Attempt: 1, Command: "pm-todos settle 24 --landed|--abandon",
		},
		{
			Item: itemAt(nfs, 25, "P2", "Raise the memory limit of Grafana", "Config"), State: item.Refused, Reason: "replace",
			Findings: []item.Finding{{Code: "replace", Place: "helm_release.grafana/" + evil, Detail: "delete and create " + evil}},
			Branch:   "pm-todos/refused/nfs/25", CostUSD: 0.3, Duration: 80 * time.Second, Attempt: 1,
		},
		{
			Item: itemAt(nfs, 26, "P3", "Add an uptime monitor", "Monitor"), State: item.Failed, Reason: "agent-failed",
			Err: errors.New("the agent failed: " + evil), Duration: 5 * time.Second, Attempt: 2,
		},
		{Item: itemAt(nfs, 27, "P3", "Alert on certificate expiry", "Alert"), State: item.Proposed, Branch: "pm-todos/propose/nfs/27", Pull: 4, Attempt: 1, Settled: true},
		{
			Item: itemAt(nfs, 30, "P1", "Alert on stale handles", "Alert"), State: item.NeedsPerson, Reason: "applied-not-on-branch",
			Err: errors.New("push: " + evil), Journal: "refs/pm-todos/journal/" + strings.Repeat("0123456789abcdef", 4), Command: "pm-todos settle 30 --landed|--abandon",
		},
		{Item: whose(itemAt(nfs, 28, "P3", "Alert on clock skew", "Alert"), "@ana", "end of May"), State: item.Skipped, Reason: "stack-drifts"},
		{Item: itemAt(nfs, 29, "P3", "Alert on full disks", "Alert"), State: item.NotAttempted, Reason: "not-attempted-limit"},
	}
}

// quiet is a run that found nothing to do.
func quiet() Summary {
	return Summary{
		Version: "1.4.0", Run: "r", Mode: "apply", Event: "cron", Repository: "ops/infra", Branch: "main", BudgetUSD: 5,
		Started: time.Date(2026, 4, 15, 10, 15, 0, 0, time.UTC), Duration: 900 * time.Millisecond,
		Documents: []Document{{File: "docs/post-mortems/2026-04-14-nfs.md", Date: "2026-04-14", Title: "NFS outage"}},
	}
}
