package resolve_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
)

// begins tells of calls whose name begins so.
func begins(prefix string) func(fake.Call) bool {
	return func(call fake.Call) bool { return strings.HasPrefix(call.Name, prefix) }
}

// paid is how many turns the agent was asked for.
func (s *site) paid() (turns int) {
	for run := range s.runs {
		for _, call := range s.Trail(s.name(run + 1)) {
			if call.Name == "the agent works" {
				turns++
			}
		}
	}
	return turns
}

// wantsEnded checks state and reason of the items of the last run, in order.
func (s *site) wantsEnded(want ...string) {
	s.t.Helper()
	var got []string
	for _, out := range s.outcomes {
		got = append(got, strings.TrimSpace(string(out.State)+" "+string(out.Reason)))
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("items ended as %q, want %q\n%s", got, want, s.log())
	}
}

func (s *site) wantsPaidAndApplied(paid int, applied ...int) {
	s.t.Helper()
	var got []int
	for _, item := range s.items {
		got = append(got, len(s.applies(item)))
	}
	if !slices.Equal(got, applied) {
		s.t.Errorf("the items were applied %v times, not %v", got, applied)
	}
	if n := s.paid(); n != paid {
		s.t.Errorf("%d turns were paid, not %d", n, paid)
	}
}

// TestFailure_RemoteThatRefuses has the remote refuse one kind of push of a run
// over two items.
func TestFailure_RemoteThatRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		mode    string
		rule    func(fake.Call) bool
		ended   []string
		paid    int
		applied []int
	}{
		// A rule that only real commits meet: what it refuses is applied already, and
		// nothing else is.
		"a fix on the branch": {"", begins("publish"), []string{"needs-person applied-not-on-branch", "not-attempted push-refused"}, 1, []int{1, 0}},
		"every push":          {"", begins("ask"), []string{"not-attempted push-refused", "not-attempted push-refused"}, 0, []int{0, 0}},
		"what follows upon the journal": {
			"", fromSecond(asksForTheBranch), []string{"not-attempted push-refused", "not-attempted push-refused"}, 1, []int{0, 0},
		},
		"a journal": {"", begins("write " + record.JournalRef(record.RefOf(alert.item()))), []string{"failed commit-refused", "done"}, 2, []int{0, 1}},
		"branches":  {resolve.Propose, begins("write refs/heads"), []string{"not-attempted push-refused", "not-attempted push-refused"}, 0, []int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, alert, raise)
			if tc.mode != "" {
				s.mode = tc.mode
			}
			s.Rule = tc.rule
			s.run()
			s.wantsEnded(tc.ended...)
			s.wantsPaidAndApplied(tc.paid, tc.applied...)
			if attempts := s.attempts(alert); attempts != strings.Count(tc.ended[0], "failed")+strings.Count(tc.ended[0], "needs-person") {
				t.Errorf("%d attempts are counted", attempts)
			}
			s.Rule, s.mode = nil, resolve.Apply
			scenario{}.play(s)
			s.quiet()
		})
	}
}

// fromSecond lets all calls of a kind but the first through to a rule.
func fromSecond(kind func(fake.Call) bool) func(fake.Call) bool {
	met := false
	return func(call fake.Call) bool {
		again := met && kind(call)
		met = met || kind(call)
		return again
	}
}

// asksForTheBranch tells of calls that the remote judges as pushes to the branch.
func asksForTheBranch(call fake.Call) bool {
	return strings.HasSuffix(call.Name, "ask for the right to push")
}

// attempts is how many attempts the ledger counts for an item.
func (s *site) attempts(item todo) int {
	log, err := s.Clone("").ReadLog(record.LedgerRef)
	if err != nil {
		s.t.Fatal(err)
	}
	ledger, _ := record.ReadLedger(log.Lines)
	return ledger.Attempts(record.RefOf(item.item()))
}

// broken is a site on which the apply of the first run broke half way.
func broken(t *testing.T) *site {
	t.Helper()
	clean := newSite(t, raise)
	clean.run()
	at := slices.IndexFunc(clean.Trail(clean.name(1)), begins("apply")) + 1
	s := newSite(t, raise)
	s.Fail(fake.Fault{Run: s.name(1), At: at, How: fake.Breaks})
	s.run()
	s.wantsEnded("needs-person apply-failed")
	return s
}

func TestHalfAppliedStaysWithAPersonUntilItIsSettled(t *testing.T) {
	s := broken(t)
	if s.done(raise) || len(s.fixes(raise)) != 1 {
		t.Errorf("done %v, published %v", s.done(raise), s.fixes(raise))
	}
	for range 3 { // and every run after it
		s.run()
		s.wantsEnded("needs-person apply-failed")
	}
	s.wantsPaidAndApplied(1, 1)
	for _, landed := range []bool{true, false} {
		t.Run(map[bool]string{true: "landed", false: "abandoned"}[landed], func(t *testing.T) {
			s := broken(t)
			s.settle(landed)
			if left := s.Refs(record.JournalPrefix); len(left) > 0 {
				t.Errorf("journals are left: %v", left)
			}
			s.run()
			s.wantsEnded("skipped reopened") // the row is the person's to mark
			s.wantsPaidAndApplied(1, 1)
		})
	}
}

// settle is a person who closes the one item that waits.
func (s *site) settle(landed bool) {
	s.t.Helper()
	clone := s.Clone("settle")
	left, err := journal.Unsettled(s.t.Context(), clone, raise.id, map[record.Ref]item.Item{record.RefOf(raise.item()): raise.item()})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := left.Settled(s.t.Context(), clone, "settle", left.Fix, landed); err != nil {
		s.t.Fatal(err)
	}
}

func TestRevertedFixIsNeverDone(t *testing.T) {
	s := broken(t)
	s.Push("Revert the fix\n", map[string]string{threads: repository[threads]})
	s.run()
	s.wantsEnded("needs-person fix-reverted")
	if s.done(raise) {
		t.Error("falsely done")
	}
}

func TestThreat16_ReopenedItemIsLeftToAPerson(t *testing.T) {
	s := newSite(t, raise)
	s.run()
	s.Push("Once more\n", map[string]string{document: raise.line("TODO")})
	s.run()
	s.wantsEnded("skipped reopened")
	s.wantsPaidAndApplied(1, 1)
}

func TestWhatTheAgentTriedToReachIsToldAndDecidesNothing(t *testing.T) {
	curious := raise
	curious.refused = []string{"evil.example:443"}
	s := newSite(t, curious)
	s.run()
	s.wantsEnded("done")
	if got := s.outcome(curious).Refused; !slices.Equal(got, curious.refused) {
		t.Errorf("told of %q", got)
	}
}

func TestStalePlanNeverRevertsWhatOthersApplied(t *testing.T) {
	s := newSite(t, raise)
	stack := s.stackOf(raise)
	s.Before = once("apply stacks/nfs", func() {
		stack.Resources = map[string]string{raise.address: `{"threads":12}`}
		stack.Touch()
	})
	s.run()
	s.wantsEnded("skipped stack-drifts")
	s.wantsPaidAndApplied(1, 0)
	if len(s.Refs(record.JournalPrefix)) > 0 || stack.Resources[raise.address] != `{"threads":12}` {
		t.Errorf("journals %v, production %v", s.Refs(record.JournalPrefix), stack.Resources)
	}
}

func TestUnhealthyStackDoesNotStarveOthers(t *testing.T) {
	s := newSite(t, raise, alert)
	s.tune = func(o *resolve.Options) { o.MaxItems = 1 }
	s.Push("broken\n", map[string]string{"stacks/nfs/broken.tf": "resource \"null_resource\" \"x\" {}\n"})
	s.run()
	s.wantsEnded("not-attempted stack-unhealthy", "done")
	if s.outcome(raise).Reason != reason.StackUnhealthy {
		t.Errorf("%+v", s.outcome(raise))
	}
}

func TestForeignJournalBlocksNothing(t *testing.T) {
	for name, forge := range map[string]func(*site) string{
		"of no commit of ours": func(s *site) string { return s.History()[0].Hash },
		"of a commit that names the item": func(s *site) string {
			return s.Push(record.Message(raise.item(), "2026-01-01", record.Evidence{
				Document: document, Item: raise.id, Stack: "stacks/nfs", PlanHash: strings.Repeat("a", 64),
			}, true), map[string]string{"README.md": "theirs\n"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, raise, alert)
			ref := record.JournalRef(record.RefOf(raise.item()))
			s.SetRef(ref, forge(s))
			s.run()
			if out := s.outcome(raise); out.State != item.NeedsPerson || out.Reason != reason.JournalNotOurs {
				t.Errorf("%+v", out)
			}
			if !s.done(alert) || s.done(raise) {
				t.Errorf("the other is done: %v, its own: %v", s.done(alert), s.done(raise))
			}
			s.wantsPaidAndApplied(1, 0, 1)
			if !maps.Equal(s.Refs(ref), s.Refs(record.JournalPrefix)) {
				t.Error("the journal was touched")
			}
		})
	}
}

// TestSettlingAsksTheHostThatApplied has the next run work on another host.
func TestSettlingAsksTheHostThatApplied(t *testing.T) {
	clean := newSite(t, raise)
	clean.run()
	at := slices.IndexFunc(clean.Trail(clean.name(1)), begins("apply")) + 1
	s := newSite(t, raise)
	s.Fail(fake.Fault{Run: s.name(1), At: at, How: fake.Dies})
	s.run()
	s.EndLease()
	s.terraform = "another"
	s.Machine("terraform").SetDown(true)
	s.run()
	s.wantsEnded("needs-person apply-unconfirmed")
	if len(s.fixes(raise)) > 0 {
		t.Error("what nothing proves was published")
	}
	s.Machine("terraform").SetDown(false)
	s.run()
	s.wantsEnded("done")
	s.wantsPaidAndApplied(1, 1)
	s.quiet()

	t.Run("and when it is gone for good, a person", func(t *testing.T) {
		s := newSite(t, raise)
		s.Fail(fake.Fault{Run: s.name(1), At: at, How: fake.Dies})
		s.run()
		s.EndLease()
		s.terraform = "another"
		s.Machine("terraform").Forget()
		s.run()
		s.wantsEnded("needs-person apply-unknown")
		if len(s.fixes(raise)) > 0 {
			t.Error("what nothing proves was published")
		}
	})
}
