package gitrepo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

const aStack = "stack stacks/nfs"

// take takes a lock beside that of a run, which must be free.
func take(t *testing.T, l *Lock, name string) {
	t.Helper()
	if fresh, err := l.Take(t.Context(), name, 0); err != nil || !fresh {
		t.Fatalf("%s is not taken: %v, %v", name, fresh, err)
	}
}

func TestLocks_ShardsWorkSideBySideAndAStackHasOneHolder(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	a, b := newHolder(t, s.serve(nil), c), newHolder(t, s.origin, c)
	one := must(a.AcquireLock(t.Context(), Lease{Run: "pipeline/7", Shard: "1/2"}, 0))(t)
	two := must(b.AcquireLock(t.Context(), Lease{Run: "pipeline/8", Shard: "2/2"}, 0))(t)
	all := must(waiter(t, s.origin, c, nil).AcquireLock(t.Context(), Lease{Run: "cron/9"}, 0))(t)
	if _, err := waiter(t, s.origin, c, nil).AcquireLock(t.Context(), Lease{Run: "again", Shard: "1/2"}, 0); !errors.Is(err, ErrLockBusy) {
		t.Errorf("two runs of one shard: %v", err)
	}
	take(t, one, aStack)
	if fresh, err := one.Take(t.Context(), aStack, 0); fresh || err != nil {
		t.Errorf("taken twice: %v, %v", fresh, err)
	}
	for _, other := range []*Lock{two, all} {
		_, err := other.Take(t.Context(), aStack, 0)
		if !errors.Is(err, ErrLockBusy) || fault.Of(err) != fault.Temporary || !strings.Contains(err.Error(), "pipeline/7") || !strings.Contains(err.Error(), aStack) {
			t.Errorf("a stack that another run has: %v", err)
		}
	}
	if err := one.Drop(t.Context(), aStack); err != nil {
		t.Error(err)
	}
	take(t, all, aStack)
	for _, l := range []*Lock{one, two, all} {
		if err := errors.Join(l.Held(t.Context()), l.Release(t.Context())); err != nil {
			t.Error(err)
		}
	}
	if found := must(a.Refs(t.Context(), LockRef))(t); len(found) != 0 {
		t.Errorf("left after the release: %v", found)
	}
	gittest.Git(t, s.origin, "fsck", "--strict")
}

// TestLocks_AreRenewedTogether holds a run with stacks for longer than a lease, also
// at a remote that cannot update several refs at once.
func TestLocks_AreRenewedTogether(t *testing.T) {
	t.Parallel()
	for name, atomic := range map[string]string{"all or none": "true", "one by one": "false"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]string{"a": "1"})
			gittest.Git(t, s.origin, "config", "receive.advertiseAtomic", atomic)
			c := newClock()
			a := newHolder(t, s.serve(nil), c)
			lock := a.acquire("x")
			take(t, lock, aStack)
			take(t, lock, "stack stacks/web")
			for range 10 {
				c.advance(renewEvery)
				a.renew(lock)
			}
			values := map[string]bool{}
			for _, h := range must(a.Refs(t.Context(), LockRef))(t) {
				values[h] = true
			}
			if len(values) != 1 || isLost(lock) {
				t.Errorf("the locks hold %v, lost %v", values, isLost(lock))
			}
			b := waiter(t, s.origin, c, nil)
			if held := must(b.LockHeld(t.Context()))(t); !held {
				t.Error("the locks are not held")
			}
			other := must(b.AcquireLock(t.Context(), Lease{Run: "y", Shard: "1/2"}, 0))(t)
			if _, err := other.Take(t.Context(), aStack, 0); !errors.Is(err, ErrLockBusy) {
				t.Errorf("a renewed lock is free: %v", err)
			}
			if err := errors.Join(lock.Release(t.Context()), other.Release(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLocks_OneOfADeadRunIsTakenOnceItsLeaseIsOver has a run that does not wait come to
// the stack of one that is gone: at once where it has seen the lock stand, else once
// it has.
func TestLocks_OneOfADeadRunIsTakenOnceItsLeaseIsOver(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	dead := newHolder(t, s.serve(nil), c).acquire("dead")
	take(t, dead, aStack)
	take(t, dead, "stack stacks/web")
	if _, err := must(waiter(t, s.origin, c, nil).AcquireLock(t.Context(), Lease{Run: "early", Shard: "1/3"}, 0))(t).Take(t.Context(), aStack, 0); !errors.Is(err, ErrLockBusy) {
		t.Errorf("before the end of its lease: %v", err)
	}
	c.advance(leaseTime + time.Second)
	repo := waiter(t, s.origin, c, nil)
	began := c.now()
	take(t, must(repo.AcquireLock(t.Context(), Lease{Run: "heir", Shard: "1/2"}, 0))(t), aStack)
	if waited := c.now().Sub(began); waited <= stillFor || waited > stillFor+2*pollEvery {
		t.Errorf("taken over after %s", waited)
	}
	repo = waiter(t, s.origin, c, nil)
	must(repo.Fetch(t.Context()))(t)
	c.advance(stillFor + time.Second) // its agent works
	began = c.now()
	take(t, must(repo.AcquireLock(t.Context(), Lease{Run: "other", Shard: "2/2"}, 0))(t), "stack stacks/web")
	if waited := c.now().Sub(began); waited > 0 {
		t.Errorf("it had seen the lock stand, and waited %s", waited)
	}
}

// TestLocks_OneOfARunThatLivesIsLeftToItWhateverTheClocksSay has a run that does not
// wait come to a stack by a clock that is ahead.
func TestLocks_OneOfARunThatLivesIsLeftToItWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c, ahead := newClock(), newClock()
	ahead.off = 4 * time.Minute
	a := newHolder(t, s.origin, c)
	lock := a.acquire("alive")
	take(t, lock, aStack)
	since, renewals := c.now(), 0
	b := waiter(t, s.origin, ahead, func() {
		c.advance(pollEvery)
		if c.now().Sub(since) >= renewEvery {
			since = c.now()
			if renewals++; renewals > 1 { // the remote was out of reach for the first one
				a.renew(lock)
			}
		}
	})
	other := must(b.AcquireLock(t.Context(), Lease{Run: "other", Shard: "1/2"}, 0))(t)
	began := c.now()
	_, err := other.Take(t.Context(), aStack, 0)
	if waited := c.now().Sub(began); !errors.Is(err, ErrLockBusy) || waited > 2*time.Minute || isLost(lock) {
		t.Errorf("after %s: %v, lost %t", waited, err, isLost(lock))
	}
}

// TestLocks_OneThatIsTakenOverEndsTheRun has another run take a stack over whose
// holder seemed to be gone.
func TestLocks_OneThatIsTakenOverEndsTheRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	a := newHolder(t, s.serve(nil), c)
	dead := a.acquire("dead")
	take(t, dead, aStack)
	take(t, dead, "stack stacks/web")
	heir := must(waiter(t, s.origin, c, nil).AcquireLock(t.Context(), Lease{Run: "heir", Shard: "1/2"}, 0))(t)
	began := c.now()
	if fresh, err := heir.Take(t.Context(), aStack, 10*time.Minute); err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	if waited := c.now().Sub(began); waited < leaseTime || waited > leaseTime+time.Minute {
		t.Errorf("taken over after %s", waited)
	}
	if err := dead.Held(t.Context()); !errors.Is(err, ErrLockBusy) {
		t.Errorf("held: %v", err)
	}
	a.renew(dead)
	awaitLost(t, dead)
	if err := dead.Release(t.Context()); err != nil {
		t.Errorf("release of locks of which one is lost: %v", err)
	}
	left := must(a.Refs(t.Context(), LockRef))(t)
	if len(left) != 2 || left[lockOf(aStack)] != heir.held[lockOf(aStack)].String() {
		t.Errorf("the heir has %v", left)
	}
	if err := errors.Join(heir.Held(t.Context()), heir.Release(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestLocks_RemoteThatForbidsDeleting(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	s.hook("update", `case $3 in *[!0]*) exit 0 ;; *) exit 1 ;; esac`)
	c := newClock()
	lock := newHolder(t, s.serve(nil), c).acquire("x")
	take(t, lock, aStack)
	if err := lock.Drop(t.Context(), aStack); err != nil {
		t.Fatal(err)
	}
	other := must(waiter(t, s.origin, c, nil).AcquireLock(t.Context(), Lease{Run: "y", Shard: "1/2"}, 0))(t)
	take(t, other, aStack)
	if err := other.Drop(t.Context(), aStack); err != nil {
		t.Fatal(err)
	}
	take(t, lock, aStack) // with a holding that is not given back
	if _, err := other.Take(t.Context(), aStack, 0); !errors.Is(err, ErrLockBusy) {
		t.Errorf("a lock that was given back once is free for ever: %v", err)
	}
	if err := errors.Join(lock.Release(t.Context()), other.Release(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestLocks_HeirOfARunHasItsStacksAtOnce waits for a run that was killed, and then
// for none of the locks that this one left.
func TestLocks_HeirOfARunHasItsStacksAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	take(t, newHolder(t, s.origin, c).acquire("dead"), aStack)
	heir := must(waiter(t, s.origin, c, nil).AcquireLock(t.Context(), Lease{Run: "heir"}, 10*time.Minute))(t)
	take(t, heir, aStack)
	if err := errors.Join(heir.Held(t.Context()), heir.Release(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestLocks_NoRunWaitsForItself has two items of a run wait for one stack, and a
// reply get lost.
func TestLocks_NoRunWaitsForItself(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	c := newClock()
	other := newHolder(t, s.origin, c).acquire("other")
	take(t, other, aStack)

	var lock *Lock
	inner := false
	r := waiter(t, s.origin, c, func() {
		if inner {
			return
		}
		inner = true // the second comes while the first waits, and is served first
		if err := other.Drop(t.Context(), aStack); err != nil {
			t.Error(err)
		}
		if _, err := lock.Take(t.Context(), aStack, 10*time.Minute); err != nil {
			t.Errorf("the second: %v", err)
		}
	})
	lock = must(r.AcquireLock(t.Context(), Lease{Run: "x", Shard: "1/2"}, 0))(t)
	began := c.now()
	if _, err := lock.Take(t.Context(), aStack, 10*time.Minute); err != nil || c.now().Sub(began) > pollEvery {
		t.Errorf("the first, after %s: %v", c.now().Sub(began), err)
	}
	lock.note(lockOf(aStack), plumbing.ZeroHash) // as if the reply had been lost
	take(t, lock, aStack)
	if err := errors.Join(lock.Held(t.Context()), lock.Release(t.Context()), other.Release(t.Context())); err != nil {
		t.Error(err)
	}
	if left := must(r.Refs(t.Context(), LockRef))(t); len(left) != 0 {
		t.Errorf("left after the release: %v", left)
	}
}
