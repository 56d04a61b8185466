package app

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/forge"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
)

// TestBadSurroundings breaks one thing at a time: the run ends with the code
// that is promised for it, says what is wrong, and applies nothing.
func TestBadSurroundings(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	other := "wizard@127.0.0.1:1"
	for name, test := range map[string]struct {
		ruin     func(*testing.T, *site) error
		settings map[string]string
		code     int
		says     []string
	}{
		"vault sealed": {
			ruin: func(_ *testing.T, s *site) error { s.seal(true); return nil },
			code: 75, says: []string{"sealed"},
		},
		"vault role unknown": {
			settings: map[string]string{"PLUGIN_VAULT_ROLE": "nobody"},
			code:     1, says: []string{"nobody"},
		},
		"vault path missing": {
			settings: map[string]string{"PLUGIN_VAULT_SECRET": "secret/data/other"},
			code:     1, says: []string{"secret/data/other"},
		},
		"vault field missing": {
			settings: map[string]string{"PLUGIN_VAULT_FIELD": "key"},
			code:     1, says: []string{"key", "devvm_ssh_key"},
		},
		"service-account token missing": {
			settings: map[string]string{"PLUGIN_VAULT_JWT_PATH": "/nowhere/token"},
			code:     1, says: []string{"/nowhere/token"},
		},
		"host down": {
			settings: map[string]string{"PLUGIN_HOSTS": other},
			code:     75, says: []string{other},
		},
		"agent missing": {
			ruin: func(_ *testing.T, s *site) error { return os.Remove(s.Agent.Program) },
			code: 1, says: []string{"claude"},
		},
		"agent not logged in": {
			ruin: func(_ *testing.T, s *site) error { return s.Agent.SetLoggedIn(false) },
			code: 1, says: []string{"logged in"},
		},
		"agent fails": {
			ruin: func(_ *testing.T, s *site) error { return s.Agent.SetOutcome(agent.Error) },
			code: 1, says: []string{"agent-failed"},
		},
		"base cannot be planned": {
			ruin: func(_ *testing.T, s *site) error { return s.Terraform.FailPlan("Error: no credentials") },
			code: 75, says: []string{"no credentials"},
		},
		"state locked": {
			ruin: func(t *testing.T, s *site) error {
				release, err := terraform.HoldStateLock(s.StateDir+"/monitoring.tfstate", "somebody's apply")
				t.Cleanup(func() {
					if err := release(); err != nil {
						t.Error(err)
					}
				})
				return err
			},
			settings: map[string]string{"PLUGIN_PLAN_ARGS": "plan -input=false -lock-timeout=1s -out={plan}"},
			code:     75, says: []string{"lock"},
		},
		"git password wrong": {
			settings: map[string]string{"PLUGIN_GIT_PASSWORD": "wrong-password"},
			code:     1, says: []string{"denies access"},
		},
		"branch missing": {
			settings: map[string]string{"PLUGIN_BRANCH": "nothing"},
			code:     1, says: []string{"nothing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := alertSite(t)
			before := fmt.Sprint(s.state("monitoring"))
			if test.ruin != nil {
				if err := test.ruin(t, s); err != nil {
					t.Fatal(err)
				}
			}
			s.wants(test.code, s.run(test.settings))
			s.says(test.says...)
			if after := fmt.Sprint(s.state("monitoring")); after != before {
				t.Errorf("something was applied: %v", after)
			}
			if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | TODO |") {
				t.Errorf("the row is not TODO:\n%s", doc)
			}
			if live := s.Vault.LiveTokens(); live != 0 {
				t.Errorf("%d Vault tokens are still alive", live)
			}
			s.noJournal()
		})
	}
}

func TestThreat8_HostKeyMismatchIsFinal(t *testing.T) {
	t.Parallel()
	s, another := alertSite(t), newSite(t, standin.Options{})
	wrong := strings.Replace(another.SSH.KnownHosts(), another.SSH.Addr()[strings.LastIndex(another.SSH.Addr(), ":")+1:], s.SSH.Addr()[strings.LastIndex(s.SSH.Addr(), ":")+1:], 1)
	s.wants(1, s.run(map[string]string{"PLUGIN_KNOWN_HOSTS": wrong}))
	s.says(s.SSH.Fingerprint(), another.SSH.Fingerprint())
	if n := s.SSH.Sessions(); n > 0 {
		t.Errorf("%d sessions were opened on a host with the wrong key", n)
	}
}

func TestSecondRunWaitsForTheLock(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	if err := s.Agent.SetScript(`touch "$STANDIN_DIR/started"; until [ -e "$STANDIN_DIR/ended" ]; do sleep 0.05; done; ` + standin.SampleAgent); err != nil {
		t.Fatal(err)
	}
	first := make(chan int, 1)
	rival := &site{World: s.World, t: t}
	go func() { first <- rival.run(nil) }()
	for _, err := os.Stat(s.Agent.Dir + "/started"); err != nil; _, err = os.Stat(s.Agent.Dir + "/started") {
		select {
		case code := <-first:
			t.Fatalf("the first run ended with %d before its agent started\n%s", code, rival.last)
		case <-time.After(20 * time.Millisecond):
		}
	}
	second := s.run(map[string]string{"PLUGIN_LOCK_TIMEOUT": "1s"})
	if err := os.WriteFile(s.Agent.Dir+"/ended", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.wants(75, second)
	s.says("another run holds the lock")
	if code := <-first; code != 0 {
		t.Errorf("the first run ended with %d\n%s", code, rival.last)
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

func TestProposeWaitsOnABranch(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	before := fmt.Sprint(s.state("monitoring"))
	tip := s.tip()
	s.wants(0, s.run(map[string]string{"PLUGIN_MODE": "propose"}))
	refs, err := s.Repo.Refs("refs/heads/pm-todos/propose/")
	if err != nil || len(refs) != 1 {
		t.Fatalf("proposals: %v, %v", refs, err)
	}
	if after := fmt.Sprint(s.state("monitoring")); after != before || s.tip() != tip {
		t.Error("a proposal applied or pushed something")
	}
	s.says("opened a pull request")
	s.wants(0, s.run(map[string]string{"PLUGIN_MODE": "propose"}))
	pulls := s.Git.Forge.Pulls()
	if len(pulls) != 1 || pulls[0].Base != standin.SampleBranch || refs["refs/heads/"+pulls[0].Head] == "" {
		t.Fatalf("pull requests: %+v", pulls)
	}
	for _, want := range []string{"Add an alert on disk usage", "1 to update", "To decline"} {
		if !strings.Contains(pulls[0].Body, want) {
			t.Errorf("the pull request does not say %q:\n%s", want, pulls[0].Body)
		}
	}
	if said := s.Git.Forge.Statuses(pulls[0].Commit); len(said) != 1 || !strings.HasPrefix(said[0], "success pm-todos: 1 to update, nothing is forbidden: a person decides") {
		t.Errorf("the commit %s has the statuses %q", pulls[0].Commit, said)
	}
	s.Git.Forge.End(1, "closed")
	s.wants(0, s.run(map[string]string{"PLUGIN_MODE": "propose"}))
	s.wantsEnded("skipped proposal-declined")
	if calls, err := s.Agent.Calls(); err != nil || len(calls) != 1 {
		t.Errorf("%d agent calls, an open proposal was paid for again: %v", len(calls), err)
	}
}

// TestMergedProposalIsAppliedAndDone has a person merge what a run proposed, in each
// way that people merge.
func TestMergedProposalIsAppliedAndDone(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	for name, merge := range map[string]string{
		"merge":          buttons["merge"],
		"rebase":         buttons["rebase"],
		"squash":         `git merge -q --squash "$P" && { git log -1 --format=%B "$P"; echo; echo "Co-authored-by: x <x@example.org>"; } | git commit -q -F -`,
		"squash, no log": `git merge -q --squash "$P" && git commit -q -m "Alerts"`,
		"squash, no log, no branch, and more changes": `git merge -q --squash "$P" && git commit -q -m "Alerts" &&
			git push -q origin --delete $(git for-each-ref --format='%(refname:lstrip=3)' refs/remotes/origin/pm-todos/propose) &&
			echo '# more' >>stacks/monitoring/alerts.tf && git commit -q -a -m "More"`,
	} {
		if often := "squash, no log, no branch, and more changes"; os.Getenv(everyCase) == "" && name != often {
			continue // TestProposalGoesItsWholeWayOnEveryForge presses the buttons
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := alertSite(t)
			held := s.alerts()
			propose := map[string]string{"PLUGIN_MODE": "propose", "PLUGIN_SCOPE": "all"}
			s.wants(0, s.run(propose))
			s.mergeBy("ana", merge)
			s.wants(0, s.run(propose))
			s.wantsEnded("done")
			s.says("its proposal was merged: ", "the plan does what was approved")
			if strings.Contains(s.last, "can be tolerated") {
				t.Errorf("what waits for its apply is to be tolerated: %s", s.last)
			}
			s.says("approved by ana")
			if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") || s.alerts() != held+1 {
				t.Errorf("%d alerts, once %d, and the document:\n%s\n%s", s.alerts(), held, doc, s.last)
			}
			if calls, err := s.Agent.Calls(); err != nil || len(calls) != 1 {
				t.Errorf("%d agent calls, a merged proposal was paid for again: %v", len(calls), err)
			}
			if log := s.git("", nil, "log", "-1", "--format=%B", standin.SampleBranch); !strings.Contains(log, "Approved-by: ana") {
				t.Errorf("the commit of the documents does not say who approved:\n%s", log)
			}
			s.linksResolve(s.file(alertDocument))
			if found, code := s.verifies(standin.SampleBranch); code != 0 || found.Rows != 1 {
				t.Errorf("verify ended with %d: %+v", code, found)
			}
			s.nothingLeft()
		})
	}
}

// mergeBy is somebody who merges the open proposal on the forge: the script does it
// in a clone, with the proposed commit as $P.
func (s *site) mergeBy(account, merge string) {
	s.t.Helper()
	script := `git clone -q "$1" "$2/work" && cd "$2/work" && git config user.name x && git config user.email x@example.org &&
		P=$(git for-each-ref --format='%(objectname)' refs/remotes/origin/pm-todos/propose) && ` + merge + ` && git push -q origin HEAD`
	if out, err := exec.Command("sh", "-ec", script, "sh", s.Repo.Path(), s.t.TempDir()).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	for _, pull := range s.Git.Forge.Pulls() {
		s.Git.Forge.Change(pull.Number, func(p *forge.Pull) { p.State, p.MergedBy, p.MergedAs = "merged", account, s.tip() })
	}
}

// TestApplyMergedOffLeavesTheApplyToAnotherPipeline has the owner's own pipeline
// apply what was merged.
func TestApplyMergedOffLeavesTheApplyToAnotherPipeline(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	propose := map[string]string{"PLUGIN_MODE": "propose", "PLUGIN_SCOPE": "all", "PLUGIN_APPLY_MERGED": "false"}
	s.wants(0, s.run(propose))
	s.press("ana", "merge")
	s.wants(0, s.run(propose))
	s.wantsEnded("proposed proposal-merged")
	if applies := s.applies(); len(applies) > 0 {
		t.Errorf("applied: %v", applies)
	}
	s.applyTip("monitoring")
	s.wants(0, s.run(propose))
	s.wantsEnded("done")
}

// applyTip applies a stack as the branch has it, as the owner's own pipeline
// does.
func (s *site) applyTip(stack string) {
	s.t.Helper()
	script := `git clone -q "$1" "$2/work" && cd "$2/work/stacks/$4" && "$3" init -input=false >/dev/null && "$3" apply -input=false -auto-approve`
	cmd := exec.Command("sh", "-ec", script, "sh", s.Repo.Path(), s.t.TempDir(), s.Terraform.Program, stack)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

func TestProposePushesNoFixOfAnEarlierApply(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	s.disturbed(nil, "planning again: the plan must be empty", func(p process) { s.signal(p, os.Kill) })
	s.freeLock()
	tip := s.tip()
	s.wants(3, s.run(map[string]string{"PLUGIN_MODE": "propose"}))
	s.says("mode propose pushes no fix")
	if s.tip() != tip {
		t.Errorf("something was pushed: %q", s.subjects())
	}
	s.wants(0, s.run(nil))
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("a run with mode apply does not settle it:\n%s", doc)
	}
}
