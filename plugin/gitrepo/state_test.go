package gitrepo

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
)

const elsewhere = "heads/pm-todos-state"

// cloneElsewhere is a clone whose own refs are branches on the remote.
func cloneElsewhere(t *testing.T, url string) *Repo {
	t.Helper()
	o := options(t, url)
	o.StateRefs = elsewhere
	r := must(Clone(t.Context(), o))(t)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestAForgeThatTakesOnlyBranchesAndTagsHoldsOurRefs(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a.md": "| TODO |\n"})
	s.hook("update", `case $1 in refs/heads/*|refs/tags/*) exit 0 ;; esac; echo "only branches and tags" >&2; exit 1`)
	gittest.Git(t, s.origin, "update-ref", OwnRefs+"journal/old", s.remoteTip()) // from before the setting

	if err := clone(t, s.origin).SetRef(t.Context(), OwnRefs+"x", "", s.remoteTip()); err == nil || !strings.Contains(err.Error(), OwnRefs+"x") {
		t.Fatalf("the remote takes refs of ours where they stand usually, or: %v", err)
	}

	r := cloneElsewhere(t, s.origin)
	lock := must(r.AcquireLock(t.Context(), Lease{Run: "one"}, 0))(t)
	if err := lock.renew(t.Context(), renewEvery); err != nil {
		t.Errorf("renew the lock: %v", err)
	}
	if err := r.AppendLog(t.Context(), OwnRefs+"ledger", []byte("{}\n")); err != nil {
		t.Errorf("append to the ledger: %v", err)
	}
	fix := must(r.WithFiles(r.Tip(), map[string][]byte{"a.md": []byte("| Done |\n")}, "fix [ci skip]\n"))(t)
	if err := r.SetRef(t.Context(), OwnRefs+"journal/x", "", fix); err != nil {
		t.Errorf("write the journal: %v", err)
	}

	names := strings.Fields(gittest.Git(t, s.origin, "for-each-ref", "--format=%(refname)", "refs/heads/pm-todos-state"))
	if strings.Join(names, " ") != "refs/heads/pm-todos-state/journal/x refs/heads/pm-todos-state/ledger refs/heads/pm-todos-state/lock" {
		t.Errorf("the remote has %q", names)
	}
	for _, name := range names {
		for _, commit := range strings.Fields(gittest.Git(t, s.origin, "rev-list", name, "--not", branchName)) {
			if message := gittest.Git(t, s.origin, "log", "-1", "--format=%B", commit); !strings.Contains(message, "[ci skip]") {
				t.Errorf("%s: %q would start a pipeline", name, message)
			}
		}
	}

	other := cloneElsewhere(t, s.origin)
	if held := must(other.LockHeld(t.Context()))(t); !held {
		t.Error("another run does not see the lock")
	}
	if seen := other.Seen(OwnRefs + "journal/"); len(seen) != 1 || seen[OwnRefs+"journal/x"] != fix {
		t.Errorf("another run sees the journals %v", seen)
	}
	if log := must(other.ReadLog(OwnRefs + "ledger"))(t); string(log.Lines) != "{}\n" {
		t.Errorf("another run reads the ledger %q", log.Lines)
	}
	if _, err := r.Publish(t.Context(), func(string) (string, error) { return fix, nil }); err != nil {
		t.Errorf("publish: %v", err)
	}
	if err := r.SetRef(t.Context(), OwnRefs+"journal/x", fix, ""); err != nil {
		t.Errorf("delete the journal: %v", err)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Errorf("release the lock: %v", err)
	}
	if left := gittest.Git(t, s.origin, "for-each-ref", "--format=%(refname)", "refs/heads/pm-todos-state"); left != "refs/heads/pm-todos-state/ledger" {
		t.Errorf("left on the remote: %q", left)
	}
}

func TestThreat3_PlacesForOurRefs(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "refs/pm-todos", "refs/pm-todos/", elsewhere, "refs/" + elsewhere + "/", "heads/bots/pm-todos", "refs/bots"} {
		if err := refname.CheckStateRefs(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"heads", "refs/heads/", "tags/x", "refs/tags", "heads/pm-todos", "heads/pm-todos/state", "pull", "a..b", "-x", "heads/x.lock", "../x", "heads/ä", "refs"} {
		if refname.CheckStateRefs(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	o := options(t, t.TempDir())
	o.Branch, o.StateRefs = "state/main", "heads/state"
	if _, err := Clone(t.Context(), o); fault.Of(err) != fault.Settings || !strings.Contains(err.Error(), "state_refs") {
		t.Errorf("the branch stands among the refs: %v", err)
	}
}

func TestStateBranchesAreKnown(t *testing.T) {
	t.Parallel()
	for branch, own := range map[string]bool{
		"main": false, "pm-todos": false, "pm-todos/propose/x": true, "pm-todos-state": true, "pm-todos-state/lock": true,
		"pm-todos-stated": false, "pm-todosx/y": false, "bots/pm-todos/x": false,
	} {
		if got := refname.IsState(elsewhere, branch); got != own {
			t.Errorf("%s: %v", branch, got)
		}
	}
	if refname.IsState("refs/pm-todos", "pm-todos-state/lock") {
		t.Error("a branch counts as one of ours that is not among our refs")
	}
}
