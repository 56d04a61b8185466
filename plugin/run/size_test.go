package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// manyDocuments is a selection of documents with 400 rows each: safe ones, those
// of a person's and broken ones by turns.
func manyDocuments(t *testing.T, documents int) access.Selection {
	t.Helper()
	sel := access.Selection{Pushed: map[string]bool{}}
	var rows []string
	for i := range 400 {
		rows = append(rows, [4]string{
			"| P2 | Add an alert on disk usage of volume %d | Alert | over 80 %% | TODO |",
			"| P2 | Add an alert on inodes of volume %d | Alert | over 80 %% | TODO |",
			"| P1 | Migrate volume %d to another class | Migration | with a window | TODO |",
			"| P2 | Add an alert on volume %d | Alert | TODO |",
		}[i%4])
		rows[i] = fmt.Sprintf(rows[i], i)
	}
	doc := postmortem.Parse("docs/post-mortems/2026-01-01-a.md", []byte(documentHead+strings.Join(rows, "\n")+"\n"), settings.Settings{
		Documents: settings.Documents{SafeTypes: []string{"Alert", "Config", "Monitor"}}, Terraform: settings.Terraform{Scope: policy.Scope{AllowPaths: []string{"stacks/**"}}},
	}.DocumentPolicy())
	for i := range documents {
		one := *doc
		one.File = fmt.Sprintf("docs/post-mortems/2026-01-01-outage-%04d.md", i)
		sel.All = append(sel.All, one.File)
		sel.Documents = append(sel.Documents, &one)
		for _, safe := range one.Safe() {
			sel.Safe = append(sel.Safe, access.ChangeItem(&one, safe))
		}
	}
	return sel
}

const documentHead = "# Post-mortem\n\n## Action items\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n"

func TestSummariesAndLogStaySmallWhenTensOfThousandsOfItemsAreOpen(t *testing.T) {
	sel := manyDocuments(t, 100)
	items := sel.Safe
	s := settings.Settings{Mode: settings.ModeDryRun, Report: settings.Report{SummaryDir: t.TempDir()}}
	var printed bytes.Buffer
	c, closeConsole := console.New("test", s, &printed, false)
	j := newJob(s, c)
	j.read = sel
	j.nameTodo()
	for i, todo := range items {
		out := item.Outcome{Item: todo, State: item.NotAttempted, Reason: reason.NotAttemptedLimit}
		if i%3 == 0 {
			out.State, out.Reason = item.Skipped, reason.MaxAttempts
		}
		j.outcomes = append(j.outcomes, out)
	}
	view := report.Render(j.summary())
	if err := errors.Join(writeSummaries(t.Context(), s.SummaryDir(), view), j.closeLog(j.outcomes, view), closeConsole()); err != nil {
		t.Fatal(err)
	}
	log := printed.String()
	t.Logf("%d safe items: %d bytes of log", len(items), len(log))
	if len(log) > 1<<20 || !strings.Contains(log, fmt.Sprintf("%d more items are to be implemented", len(items)-100)) {
		t.Errorf("the log has %d bytes:\n%.2000s", len(log), log)
	}
	for _, name := range []string{"summary.json", "summary.md", "slack.json"} {
		content, err := os.ReadFile(filepath.Join(s.SummaryDir(), name))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes", name, len(content))
		if len(content) > 1<<20 {
			t.Errorf("%s has %d bytes", name, len(content))
		}
	}
	content, err := os.ReadFile(filepath.Join(s.SummaryDir(), "summary.json"))
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Totals                   map[string]int
		Items, Skipped, Problems []json.RawMessage
	}
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatal(err)
	}
	if read.Totals["not_attempted"]+read.Totals["skipped"] != len(items)+10000 || read.Totals["problems"] != 10000 ||
		len(read.Items) != 200 || len(read.Skipped) != 100 || len(read.Problems) != 100 {
		t.Errorf("%v; %d items, %d skipped, %d problems are listed", read.Totals, len(read.Items), len(read.Skipped), len(read.Problems))
	}
}

func TestUnfinishedOfTensOfThousandsOfItems(t *testing.T) {
	sel := manyDocuments(t, 100)
	gone := record.Ref{Document: "docs/post-mortems/unread.md", Item: "1"}
	sel.All = append(sel.All, gone.Document)
	refs := unfinished(sel, nil, nil, []record.Ref{gone, {Document: "docs/post-mortems/removed.md", Item: "1"}}, nil, 2)
	if len(refs) != len(sel.Safe)+1 {
		t.Errorf("%d are unfinished, want %d", len(refs), len(sel.Safe)+1)
	}
}
