package gitrepo

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

// clock is a time that only tests move.
type clock struct {
	mu  sync.Mutex
	at  time.Time
	off time.Duration // how wrong this machine's clock is
}

func newClock() *clock { return &clock{at: time.Date(2026, 4, 14, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at.Add(c.off)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// holder is a clone whose lock renews itself when the test says so.
type holder struct {
	*Repo
	t          *testing.T
	tick, idle chan struct{}
}

func newHolder(t *testing.T, url string, c *clock) *holder {
	t.Helper()
	h := &holder{Repo: clone(t, url), t: t, tick: make(chan struct{}), idle: make(chan struct{}, 1)}
	h.now = c.now
	h.sleep = func(ctx context.Context, d time.Duration) error {
		if d != renewEvery {
			return context.Cause(ctx)
		}
		h.idle <- struct{}{}
		select {
		case <-h.tick:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return h
}

// acquire takes the lock, which must be free.
func (h *holder) acquire(run string) *Lock {
	h.t.Helper()
	return must(h.AcquireLock(h.t.Context(), Lease{Run: run, Host: "wizard@10.0.10.10"}, 0))(h.t)
}

// renew makes the lock renew itself once and waits for the end of that.
func (h *holder) renew(l *Lock) {
	h.t.Helper()
	<-h.idle
	h.tick <- struct{}{}
	select {
	case <-h.idle:
		h.idle <- struct{}{}
	case <-l.ended:
	}
}

// waiter is a clone that waits in no time: its waiting moves the clock.
func waiter(t *testing.T, url string, c *clock, each func()) *Repo {
	t.Helper()
	r := clone(t, url)
	r.now = c.now
	clear(r.sighted) // by another clock
	r.sleep = func(ctx context.Context, d time.Duration) error {
		if d == renewEvery {
			<-ctx.Done() // its own lock, once it has it, rests
		}
		c.advance(d)
		if each != nil {
			each()
		}
		return context.Cause(ctx)
	}
	return r
}

func isLost(l *Lock) bool {
	select {
	case <-l.Lost():
		return true
	default:
		return false
	}
}

// awaitLost waits for the loss, which comes by another goroutine.
func awaitLost(t *testing.T, l *Lock) {
	t.Helper()
	select {
	case <-l.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("the loss of the lock is not noticed")
	}
}

func TestLock_BusyNamesItsHolder(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	a := newHolder(t, s.serve(nil), c)
	b := waiter(t, s.origin, c, nil)
	lock := a.acquire("pipeline/7")
	_, err := b.AcquireLock(t.Context(), Lease{Run: "pipeline/8"}, 0)
	if !errors.Is(err, ErrLockBusy) || fault.Of(err) != fault.Temporary {
		t.Fatalf("error %v, kind %v", err, fault.Of(err))
	}
	for _, word := range []string{"pipeline/7", "wizard@10.0.10.10", "2026-04-14T12:03:00Z"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not name %s", err, word)
		}
	}
	for range 2 {
		if err := lock.Release(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if found := must(a.Refs(t.Context(), LockRef))(t); len(found) != 0 {
		t.Errorf("left after the release: %v", found)
	}
	again := must(b.AcquireLock(t.Context(), Lease{Run: "pipeline/8"}, 0))(t)
	if err := again.Release(t.Context()); err != nil {
		t.Error(err)
	}
	gittest.Git(t, s.origin, "fsck", "--strict")
}

func TestLock_OneHolderAtATime(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	web := s.serve(nil)
	var inside atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		r := clone(t, web)
		r.sleep = func(ctx context.Context, d time.Duration) error { return sleep(ctx, d/50) }
		wg.Go(func() {
			lock, err := r.AcquireLock(t.Context(), Lease{Run: "x"}, time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			if inside.Add(1) != 1 {
				t.Error("two holders at once")
			}
			_, err = r.Publish(t.Context(), addFile(r, "b", "2"))
			inside.Add(-1)
			if err := errors.Join(err, lock.Release(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestLock_TakenOverAfterItsEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	a := newHolder(t, s.serve(nil), c)
	b := waiter(t, s.origin, c, nil)
	dead := a.acquire("dead")
	began := c.now()
	lock := must(b.AcquireLock(t.Context(), Lease{Run: "heir"}, 10*time.Minute))(t)
	if waited := c.now().Sub(began); waited < leaseTime || waited > leaseTime+time.Minute {
		t.Errorf("taken over after %s", waited)
	}
	// The vanished holder wakes up again.
	a.renew(dead)
	awaitLost(t, dead)
	if err := dead.Release(t.Context()); err != nil {
		t.Errorf("release of a lost lock: %v", err)
	}
	if found := must(b.Refs(t.Context(), LockRef))(t); found[LockRef] != lock.held[LockRef].String() {
		t.Errorf("the heir's lock is %v", found)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLock_OldLeftoverIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	a := newHolder(t, s.serve(nil), c)
	a.acquire("dead")
	c.advance(leaseTime + clockSkew + time.Second)
	b := waiter(t, s.origin, c, nil)
	lock := must(b.AcquireLock(t.Context(), Lease{Run: "heir"}, 0))(t)
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLock_RenewedIsNeverTakenWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-4 * time.Minute, 4 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			s := newSite(t, map[string]string{"a": "1"})
			c, wrong := newClock(), newClock()
			wrong.off = off
			a := newHolder(t, s.origin, c)
			lock := a.acquire("alive")
			since := c.now()
			b := waiter(t, s.origin, wrong, func() {
				c.advance(pollEvery)
				if c.now().Sub(since) >= renewEvery {
					since = c.now()
					a.renew(lock)
				}
			})
			_, err := b.AcquireLock(t.Context(), Lease{Run: "thief"}, 6*time.Minute)
			if !errors.Is(err, ErrLockBusy) {
				t.Errorf("error %v", err)
			}
			if isLost(lock) {
				t.Error("the lock was lost")
			}
			if err := lock.Release(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLock_UnreadableHolderIsWatched(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	gittest.Git(t, s.origin, "update-ref", LockRef, s.remoteTip())
	c := newClock()
	b := waiter(t, s.origin, c, nil)
	began := c.now()
	lock := must(b.AcquireLock(t.Context(), Lease{Run: "heir"}, 10*time.Minute))(t)
	if waited := c.now().Sub(began); waited < leaseTime {
		t.Errorf("taken over after %s", waited)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLock_LostReplyOfARenewal(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	var drop, down atomic.Bool
	a := newHolder(t, s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down.Load() && !strings.Contains(r.URL.String(), "receive-pack") {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			if drop.Load() && r.Method == http.MethodPost {
				// Taken by the remote, and then everything is out of reach.
				drop.Store(false)
				down.Store(true)
				afterPush(1, nil)(next).ServeHTTP(w, r)
			}
			next.ServeHTTP(w, r)
		})
	}), c)
	lock := a.acquire("x")
	drop.Store(true)
	a.renew(lock) // lands, but nobody can tell
	a.renew(lock) // fails for sure
	down.Store(false)
	a.renew(lock)
	if isLost(lock) {
		t.Fatal("the lock was given up although it was renewed")
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if found := must(a.Refs(t.Context(), LockRef))(t); len(found) != 0 {
		t.Errorf("left after the release: %v", found)
	}
}

func TestLock_LostWhenItCannotBeRenewedInTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	var down atomic.Bool
	a := newHolder(t, s.serve(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if down.Load() {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			next.ServeHTTP(w, r)
		})
	}), c)
	lock := a.acquire("x")
	down.Store(true)
	a.renew(lock)
	a.renew(lock)
	if isLost(lock) {
		t.Error("given up before the end of the lease")
	}
	c.advance(leaseTime)
	a.renew(lock)
	awaitLost(t, lock)
}

func TestLock_RemoteThatForbidsDeleting(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	s.hook("update", `case $3 in *[!0]*) exit 0 ;; *) exit 1 ;; esac`)
	c := newClock()
	a := newHolder(t, s.serve(nil), c)
	b := waiter(t, s.origin, c, nil)
	lock := a.acquire("x")
	if err := lock.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := must(b.AcquireLock(t.Context(), Lease{Run: "y"}, 0))(t)
	if err := next.Release(t.Context()); err != nil {
		t.Error(err)
	}
}
