package schedule

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// Work is what is done for one item. Its methods are called by whoever does it,
// while the floor is theirs.
type Work struct {
	Item   item.Item
	Number int     // place in the queue, from 1
	Of     int     // how many a run comes to
	Beside bool    // others may be at work at the same time
	Share  float64 // US dollars it may cost
	Paid   bool    // it counts against max_items

	schedule *schedule
	cost     float64
	asks     bool     // it may take a place of a proposal
	stacks   []string // that it is known to be of
	watch    stopwatch
}

// Charge counts what the item cost. The rest of its share goes back when it ends.
func (w *Work) Charge(usd float64) {
	w.cost += usd
	w.schedule.spent.add(usd)
}

// Spent is what all items cost so far. Anybody may ask for it at any time.
func (w *Work) Spent() float64 { return w.schedule.spent.usd() }

// account is what was spent.
type account struct {
	mu  sync.Mutex
	sum float64
}

func (a *account) add(usd float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sum += usd
}

func (a *account) usd() float64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sum
}

// Limit is ctx for as long as the item itself may take. While it waits for others
// its time stands still.
func (w *Work) Limit(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithCancelCause(ctx)
	w.watch = stopwatch{left: most, over: func() { cancel(context.DeadlineExceeded) }}
	w.watch.start()
	return limited, func() {
		w.watch.stop()
		cancel(nil)
	}
}

// Away does what needs nothing that the items share, while others have the floor.
func (w *Work) Away(act func()) {
	w.schedule.floor.leave()
	defer w.back()
	act()
}

// Wait is Away for what waits for other runs: the item's time stands still.
func (w *Work) Wait(act func()) {
	w.watch.stop()
	w.Away(act)
}

// back waits for the floor.
func (w *Work) back() {
	w.watch.stop()
	w.schedule.floor.take()
	w.watch.start()
}

// Claim says which stacks the item is of, and waits for the items before it that are
// of one of them.
func (w *Work) Claim(stacks ...string) {
	w.stacks = stacks
	if w.first() {
		return
	}
	w.watch.stop()
	w.schedule.floor.until(w.first, false)
	w.watch.start()
}

// first reports whether no item before it is at work on one of its stacks.
func (w *Work) first() bool {
	return !slices.ContainsFunc(w.schedule.running, func(other *Work) bool {
		return other.Number < w.Number && slices.ContainsFunc(w.stacks, other.of)
	})
}

func (w *Work) of(stack string) bool { return slices.Contains(w.stacks, stack) }

// stopwatch runs out after a time, in which the stops do not count.
type stopwatch struct {
	over func()

	left  time.Duration
	since time.Time
	timer *time.Timer // nil while it stands
}

func (s *stopwatch) start() {
	if s.over == nil {
		return
	}
	s.since, s.timer = time.Now(), time.AfterFunc(s.left, s.over)
}

func (s *stopwatch) stop() {
	if s.timer == nil {
		return
	}
	s.timer.Stop()
	s.left, s.timer = s.left-time.Since(s.since), nil
}
