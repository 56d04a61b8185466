package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// job is an item and how the work on it goes.
type job struct {
	name   string
	stack  string        // that it names
	turns  out           // that its agent's work turns out to be of
	agent  time.Duration // its agent works
	lands  time.Duration // with the floor
	cost   float64
	asks   bool
	unpaid bool // its stack holds it back before its agent works
	stop   reason.Code
	cancel error
}

type out = string

// world has jobs be worked on, and notes what happened when.
type world struct {
	jobs   []job
	rules  Rules
	begun  time.Time
	events []string
	agents int // at work
	most   int // agents that were at the same time
	landed []string
	shares map[string]float64
	free   int
	bears  int // agents at a time
	budget float64
}

func newWorld(jobs ...job) *world {
	w := &world{jobs: jobs, shares: map[string]float64{}, free: 99, bears: 3, budget: 10}
	w.rules = Rules{
		Parallel: func() int { return w.bears }, MaxItems: 99, Budget: func() (float64, reason.Code) { return w.budget, reason.NotAttemptedBudget },
		MayStart: func(paid int) reason.Code {
			if paid >= w.rules.MaxItems {
				return reason.NotAttemptedLimit
			}
			return ""
		},
		Stack: func(todo item.Item) string { return w.job(todo).stack },
		Asks:  func(todo item.Item) bool { return w.job(todo).asks },
		Free:  func() int { return w.free },
	}
	return w
}

func (w *world) job(todo item.Item) job {
	return w.jobs[slices.IndexFunc(w.jobs, func(j job) bool { return j.name == todo.ID })]
}

// run works on all of them in virtual time, and says what became of each.
func (w *world) run(ctx context.Context) string {
	w.begun = time.Now()
	var queue []item.Item
	for _, j := range w.jobs {
		queue = append(queue, item.Item{ID: j.name})
	}
	var ends []string
	for _, out := range Run(ctx, w.rules, queue, w.work) {
		ends = append(ends, strings.TrimSuffix(fmt.Sprintf("%s %s %s", out.Item.ID, out.State, out.Reason), " "))
	}
	return strings.Join(ends, ", ")
}

func (w *world) note(format string, args ...any) {
	w.events = append(w.events, fmt.Sprintf("%s ", time.Since(w.begun))+fmt.Sprintf(format, args...))
}

func (w *world) work(ctx context.Context, work *Work) End {
	j := w.job(work.Item)
	end := End{Outcome: item.Outcome{Item: work.Item, State: item.Done}, Stop: j.stop, Cancel: j.cancel}
	if j.unpaid {
		end.Outcome.State = item.Skipped
		return end
	}
	w.shares[j.name], work.Paid = work.Share, true
	w.note("%s starts", j.name)
	w.agents++
	w.most = max(w.most, w.agents)
	work.Away(func() {
		select {
		case <-time.After(j.agent):
		case <-ctx.Done():
		}
	})
	w.agents--
	work.Charge(j.cost)
	if ctx.Err() != nil {
		end.Outcome.State, end.Outcome.Reason = item.NotAttempted, reason.Interrupted
		return end
	}
	if j.turns != "" {
		work.Claim(j.turns)
	}
	w.note("%s lands", j.name)
	time.Sleep(j.lands)
	w.landed = append(w.landed, j.name)
	if j.asks {
		w.free--
	}
	return end
}

// TestItemThatMayComeAgainIsStartedOnceMoreInItsPlace has the host of an item go, with
// one place for agents. It counts once against max_items.
func TestItemThatMayComeAgainIsStartedOnceMoreInItsPlace(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var started []string
		var cost float64
		w := newWorld(job{name: "a"}, job{name: "b"}, job{name: "c"})
		w.rules.MaxItems = 3
		queue := []item.Item{{ID: "a"}, {ID: "b"}, {ID: "c"}}
		outcomes := Run(t.Context(), w.rules, queue, func(_ context.Context, work *Work) End {
			started, work.Paid = append(started, fmt.Sprintf("%s %d/%d", work.Item.ID, work.Number, work.Of)), true
			work.Charge(1)
			end := End{Outcome: item.Outcome{Item: work.Item, State: item.Done, CostUSD: 1}}
			if len(started) == 2 {
				w.bears--
				end.Outcome.State, end.Again = item.NotAttempted, true
			}
			if len(started) == 4 { // what comes again is left out, and stays what it was
				end.Outcome.State, end.Again, end.Stop = item.NotAttempted, true, reason.NotAttemptedHost
			}
			return end
		})
		for _, out := range outcomes {
			cost += out.CostUSD
		}
		if got := strings.Join(started, ", "); got != "a 1/3, b 2/3, b 2/3, c 3/3" || outcomes[1].State != item.Done || outcomes[2].Reason != "" || cost != 4 {
			t.Errorf("started %s for %v USD: %+v", got, cost, outcomes)
		}
	})
}

func (w *world) wants(t *testing.T, got, want string, events ...string) {
	t.Helper()
	if got != want {
		t.Errorf("ended %s\nnot   %s", got, want)
	}
	if len(events) > 0 && !slices.Equal(w.events, events) {
		t.Errorf("it went\n%s\nnot\n%s", strings.Join(w.events, "\n"), strings.Join(events, "\n"))
	}
}

func inTime(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

const (
	minute = time.Minute
	second = time.Second
)

func TestItemsLandOneAfterTheOtherInTheOrderInWhichTheyAreReady(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", agent: 3 * minute, lands: minute}, job{name: "b", agent: minute, lands: minute}, job{name: "c", agent: 90 * second, lands: minute}, job{name: "d", agent: second, lands: minute})
		w.wants(t, w.run(t.Context()), "a done, b done, c done, d done",
			"0s a starts", "0s b starts", "0s c starts",
			"1m0s b lands", "2m0s d starts", "2m0s c lands", "3m0s d lands", "4m0s a lands")
	})
}

func TestOneAtATimeIsOneAfterTheOther(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", agent: 3 * minute, lands: minute}, job{name: "b", agent: minute, lands: minute})
		w.bears = 1
		w.wants(t, w.run(t.Context()), "a done, b done", "0s a starts", "3m0s a lands", "4m0s b starts", "5m0s b lands")
	})
}

func TestItemsThatNameOneStackFollowEachOther(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", stack: "x", agent: 3 * minute}, job{name: "b", stack: "x", agent: minute}, job{name: "c", agent: minute}, job{name: "d", stack: "x", agent: minute}, job{name: "e", stack: "y", agent: second})
		w.wants(t, w.run(t.Context()), "a done, b done, c done, d done, e done",
			"0s a starts", "0s c starts", "0s e starts", "1s e lands", "1m0s c lands", "3m0s a lands", "3m0s b starts", "4m0s b lands", "4m0s d starts", "5m0s d lands")
	})
}

func TestItemThatTurnsOutToBeOfAStackWaitsForThoseBeforeIt(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(
			job{name: "a", stack: "x", agent: 3 * minute}, job{name: "b", turns: "x", agent: minute},
			job{name: "c", turns: "y", agent: 2 * minute}, job{name: "d", stack: "z", turns: "y", agent: second})
		w.wants(t, w.run(t.Context()), "a done, b done, c done, d done",
			"0s a starts", "0s b starts", "0s c starts", "2m0s c lands", "2m0s d starts", "2m1s d lands", "3m0s a lands", "3m0s b lands")
	})
}

func TestBudgetIsDividedBeforeTheyStartAndWhatIsLeftGoesBack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", agent: minute, cost: 1}, job{name: "b", agent: 3 * minute, cost: 2.5}, job{name: "c", agent: 2 * minute, cost: 2}, job{name: "d", agent: minute})
		w.rules.MaxItems = 4
		w.run(t.Context())
		for name, want := range map[string]float64{"a": 2.5, "b": 2.5, "c": 2.5, "d": 4} {
			if w.shares[name] != want {
				t.Errorf("%s may cost %v, not %v", name, w.shares[name], want)
			}
		}
	})
}

func TestItemWaitsForMoneyThatMayComeBack(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", agent: minute, cost: 0.01}, job{name: "b", agent: minute, cost: 0.06}, job{name: "c", agent: minute})
		w.budget = 0.08
		w.wants(t, w.run(t.Context()), "a done, b done, c not-attempted not-attempted-budget", "0s a starts", "1m0s a lands", "1m0s b starts", "2m0s b lands")
	})
}

func TestItemsAtWorkCountAgainstTheLimits(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", unpaid: true}, job{name: "b", agent: minute}, job{name: "c", agent: minute}, job{name: "d", agent: minute})
		w.rules.MaxItems = 2
		w.wants(t, w.run(t.Context()), "a skipped, b done, c done, d not-attempted not-attempted-limit")
	})
}

func TestItemThatIsToBeProposedWaitsUntilAPlaceIsCertain(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", asks: true, agent: minute}, job{name: "b", asks: true, agent: 2 * minute}, job{name: "c", asks: true, agent: minute}, job{name: "d", agent: second})
		w.free = 2
		w.wants(t, w.run(t.Context()), "a done, b done, c not-attempted not-attempted-proposals, d done",
			"0s a starts", "0s b starts", "0s d starts", "1s d lands", "1m0s a lands", "2m0s b lands")
	})
}

func TestNothingStartsOnceOneSaysSoAndThoseAtWorkEnd(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", agent: minute, stop: reason.NotAttemptedHost}, job{name: "b", agent: 2 * minute}, job{name: "c", agent: 3 * minute}, job{name: "d"})
		w.wants(t, w.run(t.Context()), "a done, b done, c done, d not-attempted not-attempted-host")
	})
}

func TestThoseAtWorkAreEndedOnceNothingMoreCanLand(t *testing.T) {
	inTime(t, func(t *testing.T) {
		w := newWorld(job{name: "a", agent: minute, stop: reason.PushRefused, cancel: errors.New("refused")}, job{name: "b", agent: 2 * minute}, job{name: "c", agent: time.Hour}, job{name: "d"})
		w.wants(t, w.run(t.Context()), "a done, b not-attempted interrupted, c not-attempted interrupted, d not-attempted push-refused")
		if took := time.Since(w.begun); took != minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestCancelledRunEndsAllItsAgents(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), minute)
		defer cancel()
		w := newWorld(job{name: "a", agent: time.Hour}, job{name: "b", agent: 2 * time.Hour}, job{name: "c", agent: 3 * time.Hour}, job{name: "d"})
		w.rules.MayStart = func(int) reason.Code {
			if ctx.Err() != nil {
				return reason.NotAttemptedTime
			}
			return ""
		}
		w.wants(t, w.run(ctx), "a not-attempted interrupted, b not-attempted interrupted, c not-attempted interrupted, d not-attempted not-attempted-time")
		if took := time.Since(w.begun); took != minute {
			t.Errorf("it took %s", took)
		}
	})
}

// TestTimeStandsStillWhileAnItemWaitsForOthers has one land for longer than
// another may take.
func TestTimeStandsStillWhileAnItemWaitsForOthers(t *testing.T) {
	inTime(t, func(t *testing.T) {
		rules := newWorld(job{name: "lands long"}, job{name: "waits"}, job{name: "is slow"}).rules
		ended := map[string]error{}
		Run(t.Context(), rules, []item.Item{{ID: "lands long"}, {ID: "waits"}, {ID: "is slow"}}, func(ctx context.Context, work *Work) End {
			limited, done := work.Limit(ctx, 10*minute)
			defer done()
			agent := map[string]time.Duration{"lands long": minute, "waits": 2 * minute, "is slow": time.Hour}[work.Item.ID]
			work.Away(func() {
				select {
				case <-time.After(agent):
				case <-limited.Done():
				}
			})
			if ended[work.Item.ID] = limited.Err(); agent == minute {
				time.Sleep(time.Hour)
			} else {
				time.Sleep(7 * minute)
			}
			if ended[work.Item.ID] == nil && agent == 2*minute {
				ended[work.Item.ID] = limited.Err()
			}
			return End{}
		})
		if ended["lands long"] != nil || ended["waits"] != nil || ended["is slow"] == nil {
			t.Errorf("ended by their limit: %v", ended)
		}
	})
}

// TestWhateverTheItemsEachIsWorkedOnOnceAndOneLandsAtATime draws items, their
// stacks and their times.
func TestWhateverTheItemsEachIsWorkedOnOnceAndOneLandsAtATime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		stacks := rapid.SampledFrom([]string{"", "x", "y"})
		jobs := make([]job, rapid.IntRange(0, 6).Draw(rt, "items"))
		for i := range jobs {
			jobs[i] = job{
				name: fmt.Sprint(i), stack: stacks.Draw(rt, "named"), turns: stacks.Draw(rt, "turns out"),
				agent: time.Duration(rapid.IntRange(0, 4).Draw(rt, "agent")) * minute, lands: time.Duration(rapid.IntRange(0, 2).Draw(rt, "lands")) * minute,
				cost: rapid.Float64Range(0, 4).Draw(rt, "cost"), asks: rapid.Bool().Draw(rt, "asks"), unpaid: rapid.Bool().Draw(rt, "unpaid"),
			}
			if jobs[i].stack != "" {
				jobs[i].turns = jobs[i].stack
			}
		}
		w := newWorld(jobs...)
		w.bears, w.rules.MaxItems = rapid.IntRange(1, 4).Draw(rt, "parallel"), rapid.IntRange(1, 6).Draw(rt, "max_items")
		w.free = rapid.IntRange(0, 3).Draw(rt, "free")
		var ends string
		synctest.Test(t, func(t *testing.T) { ends = w.run(t.Context()) })
		if w.most > w.bears || len(w.shares) > w.rules.MaxItems || len(w.landed) != len(w.shares) {
			rt.Fatalf("%d agents at a time, %d paid, %d landed: %s", w.most, len(w.shares), len(w.landed), ends)
		}
		for _, name := range w.landed {
			if strings.Count(fmt.Sprint(w.landed), name) != 1 {
				rt.Fatalf("landed %v", w.landed)
			}
		}
		for _, stack := range []string{"x", "y"} {
			named := slices.DeleteFunc(slices.Clone(w.landed), func(name string) bool { return w.job(item.Item{ID: name}).stack != stack })
			if !slices.IsSorted(named) {
				rt.Fatalf("of %s they landed %v", stack, named)
			}
		}
		if w.free < 0 {
			rt.Fatalf("%d places too many were taken", -w.free)
		}
	})
}
