package resolve_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

func withCheck(o *resolve.Options) { o.Verify = true }

func TestOwnersCheckDecidesAfterTheConfirmingPlanAndBeforeThePush(t *testing.T) {
	for verdict, ended := range []string{"done", "failed verify-failed"} {
		t.Run(ended, func(t *testing.T) {
			s := newSite(t, raise)
			s.tune, s.Verdict = withCheck, verdict
			s.run()
			s.wantsEnded(ended)
			s.wantsPaidAndApplied(1, 1)
			if len(s.fixes(raise)) != 1 || s.done(raise) != (verdict == 0) {
				t.Errorf("published %v, done %v", s.fixes(raise), s.done(raise))
			}
			if left := s.Refs(record.JournalPrefix); len(left) > 0 {
				t.Errorf("journals are left: %v", left)
			}
			trail := s.Trail(s.name(1))
			for _, step := range []string{"apply ", "plan stacks/nfs", "ask the owner's check", "publish"} {
				at := slices.IndexFunc(trail, begins(step))
				if at < 0 {
					t.Fatalf("no %s in its turn:\n%s", step, s.log())
				}
				trail = trail[at:]
			}
		})
	}
}

func TestWhatTheOwnersCheckCouldNotSayIsAskedAgain(t *testing.T) {
	clean := newSite(t, raise)
	clean.tune = withCheck
	clean.run()
	s := newSite(t, raise)
	s.tune = withCheck
	s.Fail(fake.Fault{Run: s.name(1), At: slices.IndexFunc(clean.Trail(clean.name(1)), begins("ask the owner's check")) + 1, How: fake.Fails})
	s.run()
	s.wantsEnded("needs-person apply-unconfirmed")
	if s.done(raise) {
		t.Error("falsely done")
	}
	s.run()
	s.wantsEnded("done")
}

func TestStateThatChangesUnderEveryPlanEndsTheItem(t *testing.T) {
	s := newSite(t, raise)
	s.Before = func(n int, call fake.Call) {
		if call.Name == "look for the lock" {
			s.Stack("stacks/nfs").Touch()
		}
		if n > 300 {
			t.Error("the run does not end")
			runtime.Goexit()
		}
	}
	s.run()
	s.wantsEnded("not-attempted not-attempted-host")
	s.wantsPaidAndApplied(1, 0)
}

// TestStalePlanIsMadeAgainOnTheTipOfTheBranch has others push to the stack, and
// apply it, just before the apply.
func TestStalePlanIsMadeAgainOnTheTipOfTheBranch(t *testing.T) {
	s := newSite(t, raise)
	s.Before = once("apply stacks/nfs", func() {
		files := map[string]string{"stacks/nfs/more.tf": strings.ReplaceAll(repository[threads], "nfs_server", "another")}
		s.Push("theirs\n", files)
		files[threads] = repository[threads]
		fake.Applied(s.World, "stacks/nfs", files)
		s.Stack("stacks/nfs").Touch()
	})
	s.run()
	s.wantsEnded("done")
	s.wantsPaidAndApplied(1, 1)
	if has := s.Stack("stacks/nfs").Resources; len(has) != 2 {
		t.Errorf("production has %v", has)
	}
	s.quiet()
}

// TestFixThatTheBranchDoesNotTakeClosesItsStack has others change the same file
// while the fix is applied.
func TestFixThatTheBranchDoesNotTakeClosesItsStack(t *testing.T) {
	second := raise
	second.id, second.action = "cccc", "Raise the NFS threads from 8 to 16 once more"
	s := newSite(t, raise, second)
	s.Before = once("apply stacks/nfs", func() {
		s.Push("theirs\n", map[string]string{threads: "# theirs\n" + repository[threads]})
	})
	s.run()
	s.wantsEnded("needs-person applied-not-on-branch", "skipped stack-closed")
}

// TestResultIsKeptWhenTheLedgerCannotBeWrittenAtOnce has the ledger fail when the
// next item begins: what became of the one before is written later.
func TestResultIsKeptWhenTheLedgerCannotBeWrittenAtOnce(t *testing.T) {
	wrong := raise
	wrong.edit = threadsTo("32")
	clean := newSite(t, wrong, alert)
	clean.run()
	first := slices.IndexFunc(clean.Trail(clean.name(1)), begins("write the ledger")) + 1
	then := slices.IndexFunc(clean.Trail(clean.name(1))[first:], begins("write the ledger")) + 1
	s := newSite(t, wrong, alert)
	s.Fail(fake.Fault{Run: s.name(1), At: first + then, How: fake.Fails})
	s.run()
	s.wantsEnded("refused needs-approval", "not-attempted not-attempted-host")
	s.run()
	s.wantsEnded("skipped needs-approval", "done")
}

// TestRunDirectoryStaysWhileTheJournalsAreUnknown has settling and then the list of
// journals fail: the directory that proves the apply is needed by the next run.
func TestRunDirectoryStaysWhileTheJournalsAreUnknown(t *testing.T) {
	clean := killedAt(t, "apply")
	clean.run()
	at := slices.IndexFunc(clean.Trail(clean.name(2)), begins("make a workspace for stacks")) + 1
	s := killedAt(t, "apply")
	s.Fail(fake.Fault{Run: s.name(2), At: at, How: fake.Fails}, fake.Fault{Run: s.name(2), At: at + 1, How: fake.Fails})
	s.run()
	s.wantsEnded("needs-person apply-unconfirmed")
	s.run()
	s.wantsEnded("done")
	s.quiet()
}

func TestAttemptsAreCountedAcrossRuns(t *testing.T) {
	wrong := raise
	wrong.file, wrong.edit = "README.md", func(string) string { return "the agent's\n" }
	s := newSite(t, wrong)
	s.tune = func(o *resolve.Options) { o.MaxAttempts = 2 }
	for _, ended := range []string{"refused no-stack", "refused no-stack", "skipped max-attempts", "skipped max-attempts"} {
		s.run()
		s.wantsEnded(ended)
	}
	if n := s.paid(); n != 4 { // each attempt has two turns
		t.Errorf("%d turns were paid, not 4", n)
	}
}

// TestItemStartsOnlyWhenItsTimeFitsBeforeTheEndOfTheRun has items of half an hour
// each at most, and an agent that takes 20 minutes.
func TestItemStartsOnlyWhenItsTimeFitsBeforeTheEndOfTheRun(t *testing.T) {
	for name, tc := range map[string]struct {
		left  time.Duration
		ended []string
		paid  int
	}{
		"both fit":        {time.Hour, []string{"done", "done"}, 2},
		"one fits":        {45 * time.Minute, []string{"done", "not-attempted not-attempted-time"}, 1},
		"none fits":       {29 * time.Minute, []string{"not-attempted not-attempted-time", "not-attempted not-attempted-time"}, 0},
		"there is no end": {0, []string{"done", "done"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, alert, raise)
				s.Before = func(_ int, call fake.Call) {
					if call.Name == "the agent works" {
						time.Sleep(20 * time.Minute)
					}
				}
				s.tune = func(o *resolve.Options) {
					if tc.left > 0 {
						o.Deadline = time.Now().Add(tc.left)
					}
				}
				s.run()
				s.wantsEnded(tc.ended...)
				if n := s.paid(); n != tc.paid {
					t.Errorf("%d turns were paid, not %d", n, tc.paid)
				}
			})
		})
	}
}
