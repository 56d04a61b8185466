package fake

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Times of the locks, as they are on a real remote.
const (
	leaseTime  = 3 * time.Minute
	renewEvery = 30 * time.Second
	pollEvery  = 5 * time.Second
	mostWait   = time.Hour
)

// holding is who has a lock, and until when if it is not renewed.
type holding struct {
	run   string
	until time.Time
}

// Lock is the locks of a run on the remote, while it has them. That of the run has
// the name of its shard.
type Lock struct {
	w     *World
	clone *Clone
	run   string
	stop  chan struct{}
	once  sync.Once

	names []string
}

// Lock takes the lock of a run, after the run of the same shard that has it or after
// its lease. Locks beside it are taken at once, if nobody has them.
func (c *Clone) Lock(shard string, beside ...string) (*Lock, error) {
	l := &Lock{w: c.w, clone: c, run: c.run, stop: make(chan struct{})}
	if err := l.take("take the lock", shard, mostWait); err != nil {
		return nil, err
	}
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	for _, name := range beside {
		if c.w.locks[name].run == "" {
			l.has(name)
		}
	}
	return l, nil
}

// has notes that the run has a lock from now on.
func (l *Lock) has(name string) {
	l.w.locks[name] = holding{l.run, time.Now().Add(leaseTime)}
	l.w.took[l.run] = append(l.w.took[l.run], name)
	l.names = append(l.names, name)
}

func (l *Lock) take(what, name string, wait time.Duration) error {
	for began := time.Now(); ; time.Sleep(pollEvery) {
		holder := ""
		err := l.w.call(changes(l.run, "%s", what), func(How) error {
			held := l.w.locks[name]
			if held.run == "" || held.run == l.run || time.Now().After(held.until) {
				l.has(name)
				return nil
			}
			holder = held.run
			return nil
		})
		switch {
		case err != nil:
			return err
		case holder == "":
			return nil
		case time.Since(began) >= wait:
			return fault.Mark(fault.Temporary, fmt.Errorf("%w: %s has %s", gitrepo.ErrLockBusy, holder, name))
		}
	}
}

// Take takes another lock beside that of the run.
func (l *Lock) Take(ctx context.Context, name string, wait time.Duration) (fresh bool, err error) {
	if err := ended(ctx); err != nil {
		return false, err
	}
	l.w.mu.Lock()
	has := slices.Contains(l.names, name)
	l.w.mu.Unlock()
	if has {
		return false, nil
	}
	err = l.take("take the lock of "+name, name, wait)
	return err == nil, err
}

// Drop gives one of them back.
func (l *Lock) Drop(_ context.Context, name string) error {
	return l.w.call(changes(l.run, "give the lock of %s back", name), func(How) error {
		l.give(name)
		return nil
	})
}

func (l *Lock) give(name string) {
	if l.w.locks[name].run == l.run {
		delete(l.w.locks, name)
	}
	l.names = slices.DeleteFunc(l.names, func(one string) bool { return one == name })
}

// Keep renews the locks until they are released or one is lost. frozen is how long
// the whole program stands still.
func (l *Lock) Keep(lost func(), frozen func() time.Duration) {
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(renewEvery):
		}
		time.Sleep(frozen())
		l.w.mu.Lock()
		mine := l.mine()
		for _, name := range l.names {
			if mine {
				l.w.locks[name] = holding{l.run, time.Now().Add(leaseTime)}
			}
		}
		l.w.mu.Unlock()
		if !mine {
			lost()
			return
		}
	}
}

// mine reports whether the run has all that it took.
func (l *Lock) mine() bool {
	return !slices.ContainsFunc(l.names, func(name string) bool { return l.w.locks[name].run != l.run })
}

// End is the end of the program, which leaves the locks as they are.
func (l *Lock) End() { l.once.Do(func() { close(l.stop) }) }

// Held fetches, and asks whether they are still held.
func (l *Lock) Held(ctx context.Context) error {
	if err := ended(ctx); err != nil {
		return err
	}
	return l.w.call(reads(l.run, "look for the lock"), func(How) error {
		l.clone.look()
		if !l.mine() {
			return fault.Mark(fault.Temporary, fmt.Errorf("%w: it was taken over", gitrepo.ErrLockBusy))
		}
		return nil
	})
}

// Release gives the locks back.
func (l *Lock) Release() error {
	l.End()
	return l.w.call(changes(l.run, "release the lock"), func(How) error {
		for _, name := range slices.Clone(l.names) {
			l.give(name)
		}
		return nil
	})
}

// Locked are the locks that runs have, with who has them.
func (w *World) Locked() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := map[string]string{}
	for name, by := range w.locks {
		held[name] = by.run
	}
	return held
}

// TakeLock gives a lock to another run, which lives; to none for "".
func (w *World) TakeLock(name, run string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.locks[name] = (holding{run, time.Now().Add(24 * time.Hour)}); run == "" {
		delete(w.locks, name)
	}
}

// EndLease is the end of the leases of runs that are gone.
func (w *World) EndLease() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.locks)
}

// needs fails the test when a run, which has locks, does something at a stack that it
// never had the lock of.
func (w *World) needs(run, stack string) {
	if took := w.took[run]; len(took) > 0 && !slices.Contains(took, seam.StackLock(stack)) {
		w.t.Errorf("unexpected: %s works at %s without its lock", run, stack)
	}
}
