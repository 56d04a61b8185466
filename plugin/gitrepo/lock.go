package gitrepo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// LockRef is the ref that one run at a time holds.
const LockRef = OwnRefs + "lock"

// Times of the lock. The clocks of two machines are believed to differ by less
// than clockSkew; where that matters, the lock is watched instead.
const (
	leaseTime  = 3 * time.Minute
	renewEvery = 30 * time.Second
	pollEvery  = 5 * time.Second
	clockSkew  = 5 * time.Minute
)

// Lease names the holder of the lock, for whoever has to wait for it.
type Lease struct {
	Run  string `json:"run"`  // such as the URL of the pipeline
	Host string `json:"host"` // where the run works, or its own machine
}

// LockHeld asks the remote whether any run holds the lock.
func (r *Repo) LockHeld(ctx context.Context) (bool, error) {
	all, err := r.remote.List(ctx)
	if err != nil || all[LockRef].IsZero() {
		return false, err
	}
	holder, err := r.readHolding(ctx, all[LockRef])
	if err != nil {
		return false, err
	}
	return !holder.dead(r.now(), r.now()), nil
}

// holding is what the lock's commit says, as JSON in its message. A commit and
// not a blob, since some forges take only commits.
type holding struct {
	Lease
	Until    time.Time `json:"until"`
	Nonce    string    `json:"nonce"`
	Released bool      `json:"released,omitempty"`
	CI       string    `json:"ci"` // a mark that starts no pipeline, for locks that are branches
}

// Lock is the lock while it is held. It renews itself until Release.
type Lock struct {
	repo  *Repo
	lease Lease
	lost  chan struct{}
	stop  context.CancelFunc
	ended chan struct{}

	held plumbing.Hash // value of the ref that is ours; of keep, and of Release after it

	mu   sync.Mutex
	mine map[plumbing.Hash]bool // every value that we ever sent
}

// AcquireLock takes the lock, waiting for another holder up to wait. ErrLockBusy
// names the holder when it is still taken then. A lock whose holder vanished
// is taken over after the end of its lease.
func (r *Repo) AcquireLock(ctx context.Context, lease Lease, wait time.Duration) (*Lock, error) {
	deadline := r.now().Add(wait)
	watch := watched{repo: r}
	for {
		busy, err := watch.attempt(ctx, lease)
		if err != nil {
			return nil, err
		}
		if busy == nil {
			return r.holdLock(ctx, lease, watch.value), nil
		}
		left := deadline.Sub(r.now())
		if left <= 0 {
			return nil, fault.Mark(fault.Temporary, fmt.Errorf("%w: %s; waited %s", ErrLockBusy, busy.describe(), wait))
		}
		if err := r.sleep(ctx, min(left, pollEvery)); err != nil {
			return nil, fault.Mark(fault.Temporary, fmt.Errorf("wait for the lock held by %s: %w", busy.describe(), err))
		}
	}
}

// describe is the holder in words.
func (h holding) describe() string {
	return fmt.Sprintf("%s on %s until %s", wire.Printable(h.Run), wire.Printable(h.Host), h.Until.UTC().Format(time.RFC3339))
}

// watched is the lock as somebody sees it who waits for it.
type watched struct {
	repo  *Repo
	value plumbing.Hash // last value seen; ours after success
	since time.Time     // when this value was seen first
}

// attempt takes the lock if it is free or dead; else it returns the holder. It is
// mostly free, which taking it finds out.
func (w *watched) attempt(ctx context.Context, lease Lease) (*holding, error) {
	r := w.repo
	if w.since.IsZero() {
		if err := w.take(ctx, plumbing.ZeroHash, lease); !errors.Is(err, ErrRefMoved) {
			return nil, err
		}
	}
	all, err := r.remote.List(ctx)
	if err != nil {
		return nil, err
	}
	current := all[LockRef]
	if current != w.value || w.since.IsZero() {
		w.value, w.since = current, r.now()
	}
	var holder holding
	if !current.IsZero() {
		if holder, err = r.readHolding(ctx, current); err != nil {
			return nil, err
		}
		if !holder.dead(r.now(), w.since) {
			return &holder, nil
		}
	}
	err = w.take(ctx, current, lease)
	if errors.Is(err, ErrRefMoved) {
		return &holding{Lease: Lease{Run: "another run", Host: "another host"}, Until: r.now().Add(leaseTime)}, nil
	}
	return nil, err
}

// take swaps the lock's present value for a holding of ours.
func (w *watched) take(ctx context.Context, current plumbing.Hash, lease Lease) error {
	u, pack, err := w.repo.newHolding(current, holding{Lease: lease})
	if err == nil {
		err = w.repo.swap(ctx, u, pack)
	}
	if err == nil {
		w.value = u.New
	}
	return err
}

// dead reports whether the holder is gone. A holder that lives renews within
// renewEvery, whatever its clock says, so a value that stays is a sign.
func (h holding) dead(now, since time.Time) bool {
	seen := now.Sub(since)
	return h.Released ||
		now.After(h.Until.Add(clockSkew)) ||
		(now.After(h.Until) && seen > renewEvery+pollEvery) ||
		seen > leaseTime+renewEvery
}

// readHolding reads the commit that a lock points at. What cannot be
// understood is a holder without a name, who must be watched.
func (r *Repo) readHolding(ctx context.Context, h plumbing.Hash) (holding, error) {
	unnamed := holding{Lease: Lease{Run: "an unknown run", Host: "an unknown host"}, Until: r.now().Add(leaseTime)}
	if !r.store.Has(h) {
		err := r.remote.Fetch(ctx, func(all wire.Refs, _ *capability.List) (wire.Plan, error) {
			if all[LockRef] != h {
				return wire.Plan{}, nil // it moved on: the next look reads it
			}
			return wire.Plan{Wants: []plumbing.Hash{h}, Haves: r.haves()}, nil
		}, r.keep)
		if err != nil {
			return unnamed, err
		}
	}
	c, err := r.store.Commit(h)
	if err != nil {
		return unnamed, nil //nolint:nilerr // see above
	}
	var found holding
	if err := json.Unmarshal([]byte(c.Message), &found); err != nil || found.Until.IsZero() {
		return unnamed, nil //nolint:nilerr // see above
	}
	return found, nil
}

// newHolding prepares the swap of the lock from one value to a new holding of
// ours. The commit lives in memory only: renewing goes on beside whatever else
// uses the clone.
func (r *Repo) newHolding(old plumbing.Hash, h holding) (wire.Update, func(map[plumbing.Hash]bool) ([]byte, error), error) {
	u := wire.Update{Ref: LockRef, Old: old}
	h.Until = r.now().Add(leaseTime).UTC().Truncate(time.Second)
	h.Nonce, h.CI = rand.Text(), "[ci skip]"
	message, err := json.Marshal(h)
	if err != nil {
		return u, nil, err
	}
	commit, err := r.encodeCommit(nil, plumbing.ComputeHash(plumbing.TreeObject, nil), string(message)+"\n")
	if err != nil {
		return u, nil, err
	}
	u.New = plumbing.ComputeHash(plumbing.CommitObject, commit)
	return u, func(map[plumbing.Hash]bool) ([]byte, error) {
		var b bytes.Buffer
		p, err := pack.NewWriter(&b, 2)
		if err != nil {
			return nil, err
		}
		err = errors.Join(p.Add(plumbing.CommitObject, commit), p.Add(plumbing.TreeObject, nil), p.Finish())
		return b.Bytes(), err
	}, nil
}

// holdLock starts the renewal. It goes on after the end of ctx, since a run
// that is told to stop still cleans up under the lock.
func (r *Repo) holdLock(ctx context.Context, lease Lease, held plumbing.Hash) *Lock {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &Lock{
		repo: r, lease: lease, held: held, mine: map[plumbing.Hash]bool{held: true},
		stop: stop, lost: make(chan struct{}), ended: make(chan struct{}),
	}
	go l.keep(ctx)
	return l
}

// keep renews the lock until ctx ends or the lock is lost.
func (l *Lock) keep(ctx context.Context) {
	defer close(l.ended)
	until := l.repo.now().Add(leaseTime)
	for l.repo.sleep(ctx, renewEvery) == nil {
		began := l.repo.now()
		err := l.renew(ctx, min(renewEvery, until.Sub(began)))
		switch {
		case err == nil:
			until = began.Add(leaseTime)
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrRefMoved), !l.repo.now().Before(until):
			close(l.lost)
			return
		}
	}
}

// renew makes one attempt, which must not outlast the lease.
func (l *Lock) renew(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return l.replace(ctx, func(held plumbing.Hash) error {
		u, pack, err := l.repo.newHolding(held, holding{Lease: l.lease})
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.mine[u.New] = true
		l.mu.Unlock()
		if err = l.repo.swap(ctx, u, pack); err == nil {
			l.held = u.New
		}
		return err
	})
}

// replace runs a swap of the lock. When the lock has another value than the
// last one known to have arrived, that may be a later one of ours whose reply
// was lost; then the swap is run once more from there.
func (l *Lock) replace(ctx context.Context, swap func(held plumbing.Hash) error) error {
	err := swap(l.held)
	if !errors.Is(err, ErrRefMoved) {
		return err
	}
	all, listErr := l.repo.remote.List(ctx)
	if listErr != nil {
		return listErr
	}
	if !l.isMine(all[LockRef]) {
		return err
	}
	l.held = all[LockRef]
	return swap(l.held)
}

// Lost is closed when the lock is no longer held: somebody took it over, or it
// could not be renewed before the end of its lease.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Held asks the remote whether the lock is still ours. A process that was
// frozen for longer than its lease learns it only so. ErrLockBusy when it is
// not.
func (l *Lock) Held(ctx context.Context) error {
	all, err := l.repo.remote.List(ctx)
	if err != nil {
		return err
	}
	if !l.isMine(all[LockRef]) {
		return fault.Mark(fault.Temporary, fmt.Errorf("%w: it was taken over meanwhile", ErrLockBusy))
	}
	return nil
}

func (l *Lock) isMine(value plumbing.Hash) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mine[value]
}

// Release gives the lock back. A lock that was lost meanwhile is left to its
// new holder, without an error.
func (l *Lock) Release(ctx context.Context) error {
	l.stop()
	<-l.ended
	err := l.replace(ctx, func(held plumbing.Hash) error {
		err := l.repo.swap(ctx, wire.Update{Ref: LockRef, Old: held}, nil)
		if !errors.Is(err, ErrPushRefused) {
			return err
		}
		// Some remotes let nobody delete refs.
		u, pack, err := l.repo.newHolding(held, holding{Lease: l.lease, Released: true})
		if err != nil {
			return err
		}
		return l.repo.swap(ctx, u, pack)
	})
	if err != nil && !errors.Is(err, ErrRefMoved) {
		return fmt.Errorf("release the lock: %w", err)
	}
	return nil
}
