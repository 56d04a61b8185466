package resolve_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

// threadsTo raises the threads to another number than the item says.
func threadsTo(number string) func(string) string {
	return func(s string) string { return strings.Replace(s, "threads = 8", "threads = "+number, 1) }
}

// TestWhatAGateRefusesIsNeitherAppliedNorPublished has the agent do what no item
// may, in both of its turns.
func TestWhatAGateRefusesIsNeitherAppliedNorPublished(t *testing.T) {
	for name, tc := range map[string]struct {
		file     string
		edit     func(string) string
		replaces bool
		ended    string
		planned  bool // the diff gate lets it pass
	}{
		"a file outside of all stacks": {"README.md", func(string) string { return "the agent's\n" }, false, "refused no-stack", false},
		"another number":               {threads, threadsTo("32"), false, "refused needs-approval", true},
		"a plan that replaces":         {threads, raise.edit, true, "refused replace", true},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := raise
			wrong.file, wrong.edit = tc.file, tc.edit
			s := newSite(t, wrong)
			s.Stack("stacks/nfs").Replaces = tc.replaces
			s.run()
			s.wantsEnded(tc.ended)
			s.wantsUntouched()
			if n := s.paid(); n != 2 {
				t.Errorf("%d turns were paid, not 2", n)
			}
			if planned := s.asked(1, "plan stacks/nfs") > 1; planned != tc.planned {
				t.Errorf("its plan was made: %v", planned)
			}
		})
	}
}

// asked is how often a run made a call that begins so.
func (s *site) asked(run int, prefix string) (times int) {
	for _, call := range s.Trail(s.name(run)) {
		if strings.HasPrefix(call.Name, prefix) {
			times++
		}
	}
	return times
}

// wantsUntouched wants production and the branch as they were, and nothing left
// to settle.
func (s *site) wantsUntouched() {
	s.t.Helper()
	if n := len(s.Stack("stacks/nfs").Applies); n > 0 {
		s.t.Errorf("%d applies", n)
	}
	for _, path := range []string{threads, "README.md"} {
		if file := s.File(path); file != repository[path] {
			s.t.Errorf("published:\n%s", file)
		}
	}
	if left := s.Refs(record.JournalPrefix); len(left) > 0 {
		s.t.Errorf("journals are left: %v", left)
	}
}

// TestChangeIsJudgedAgainOnTheCommitThatItIsCarriedTo has people touch the stack
// once the change was judged, so that it may not pass any more.
func TestChangeIsJudgedAgainOnTheCommitThatItIsCarriedTo(t *testing.T) {
	for name, tc := range map[string]struct {
		files    map[string]string
		replaces bool
		ended    string
	}{
		"by the plan":   {map[string]string{"stacks/nfs/README.md": "theirs\n"}, true, "refused replace"},
		"by its change": {map[string]string{"stacks/nfs/terraform.tfstate": "{}\n"}, false, "refused state-in-git"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, raise)
			s.Before = func(_ int, call fake.Call) {
				if strings.HasPrefix(call.Name, "write "+record.JournalPrefix) {
					s.Push("theirs\n", tc.files)
					s.Stack("stacks/nfs").Replaces = tc.replaces
				}
			}
			s.run()
			s.wantsEnded(tc.ended)
			s.wantsUntouched()
		})
	}
}

// killedAt is a site on which the first run was killed at its first call that
// begins so.
func killedAt(t *testing.T, prefix string) *site {
	t.Helper()
	clean := newSite(t, raise)
	clean.run()
	s := newSite(t, raise)
	s.Fail(fake.Fault{Run: s.name(1), At: slices.IndexFunc(clean.Trail(clean.name(1)), begins(prefix)) + 1, How: fake.Dies})
	s.run()
	s.EndLease()
	return s
}

// TestThreat21_JournalOfAnotherCommitThanWasApplied has somebody put another
// commit into the journal of a run that was killed after its apply: of the same
// item and plan, and it would pass the diff gate. The ledger says what they like.
func TestThreat21_JournalOfAnotherCommitThanWasApplied(t *testing.T) {
	s := killedAt(t, "apply")
	journals := s.Refs(record.JournalPrefix)
	for name, fix := range journals {
		clone := s.Clone("somebody")
		forged, err := clone.WithFiles(clone.Tip(), map[string]string{threads: threadsTo("32")(repository[threads])}, s.Message(fix))
		if err != nil {
			t.Fatal(err)
		}
		s.SetRef(name, forged)
		s.forgeLedger(forged)
	}
	s.run()
	s.wantsEnded("needs-person journal-not-ours")
	if file := s.File(threads); file != repository[threads] || s.done(raise) {
		t.Errorf("done %v, published:\n%s", s.done(raise), file)
	}
	for name, genuine := range journals {
		s.SetRef(name, genuine)
	}
	s.run()
	s.wantsEnded("done")
	s.wantsPaidAndApplied(1, 1)
}

// forgeLedger is somebody who may push refs and writes that a commit implements the
// item.
func (s *site) forgeLedger(fix string) {
	s.t.Helper()
	attempt := record.Entry{Run: "../../../etc", Kind: record.KindAttempt, Ref: record.RefOf(raise.item()), Attempt: 1, Host: "nobody@192.0.2.1:22"}
	result := attempt
	result.Kind, result.State, result.Commit = record.KindResult, string(item.Done), fix
	lines, err := record.Encode(attempt, result)
	if err == nil {
		err = s.Clone("somebody").AppendLog(s.t.Context(), record.LedgerRef, lines)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestThreat21_AReplayedJournalMarksNoReopenedItem puts the genuine journal of a
// fix that landed back in place, once a person has reopened its row.
func TestThreat21_AReplayedJournalMarksNoReopenedItem(t *testing.T) {
	s := newSite(t, raise)
	var genuine map[string]string
	s.Before = once("apply stacks/nfs", func() { genuine = s.Refs(record.JournalPrefix) })
	s.run()
	s.Push("It does not work\n", map[string]string{document: raise.line("TODO")})
	for name, fix := range genuine {
		s.SetRef(name, fix)
		s.forgeLedger(fix)
	}
	s.run()
	if out := s.outcome(raise); len(genuine) != 1 || out.State != item.NeedsPerson && out.State != item.Skipped || s.done(raise) {
		t.Errorf("journals %v, done %v: %+v", genuine, s.done(raise), out)
	}
	s.wantsPaidAndApplied(1, 1)
}

// TestThreat21_FixOnTheBranchThatWasNeverApplied has somebody push what a run had
// journaled that was killed before its apply, and apply it too.
func TestThreat21_FixOnTheBranchThatWasNeverApplied(t *testing.T) {
	s := killedAt(t, "look for the lock")
	for _, fix := range s.Refs(record.JournalPrefix) {
		s.Push(s.Message(fix), map[string]string{threads: raise.edit(repository[threads])})
	}
	fake.Applied(s.World, "stacks/nfs", map[string]string{threads: s.File(threads)})
	s.run()
	s.wantsEnded("needs-person journal-not-ours")
	if s.done(raise) {
		t.Error("falsely done")
	}
}

func TestModeProposePublishesNothingThatAnEarlierRunApplied(t *testing.T) {
	s := killedAt(t, "apply")
	s.mode = resolve.Propose
	s.run()
	s.wantsEnded("needs-person applied-not-on-branch")
	if file := s.File(threads); file != repository[threads] {
		t.Errorf("published:\n%s", file)
	}
	s.mode = resolve.Apply
	scenario{}.play(s)
	s.quiet()
}

// TestStackOfWhichNobodyIsSureIsClosed has a second item of the stack in the run in
// which the first one's apply goes wrong, and in the next one.
func TestStackOfWhichNobodyIsSureIsClosed(t *testing.T) {
	second := raise
	second.id, second.action = "cccc", "Raise the NFS threads from 8 to 16 once more"
	at := slices.IndexFunc(killedAt(t, "apply").Trail("run-1"), begins("apply")) + 1
	for how, ended := range map[fake.How][2]string{
		fake.Breaks: {"needs-person apply-failed", "needs-person apply-failed"},
		fake.Leaves: {"needs-person not-converged", "needs-person not-converged"},
		fake.Halts:  {"needs-person apply-unknown", "done"},
		fake.Dies:   {"", "done"},
	} {
		t.Run(string(how), func(t *testing.T) {
			s := newSite(t, raise, second)
			s.Fail(fake.Fault{Run: s.name(1), At: at, How: how})
			if s.run(); ended[0] != "" {
				s.wantsEnded(ended[0], "skipped stack-closed")
			}
			s.EndLease()
			if s.run(); ended[1] != "done" {
				s.wantsEnded(ended[1], "skipped stack-closed")
			}
			if n := len(s.applies(second)); n > 0 {
				t.Errorf("the second was applied %d times", n)
			}
		})
	}
}

func TestOwnersCheckIsAskedWhenAKilledRunIsSettled(t *testing.T) {
	for verdict, ended := range []string{"done", "failed verify-failed"} {
		t.Run(ended, func(t *testing.T) {
			s := killedAt(t, "publish")
			s.tune = func(o *resolve.Options) { o.Verify = true }
			s.Verdict = verdict
			s.run()
			s.wantsEnded(ended)
			s.wantsPaidAndApplied(1, 1)
		})
	}
}

// TestThreat26_AlteredHostEndsTheRun has the agent's turn change what a plan runs:
// nothing is planned, applied or paid for after it, in this run and the next ones,
// until a person has looked.
func TestThreat26_AlteredHostEndsTheRun(t *testing.T) {
	s := newSite(t, raise, alert)
	s.Before = once("bring the agent's tree back", s.Machine("terraform").Alter)
	s.run()
	s.wantsEnded("failed host-altered", "not-attempted not-attempted-host")
	s.wantsPaidAndApplied(1, 0, 0)
	s.wantsUntouched()
	if end := s.run(); !errors.Is(end.err, host.ErrAltered) {
		t.Errorf("the next run ended with %v", end.err)
	}
	s.wantsPaidAndApplied(1, 0, 0)
	s.Machine("terraform").Look()
	s.run()
	s.wantsEnded("done", "done")
	s.quiet()
}
