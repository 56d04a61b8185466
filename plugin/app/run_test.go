package app

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

func TestRunOnTheSample(t *testing.T) {
	t.Parallel()
	page, err := dashboard.Write(settings.DefaultIndex, nil, nil, dashboard.Files{}, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, standin.Options{Files: map[string]string{settings.DefaultIndex: string(page.Page)}})
	old, begun := killedRun(t, s.Home, false), killedRun(t, s.Home, true)
	once := with(withToken(), "PLUGIN_MAX_ATTEMPTS", "1")
	s.wants(0, s.run(once))

	want := []string{
		"fix(post-mortem): Add NFS RPC retransmission alert [PM-2026-04-14]",
		"fix(post-mortem): Add an uptime monitor for the NFS export's health page [PM-2026-04-14]",
		"fix(post-mortem): Add PrometheusRule for registry disk usage [PM-2026-05-03]",
		"docs: update post-mortem follow-up [PM-2026-04-14] [PM-2026-05-03] [ci skip]",
	}
	got := s.subjects()
	if len(got) != 4 && len(got) != 5 {
		t.Fatalf("commits: %q", got)
	}
	for _, subject := range want[:3] {
		if !strings.Contains(strings.Join(got, "\n"), subject) {
			t.Errorf("no commit %q in %q", subject, got)
		}
	}
	doc := s.file("docs/post-mortems/2026-04-14-nfs-mounts-hung.md")
	for _, row := range []string{
		"| P1 | Migrate Vault's storage to an encrypted local volume | Migration | It must not depend on NFS | TODO |",
		"for 10 minutes | Done |",
		"every minute | Done |",
		"| P3 | Raise the threads of the NFS server to 16 | Config | `stacks/nfs`, it has 8 today | TODO |",
		"## Follow-up Implementation",
		"| — | Migrate Vault's storage to an encrypted local volume | P1 | Migration | — | Needs human review |",
		"| — | Raise the threads of the NFS server to 16 | P3 | Config | — | Needs human review |",
	} {
		if !strings.Contains(doc, row) {
			t.Errorf("the document lacks %q:\n%s", row, doc)
		}
	}
	s.linksResolve(doc)
	if outcomes, _ := s.summary()["items"].([]any); len(outcomes) != 4 {
		t.Errorf("summary.json tells of %d outcomes, want 4", len(outcomes))
	}
	if n := s.alerts(); n != 3 {
		t.Errorf("the state of monitoring has %d alerts, want 3: %v", n, s.state("monitoring"))
	}
	if page := s.file(settings.DefaultIndex); !strings.Contains(page, `<li class="done">`) {
		t.Errorf("the index page does not show what is done:\n%s", page)
	}
	s.toldSlackOnce()
	if n := strings.Count(s.last, "agent_hosts separates them"); n != 1 {
		t.Errorf("that the agent has the user of Terraform is said %d times", n)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("what a killed run left is still there: %v", err)
	}
	// One whose apply began is proof that somebody may need.
	if _, err := os.Stat(begun); err != nil {
		t.Errorf("an apply that began and is not settled was removed: %v", err)
	}
	if err := os.RemoveAll(begun); err != nil {
		t.Fatal(err)
	}
	s.nothingLeft()
	s.nothingSecret()
	if live := s.Vault.LiveTokens(); live != 0 {
		t.Errorf("%d Vault tokens are still alive", live)
	}

	// The same items are met again: nobody needs to hear of it.
	tip, told := s.tip(), len(s.Slack.Messages())
	s.wants(0, s.run(once))
	if s.tip() != tip || len(s.Slack.Messages()) != told {
		t.Errorf("a second run made commits, or told of it: %q, %v", s.subjects(), s.Slack.Messages()[told:])
	}
	s.nothingLeft()
}

func TestDryRunChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, standin.Options{})
	before, err := s.Repo.Refs("")
	if err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(map[string]string{"PLUGIN_MODE": "dry-run"}))
	s.says("dry-run")
	after, err := s.Repo.Refs("")
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(before, after) {
		t.Errorf("refs changed from %v to %v", before, after)
	}
	if messages := s.Slack.Messages(); len(messages) > 0 {
		t.Errorf("Slack was told: %v", messages)
	}
	if calls, err := s.Agent.Calls(); err != nil || len(calls) > 0 {
		t.Errorf("the agent was called: %v, %v", calls, err)
	}
	s.nothingLeft()
}

// hostile is what an agent does that leaves its scope, by the end of the item's action.
var hostile = map[string]string{
	"terraform wrapper": `mkdir -p scripts .woodpecker .claude; printf '#!/bin/sh\nexit 0\n' >scripts/tg; chmod +x scripts/tg; echo 'steps: []' >.woodpecker/evil.yml; echo '{}' >.claude/settings.json`,
	"post-mortem":       `sed -i s/TODO/Done/ docs/post-mortems/*.md`,
	"code at plan time": `ln -sf /etc/passwd stacks/monitoring/passwd.tf; printf '\ndata "external" "x" {\n  program = ["sh", "-c", "touch /tmp/x"]\n}\n' >>stacks/monitoring/main.tf`,
}

// TestThreat4_HostileItemsAreRefusedAndHoldUpNoOther has, in one run, items whose agent
// leaves its scope, one whose plan replaces, and one whose text is shell.
func TestThreat4_HostileItemsAreRefusedAndHoldUpNoOther(t *testing.T) {
	t.Parallel()
	notShort(t)
	marker := filepath.Join(t.TempDir(), "PWNED")
	shell := "Add it's alert'$(touch " + marker + ")'; touch " + marker + "; rm -rf ~"
	const replaces = "Raise the threads of the NFS server to 16"
	rows := []string{"| P2 | " + shell + " | Alert | `touch " + marker + "` | TODO |", "| P3 | " + replaces + " | Config | `stacks/nfs` | TODO |"}
	script := "case $ITEM_ACTION in\n"
	for name, edit := range hostile {
		rows = append(rows, "| P2 | Add an alert beside the "+name+" | Alert | over 80 % | TODO |")
		script += "*'" + name + "') " + edit + "; exit ;;\n"
	}
	o := only("2026-01-01-alert.md", document(rows...))
	o.AgentScript = script + "esac\n" + standin.SampleAgent
	s := newSite(t, o)
	held, before := s.alerts(), fmt.Sprint(s.state("nfs"))
	all := map[string]string{"PLUGIN_MAX_ITEMS": "9", "PLUGIN_BUDGET_USD": "50", "PLUGIN_SCOPE": "all", "PLUGIN_MAX_ATTEMPTS": "1"}
	s.wants(0, s.run(all))

	if _, err := os.Stat(marker); !os.IsNotExist(err) {
		t.Fatalf("the text of the row was run: %v", err)
	}
	doc, told := s.file(alertDocument), s.told()
	if !strings.Contains(doc, "rm -rf ~ | Alert | `touch "+marker+"` | Done |") || s.alerts() != held+1 {
		t.Errorf("the row of shell is not done, or more than that is:\n%s", doc)
	}
	for name := range hostile {
		action := "Add an alert beside the " + name
		if told[action][0] != "refused" {
			t.Errorf("%s: the item ended as %q", name, told[action])
		}
		if !strings.Contains(doc, "| "+action+" | Alert | over 80 % | TODO |") || !strings.Contains(doc, "| "+action+" | P2 | Alert | — | Needs human review |") {
			t.Errorf("%s: the row does not say that it needs a person:\n%s", name, doc)
		}
	}
	if told[replaces] != [2]string{"refused", "replace"} || fmt.Sprint(s.state("nfs")) != before {
		t.Errorf("what replaces ended as %q, and the state is %v", told[replaces], s.state("nfs"))
	}
	if refs, err := s.Repo.Refs("refs/heads/pm-todos/refused/"); err != nil || len(refs) == 0 {
		t.Errorf("the refused work is not on a branch: %v, %v", refs, err)
	}
	paid, tip := s.paid(), s.tip()
	if want := 1 + 2*(len(hostile)+1); paid != want {
		t.Errorf("%d agents were paid, want %d: a second turn for each that is refused", paid, want)
	}
	s.wants(0, s.run(all))
	s.says("reason=max-attempts")
	if s.paid() != paid || s.tip() != tip {
		t.Errorf("%d agents were paid again, commits %q", s.paid()-paid, s.subjects())
	}
	s.nothingLeft()
}

// TestThreat20_RivalPushesLoseNothing has somebody push before each push of a run, a
// remote that takes branches and tags alone, and an agent that does not exit once it is
// through.
func TestThreat20_RivalPushesLoseNothing(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	if err := errors.Join(s.Agent.SetOutcome(agent.Linger), s.Repo.InstallHook("update",
		"#!/bin/sh\ncase $1 in refs/heads/*|refs/tags/*) exit 0 ;; esac\necho only branches and tags >&2; exit 1\n")); err != nil {
		t.Fatal(err)
	}
	pushes := 0
	s.Git.SetMiddleware(git.Before(50, git.IsPush, func() {
		if pushes++; pushes > 8 {
			return
		}
		files := map[string]string{"notes.txt": strings.Repeat("rival\n", pushes)}
		if pushes == 4 {
			files["docs/post-mortems/2026-02-02-new.md"] = document("| P1 | Add an alert on swap | Alert | over 50 % | TODO |")
		}
		if _, err := s.Repo.Commit(standin.SampleBranch, "rival\n", files); err != nil {
			t.Error(err)
		}
	}))
	branches := map[string]string{"PLUGIN_STATE_REFS": "heads/pm-todos-state"}
	s.wants(0, s.run(branches))
	s.says("cost $0.42")
	if got := s.file("notes.txt"); strings.Count(got, "rival") < 3 {
		t.Errorf("the rival's work is gone: %q", got)
	}
	doc := s.file(alertDocument)
	if !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	s.linksResolve(doc)
	// The pipeline of the rival's push, which had to wait for the lock, reads what was
	// pushed during the run.
	if err := s.Agent.SetOutcome(agent.Success); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(with(branches, "CI_PREV_COMMIT_SHA", s.tip())))
	if doc := s.file("docs/post-mortems/2026-02-02-new.md"); !strings.Contains(doc, "| over 50 % | Done |") {
		t.Errorf("the document was never read:\n%s", doc)
	}
	refs, err := s.Repo.Refs("refs/")
	if err != nil || len(refs) != 2 || refs["refs/heads/pm-todos-state/ledger"] == "" {
		t.Errorf("the remote has %v, %v; want the branch and the ledger", refs, err)
	}
	s.nothingLeft()
}

func TestLocalHostRunsTheSameWay(t *testing.T) {
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Local = true
	s := newSite(t, o)
	t.Setenv("HOME", s.Home) // of the user who runs it
	s.wants(0, s.run(map[string]string{"PLUGIN_VAULT_ADDR": "", "PLUGIN_VAULT_JWT_PATH": "", "CI_STEP_TYPE": ""}))
	if calls := s.Vault.Calls(); len(calls) > 0 {
		t.Errorf("Vault was contacted though nothing needs a key: %v", calls)
	}
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	if s.SSH.Logins() > 0 {
		t.Error("the SSH host was contacted")
	}
	s.nothingLeft()
}
