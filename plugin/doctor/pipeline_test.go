package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/judge"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// inPipeline reads a workflow as doctor does, in a checkout that people reach
// over SSH, and examines what the file alone shows.
func inPipeline(t *testing.T, workflow string, environment map[string]string) (settings.Settings, string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "todos.yml")
	if err := os.WriteFile(file, []byte(workflow), 0o600); err != nil {
		t.Fatal(err)
	}
	given := func(setting string) string { return environment[setting] }
	p, err := ReadPipeline(file, given, func(arguments ...string) string {
		return map[string]string{
			"remote get-url origin":                         "git@git.example.org:infra/infra.git",
			"symbolic-ref --short refs/remotes/origin/HEAD": "origin/main",
		}[strings.Join(arguments, " ")]
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := settings.Read(p.Lookup(given), p.CI(settings.CI{}), p.Environ())
	report := NewReport(nil, false)
	p.look(s, err == nil, voice{"pipeline", report})
	var said []string
	for _, f := range report.Findings[1:] { // the first names the file
		said = append(said, strings.TrimSuffix(strings.Join([]string{string(f.Status), f.About, f.Text, f.Fix}, "|"), "|"))
	}
	return s, strings.Join(said, "\n"), err
}

const (
	startsRight = "when:\n  - event: push\n    branch: ${CI_REPO_DEFAULT_BRANCH}\n    path: [docs/post-mortems/*.md, stacks/**]\n  - event: [cron, manual]\nskip_clone: true\n"
	oneStep     = "steps:\n  - name: todos\n    image: r/pm-todos:1\n    settings:\n      vault_addr: https://vault.example.org\n      hosts: a@b\n"
)

func TestSettingsComeFromTheWorkflowAndItsCheckout(t *testing.T) {
	t.Parallel()
	s, said, err := inPipeline(t, startsRight+oneStep, nil)
	if err != nil || said != "" {
		t.Fatalf("%v, %q", err, said)
	}
	want := [3]string{"https://git.example.org/infra/infra.git", "main", "a@b"}
	if diff := cmp.Diff(want, [3]string{s.Repository.URL, s.Repository.Branch, s.Hosts.Hosts[0]}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s, _, err = inPipeline(t, startsRight+oneStep, map[string]string{"hosts": "c@d", "remote": "https://other.example.org/x.git"})
	if err != nil || s.Hosts.Hosts[0] != "c@d" || s.Repository.URL != "https://other.example.org/x.git" {
		t.Errorf("what the environment says does not go before: %v, %v, %v", err, s.Hosts.Hosts, s.Repository.URL)
	}
}

func TestAWorkflowIsFoundWantingBeforeItRuns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ workflow, want string }{
		"a secret":   {startsRight + oneStep + "      git_password: {from_secret: t}\n", "skipped|git_password|comes from the secret t, which only Woodpecker has|to have it checked: export PLUGIN_GIT_PASSWORD"},
		"a variable": {startsRight + oneStep + "      pages_url: ${PAGES}/{file}\n", "skipped|pages_url|has the variable PAGES, which only a pipeline knows|to have it checked: export PLUGIN_PAGES_URL"},
		"a matrix":   {"matrix: {SHARD: [x, y]}\n" + startsRight + oneStep, "ok||looked at with the first values of the matrix: SHARD=x"},
		"no plugin":  {startsRight + oneStep + "    environment: {A: b}\n", "FAIL||with environment beside its settings the step is no plugin, and gets neither settings nor the secrets that are for plugins"},
		"a clone":    {strings.Replace(startsRight, "skip_clone: true\n", "", 1) + oneStep, "warn||the workspace is cloned for nothing|skip_clone: true beside steps"},
		"another branch": {strings.Replace(startsRight, "${CI_REPO_DEFAULT_BRANCH}", "trunk", 1) + oneStep, "warn|when|a push of docs/post-mortems/x.md to main starts no run|in when, name the event push, the branch main and the path docs/post-mortems/*.md\n" +
			"warn|when|the merge of a proposal, which changes files such as stacks/x, starts no run|in when, add the paths stacks/**"},
		"no stacks": {strings.Replace(startsRight, ", stacks/**", "", 1) + oneStep, "warn|when|the merge of a proposal, which changes files such as stacks/x, starts no run|in when, add the paths stacks/**"},
		"no cron":   {strings.Replace(startsRight, "[cron, manual]", "manual", 1) + oneStep, "warn|when|no cron job takes up what a push missed|in when: - event: cron"},
		"by nobody": {strings.Replace(startsRight, "[cron, manual]", "cron", 1) + oneStep, "warn|when|nobody can start a run by hand|in when: - event: manual"},
		"a tag":     {strings.Replace(startsRight, "manual]", "manual, tag]", 1) + oneStep, "warn|when|the event tag starts a run too|in when, name the events push, cron and manual"},
	} {
		if _, said, _ := inPipeline(t, test.workflow, nil); said != test.want {
			t.Errorf("%s: it says\n%s\nwant\n%s", name, said, test.want)
		}
	}
}

func TestPullRequestsThatGetSecretsAreTold(t *testing.T) {
	t.Parallel()
	_, said, _ := inPipeline(t, strings.Replace(startsRight, "manual]", "manual, pull_request]", 1)+oneStep+"      git_password: {from_secret: t}\n", map[string]string{"git_password": "x"})
	if !strings.Contains(said, "whoever opens one may edit this file and take its secrets") {
		t.Errorf("it says %q", said)
	}
	if _, said, _ := inPipeline(t, strings.Replace(startsRight, "manual]", "manual, pull_request]", 1)+oneStep, nil); said != "" {
		t.Errorf("without secrets it says %q", said)
	}
}

// TestAMissingSecretIsToldAsOne: that is no mistake of the workflow's, and the
// way out is to tell its value.
func TestAMissingSecretIsToldAsOne(t *testing.T) {
	t.Parallel()
	p := &Pipeline{told: func(string) bool { return false }}
	p.step.Secrets = map[string]string{"ssh_key": "key"}
	report := NewReport(nil, false)
	(&patient{}).readable(Request{Wrong: []settings.Problem{{Setting: "ssh_key", Text: "is missing"}, {Setting: "hosts", Text: "is missing"}}, Pipeline: p}, voice{"settings", report})
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.About+": "+f.Text+"; "+f.Fix)
	}
	want := []string{"ssh_key: comes from the secret key, which only Woodpecker has; export PLUGIN_SSH_KEY with its value", "hosts: is missing; "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStacksInWhichTheSamePassesAreToldTogether(t *testing.T) {
	t.Parallel()
	var trials []judge.Trial
	refused := []item.Finding{{Code: reason.ProtectedStack}}
	for _, kind := range []string{"Alert", "Config"} {
		for _, stack := range []string{"a", "b", "c", "d"} {
			trials = append(trials, judge.Trial{Stack: stack, Kind: "*.tf", Type: kind, Lane: gate.Automatic})
		}
		trials = append(trials,
			judge.Trial{Stack: "vault", Kind: "*.tf", Type: kind, Lane: gate.Forbidden, Findings: refused},
			judge.Trial{Stack: "vault", Kind: "*.md", Type: kind, Lane: gate.Forbidden, Findings: refused})
	}
	trials = append(trials, judge.Trial{Stack: "d", Kind: "*.yaml", Type: "Config", Lane: gate.Approval, Findings: []item.Finding{{Code: reason.SharedModule}}})
	texts, stacks := byOutcome(trials)
	var got []string
	for _, text := range texts {
		got = append(got, shortList(stacks[text])+": "+text)
	}
	want := []string{
		"a, b, c: Alert, Config: a line passes in *.tf",
		"d: Alert: a line passes in *.tf; Config: a line passes in *.tf, only as a proposal in *.yaml (shared-module)",
		"vault: Alert, Config: none in *.tf, *.md (protected-stack)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := shortList([]string{"a", "b", "c", "d"}); got != "a, b, c and 1 more" {
		t.Errorf("four stacks are %q", got)
	}
}
