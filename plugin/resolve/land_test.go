package resolve_test

import (
	"slices"
	"strings"
	"testing"

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
			panic(fake.Death{Call: call})
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
