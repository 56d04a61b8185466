package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

// claimsAgent does as told, in two ways what it must not, and once what nothing
// proves.
const claimsAgent = `case $ITEM_ACTION in
*"beside the pipeline"*) mkdir -p .woodpecker; echo "steps: {}" >.woodpecker/deploy.yml; exit 0 ;;
*"for the cache"*) exit 1 ;;
*"on swap"*) printf 'resource "terraform_data" "swap" {\n  input = "over 1 %%"\n}\n' >stacks/monitoring/swap.tf; exit 0 ;;
esac
`

// TestReportClaimsNothingThatIsNotSo has whole runs end in every way, and
// compares what they report with the remote. Every field that a report has is
// filled by one of them.
func TestReportClaimsNothingThatIsNotSo(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document(
		"| P0 | Add a monitor for the registry | Monitor | every minute | TODO |",
		"| P1 | Raise the threads of the server | Config | to 16 | TODO |",
		"| P2 | Add an alert beside the pipeline | Alert | at once | TODO |",
		"| P3 | Too | many | cells | in | here |")+"\n## More follow-ups\n\n| Priority | Action | Type | Details | Owner | Due | Status |\n|---|---|---|---|---|---|---|\n"+
		"| P3 | Add an alert for the cache | Alert | over 80 % | ana | 2026-01-31 | TODO |\n"+
		"| P3 | Migrate to another disk | Migration | before winter | ana | 2026-01-31 | TODO |\n"+
		"\n## Follow-ups\n\n- Think about disks (@ana, due 2026-01-31)\n"+
		"\n## Ideas\n\n| Priority | Action | Type | Details |\n|---|---|---|---|\n| P3 | Watch all disks | Alert | of every host |\n")
	o.AgentScript = claimsAgent + standin.SampleAgent
	s := newSite(t, o)
	c := claims{site: s, filled: map[string]bool{}}

	c.run(1, nil)
	s.wantsEnded("done", "refused replace", "refused no-stack", "failed agent-failed")

	must[string](t)(s.Repo.Commit(standin.SampleBranch, "more\n", map[string]string{"docs/post-mortems/2026-02-02-more.md": document(
		"| P1 | Add an alert on memory | Alert | over 90 % | TODO |", "| P2 | Add an alert on load | Alert | over 9 | TODO |")}))
	if err := s.Repo.InstallHook("update", needsSigned); err != nil {
		t.Fatal(err)
	}
	c.run(3, map[string]string{"PLUGIN_SINCE": strings.Repeat("1", 40), "PLUGIN_MAX_ATTEMPTS": "1"})
	s.wantsEnded("skipped max-attempts", "skipped max-attempts", "skipped max-attempts", "needs-person applied-not-on-branch", "not-attempted push-refused")
	if err := s.Repo.InstallHook("update", ""); err != nil {
		t.Fatal(err)
	}
	c.run(0, map[string]string{"PLUGIN_MAX_ATTEMPTS": "1"})
	s.wantsEnded("done", "done") // the rows of the others waited on their branch

	must[string](t)(s.Repo.Commit(standin.SampleBranch, "last\n", map[string]string{"docs/post-mortems/2026-03-03-last.md": document(
		"| P1 | Add an alert on swap | Alert | over 1 % | TODO |", "| P2 | Add an alert on NFS | Alert | over 5 for 10 minutes | TODO |")}))
	if err := s.Repo.Protect(standin.SampleBranch); err != nil {
		t.Fatal(err)
	}
	c.run(1, nil)
	s.wantsEnded("not-attempted push-refused", "not-attempted push-refused")
	if told, _ := s.summary()["error"].(string); !strings.Contains(told, "this branch is protected") || !strings.Contains(told, "mode: propose") || strings.Contains(told, "\n") {
		t.Errorf("the run's error is %q", told)
	}
	if err := s.Repo.Protect(""); err != nil {
		t.Fatal(err)
	}
	c.run(0, map[string]string{"PLUGIN_MODE": "propose", "PLUGIN_PROMETHEUS_URL": prometheusOfToday(t)})
	s.wantsEnded("proposed", "proposed")
	c.run(0, map[string]string{"PLUGIN_MODE": "dry-run", "PLUGIN_SCOPE": "all"})

	var schema map[string]any
	if err := json.Unmarshal(must[[]byte](t)(report.SummarySchema()), &schema); err != nil {
		t.Fatal(err)
	}
	// The agent of these runs keeps its book outside of any sandbox. That a turn in one
	// fills this field is in TestThreat26_WhatHoldsAHostileAgent, and that a run passes
	// it on in TestWhatTheAgentTriedToReachIsToldAndDecidesNothing.
	c.filled[".items.refused_servers"] = true
	// None of them is on a forge: TestItemsThatNeedAPersonGetAnIssueUntilTheirRowIsDone
	// has the links. Unclear items get no issue.
	c.filled[".items.issue_url"], c.filled[".skipped.issue_url"], c.filled[".unclear.issue_url"] = true, true, true
	c.filled[".items.approved_by"] = true // none of them merges: TestProposalGoesItsWholeWay has who did
	var never []string
	for _, field := range schemaFields(schema, "") {
		if !c.filled[field] {
			never = append(never, field)
		}
	}
	if len(never) > 0 {
		t.Errorf("fields of summary.json that no run fills: %q", never)
	}
}

// prometheusOfToday is a Prometheus that has every series, and nothing of the past.
func prometheusOfToday(t *testing.T) (url string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := fmt.Sprintf(`{"resultType": "vector", "result": [{"metric": {}, "value": [%d, "1"]}]}`, time.Now().Unix())
		if r.URL.Path != "/api/v1/query" {
			answer = `{"resultType": "matrix", "result": []}`
		}
		_, _ = fmt.Fprintf(w, `{"status": "success", "data": %s}`, answer)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// claims are the runs whose reports are compared with the remote.
type claims struct {
	*site
	filled map[string]bool // fields of summary.json that some run had something for
}

func (c claims) run(code int, settings map[string]string) {
	c.t.Helper()
	all := map[string]string{"PLUGIN_STATE_REFS": "refs/elsewhere", "PLUGIN_PAGES_URL": c.Repo.PageURL() + "/src/branch/main/{file}"}
	maps.Copy(all, settings)
	c.wants(code, c.site.run(all))
	summary := c.summary()
	c.fill(summary, "")
	if got := summary["exit_code"]; got != float64(code) {
		c.t.Errorf("exit_code is %v, the run ended with %d", got, code)
	}
	cost := 0.0
	for _, item := range c.items() {
		c.item(item)
		if usd, ok := item["cost_usd"].(float64); ok {
			cost += usd
		}
	}
	if got, _ := summary["cost_usd"].(float64); fmt.Sprintf("%.2f", got) != fmt.Sprintf("%.2f", cost) {
		c.t.Errorf("cost_usd is %v, that of its items %v", got, cost)
	}
	if hash, _ := summary["docs_commit"].(string); hash != "" {
		c.told("the docs commit", hash, summary["docs_commit_url"])
	}
	documents, _ := summary["documents"].([]any)
	for _, document := range documents {
		c.link("a document", document.(map[string]any)["url"])
	}
}

// item compares what is said of one item with the remote.
func (c claims) item(item map[string]any) {
	c.t.Helper()
	what := fmt.Sprint("item ", item["action"])
	commit, _ := item["commit"].(string)
	branch, _ := item["branch"].(string)
	journal, _ := item["journal"].(string)
	if commit != "" {
		c.told(what, commit, item["commit_url"])
	}
	if branch != "" {
		c.told(what, branch, item["branch_url"])
		c.there(what, "refs/heads/"+branch)
	}
	if journal != "" {
		c.there(what, journal)
		c.everywhere(what, journal)
	}
	switch item["state"] {
	case "done":
		message := must[[]git.Commit](c.t)(c.Repo.Log(commit + "^!"))[0].Body
		if hash, _ := item["plan_sha256"].(string); hash == "" || !strings.Contains(message, hash) {
			c.t.Errorf("%s: its commit does not name the plan %q:\n%s", what, hash, message)
		}
	case "refused":
		fix, _ := item["fix"].(string)
		if kept := strings.Contains(fix, "The work is kept on the branch"); kept != (branch != "") || kept == strings.Contains(fix, "all that is kept") {
			c.t.Errorf("%s: on the branch %q, and it says: %s", what, branch, fix)
		}
	case "needs-person":
		if (commit == "") == (journal == "") || item["command"] == nil {
			c.t.Errorf("%s: it is not said where its commit is, or what closes it: %v", what, item)
		}
	}
}

// there checks that a ref is on the remote.
func (c claims) there(what, ref string) {
	c.t.Helper()
	if refs := must[map[string]string](c.t)(c.Repo.Refs(ref)); len(refs) != 1 {
		c.t.Errorf("%s: %s is not on the remote", what, ref)
	}
}

// told checks that something on the remote has a link that leads to it, in every
// target.
func (c claims) told(what, name string, url any) {
	c.t.Helper()
	c.everywhere(what, c.link(what+" at "+name, url))
}

// link follows a link of the remote's forge.
func (c claims) link(what string, url any) string {
	c.t.Helper()
	address, _ := url.(string)
	if !strings.HasPrefix(address, c.Repo.PageURL()+"/") {
		c.t.Errorf("%s: its link is %q", what, address)
		return address
	}
	request := must[*http.Request](c.t)(http.NewRequestWithContext(c.t.Context(), http.MethodGet, address, nil))
	answer := must[*http.Response](c.t)(http.DefaultClient.Do(request))
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		c.t.Errorf("%s: its link %s leads nowhere: %s, %v", what, address, answer.Status, err)
	}
	return address
}

// everywhere checks that the log, summary.md and Slack tell something as well.
func (c claims) everywhere(what, text string) {
	c.t.Helper()
	targets := map[string]string{"the log": c.last}
	for _, name := range []string{"summary.md", "slack.json"} {
		targets[name] = string(must[[]byte](c.t)(os.ReadFile(filepath.Join(c.Workspace(), ".pm-todos", name))))
	}
	for name, content := range targets {
		if !strings.Contains(content, text) {
			c.t.Errorf("%s does not tell %s of %s:\n%s", name, text, what, content)
		}
	}
}

// fill notes which fields hold something.
func (c claims) fill(value any, place string) {
	switch v := value.(type) {
	case map[string]any:
		for name, one := range v {
			c.fill(one, place+"."+name)
		}
		c.filled[place] = len(v) > 0 || c.filled[place]
	case []any:
		for _, one := range v {
			c.fill(one, place)
		}
		c.filled[place] = len(v) > 0 || c.filled[place]
	default:
		c.filled[place] = c.filled[place] || v != "" && v != 0.0 && v != false && v != nil
	}
}

// schemaFields are the places of all fields of a JSON Schema, sorted.
func schemaFields(schema map[string]any, place string) (fields []string) {
	if items, ok := schema["items"].(map[string]any); ok {
		fields = schemaFields(items, place)
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, one := range properties {
		property, _ := one.(map[string]any)
		fields = append(fields, append(schemaFields(property, place+"."+name), place+"."+name)...)
	}
	slices.Sort(fields)
	return fields
}
