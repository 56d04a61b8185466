package app

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

// TestJournalThatCannotBeTakenBackIsSettled has the remote refuse every push
// once the journal is written: nothing is applied, and the journal stays. The
// next run must find on the host that nothing was applied, or a person would
// have to look.
func TestJournalThatCannotBeTakenBackIsSettled(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	held := s.alerts()
	s.Git.SetMiddleware(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			refs, err := s.Repo.Refs(record.JournalPrefix)
			if err == nil && len(refs) > 0 && standin.IsPush(r) {
				http.Error(w, "no more pushes", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	if code := s.run(nil); code == 0 || code == 3 {
		t.Errorf("exit code %d after a refused push\n%s", code, s.last)
	}
	s.says("the journal stays; the next run sees that nothing was applied")
	if refs := must[map[string]string](t)(s.Repo.Refs(record.JournalPrefix)); len(refs) != 1 {
		t.Errorf("journals: %v", refs)
	}
	if kept := must[[]string](t)(filepath.Glob(filepath.Join(s.Home, ".cache", "pm-todos", "runs", "*"))); len(kept) != 1 {
		t.Errorf("run directories: %v", kept)
	}
	s.Git.SetMiddleware(nil)
	s.freeLock()
	s.wants(0, s.run(nil))
	s.says(string(reason.Interrupted))
	s.doneOnce(held)
}

// TestApplyThatMayBeAboutToBeginKeepsItsRunDirectory has the place of an apply
// taken already, by something that neither began nor runs. Whoever took it may
// still begin, so the run directory must stay under it, for the next run to
// fence.
func TestApplyThatMayBeAboutToBeginKeepsItsRunDirectory(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	held := s.alerts()
	place := ""
	s.onLog = &trigger{text: "applying the judged plan", act: func() {
		runs := must[[]string](t)(filepath.Glob(filepath.Join(s.Home, ".cache", "pm-todos", "runs", "*")))
		for journal, commit := range must[map[string]string](t)(s.Repo.Refs(record.JournalPrefix)) {
			message := must[[]byte](t)(exec.Command("git", "-C", s.Repo.Path(), "log", "-1", "--format=%B", commit).Output())
			evidence, ok := record.ParseEvidence(string(message))
			if !ok {
				t.Errorf("no evidence in %q", message)
				return
			}
			place = filepath.Join(runs[0], "apply", strings.TrimPrefix(journal, record.JournalPrefix)[:16]+"-"+evidence.PlanHash[:16])
		}
		if err := os.MkdirAll(place, 0o700); err != nil {
			t.Error(err)
		}
	}}
	s.wants(3, s.run(nil))
	s.says(string(reason.ApplyUnknown))
	if _, err := os.Stat(place); err != nil {
		t.Errorf("the run directory went from under the apply: %v", err)
	}
	s.onLog = nil
	s.wants(0, s.run(nil))
	s.says(string(reason.Interrupted))
	s.doneOnce(held)
	s.noJournal()
}
