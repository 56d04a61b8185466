package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
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
	longAndAlike(t)
	s := alertSite(t)
	pushes := 0
	s.Git.SetMiddleware(git.Before(100, git.IsPush, func() {
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
	longAndAlike(t)
	for name, first := range map[string]struct {
		previous string // CI_PREV_COMMIT_SHA of the first run; "" when it is unknown
		end      func(*site, map[string]string)
	}{
		"Vault is sealed": {"known", func(s *site, settings map[string]string) {
			s.seal(true)
			s.wants(75, s.run(settings))
			s.seal(false)
		}},
		"Vault is sealed in the first run of all": {"", func(s *site, settings map[string]string) {
			s.seal(true)
			s.wants(75, s.run(settings))
			s.seal(false)
		}},
		"killed before its agent": {"known", func(s *site, settings map[string]string) {
			s.disturbed(settings, "planning the unchanged base", func(p process) { s.signal(p, os.Kill) })
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

func TestTooLargeFileConcernsItsOwnStack(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
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
	for range 2 {
		s.run(map[string]string{"PLUGIN_SCOPE": "all", "PLUGIN_MAX_ATTEMPTS": "1"})
	}
	if n := s.paid(); n > 1 {
		t.Errorf("%d agents were paid with max_attempts 1", n)
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
