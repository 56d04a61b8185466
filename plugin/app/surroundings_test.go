package app

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
)

// bad is one thing of the surroundings that is out of order.
type bad struct {
	ruin, mend func(*site) error
	settings   map[string]string
	code       int
	says       []string
}

// noShow is a wrapper of which every line begins with the stack's name, so that no plan
// can be read.
const noShow = `#!/bin/sh
case $1 in
plan) terraform init -input=false >/dev/null ;;
show) terraform "$@" | sed 's/^./[monitoring "x"] &/'; exit ;;
esac
exec terraform "$@"
`

// badSurroundings begin with what cuts the first run of all short.
var badSurroundings = []bad{
	{
		ruin: func(s *site) error { s.seal(true); return nil }, mend: func(s *site) error { s.seal(false); return nil },
		code: 75, says: []string{"sealed"},
	},
	{settings: map[string]string{"PLUGIN_VAULT_ROLE": "nobody"}, code: 1, says: []string{"nobody"}},
	{settings: map[string]string{"PLUGIN_VAULT_SECRET": "secret/data/other"}, code: 1, says: []string{"secret/data/other"}},
	{settings: map[string]string{"PLUGIN_VAULT_FIELD": "key"}, code: 1, says: []string{"key", "devvm_ssh_key"}},
	{settings: map[string]string{"PLUGIN_VAULT_JWT_PATH": "/nowhere/token"}, code: 1, says: []string{"/nowhere/token"}},
	{settings: map[string]string{"PLUGIN_GIT_PASSWORD": "wrong-password"}, code: 1, says: []string{"denies access"}},
	{settings: map[string]string{"PLUGIN_BRANCH": "nothing"}, code: 1, says: []string{"nothing"}},
	{settings: map[string]string{"PLUGIN_HOSTS": "wizard@127.0.0.1:1"}, code: 75, says: []string{"wizard@127.0.0.1:1"}},
	{
		ruin: func(s *site) error { return os.Rename(s.Agent.Program, s.Agent.Program+".away") },
		mend: func(s *site) error { return os.Rename(s.Agent.Program+".away", s.Agent.Program) },
		code: 1, says: []string{"claude"},
	},
	{
		ruin: func(s *site) error { return s.Agent.SetLoggedIn(false) }, mend: func(s *site) error { return s.Agent.SetLoggedIn(true) },
		code: 1, says: []string{"logged in"},
	},
	{
		ruin: func(s *site) error { return s.Agent.SetOutcome(agent.Quota) }, mend: func(s *site) error { return s.Agent.SetOutcome(agent.Success) },
		code: 75, says: []string{"the agent cannot work now", "cost $0.00"},
	},
	{ // the connection dies under the agent
		ruin: func(s *site) error { s.onLog = &trigger{text: "starting the agent", act: s.SSH.Cut}; return nil },
		mend: func(s *site) error { s.onLog = nil; return nil },
		code: 75, says: []string{"reason=not-attempted-host"},
	},
	{
		ruin: func(s *site) error { return s.Terraform.FailPlan("Error: no credentials") },
		mend: func(s *site) error { return s.Terraform.FailPlan("") },
		code: 75, says: []string{"no credentials"},
	},
	{
		ruin: func(s *site) error {
			_, err := s.Repo.Commit(standin.SampleBranch, "wrapper\n", map[string]string{"scripts/tg": noShow})
			return err
		},
		mend: func(s *site) error {
			if strings.Contains(s.last, "stack-drifts") || strings.Contains(s.last, "starting the agent") {
				return errors.New("a plan that cannot be read was taken for drift, or an agent was paid")
			}
			_, err := s.Repo.Commit(standin.SampleBranch, "no wrapper\n", nil, "scripts/tg")
			return err
		},
		code: 75, says: []string{"stack-unhealthy", "the plan of the unchanged base of stacks/monitoring cannot be read", "[monitoring"},
	},
}

// TestBadSurroundings breaks one thing in each run: it ends with the code that is
// promised for it, says what is wrong, and applies nothing. Then all is well: what the
// first of them was to do is not forgotten, though the next push compares with another
// commit, and none of them counts as an attempt.
func TestBadSurroundings(t *testing.T) {
	t.Parallel()
	notShort(t)
	s := alertSite(t)
	before := fmt.Sprint(s.state("monitoring"))
	for _, test := range badSurroundings {
		if test.ruin != nil {
			if err := test.ruin(s); err != nil {
				t.Fatal(err)
			}
		}
		s.wants(test.code, s.run(test.settings))
		s.says(test.says...)
		if test.mend != nil {
			if err := test.mend(s); err != nil {
				t.Fatal(err)
			}
		}
		if after := fmt.Sprint(s.state("monitoring")); after != before {
			t.Fatalf("something was applied: %v\n%s", after, s.last)
		}
		if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | TODO |") {
			t.Errorf("the row is not TODO:\n%s\n%s", doc, s.last)
		}
		if live := s.Vault.LiveTokens(); live != 0 {
			t.Errorf("%d Vault tokens are still alive\n%s", live, s.last)
		}
		s.noJournal()
	}
	if n := s.paid(); n != 1 {
		t.Errorf("%d agents were started, and one of them had a bad day", n)
	}
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "Something else\n", map[string]string{"notes.txt": "x\n"}))
	s.wants(0, s.run(map[string]string{"CI_COMMIT_SHA": s.tip(), "CI_PREV_COMMIT_SHA": s.Second, "PLUGIN_MAX_ATTEMPTS": "1"}))
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("what the first push brought was never read, or is tried no more:\n%s", s.last)
	}
	s.nothingLeft()

	// No agent is paid where nothing that it does could pass.
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "One more\n", map[string]string{
		"docs/post-mortems/2026-02-02-more.md": document("| P2 | Add an alert on swap | Alert | over 50 % | TODO |"),
	}))
	for reason, settings := range map[string]map[string]string{
		"no-stack": {"PLUGIN_STACKS": "live/*", "PLUGIN_SCOPE": "all"}, "protected-stack": {"PLUGIN_PROTECTED": "monitoring", "PLUGIN_SCOPE": "all"},
	} {
		s.wants(0, s.run(settings))
		s.wantsEnded("skipped " + reason)
	}
	if doc := s.file("docs/post-mortems/2026-02-02-more.md"); !strings.Contains(doc, "Needs human review") || s.paid() != 2 {
		t.Errorf("%d agents were started, and the document says\n%s", s.paid(), doc)
	}
}

func TestThreat8_HostKeyMismatchIsFinal(t *testing.T) {
	t.Parallel()
	s, another := alertSite(t), newSite(t, standin.Options{})
	wrong := map[string]string{"PLUGIN_KNOWN_HOSTS": strings.Replace(another.SSH.KnownHosts(), port(another.SSH.Addr()), port(s.SSH.Addr()), 1)}
	s.wants(1, s.run(wrong))
	s.says(s.SSH.Fingerprint(), another.SSH.Fingerprint())
	// The check-up gives no line to paste for the key that was shown.
	s.wants(1, s.doctor(wrong))
	s.says("FAIL     host key", s.SSH.Fingerprint(), another.SSH.Fingerprint(), "somebody may stand in between")
	shown := strings.Fields(s.SSH.KnownHosts())
	if strings.Contains(s.last, shown[len(shown)-1]) {
		t.Errorf("the key that was shown can be pasted:\n%s", s.last)
	}
	if n := s.SSH.Sessions(); n > 0 {
		t.Errorf("%d sessions were opened on a host with the wrong key", n)
	}
}

func TestSecondRunWaitsForTheLock(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	s.lockedByAnother()
	s.wants(75, s.run(map[string]string{"PLUGIN_LOCK_TIMEOUT": "1s"}))
	s.says("another run holds the lock")
	if s.paid() != 0 {
		t.Error("an agent was paid")
	}
}

func TestPipelinesOfOurOwnBranchesEndAtOnce(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	for branch, place := range map[string]string{"pm-todos/propose/x": "", "pm-todos-state/lock": "heads/pm-todos-state"} {
		for _, setting := range []string{"", "main"} {
			s.wants(0, s.run(map[string]string{"CI_COMMIT_BRANCH": branch, "PLUGIN_BRANCH": setting, "PLUGIN_STATE_REFS": place}))
			s.says("this is our own state branch")
		}
	}
	if requests := s.Git.Requests(); len(requests) > 0 {
		t.Errorf("the remote was contacted: %v", requests)
	}
}

func TestAnotherForgesPushIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	s.wants(0, s.run(map[string]string{
		"PLUGIN_REMOTE": s.Repo.URL(), "CI_REPO_CLONE_URL": "https://mirror.example.org/example/infra.git",
	}))
	s.says("not the canonical forge")
	if requests := s.Git.Requests(); len(requests) > 0 {
		t.Errorf("the remote was contacted: %v", requests)
	}
}

func TestThreat17_PullRequestUsesNoSecret(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	environment := exampleSettings(t, "pull-request.yml")
	for name := range s.Settings() { // but for the login to clone, which Woodpecker gives each pipeline
		if strings.HasPrefix(name, "PLUGIN_VAULT_") || strings.HasSuffix(name, "HOSTS") {
			environment[name] = ""
		}
	}
	maps.Copy(environment, map[string]string{"CI_PIPELINE_EVENT": "pull_request", "CI_COMMIT_SHA": s.Second})
	s.wants(0, s.run(environment))
	s.says("pull request", "safe, to be implemented: ")
	if calls := s.Vault.Calls(); len(calls) > 0 {
		t.Errorf("Vault was contacted: %v", calls)
	}
	if s.SSH.Logins() > 0 {
		t.Error("the host was contacted")
	}
}

func TestThreat17_PullRequestTellsSlackNothing(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	s.wants(0, s.run(map[string]string{
		"CI_PIPELINE_EVENT": "pull_request", "CI_COMMIT_SHA": s.Second,
		"PLUGIN_SLACK_WEBHOOK": s.Slack.WebhookURL(), "PLUGIN_NOTIFY": "always",
	}))
	if messages := s.Slack.Messages(); len(messages) > 0 {
		t.Errorf("Slack was told: %v", messages)
	}
}
