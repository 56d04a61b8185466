// Package schedule has several items be worked on at the same time. Whoever works
// has the floor, one at a time, and lets go of it while an agent is at work: so
// everything that the items share is used by one of them at a time, and they land
// one after the other in the order in which they are ready.
package schedule

import (
	"context"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Rules are what a run goes by. What they ask is asked while nobody works.
type Rules struct {
	Parallel func() int                              // items at work at the same time, 1 or more; fewer once a host is gone
	MaxItems int                                     // that are paid for
	Budget   func() (usd float64, broke reason.Code) // of all, and why no item may start once that is used up
	MayStart func(paid int) reason.Code              // why no further item may start, "" when one may
	Stack    func(item.Item) string                  // that an item names, "" for none
	Asks     func(item.Item) bool                    // whether its work may take a place of a proposal
	Free     func() int                              // places of proposals
}

// End is how the work on an item ended.
type End struct {
	Outcome item.Outcome
	Stop    reason.Code // why no further item may start, "" when others may fare better
	Cancel  error       // what ends those that are at work as well, nil when they go on
	Again   bool        // the item may start once more; until then this is what became of it
}

type schedule struct {
	Rules
	floor    floor
	spent    account
	cancel   context.CancelCauseFunc
	act      func(context.Context, *Work) End
	queue    []item.Item
	beside   bool  // more than one may be at work at the same time
	left     []int // places in the queue of those that are to be started
	running  []*Work
	ended    int // how many were started and are over
	paid     int // of those that are over
	stop     reason.Code
	outcomes []item.Outcome // by place in the queue
}

// Run has act work on the items of a queue, as many at a time as the rules let it,
// and says what became of each, in the order of the queue.
func Run(ctx context.Context, rules Rules, queue []item.Item, act func(context.Context, *Work) End) []item.Outcome {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &schedule{Rules: rules, cancel: cancel, act: act, queue: queue, beside: rules.Parallel() > 1, outcomes: make([]item.Outcome, len(queue))}
	for i := range queue {
		s.left = append(s.left, i)
	}
	s.floor.take()
	defer s.floor.leave()
	for len(s.left) > 0 {
		if why := s.over(); why != "" {
			s.leaveOut(why, s.left...)
			break
		}
		s.leaveOutPlaceless()
		at := s.next()
		budget, broke := s.Budget()
		share := 0.0
		if at >= 0 {
			share = slice(budget, s.spent.usd()+s.reserved(), min(len(s.left), s.MaxItems-s.paying()))
		}
		switch {
		case share > 0:
			s.start(ctx, at, share)
		case len(s.running) > 0:
			s.awaitEnd()
		default:
			s.leaveOut(broke, s.left...)
		}
	}
	for len(s.running) > 0 {
		s.awaitEnd()
	}
	return s.outcomes
}

// over says why no further item may start.
func (s *schedule) over() reason.Code {
	if s.stop != "" {
		return s.stop
	}
	return s.MayStart(s.paying())
}

// leaveOut says of items that they were not attempted, unless they were.
func (s *schedule) leaveOut(why reason.Code, places ...int) {
	for _, i := range slices.Clone(places) {
		if s.outcomes[i].State == "" {
			s.outcomes[i] = item.Outcome{Item: s.queue[i], State: item.NotAttempted, Reason: why}
		}
		s.left = slices.DeleteFunc(s.left, func(left int) bool { return left == i })
	}
}

// leaveOutPlaceless leaves out the items at the head of the queue that need a place
// of a proposal, when none is free and none can come free.
func (s *schedule) leaveOutPlaceless() {
	for len(s.left) > 0 && s.Free() <= 0 && s.asking() == 0 && s.Asks(s.queue[s.left[0]]) {
		s.leaveOut(reason.NotAttemptedProposals, s.left[0])
	}
}

// next is the first of those left that may start now, -1 when none may: items of
// one stack follow each other, and those that need a place of a proposal wait until
// one is certain.
func (s *schedule) next() int {
	if len(s.running) == 0 {
		return min(len(s.left), 1) - 1
	}
	if len(s.running) >= s.Parallel() {
		return -1
	}
	waiting := map[string]bool{}
	for at, i := range s.left {
		stack := s.Stack(s.queue[i])
		taken := slices.ContainsFunc(s.running, func(w *Work) bool { return w.of(stack) })
		if stack != "" && (taken || waiting[stack]) || s.Asks(s.queue[i]) && s.Free() <= s.asking() {
			waiting[stack] = true
			continue
		}
		return at
	}
	return -1
}

// start has an item be worked on, until it waits for its agent or for others. It
// goes before those that are ready to land: so its agent is at work meanwhile.
func (s *schedule) start(ctx context.Context, at int, share float64) {
	i := s.left[at]
	todo := s.queue[i]
	w := &Work{
		Item: todo, Number: i + 1, Of: min(len(s.queue), max(i, len(s.queue)-len(s.left))+s.MaxItems-s.paying()), Share: share, Beside: s.beside,
		schedule: s, asks: s.Asks(todo),
	}
	if w.Beside {
		if stack := s.Stack(todo); stack != "" {
			w.stacks = []string{stack}
		}
	}
	s.left = slices.Delete(s.left, at, at+1)
	s.running = append(s.running, w)
	s.floor.lend(func() {
		defer s.floor.leave()
		defer s.end(w)
		end := s.act(ctx, w)
		w.Paid = w.Paid && !end.Again                // it takes its place once it starts again
		end.Outcome.CostUSD += s.outcomes[i].CostUSD // of a start before
		s.outcomes[i] = end.Outcome
		if end.Again {
			at, _ := slices.BinarySearch(s.left, i)
			s.left = slices.Insert(s.left, at, i)
		}
		if s.stop == "" {
			s.stop = end.Stop
		}
		if end.Cancel != nil {
			s.cancel(end.Cancel)
		}
	})
}

func (s *schedule) end(w *Work) {
	s.running = slices.DeleteFunc(s.running, func(other *Work) bool { return other == w })
	s.ended++
	if w.Paid {
		s.paid++ // one that its stack held back took no place of another
	}
}

// awaitEnd waits until one more item is over.
func (s *schedule) awaitEnd() {
	before := s.ended
	s.floor.until(func() bool { return s.ended > before }, true)
}

// paying is how many are paid for, or about to be.
func (s *schedule) paying() int {
	paying := s.paid
	for _, w := range s.running {
		if w.Paid {
			paying++
		}
	}
	return paying
}

func (s *schedule) asking() (asking int) {
	for _, w := range s.running {
		if w.asks {
			asking++
		}
	}
	return asking
}

// reserved is what those at work may still spend.
func (s *schedule) reserved() (usd float64) {
	for _, w := range s.running {
		usd += max(0, w.Share-w.cost)
	}
	return usd
}

// BudgetFloor is the smallest share worth starting an agent with, in US
// dollars: less ends before the first useful edit and is paid for nothing.
const BudgetFloor = 0.05

// slice is what the next item may cost: an even share of what is left over the
// items that remain. It is 0 when the rest is below the floor.
func slice(budget, spent float64, remaining int) float64 {
	rest := budget - spent
	if remaining < 1 || rest < BudgetFloor {
		return 0
	}
	return max(rest/float64(remaining), BudgetFloor)
}
