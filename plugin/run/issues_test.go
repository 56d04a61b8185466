package run_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	standin "github.com/pm-todos/pm-todos/plugin/standin/forge"
)

// onForge gives a repository a forge, whose pages are at the address that Woodpecker
// names.
func onForge(t *testing.T, r *repository) *standin.Forge {
	t.Helper()
	f := &standin.Forge{Token: "t"}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	r.block["forge"], r.block["forge_token"], r.block["issues"] = "gitea", "t", "true"
	r.ci.RepoURL = server.URL + "/ops/infra"
	return f
}

func TestItemsThatNeedAPersonGetAnIssueUntilTheirRowIsDone(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	f := onForge(t, r)
	r.block["mode"] = "dry-run"
	r.mustRun()
	if len(f.Issues()) != 0 {
		t.Fatal("a dry run opened issues")
	}
	delete(r.block, "mode")
	r.mustRun()
	r.mustRun()
	all := f.Issues()
	if len(all) != 2 || all[0].Title != "P0 Migration: Migrate the registry" || !strings.Contains(all[0].Body, "owner ana, due 2026-02-01, overdue") {
		t.Fatalf("issues %+v", all)
	}
	var summary struct {
		Skipped []struct {
			URL string `json:"issue_url"`
		} `json:"skipped"`
	}
	if err := json.Unmarshal([]byte(r.inWorkspace(".pm-todos/summary.json")), &summary); err != nil {
		t.Fatal(err)
	}
	if len(summary.Skipped) != 2 || summary.Skipped[0].URL != r.ci.RepoURL+"/issues/1001" {
		t.Errorf("the report links %+v", summary.Skipped)
	}

	// A person does the one and takes the other out.
	r.write("docs/post-mortems/2026-01-01-nfs.md", strings.Replace(strings.Split(peoples, "| P2")[0], "| TODO |", "| Done |", 1))
	r.mustRun()
	for n, why := range []string{"is done", "is gone from its document"} {
		one := f.Issues()[n]
		if one.Open || len(one.Comments) != 1 || !strings.Contains(one.Comments[0], why) {
			t.Errorf("%+v", one)
		}
	}
}

// TestWhatSomebodyTracksOrWorksOnGetsNoIssue has rows with a ticket, in progress, and
// an item that no run can read right.
func TestWhatSomebodyTracksOrWorksOnGetsNoIssue(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	f := onForge(t, r)
	r.write("docs/post-mortems/2026-01-01-nfs.md", `# Outage

| Priority | Action | Type | Ticket | Status |
|---|---|---|---|---|
| P0 | Migrate the registry | Migration | OPS-12 | TODO |
| P1 | Migrate the other one | Migration | | In progress |
| P2 | Write a runbook for [Service] | Runbook | | TODO |
| P3 | Write a runbook for NFS | Runbook | | TODO |
`)
	r.mustRun()
	if all := f.Issues(); len(all) != 1 || !strings.Contains(all[0].Title, "Write a runbook for NFS") {
		t.Errorf("issues %+v", all)
	}
}

// TestForgeInTroubleChangesNoRun has a repository without issues, then one whose forge
// is not known.
func TestForgeInTroubleChangesNoRun(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	f := onForge(t, r)
	f.NoIssues = true
	if log := r.mustRun(); !strings.Contains(log, "turn issues on") {
		t.Errorf("it does not say so:\n%s", log)
	}
	delete(r.block, "forge")
	if log := r.mustRun(); !strings.Contains(log, "the forge of the repository is not known") {
		t.Errorf("it does not say so:\n%s", log)
	}
}
