package resolve_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

// Two items of one file, of which neither names the stack.
const pair = "stacks/nfs/pair.tf"

func ofPair(id, name, setting string) todo {
	block := func(value int) string {
		return fmt.Sprintf("resource \"terraform_data\" \"nfs_%s\" {\n  input = {\n    %s = %d\n  }\n}\n", name, setting, value)
	}
	return todo{
		id: id, kind: "Config", action: "Raise the NFS " + setting + " from 10 to 20", details: "they were too few", file: pair, address: "terraform_data.nfs_" + name,
		content: block(10),
		edit:    func(s string) string { return strings.Replace(s, block(10), block(20), 1) },
	}
}

var workers, attempts = ofPair("eeee", "pool", "threads"), ofPair("ffff", "mount", "retries")

// lasting are items whose agents take these times.
func lasting(items []todo, takes ...time.Duration) []todo {
	lasting := append([]todo(nil), items...)
	for i := range lasting {
		lasting[i].takes = takes[i]
	}
	return lasting
}

// Times of agents; no two of them end at the same moment.
const (
	short = 61 * time.Second
	long  = 251 * time.Second
	most  = 1013 * time.Second
)

func atOnce(parallel int) func(*site) {
	return func(s *site) {
		s.tune = func(o *resolve.Options) { o.Parallel = parallel }
	}
}

var severalAtOnce = []scenario{
	{name: "the first item is ready first", items: lasting([]todo{alert, raise}, short, long), from: "write the ledger", prepare: atOnce(3)},
	{name: "the last item is ready first", items: lasting([]todo{alert, raise}, long, short), from: "the agent works", prepare: atOnce(3)},
	{name: "two items name one stack", items: lasting([]todo{raise, retries, alert}, short, short, long), from: "the agent works", prepare: atOnce(3)},
	{name: "two items turn out to be of one stack", items: lasting([]todo{retries, workers}, long, short), from: "the agent works", prepare: atOnce(3)},
	{name: "two items turn out to change one file", items: lasting([]todo{workers, attempts}, short, long), from: "the agent works", prepare: atOnce(3)},
}

// TestEveryCallOfARunWithSeveralAgentsGoesWrong is the same table with the agents of
// all items at work at the same time: nothing is lost, nothing happens twice,
// and nothing is done that is not applied.
func TestEveryCallOfARunWithSeveralAgentsGoesWrong(t *testing.T) {
	t.Parallel()
	disturb(t, severalAtOnce, synctest.Test)
}

// atWork is a site whose items are all worked on at the same time, in virtual time.
func atWork(t *testing.T, items []todo, test func(*site)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, items...)
		atOnce(len(items))(s)
		test(s)
		s.sound()
		s.confirmed()
		if t.Failed() {
			t.Log(s.log())
		}
	})
}

func TestAgentsOfSeveralItemsWorkAtTheSameTime(t *testing.T) {
	atWork(t, lasting([]todo{alert, raise}, long, most), func(s *site) {
		began := time.Now()
		s.run()
		s.wantsEnded("done", "done")
		if took := time.Since(began); took != most {
			t.Errorf("it took %s, and the slowest agent %s", took, most)
		}
	})
}

func TestChangeOfAStackThatAnotherItemChangedIsCarriedThere(t *testing.T) {
	atWork(t, lasting([]todo{workers, retries}, long, short), func(s *site) {
		s.run()
		s.wantsEnded("done", "done")
		s.wantsPaidAndApplied(2, 1, 1)
	})
}

func TestAgentStartsOverWhereAnotherItemChangedTheSameFile(t *testing.T) {
	atWork(t, lasting([]todo{workers, attempts}, short, long), func(s *site) {
		s.run()
		s.wantsEnded("done", "done")
		s.wantsPaidAndApplied(3, 1, 1)
	})
}

func TestLostLockEndsAllAgentsAndCountsNoAttempt(t *testing.T) {
	atWork(t, lasting([]todo{alert, raise, retries}, long, most, long), func(s *site) {
		atOnce(2)(s)
		go func() {
			time.Sleep(short)
			s.TakeLock("", "another")
		}()
		began := time.Now()
		s.run()
		s.wantsEnded("not-attempted interrupted", "not-attempted interrupted", "not-attempted interrupted") // the last one never began
		if took := time.Since(began); took > long {
			t.Errorf("they went on for %s", took)
		}
		s.EndLease()
		s.tune = func(o *resolve.Options) { o.MaxAttempts = 1 }
		s.run()
		s.wantsEnded("done", "done", "done")
	})
}

func TestRefusedFixEndsTheOthersAndNothingMoreIsApplied(t *testing.T) {
	atWork(t, lasting([]todo{alert, raise}, short, long), func(s *site) {
		s.Rule = func(call fake.Call) bool { return call.Name == "publish" }
		s.run()
		s.wantsEnded("needs-person applied-not-on-branch", "not-attempted interrupted")
		if applied := len(s.applies(raise)); applied > 0 {
			t.Errorf("%d applies after it", applied)
		}
	})
}

func TestHostThatGoesAwayEndsAllAgentsOnIt(t *testing.T) {
	atWork(t, lasting([]todo{alert, raise}, short, long), func(s *site) {
		go func() {
			time.Sleep(short / 2)
			s.Machine("agents").SetDown(true)
		}()
		s.run()
		s.wantsEnded("not-attempted not-attempted-host", "not-attempted not-attempted-host")
		s.Machine("agents").SetDown(false)
		s.run()
		s.wantsEnded("done", "done")
	})
}

// TestHostOfAFleetThatGoesAwayLeavesItsItemsToTheOthers has one of two hosts go, for
// good, while agents work on both.
func TestHostOfAFleetThatGoesAwayLeavesItsItemsToTheOthers(t *testing.T) {
	for _, gone := range []string{"agents", "further"} {
		t.Run(gone, func(t *testing.T) {
			atWork(t, lasting([]todo{alert, raise, retries}, short, long, short), func(s *site) {
				s.further = "further"
				s.tune = func(o *resolve.Options) { o.Parallel, o.MaxAttempts = 2, 1 }
				go func() {
					time.Sleep(short / 2)
					s.Machine(gone).SetDown(true)
				}()
				s.run()
				s.wantsEnded("done", "done", "done")
				s.wantsPaidAndApplied(4, 1, 1, 1)
			})
		})
	}
}

func TestItemsOfOneStackLandInTheirOrder(t *testing.T) {
	atWork(t, lasting([]todo{retries, workers}, long, short), func(s *site) {
		s.run()
		s.wantsEnded("done", "done")
		if history := s.History(); len(history) < 3 || !strings.Contains(history[2].Message, retries.action) || !strings.Contains(history[1].Message, workers.action) {
			t.Errorf("they are on the branch in another order: %+v", history)
		}
	})
}
