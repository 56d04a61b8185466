package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

// site is a stand-in world with what a test wants to know of a run in it.
type site struct {
	*standin.World
	t     *testing.T
	last  string    // log and closing table of the last run
	onLog io.Writer // gets the log of runs as it is written, may be nil

	cut      func() // ends every connection to the host
	recorded string // file in which a real Terraform's applies are noted

	patience time.Duration // with Vault, half a minute when 0
}

func newSite(t *testing.T, o standin.Options) *site {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	w, err := standin.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close the world: %v", err)
		}
	})
	return &site{World: w, t: t}
}

// run is one run with some settings changed ("" unsets), and the code that the
// process would end with.
func (s *site) run(change map[string]string) int {
	s.t.Helper()
	return s.runContext(s.t.Context(), change)
}

func (s *site) runContext(ctx context.Context, change map[string]string) int {
	s.t.Helper()
	environment := s.Settings()
	environment["PLUGIN_LOCK_TIMEOUT"] = "1m"
	maps.Copy(environment, change)
	settings, err := settings.FromEnvironment(environment)
	if err != nil {
		s.t.Fatalf("settings: %v", err)
	}
	var log bytes.Buffer
	var to io.Writer = &log
	if s.onLog != nil {
		to = io.MultiWriter(&log, s.onLog)
	}
	settings.Vault.Timeout, settings.Report.SlackAPI = s.patienceWithVault(), s.Slack.APIURL()
	console, closeConsole := console.New("test", settings, to, false)
	err = run.Run(ctx, settings, console)
	if closeErr := closeConsole(); closeErr != nil {
		s.t.Errorf("close the console: %v", closeErr)
	}
	s.last = log.String()
	if s.t.Failed() || testing.Verbose() {
		s.t.Logf("run ended with %v\n%s", err, s.last)
	}
	return fault.Of(err).ExitCode()
}

func (s *site) patienceWithVault() time.Duration { return cmp.Or(s.patience, 30*time.Second) }

// seal has Vault sealed or unsealed; while it is sealed nobody waits for it for
// long.
func (s *site) seal(sealed bool) {
	s.Vault.SetSealed(sealed)
	s.patience = 0
	if sealed {
		s.patience = 2 * time.Second
	}
}

func (s *site) tip() string {
	s.t.Helper()
	tip, err := s.Repo.Tip(standin.SampleBranch)
	if err != nil {
		s.t.Fatal(err)
	}
	return tip
}

func (s *site) file(path string) string {
	s.t.Helper()
	content, err := s.Repo.ReadFile(standin.SampleBranch, path)
	if err != nil {
		s.t.Fatal(err)
	}
	return content
}

// subjects of the commits since the post-mortems were pushed, oldest first.
func (s *site) subjects() []string {
	s.t.Helper()
	commits, err := s.Repo.Log(s.Second + ".." + standin.SampleBranch)
	if err != nil {
		s.t.Fatal(err)
	}
	var subjects []string
	for i := len(commits) - 1; i >= 0; i-- {
		subjects = append(subjects, commits[i].Subject)
	}
	return subjects
}

func (s *site) state(stack string) map[string]any {
	s.t.Helper()
	state, err := s.State(stack)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// alerts is how many alerts the document holds that was applied to monitoring.
func (s *site) alerts() int {
	s.t.Helper()
	return strings.Count(fmt.Sprint(s.state("monitoring")), "- alert:")
}

// summary is summary.json of the last run.
func (s *site) summary() map[string]any {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.Workspace(), ".pm-todos", "summary.json"))
	if err != nil {
		s.t.Fatal(err)
	}
	var summary map[string]any
	if err := json.Unmarshal(data, &summary); err != nil {
		s.t.Fatal(err)
	}
	return summary
}

func (s *site) wants(code, got int) {
	s.t.Helper()
	if got != code {
		s.t.Fatalf("exit code %d, want %d\n%s", got, code, s.last)
	}
}

// says expects each text in the log, whatever lines it was broken into.
func (s *site) says(texts ...string) {
	s.t.Helper()
	log := unbroken(s.last)
	for _, text := range texts {
		if !strings.Contains(log, unbroken(text)) {
			s.t.Errorf("the log does not say %q:\n%s", text, s.last)
		}
	}
}

func unbroken(s string) string {
	return strings.Join(strings.Fields(s), " ")
}

// nothingLeft checks that neither the host nor the remote keeps anything of a
// run that is through.
func (s *site) nothingLeft() {
	s.t.Helper()
	s.nothingPending()
	runs, err := filepath.Glob(filepath.Join(s.Home, ".cache", "pm-todos", "runs", "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(runs) > 0 {
		s.t.Errorf("the host still has %v", runs)
	}
}

// nothingPending checks that the remote keeps neither a lock nor a journal.
func (s *site) nothingPending() {
	s.t.Helper()
	for _, prefix := range []string{"refs/pm-todos/journal/", "refs/pm-todos/lock"} {
		refs, err := s.Repo.Refs(prefix)
		if err != nil {
			s.t.Fatal(err)
		}
		if len(refs) > 0 {
			s.t.Errorf("the remote still has %v", refs)
		}
	}
}

// document with one row for each of the given lines.
func document(rows ...string) string {
	return "# Post-mortem\n\n## Action items\n\n| Priority | Action | Type | Details | Status |\n|---|---|---|---|---|\n" +
		strings.Join(rows, "\n") + "\n"
}

// only is the sample with one document of the test's own.
func only(name, content string) standin.Options {
	return standin.Options{
		Without: []string{"docs/post-mortems/"},
		Files:   map[string]string{"docs/post-mortems/" + name: content},
	}
}

func TestRunOnTheSample(t *testing.T) {
	t.Parallel()
	s := newSite(t, standin.Options{})
	s.wants(0, s.run(nil))

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
	s.nothingLeft()
	s.nothingSecret()
	if live := s.Vault.LiveTokens(); live != 0 {
		t.Errorf("%d Vault tokens are still alive", live)
	}

	tip := s.tip()
	s.wants(0, s.run(nil))
	if s.tip() != tip {
		t.Errorf("a second run made commits: %q", s.subjects())
	}
	s.nothingLeft()
}

var link = regexp.MustCompile("\\[`([0-9a-f]{7,})`\\]\\((http[^)]+)\\)")

// linksResolve follows every commit link of a document on the remote.
func (s *site) linksResolve(doc string) {
	s.t.Helper()
	links := link.FindAllStringSubmatch(doc, -1)
	if len(links) == 0 {
		s.t.Errorf("the document has no links to commits:\n%s", doc)
	}
	for _, found := range links {
		response, err := http.Get(found[2])
		if err != nil {
			s.t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			s.t.Error(err)
		}
		if response.StatusCode != http.StatusOK {
			s.t.Errorf("%s answers %s", found[2], response.Status)
		}
	}
}

// nothingSecret looks for every secret in the log, the summary files, what Slack
// was told, and everything that is on the host.
func (s *site) nothingSecret() {
	s.t.Helper()
	h := newHunt(s)
	h.search("the log", []byte(s.last))
	h.slack(s)
	h.files(s.Workspace(), s.Home)
	h.nothing(s.t)
}

func TestNoSafeItemContactsNeitherVaultNorHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, only("2026-01-01-human.md", document("| P1 | Migrate Alertmanager PV | Migration | storage | TODO |")))
	s.wants(0, s.run(nil))
	s.says("no safe item")
	if calls := s.Vault.Calls(); len(calls) > 0 {
		t.Errorf("Vault was contacted: %v", calls)
	}
	if logins := s.SSH.Logins(); logins > 0 {
		t.Errorf("the host was contacted %d times", logins)
	}
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

func TestThreat2_ShellInjectionFromARow(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	marker := filepath.Join(t.TempDir(), "PWNED")
	action := "Add it's alert'$(touch " + marker + ")'; touch " + marker + "; rm -rf ~"
	s := newSite(t, only("2026-01-01-quote.md", document("| P2 | "+action+" | Alert | `touch "+marker+"` | TODO |")))
	s.wants(0, s.run(nil))
	if _, err := os.Stat(marker); !os.IsNotExist(err) {
		t.Fatalf("the text of the row was run: %v", err)
	}
	if _, err := os.Stat(s.Home); err != nil {
		t.Fatalf("the home of the host's user is gone: %v", err)
	}
	doc := s.file("docs/post-mortems/2026-01-01-quote.md")
	if !strings.Contains(doc, "rm -rf ~ | Alert | `touch "+marker+"` | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
}

// TestThreat4_AgentThatLeavesItsScope has one item for each way of an agent to
// leave its scope.
func TestThreat4_AgentThatLeavesItsScope(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	edits := map[string]string{
		"protected stack":   `printf '\nresource "terraform_data" "x" {\n  input = "x"\n}\n' >>stacks/vault/main.tf`,
		"terraform wrapper": `mkdir -p scripts; printf '#!/bin/sh\nexit 0\n' >scripts/tg; chmod +x scripts/tg`,
		"ci pipeline":       `mkdir -p .woodpecker; echo 'steps: []' >.woodpecker/evil.yml`,
		"agent rules":       `mkdir -p .claude; echo '{}' >.claude/settings.json; echo x >>.claude/agents/postmortem-todo-resolver.md`,
		"post-mortem":       `sed -i s/TODO/Done/ docs/post-mortems/*.md`,
		"attributes":        `echo '*.tf filter=evil' >.gitattributes`,
		"symlink":           `ln -sf /etc/passwd stacks/monitoring/passwd.tf`,
		"code at plan time": `printf '\ndata "external" "x" {\n  program = ["sh", "-c", "touch /tmp/x"]\n}\n' >>stacks/monitoring/main.tf`,
		"several stacks":    `for s in monitoring uptime-kuma; do printf '\nresource "terraform_data" "y" {\n  input = "y"\n}\n' >>stacks/$s/main.tf; done`,
	}
	var rows []string
	script := "case $ITEM_ACTION in\n"
	for name, edit := range edits {
		rows = append(rows, "| P2 | Add an alert beside the "+name+" | Alert | over 80 % | TODO |")
		script += "*'" + name + "') " + edit + " ;;\n"
	}
	o := only("2026-01-01-alert.md", document(rows...))
	o.AgentScript = script + "esac\n"
	s := newSite(t, o)
	before := fmt.Sprint(s.state("monitoring"))
	s.wants(0, s.run(map[string]string{"PLUGIN_MAX_ITEMS": "9", "PLUGIN_BUDGET_USD": "50"}))
	doc := s.file(alertDocument)
	told := s.told()
	for name := range edits {
		action := "Add an alert beside the " + name
		if told[action][0] != "refused" {
			t.Errorf("%s: the item ended as %q", name, told[action])
		}
		if !strings.Contains(doc, "| "+action+" | Alert | over 80 % | TODO |") || !strings.Contains(doc, "| "+action+" | P2 | Alert | — | Needs human review |") {
			t.Errorf("%s: the row does not say that it needs a person:\n%s", name, doc)
		}
	}
	for _, subject := range s.subjects() {
		if strings.HasPrefix(subject, "fix(") {
			t.Errorf("a fix was committed: %s", subject)
		}
	}
	if after := fmt.Sprint(s.state("monitoring")); after != before {
		t.Errorf("the state changed from %v to %v", before, after)
	}
	if n := s.paid(); n != 2*len(edits) {
		t.Errorf("%d agents were paid, want one and its second turn for each of %d items", n, len(edits))
	}
	s.nothingLeft()
}

func TestReplacementIsRefusedAndKept(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := newSite(t, only("2026-01-01-threads.md", document("| P3 | Raise the threads of the NFS server to 16 | Config | `stacks/nfs` | TODO |")))
	before := fmt.Sprint(s.state("nfs"))
	s.wants(0, s.run(nil))
	s.says("replace")
	if after := fmt.Sprint(s.state("nfs")); after != before {
		t.Errorf("the state changed from %v to %v", before, after)
	}
	if doc := s.file("docs/post-mortems/2026-01-01-threads.md"); !strings.Contains(doc, "| TODO |") {
		t.Errorf("the row is no longer TODO:\n%s", doc)
	}
	refs, err := s.Repo.Refs("refs/heads/pm-todos/refused/")
	if err != nil || len(refs) != 1 {
		t.Errorf("the refused work is not on a branch: %v, %v", refs, err)
	}
	tip := s.tip()
	s.wants(0, s.run(nil)) // the second and last attempt
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.says("reason=max-attempts")
	if calls, err := s.Agent.Calls(); err != nil || len(calls) != 4 {
		t.Errorf("%d agent calls for max_attempts 2 with one hand-back each, %v", len(calls), err)
	}
	if s.tip() != tip {
		t.Error("later runs made commits")
	}
}

func TestThreat20_RivalPushesLoseNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |")))
	pushes := 0
	s.Git.SetMiddleware(git.Before(50, git.IsPush, func() {
		pushes++
		files := map[string]string{"notes.txt": strings.Repeat("rival\n", pushes)}
		if pushes == 1 {
			files["docs/post-mortems/2026-01-02-new.md"] = document("| P1 | Decide on a vendor | Investigation | | TODO |")
		}
		if pushes <= 8 {
			if _, err := s.Repo.Commit(standin.SampleBranch, "rival\n", files); err != nil {
				t.Error(err)
			}
		}
	}))
	s.wants(0, s.run(nil))
	if got := s.file("notes.txt"); strings.Count(got, "rival") < 3 {
		t.Errorf("the rival's work is gone: %q", got)
	}
	doc := s.file("docs/post-mortems/2026-01-01-alert.md")
	if !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	s.linksResolve(doc)
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
