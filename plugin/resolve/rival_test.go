package resolve_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// rivals are what people push to the branch while a run is at work.
var rivals = map[string]struct {
	files  map[string]string
	effect string // on what was not applied before
}{
	"a file elsewhere":         {map[string]string{"README.md": "theirs\n"}, isDone},
	"a file of the stack":      {map[string]string{"stacks/nfs/README.md": "theirs\n"}, isDone},
	"the agent's rules change": {map[string]string{".claude/agents/resolver.md": "---\nname: resolver\n---\nBe brief.\n"}, isDone},
	"the same file":            {map[string]string{threads: strings.Replace(repository[threads], "{\n  input", "{\n  # theirs\n  input", 1)}, mayBeDone},
	"another resource":         {map[string]string{"stacks/nfs/more.tf": strings.ReplaceAll(repository[threads], "nfs_server", "another")}, isHeld},
	"another value":            {map[string]string{threads: strings.Replace(repository[threads], "8", "12", 1)}, isHeld},
	"the stack is gone":        {map[string]string{threads: ""}, isHeld},
	"the row is withdrawn":     {map[string]string{document: "nothing\n"}, isHeld},
	"the row is reworded":      {map[string]string{document: strings.Replace(raise.line("TODO"), "16", "32", 1)}, isHeld},
}

// Effects of a push of others.
const (
	isDone    = "the item is done all the same"
	mayBeDone = "it is done, or a person is told"
	isHeld    = "nothing is applied"
)

// TestRivalPushesBeforeEveryCallOfARun has somebody push just before each call
// that a run makes.
func TestRivalPushesBeforeEveryCallOfARun(t *testing.T) {
	t.Parallel()
	clean := newSite(t, raise)
	clean.run()
	trail := clean.Trail(clean.name(1))
	every := everyCase(t)
	for n, name := range slices.Sorted(maps.Keys(rivals)) {
		rival := rivals[name]
		for i, call := range trail {
			if !every && (i+n)%3 != 0 {
				continue
			}
			if i < slices.IndexFunc(trail, func(call fake.Call) bool { return call.Name == "ask for the right to push" }) {
				continue // the item's base is looked up after it
			}
			t.Run(fmt.Sprintf("%s/%d %.40s", name, i+1, call.Name), func(t *testing.T) {
				s := newSite(t, raise)
				s.theirs = rival.files
				s.Before = func(n int, call fake.Call) {
					if call.Run == s.name(1) && n == i+1 {
						s.Push("theirs\n", rival.files)
					}
				}
				s.afterRival(rival.effect, wantedAt(trail, i))
				based := slices.IndexFunc(trail, begins("make a workspace for stacks")) - 1 // the fetch of the item's base
				if rival.files[document] != "" && i <= based && s.paid() > 0 {
					t.Errorf("paid for though they had withdrawn it:\n%s", s.log())
				}
			})
		}
	}
}

// TestRivalPushesAfterTheFetchUnderTheLocks has somebody push before each call of a run
// that has the lock of its first item from the start: it begins on what was fetched
// then, asks nothing twice, and applies nothing that is not wanted any more.
func TestRivalPushesAfterTheFetchUnderTheLocks(t *testing.T) {
	t.Parallel()
	locked := func() *site {
		s := newSite(t, raise)
		s.withLock = []string{seam.StackLock("stacks/nfs")}
		return s
	}
	clean := locked()
	clean.run()
	trail := clean.Trail(clean.name(1))
	space := slices.IndexFunc(trail, begins("make a workspace"))
	before := slices.DeleteFunc(slices.Clone(trail[:space]), func(call fake.Call) bool { return strings.Contains(call.Name, "run director") })
	if diff := cmp.Diff([]fake.Call{{Run: clean.name(1), Name: "take the lock", Changes: true}, {Run: clean.name(1), Name: "fetch"}}, before); diff != "" {
		t.Errorf("before the first workspace (-want +got):\n%s", diff)
	}
	every := everyCase(t)
	for n, name := range slices.Sorted(maps.Keys(rivals)) {
		rival := rivals[name]
		for i, call := range trail[2:] {
			if !every && (i+n)%3 != 0 {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d %.40s", name, i+3, call.Name), func(t *testing.T) {
				s := locked()
				s.t, s.theirs = t, rival.files
				s.Before = func(n int, call fake.Call) {
					if call.Run == s.name(1) && n == i+3 {
						s.Push("theirs\n", rival.files)
					}
				}
				s.afterRival(rival.effect, wantedAt(trail, i+2))
			})
		}
	}
}

// TestThreat25_ARowWithdrawnWhileTheAgentWorksIsNotApplied has a person change the
// row when the agent works and when the fix is in its journal.
func TestThreat25_ARowWithdrawnWhileTheAgentWorksIsNotApplied(t *testing.T) {
	t.Parallel()
	journal := "write " + record.JournalRef(record.RefOf(raise.item())) + " and ask for the right to push"
	for name, test := range map[string]struct{ call, row string }{
		"deleted":            {"the agent works", "nothing\n"},
		"reworded":           {"the agent works", strings.Replace(raise.line("TODO"), "Raise", "Double", 1)},
		"its details edited": {"the agent works", strings.Replace(raise.line("TODO"), raise.details, "not before May", 1)},
		"held":               {"the agent works", raise.line("HELD")},
		"after its journal":  {journal, "nothing\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, raise)
			s.Before = once(test.call, func() { s.Push("think again\n", map[string]string{document: test.row}) })
			s.run()
			s.wantsEnded("not-attempted changed-meanwhile")
			s.wantsPaidAndApplied(1, 0)
			s.wantsUntouched()
		})
	}
}

// wantedAt reports whether a run has looked at the row for the last time before
// its apply when it comes to a call.
func wantedAt(trail []fake.Call, at int) bool {
	looks := 0
	for i, call := range trail {
		if call.Name == "look for the lock" {
			looks = i
		}
	}
	return at > looks
}

// afterRival plays on after a push of others.
func (s *site) afterRival(effect string, begun bool) {
	s.t.Helper()
	for range mostRuns {
		end := s.run()
		s.sound()
		s.confirmed()
		if s.outcome(raise).Command != "" {
			break // a person must look, and is told so
		}
		if end.idle {
			break
		}
	}
	out := s.outcome(raise)
	if effect == isDone && !s.done(raise) {
		s.t.Errorf("not done: %+v\n%s", out, s.log())
	}
	applied := s.applies(raise)
	if effect == isHeld && !begun && len(applied) > 0 {
		s.t.Errorf("applied though they had pushed before: %+v\n%s", out, s.log())
	}
	if len(applied) > 0 && len(s.fixes(raise)) == 0 && out.State != item.NeedsPerson {
		s.t.Errorf("applied, not on the branch, and nobody is told: %+v\n%s", out, s.log())
	}
	if journals := journal.Seen(s.Clone("")); len(journals) > 0 && out.State != item.NeedsPerson {
		s.t.Errorf("journals are left: %v\n%s", journals, s.log())
	}
}

func TestNothingIsAppliedOnceAnotherRunHasTheLock(t *testing.T) {
	s := newSite(t, raise)
	theirs := map[string]string{}
	s.Before = once("look for the lock", func() {
		s.TakeLock("", "another")
		for name := range s.Refs(record.JournalPrefix) {
			theirs[name] = s.Push("theirs\n", nil)
			s.SetRef(name, theirs[name])
		}
	})
	s.run()
	if left := s.Refs(record.JournalPrefix); len(left) != 1 || !maps.Equal(left, theirs) {
		t.Errorf("of the journal of the other run %v, %v is left", theirs, left)
	}
	if out := s.outcome(raise); len(s.applies(raise)) > 0 || out.State != item.NotAttempted {
		t.Errorf("%d applies, %+v", len(s.applies(raise)), out)
	}
}

func TestFixThatAnotherRunPublishedIsDone(t *testing.T) {
	s := newSite(t, raise)
	s.Before = once("publish", func() {
		for _, journal := range s.Refs(record.JournalPrefix) {
			s.Push("a file between them\n", map[string]string{"README.md": "theirs\n"})
			s.Push(s.Message(journal), map[string]string{threads: raise.edit(repository[threads])})
		}
	})
	scenario{}.play(s)
	s.quiet()
	if s.runs != 2 {
		t.Errorf("it took %d runs:\n%s", s.runs, s.log())
	}
}

// TestFrozenRunAtEveryCall stops a run just before each call for longer than its
// lease. Another run takes the lock over, settles the item and does it. When the
// first wakes up it must neither apply nor take anything back.
func TestFrozenRunAtEveryCall(t *testing.T) {
	t.Parallel()
	clean := newSite(t, raise)
	clean.run()
	for _, applyTakes := range []time.Duration{0, 20 * time.Minute} {
		for i, call := range clean.Trail(clean.name(1)) {
			t.Run(fmt.Sprintf("%d %.40s/%s", i+1, call.Name, applyTakes), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { freezeAt(t, i+1, applyTakes) })
			})
		}
	}
}

func freezeAt(t *testing.T, at int, applyTakes time.Duration) {
	s := newSite(t, raise)
	s.ApplyTakes = applyTakes
	s.overtaken(at)
	s.sound()
	s.Before = nil
	scenario{}.play(s)
	s.quiet()
	if t.Failed() {
		t.Log(s.log())
	}
}

// overtaken is the next run, which stands still before one of its calls while another
// one takes the lock over and goes to its end.
func (s *site) overtaken(at int) {
	const freeze = 10 * time.Minute
	first := s.runs + 1
	var wakes atomic.Int64
	s.frozen = func() time.Duration { return max(0, time.Until(time.Unix(0, wakes.Load()))) }
	s.Before = func(n int, call fake.Call) {
		if call.Run == s.name(first) && n == at {
			wakes.Store(time.Now().Add(freeze).UnixNano())
			time.Sleep(freeze)
		}
	}
	other := *s
	other.runs, other.frozen = first, func() time.Duration { return 0 }
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		time.Sleep(time.Minute)
		other.run()
	}()
	s.run()
	<-ended
	s.runs = first + 1
}

// TestTwoRunsAtOnceHaveOneProposalAndOneApply has one run overtaken by another, both
// when they propose and when they apply what was merged.
func TestTwoRunsAtOnceHaveOneProposalAndOneApply(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		begin func(t *testing.T) *site
		check func(s *site)
	}{
		"proposing": {
			func(t *testing.T) *site { return proposes(t, patient) },
			func(s *site) {
				if branches, records := s.branches(), s.Refs(proposals); len(branches) != 1 || len(records) != 1 || s.applied() {
					s.t.Errorf("branches %v, records %v, applied %t", branches, records, s.applied())
				}
				s.run()
				s.wants(s.t, patient, item.Proposed, reason.Proposed)
			},
		},
		"merged": {
			func(t *testing.T) *site {
				s := proposed(t, raise)
				s.Merge(branchOf(raise), "")
				return s
			},
			func(s *site) {
				s.run()
				if n := len(s.applies(raise)); n != 1 || !s.done(raise) {
					s.t.Errorf("%d applies, done %t", n, s.done(raise))
				}
			},
		},
	} {
		clean := test.begin(t)
		clean.run()
		for i, call := range clean.Trail(clean.name(clean.runs)) {
			if !strings.HasPrefix(call.Name, "write ") && !strings.HasPrefix(call.Name, "apply") && call.Name != "look for the lock" {
				continue
			}
			t.Run(fmt.Sprintf("%s/%d %.60s", name, i+1, call.Name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := test.begin(t)
					s.overtaken(i + 1)
					s.Before = nil
					test.check(s)
					if t.Failed() {
						t.Log(s.log())
					}
				})
			})
		}
	}
}
