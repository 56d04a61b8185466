package resolve_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
)

// dealt are items of one stack and of another, and one that names none of them and
// turns out to be of the former.
var dealt = []todo{raise, alert, workers}

var (
	everything  = shard.Shard{}
	oneHalf     = shard.Shard{Number: 1, Of: 2}
	otherHalf   = shard.Shard{Number: 2, Of: 2}
	sideBySides = map[string][2]shard.Shard{
		"the other shard beside the first":  {oneHalf, otherHalf},
		"the first shard beside the other":  {otherHalf, oneHalf},
		"a run of all items beside a shard": {oneHalf, everything},
		"a shard beside a run of all items": {everything, otherHalf},
	}
)

// beside is another run of the program at the same remote.
func (s *site) beside(of shard.Shard) *site {
	other := *s
	other.shard, other.runs, other.lock = of, s.runs+10, nil
	return &other
}

// TestRunsOfShardsSideBySide_AtEveryCall has another run begin and end just before
// each call of a run: nothing is lost, nothing happens twice. In a sample, each call
// meets one of them.
func TestRunsOfShardsSideBySide_AtEveryCall(t *testing.T) {
	t.Parallel()
	every := everyCase(t)
	for n, name := range slices.Sorted(maps.Keys(sideBySides)) {
		of := sideBySides[name]
		var trail []fake.Call
		synctest.Test(t, func(t *testing.T) {
			clean := newSite(t, dealt...)
			clean.shard = of[0]
			clean.run()
			trail = clean.Trail(clean.name(1))
		})
		for i, call := range trail {
			if !every && (i+n)%len(sideBySides) != 0 {
				continue
			}
			for _, dies := range []bool{false, true} {
				if dies && !call.Changes {
					continue // nobody sees whether it died here or after the call before
				}
				t.Run(fmt.Sprintf("%s/%d %.50s, dies %v", name, i+1, call.Name, dies), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						s := newSite(t, dealt...)
						s.shard = of[0]
						other := s.beside(of[1])
						if dies {
							s.Fail(fake.Fault{Run: s.name(1), At: i + 1, How: fake.Dies})
							s.run()
							other.run()
						} else {
							s.Before = func(n int, call fake.Call) {
								if call.Run == s.name(1) && n == i+1 {
									other.run()
								}
							}
							s.run()
						}
						s.finish(other)
					})
				})
			}
		}
	}
}

// finish has runs of all items come after those of shards, until nothing is left.
func (s *site) finish(others ...*site) {
	s.t.Helper()
	s.sound()
	for _, one := range append(others, s) {
		one.confirmed()
		for _, todo := range s.items {
			if out := one.outcome(todo); out.State == item.Failed || out.State == item.Refused || out.Reason == reason.Reopened {
				s.t.Errorf("%s of %s is %s: %+v", todo.id, one.name(one.runs), out.State, out)
			}
		}
	}
	s.Before, s.shard, s.runs = nil, everything, s.runs+50
	s.EndLease()
	scenario{}.play(s)
	s.quiet()
	if s.t.Failed() {
		for _, one := range others {
			s.t.Logf("beside:\n%s", one.log())
		}
		s.t.Log(s.log())
	}
}

// TestRunsOfShardsSideBySide_InAnyOrder has two shards and a run of all items come to
// their calls in orders that nobody chose.
func TestRunsOfShardsSideBySide_InAnyOrder(t *testing.T) {
	t.Parallel()
	orders := uint64(12)
	if everyCase(t) {
		orders = 300
	}
	busy := 0
	for seed := range orders {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, append([]todo{retries}, dealt...)...)
				var mu sync.Mutex
				random := rand.New(rand.NewPCG(seed, 19))
				s.Before = func(int, fake.Call) {
					mu.Lock()
					pause := time.Duration(random.IntN(40_000)) * time.Millisecond
					mu.Unlock()
					time.Sleep(pause)
				}
				sites := []*site{s}
				for n, of := range []shard.Shard{otherHalf, everything} {
					other := s.beside(of)
					other.runs = 10 * (n + 1)
					sites = append(sites, other)
				}
				s.shard = oneHalf
				var all sync.WaitGroup
				for _, one := range sites {
					all.Go(func() { one.run() })
				}
				all.Wait()
				for _, one := range sites {
					for _, todo := range s.items {
						if one.outcome(todo).Reason == reason.StackBusy {
							busy++
						}
					}
				}
				s.finish(sites[1:]...)
			})
		})
	}
	if busy == 0 {
		t.Error("no run ever met another one at a stack")
	}
}

// TestStackThatAnotherRunHas_IsLeftToIt names what becomes of an item of a stack where
// another run is at work: before its agent is paid, and after.
func TestStackThatAnotherRunHas_IsLeftToIt(t *testing.T) {
	t.Run("named by the item", func(t *testing.T) {
		s := newSite(t, raise, alert)
		s.TakeLock(seam.StackLock("stacks/nfs"), "another")
		s.run()
		if out := s.outcome(raise); out.State != item.NotAttempted || out.Reason != reason.StackBusy || s.turns() != 1 {
			t.Errorf("%+v after %d turns", out, s.turns())
		}
		if !s.done(alert) {
			t.Errorf("the item of another stack waits: %+v", s.outcome(alert))
		}
		s.EndLease()
		scenario{}.play(s)
		s.quiet()
	})
	t.Run("found out by the agent's work", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, workers)
			s.TakeLock(seam.StackLock("stacks/nfs"), "another")
			began := time.Now()
			s.run()
			out := s.outcome(workers)
			if waited := time.Since(began); out.Reason != reason.StackBusy || out.Branch == "" || waited < 9*time.Minute || waited > 11*time.Minute {
				t.Errorf("after %s: %+v", waited, out)
			}
			if len(s.Refs("refs/heads/"+out.Branch)) != 1 {
				t.Error("its work is not kept")
			}
			s.EndLease()
			scenario{}.play(s)
			s.quiet()
		})
	})
	t.Run("until it is free", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, workers)
			s.TakeLock(seam.StackLock("stacks/nfs"), "another")
			time.AfterFunc(2*time.Minute, func() {
				s.Push("theirs\n", map[string]string{"stacks/nfs/README.md": "theirs\n"})
				s.TakeLock(seam.StackLock("stacks/nfs"), "")
			})
			s.run()
			if !s.done(workers) {
				t.Errorf("%+v", s.outcome(workers))
			}
			s.sound()
			s.quiet()
		})
	})
}

// TestRunsThatNeedEachOthersStacks_OneGivesUpAtOnce has a run that has a stack find out
// that an item is of another run's, which waits for its own in the meantime, or not.
func TestRunsThatNeedEachOthersStacks_OneGivesUpAtOnce(t *testing.T) {
	t.Parallel()
	elsewhere := workers
	elsewhere.file = "stacks/monitoring/pair.tf"
	for name, test := range map[string]struct {
		first, second todo
		has, wants    string
		waits, done   bool
		with          []string // taken with the lock of the run
	}{
		"the other waits, and the name of its stack comes first": {raise, elsewhere, "stacks/nfs", "stacks/monitoring", true, false, nil},
		"the other waits for what came with the lock of the run": {raise, elsewhere, "stacks/nfs", "stacks/monitoring", true, false, []string{seam.StackLock("stacks/nfs")}},
		"the other does not wait":                                {raise, elsewhere, "stacks/nfs", "stacks/monitoring", false, true, nil},
		"the other waits, and the name of its stack comes last":  {alert, workers, "stacks/monitoring", "stacks/nfs", true, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, test.first, test.second)
				s.withLock = test.with
				s.TakeLock(seam.StackLock(test.wants), "another")
				if test.waits {
					s.TakeLock("wait for "+seam.StackLock(test.has), "another")
				}
				time.AfterFunc(2*time.Minute, func() { s.TakeLock(seam.StackLock(test.wants), "") })
				began := time.Now()
				s.run()
				out := s.outcome(test.second)
				if took := time.Since(began); s.done(test.second) != test.done || !test.done && (out.Reason != reason.StackBusy || out.Branch == "" || took > time.Minute) {
					t.Errorf("after %s: %+v\n%s", took, out, s.log())
				}
				if !s.done(test.first) {
					t.Errorf("%+v", s.outcome(test.first))
				}
				s.sound()
				for lock, run := range s.Locked() {
					if run != "another" {
						t.Errorf("%s is left with %s", lock, run)
					}
				}
				s.EndLease()
				scenario{}.play(s)
				s.quiet()
			})
		})
	}
}

// TestRunThatGetsAStackWhileItWaits_GivesUpWhenOthersWaitForThat has one item wait for the
// stack of another run when a second one, whose agent took longer, turns out to be of
// the stack for which that run waits.
func TestRunThatGetsAStackWhileItWaits_GivesUpWhenOthersWaitForThat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		elsewhere := workers
		elsewhere.file = "stacks/monitoring/pair.tf"
		items := lasting([]todo{elsewhere, attempts}, short, long)
		s := newSite(t, items...)
		atOnce(2)(s)
		s.TakeLock(seam.StackLock("stacks/monitoring"), "another")
		s.TakeLock("wait for "+seam.StackLock("stacks/nfs"), "another")
		began := time.Now()
		s.run()
		out := s.outcome(items[0])
		if took := time.Since(began); out.Reason != reason.StackBusy || out.Branch == "" || took > long+time.Minute {
			t.Errorf("after %s: %+v\n%s", took, out, s.log())
		}
		if !s.done(items[1]) {
			t.Errorf("%+v", s.outcome(items[1]))
		}
		s.EndLease()
		scenario{}.play(s)
		s.quiet()
	})
}

// TestJournalOfARunThatIsAtWork_IsNotSettledByAnother has a run begin while another one
// applies.
func TestJournalOfARunThatIsAtWork_IsNotSettledByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, raise)
		s.shard = oneHalf
		if !s.shard.Has(seam.StackLock("stacks/nfs")) {
			s.shard = otherHalf
		}
		other := s.beside(everything)
		s.Before = func(_ int, call fake.Call) {
			if call.Run == s.name(1) && strings.HasPrefix(call.Name, "apply") {
				other.run()
			}
		}
		s.run()
		for _, call := range other.Trail(other.name(other.runs)) {
			if call.Name == "ask how the apply ended" {
				t.Errorf("another run settles what is at work:\n%s", other.log())
			}
		}
		if out := other.outcome(raise); out.Reason != reason.StackBusy {
			t.Errorf("%+v", out)
		}
		s.sound()
		s.quiet()
	})
}

// TestShards_OpenNoMoreProposalsThanThereArePlaces has runs of two shards come to
// the last place at the same time, at each call of one of them.
func TestShards_OpenNoMoreProposalsThanThereArePlaces(t *testing.T) {
	t.Parallel()
	site := func(t *testing.T) (s, other *site) {
		s = newSite(t, patient, doubtful(1), ofPair("gggg", "lease", "seconds"))
		s.mode = resolve.Propose
		s.tune = func(o *resolve.Options) { o.MaxOpen = 1 }
		s.shard = oneHalf
		return s, s.beside(otherHalf)
	}
	var trail []fake.Call
	synctest.Test(t, func(t *testing.T) {
		s, _ := site(t)
		s.run()
		trail = s.Trail(s.name(1))
	})
	opened := 0
	for i, call := range trail {
		t.Run(fmt.Sprintf("%d %.50s", i+1, call.Name), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, other := site(t)
				s.Before = func(n int, call fake.Call) {
					if call.Run == s.name(1) && n == i+1 {
						other.run()
					}
				}
				s.run()
				if open := s.branches(); len(open) != 1 {
					t.Errorf("open are %v\n%s\nbeside:\n%s", open, s.log(), other.log())
				}
				if other.outcome(doubtful(1)).Branch+other.outcome(patient).Branch+other.outcome(s.items[2]).Branch != "" {
					opened++
				}
			})
		})
	}
	if opened == 0 {
		t.Error("the run beside never had the place")
	}
}

// TestLedgerOfShards_KeepsWhatEachHasRead shows that a run of one shard neither moves
// on what another compares with nor takes up or forgets its items.
func TestLedgerOfShards_KeepsWhatEachHasRead(t *testing.T) {
	s := newSite(t, dealt...)
	s.shard = oneHalf
	s.run()
	log, err := s.Clone("").ReadLog(record.LedgerRef)
	if err != nil {
		t.Fatal(err)
	}
	ledger, _ := record.ReadLedger(log.Lines)
	if ledger.Completed(oneHalf.String()) == "" || ledger.Completed(otherHalf.String()) != "" || ledger.Completed("") != "" {
		t.Errorf("the ledger says:\n%s", log.Lines)
	}
}

// TestItemsOfALot_AreEachAskedForWhatAnotherRunMadeOfThem has another run propose all
// items of a stack just before this one takes its lock.
func TestItemsOfALot_AreEachAskedForWhatAnotherRunMadeOfThem(t *testing.T) {
	t.Parallel()
	for name, parallel := range map[string]int{"one at a time": 1, "several": 3} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, raise, retries)
				s.mode = resolve.Propose
				atOnce(parallel)(s)
				other := s.beside(oneHalf)
				if !oneHalf.Has(seam.StackLock("stacks/nfs")) {
					other.shard = otherHalf
				}
				begun := false
				s.Before = func(_ int, call fake.Call) {
					if call.Run == s.name(1) && strings.HasPrefix(call.Name, "take the lock of ") && !begun {
						begun = true
						other.run()
					}
				}
				s.run()
				for _, todo := range s.items {
					if theirs, ours := other.outcome(todo), s.outcome(todo); theirs.State != item.Proposed || ours.Reason != reason.ChangedMeanwhile {
						t.Errorf("%s: there %+v\nhere %+v", todo.id, theirs, ours)
					}
				}
				if s.turns() != 0 {
					t.Errorf("%d turns were paid for again\n%s", s.turns(), s.log())
				}
			})
		})
	}
}

// TestTimeOfAnItem_StandsStillWhileAnotherRunHasItsStack waits longer for the stack of
// a change than the item itself may take.
func TestTimeOfAnItem_StandsStillWhileAnotherRunHasItsStack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, workers)
		s.tune = func(o *resolve.Options) { o.ItemTimeout = 3 * time.Minute }
		s.TakeLock(seam.StackLock("stacks/nfs"), "another")
		time.AfterFunc(8*time.Minute, func() { s.TakeLock(seam.StackLock("stacks/nfs"), "") })
		s.run()
		if !s.done(workers) {
			t.Errorf("%+v", s.outcome(workers))
		}
	})
}
