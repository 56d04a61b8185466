package schedule

import (
	"slices"
	"sync"
)

// floor is what one at a time has, in the order in which they ask for it. It is a
// lock that is fair, and that some wait for until something is so.
type floor struct {
	mu   sync.Mutex
	held bool
	line []waiter
}

// waiter waits for its turn. What it waits for is asked while nobody else could
// change it: by whoever lets go of the floor, or while nobody has it.
type waiter struct {
	may  func() bool
	turn chan struct{} // closed once the floor is its own
}

func always() bool { return true }

// take waits for the floor.
func (f *floor) take() { f.wait(always, false, false) }

// until lets others have the floor until something is so. It is the caller's
// before and after. With first, the caller goes before all others who wait.
func (f *floor) until(may func() bool, first bool) { f.wait(may, first, true) }

// wait waits for the floor, and lets go of it before that if the caller has it.
func (f *floor) wait(may func() bool, first, has bool) {
	f.mu.Lock()
	w := waiter{may, make(chan struct{})}
	at := len(f.line)
	if first {
		at = 0
	}
	f.line = slices.Insert(f.line, at, w)
	if has || !f.held {
		f.pass()
	}
	f.mu.Unlock()
	<-w.turn
}

// lend has act begin with the caller's floor, and waits until it is let go of.
func (f *floor) lend(act func()) {
	f.mu.Lock()
	w := waiter{always, make(chan struct{})}
	f.line = slices.Insert(f.line, 0, w)
	f.mu.Unlock()
	go act()
	<-w.turn
}

// leave lets go of the floor.
func (f *floor) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pass()
}

// pass hands the floor to the first in line that may have it.
func (f *floor) pass() {
	i := slices.IndexFunc(f.line, func(w waiter) bool { return w.may() })
	if f.held = i >= 0; !f.held {
		return
	}
	close(f.line[i].turn)
	f.line = slices.Delete(f.line, i, i+1)
}
