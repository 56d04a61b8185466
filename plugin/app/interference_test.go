package app

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

// must ends the test when preparing it went wrong.
func must[T any](t *testing.T) func(value T, err error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestDocumentsPushedDuringARunAreNotMissed(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	pushes := 0
	s.Git.SetMiddleware(standin.Before(100, standin.IsPush, func() {
		if pushes++; pushes != 4 {
			return
		}
		rival := map[string]string{"docs/post-mortems/2026-02-02-new.md": document("| P1 | Add an alert on swap | Alert | over 50 % | TODO |")}
		if _, err := s.Repo.Commit(standin.SampleBranch, "rival\n", rival); err != nil {
			t.Error(err)
		}
	}))
	s.wants(0, s.run(nil))
	// The rival's own pipeline, which had to wait for the lock.
	s.wants(0, s.run(map[string]string{"CI_COMMIT_SHA": s.tip(), "CI_PREV_COMMIT_SHA": s.Second}))
	if doc := s.file("docs/post-mortems/2026-02-02-new.md"); !strings.Contains(doc, "| over 50 % | Done |") {
		t.Errorf("the document was never read:\n%s", doc)
	}
}

// TestAFirstRunThatIsCutShortIsNotForgotten has no run come through before the
// next push, whose CI_PREV_COMMIT_SHA is behind what the first push brought.
func TestAFirstRunThatIsCutShortIsNotForgotten(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]struct {
		previous string // CI_PREV_COMMIT_SHA of the first run; "" when it is unknown
		end      func(*site, map[string]string)
	}{
		"Vault is sealed": {"known", func(s *site, settings map[string]string) {
			s.Vault.SetSealed(true)
			s.wants(75, s.run(settings))
			s.Vault.SetSealed(false)
		}},
		"Vault is sealed in the first run of all": {"", func(s *site, settings map[string]string) {
			s.Vault.SetSealed(true)
			s.wants(75, s.run(settings))
			s.Vault.SetSealed(false)
		}},
		"killed before its agent": {"known", func(s *site, settings map[string]string) {
			s.disturbed(settings, "planning the untouched base", func(p process) { s.signal(p, os.Kill) })
			s.freeLock()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := alertSite(t)
			settings := map[string]string{"CI_PREV_COMMIT_SHA": ""}
			if first.previous != "" {
				settings["CI_PREV_COMMIT_SHA"] = s.First
			}
			first.end(s, settings)
			must[string](t)(s.Repo.Commit(standin.SampleBranch, "Something else\n", map[string]string{"notes.txt": "x\n"}))
			s.wants(0, s.run(map[string]string{"CI_COMMIT_SHA": s.tip(), "CI_PREV_COMMIT_SHA": s.Second}))
			if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
				t.Errorf("what the first push brought was never read:\n%s", s.last)
			}
		})
	}
}

func TestRevertedFixIsNeverDone(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	before := s.file("stacks/monitoring/alerts.tf")
	if err := s.Terraform.FailApplyAfter(0); err != nil {
		t.Fatal(err)
	}
	s.wants(3, s.run(nil))
	if err := s.Terraform.FailApplyAfter(-1); err != nil {
		t.Fatal(err)
	}
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "Revert the fix\n", map[string]string{"stacks/monitoring/alerts.tf": before}))
	s.wants(3, s.run(nil))
	s.says("fix-reverted")
	if doc := s.file(alertDocument); strings.Contains(doc, "| Done |") {
		t.Errorf("falsely done:\n%s", doc)
	}
}

func TestThreat16_ReopenedItemIsLeftToAPerson(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	s.wants(0, s.run(nil))
	held := s.alerts()
	// As it was at first: neither Done nor in the table of what was implemented.
	replayed := document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |")
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "Once more\n", map[string]string{alertDocument: replayed}))
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.says("reason=reopened")
	if calls := must[[]standin.AgentCall](t)(s.Agent.Calls()); len(calls) != 1 || s.alerts() != held {
		t.Errorf("%d agent calls, state %v", len(calls), s.state("monitoring"))
	}
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | TODO |") {
		t.Errorf("the row was changed:\n%s", doc)
	}
}

func TestStalePlanNeverRevertsWhatOthersApplied(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	state := filepath.Join(s.StateDir, "monitoring.tfstate")
	marker := filepath.Join(t.TempDir(), "done")
	// Somebody applies a change by hand, once, between our plan and our apply.
	hook := fmt.Sprintf(`#!/bin/sh
while read -r old new ref; do
	case $ref in refs/pm-todos/journal/*)
		[ -e %[1]s ] || sed -i -e 's/30d/90d/g' -e 's/"serial": [0-9]*/"serial": 77/' %[2]s
		: >%[1]s
	esac
done
`, marker, state)
	if err := s.Repo.InstallHook("post-receive", hook); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(nil))
	s.says("stack-drifts")
	if held := fmt.Sprint(s.state("monitoring")); strings.Contains(held, "30d") || !strings.Contains(held, "90d") {
		t.Errorf("what somebody else applied was reverted: %s", held)
	}
	s.noJournal()
}

func TestUnhealthyStackDoesNotStarveOthers(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := newSite(t, only("2026-01-01-alert.md", document(
		"| P0 | Raise the retention of `stacks/nfs` | Config | to 90 days | TODO |",
		"| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |")))
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "broken\n", map[string]string{"stacks/nfs/broken.tf": "resource \"null_resource\" \"x\" {}\n"}))
	s.run(map[string]string{"PLUGIN_MAX_ITEMS": "1", "PLUGIN_SCOPE": "all"})
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the item of a healthy stack was starved:\n%s", s.last)
	}
}

func TestTooLargeFileConcernsItsOwnStack(t *testing.T) {
	t.Parallel()
	o := only("2026-01-01-alert.md", document(
		"| P0 | Raise the threads of `stacks/nfs` | Config | to 16 | TODO |",
		"| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	s := newSite(t, o)
	huge := "# " + strings.Repeat("x", gitrepo.MaxFileSize)
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "huge\n", map[string]string{"stacks/nfs/huge.tf": huge}))
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.says("reason=content-missing", "stacks/nfs/huge.tf")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") || strings.Contains(doc, "| to 16 | Done |") {
		t.Errorf("an item of another stack was held up, or one of the stack was not:\n%s", doc)
	}
}

func TestThreat14_DriftFoundAfterPaymentCountsAsAnAttempt(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Add a monitor for the cache | Monitor | every minute | TODO |"))
	s := newSite(t, o)
	state := filepath.Join(s.StateDir, "uptime-kuma.tfstate")
	held := string(must[[]byte](t)(os.ReadFile(state)))
	if err := os.WriteFile(state, []byte(strings.ReplaceAll(held, "https://grafana.example.org/api/health", "https://grafana.example.org/drifted")), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		s.run(map[string]string{"PLUGIN_SCOPE": "all"})
	}
	if calls := must[[]standin.AgentCall](t)(s.Agent.Calls()); len(calls) > 2 {
		t.Errorf("%d agent calls with max_attempts 2", len(calls))
	}
}

func TestOneBrokenDocumentHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Files["docs/post-mortems/2026-01-02-open.md"] = document("| P2 | Add an alert on swap | Alert | over 50 % | TODO |") + "\n```\nnever closed\n"
	s := newSite(t, o)
	s.wants(1, s.run(nil))
	s.says("2026-01-02-open.md")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the other document was not updated:\n%s", doc)
	}
}

func TestForeignJournalBlocksNothing(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	if err := s.Repo.SetRef("refs/pm-todos/journal/"+strings.Repeat("a", 64), s.First); err != nil {
		t.Fatal(err)
	}
	s.wants(3, s.run(nil))
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("a journal that is not ours blocked the run:\n%s", s.last)
	}
}

func TestUnwritableSummaryIsNoSuccess(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.wants(1, s.run(map[string]string{"PLUGIN_SUMMARY_DIR": filepath.Join(file, "x")}))
	s.says("summary_dir")
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

// secondHost is another host with agent and Terraform, which lets the same key
// in.
func (s *site) secondHost() *standin.SSHServer {
	s.t.Helper()
	home := s.t.TempDir()
	other := must[*standin.SSHServer](s.t)(standin.StartSSH(standin.SSHOptions{Home: home, Bin: filepath.Dir(s.Terraform.Program), Key: s.SSH.PrivateKey()}))
	s.t.Cleanup(func() { _ = other.Close() })
	must[*standin.Agent](s.t)(standin.InstallAgent(home, ""))
	return other
}

func TestSettlingAsksTheHostThatApplied(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	held := s.alerts()
	s.disturbed(nil, "planning once more", func(p process) { s.signal(p, os.Kill) })
	s.freeLock()

	other := s.secondHost()
	settings := map[string]string{
		"PLUGIN_HOSTS": other.Target() + "," + s.SSH.Target(), "PLUGIN_KNOWN_HOSTS": s.SSH.KnownHosts() + "\n" + other.KnownHosts(),
	}
	asked := s.SSH.Logins()
	s.wants(0, s.run(settings))
	s.says("ready", other.Target())
	if s.SSH.Logins() == asked {
		t.Error("the host that applied was not asked")
	}
	s.doneOnce(held)
	s.noJournal()
}

func TestSettlingWaitsForAHostThatIsDown(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	held := s.alerts()
	s.disturbed(nil, "planning once more", func(p process) { s.signal(p, os.Kill) })
	s.freeLock()

	other := s.secondHost()
	down, known := s.SSH.Target(), s.SSH.KnownHosts()+"\n"+other.KnownHosts()
	if err := s.SSH.Close(); err != nil {
		t.Fatal(err)
	}
	s.wants(3, s.run(map[string]string{"PLUGIN_HOSTS": other.Target() + "," + down, "PLUGIN_KNOWN_HOSTS": known}))
	s.says("the host that applied it")
	if doc := s.file(alertDocument); strings.Contains(doc, "| Done |") {
		t.Errorf("falsely done:\n%s", doc)
	}
	// It is gone for good, and with it the proof: a person must look.
	gone := map[string]string{"PLUGIN_HOSTS": other.Target(), "PLUGIN_KNOWN_HOSTS": known}
	s.wants(3, s.run(gone))
	s.says("reason="+string(reason.ApplyUnknown), "no run directory")
	if len(s.subjects()) > 0 {
		t.Errorf("what nothing proves was published: %q", s.subjects())
	}
	s.settle(true)
	s.noJournal()
	s.wants(0, s.run(gone))
	s.doneOnce(held)
}

func TestRemoteThatForbidsDeletingRefs(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	if out, err := exec.Command("git", "-C", s.Repo.Path(), "config", "receive.denyDeletes", "true").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.wants(0, s.run(nil))
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	if strings.Contains(s.last, "cut short") {
		t.Errorf("a journal that was settled is settled again:\n%s", s.last)
	}
}

// TestHalfAppliedIsNeverTakenForAStalePlan has an apply that changes something,
// prints a lot and is tried again by a wrapper, whose second try says that the
// plan is stale.
func TestHalfAppliedIsNeverTakenForAStalePlan(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Files["scripts/tg"] = `#!/bin/sh
case $1 in
apply)
	shift 2
	echo 'monitoring_alert.disk: Creating...'
	terraform apply "$@" >&2
	yes 'Error: the provider broke' | head -n 1000
	exec terraform apply "$@"
	;;
esac
[ "$1" != plan ] || terraform init -input=false >/dev/null
exec terraform "$@"
`
	s := newSite(t, o)
	s.wants(3, s.run(nil))
	s.says("apply-failed")
}
