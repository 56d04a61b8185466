package fake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// Times of the lock, as they are on a real remote.
const (
	leaseTime  = 3 * time.Minute
	renewEvery = 30 * time.Second
	pollEvery  = 5 * time.Second
	mostWait   = time.Hour
)

// Lock is the lock on the remote, while a run has it.
type Lock struct {
	w    *World
	run  string
	stop chan struct{}
	once sync.Once
}

// Lock takes the lock, after the run that has it or after its lease.
func (c *Clone) Lock() (*Lock, error) {
	for began := time.Now(); ; time.Sleep(pollEvery) {
		taken := false
		err := c.w.call(changes(c.run, "take the lock"), func(How) error {
			if c.w.holder == "" || c.w.holder == c.run || time.Now().After(c.w.until) {
				c.w.holder, c.w.until, taken = c.run, time.Now().Add(leaseTime), true
			}
			return nil
		})
		switch {
		case err != nil:
			return nil, err
		case taken:
			return &Lock{w: c.w, run: c.run, stop: make(chan struct{})}, nil
		case time.Since(began) > mostWait:
			return nil, fault.Mark(fault.Temporary, gitrepo.ErrLockBusy)
		}
	}
}

// Keep renews the lock until it is released or lost. frozen is how long the
// whole program stands still.
func (l *Lock) Keep(lost func(), frozen func() time.Duration) {
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(renewEvery):
		}
		time.Sleep(frozen())
		l.w.mu.Lock()
		mine := l.w.holder == l.run
		if mine {
			l.w.until = time.Now().Add(leaseTime)
		}
		l.w.mu.Unlock()
		if !mine {
			lost()
			return
		}
	}
}

// End is the end of the program, which leaves the lock as it is.
func (l *Lock) End() { l.once.Do(func() { close(l.stop) }) }

// Held asks whether the lock is still held.
func (l *Lock) Held(context.Context) error {
	return l.w.call(reads(l.run, "look for the lock"), func(How) error {
		if l.w.holder != l.run {
			return fault.Mark(fault.Temporary, fmt.Errorf("%w: it was taken over", gitrepo.ErrLockBusy))
		}
		return nil
	})
}

// Release gives the lock back.
func (l *Lock) Release() error {
	l.End()
	return l.w.call(changes(l.run, "release the lock"), func(How) error {
		if l.w.holder == l.run {
			l.w.holder = ""
		}
		return nil
	})
}

// Holder is the run that has the lock, "" when none has.
func (w *World) Holder() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.holder
}

// TakeLock gives the lock to another run.
func (w *World) TakeLock(run string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holder = run
}

// EndLease is the end of the lease of a run that is gone.
func (w *World) EndLease() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.holder = ""
}
