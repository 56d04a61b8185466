package gitrepo

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// LockRef is the ref that a run holds which takes up items of all shards.
const LockRef = OwnRefs + "lock"

// namedLocks is where the locks of shards, stacks and the like stand.
const namedLocks = OwnRefs + "locks/"

// lockOf is the ref of the lock with a name, which may hold anything: stacks may
// lie in each other, which refs may not.
func lockOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return namedLocks + hex.EncodeToString(sum[:10])
}

func isLock(ref string) bool { return ref == LockRef || strings.HasPrefix(ref, namedLocks) }

// Times of the lock. The clocks of two machines are believed to differ by less
// than clockSkew; where that matters, the lock is watched instead.
const (
	leaseTime  = 3 * time.Minute
	renewEvery = 30 * time.Second
	pollEvery  = 5 * time.Second
	stillFor   = 2*renewEvery + pollEvery // a lock stands as of a holder that is gone: one renewal may fail
	clockSkew  = 5 * time.Minute
)

// Lease names the holder of a lock, for whoever has to wait for it.
type Lease struct {
	Run   string `json:"run"`             // such as the URL of the pipeline
	Host  string `json:"host"`            // where the run works, or its own machine
	Shard string `json:"shard,omitempty"` // part of the items that it takes up, empty for all
}

// ref is the lock of its run: runs of different shards work side by side.
func (l Lease) ref() string {
	if l.Shard == "" {
		return LockRef
	}
	return lockOf("shard " + l.Shard)
}

// LockHeld asks the remote whether any run is at work.
func (r *Repo) LockHeld(ctx context.Context) (bool, error) {
	all, err := r.FetchRefs(ctx, LockRef)
	for _, h := range all {
		if !r.readHolding(h).dead(r.now(), r.now()) {
			return true, err
		}
	}
	return false, err
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

// Lock is the lock of a run and those that it takes beside it, while they are held.
// They renew themselves until Release, all at once: one holding stands in all of
// their refs.
type Lock struct {
	repo  *Repo
	lease Lease
	lost  chan struct{}
	stop  context.CancelFunc
	ended chan struct{}

	MayPush bool // the branch took a push with the lock

	acting sync.Mutex    // one act on the refs at a time
	value  plumbing.Hash // the holding that was the last to arrive

	mu   sync.Mutex
	held map[string]plumbing.Hash // refs, by the value last known to have arrived
	mine map[plumbing.Hash]bool   // every value that we ever sent
}

// AcquireLock takes the lock of a run, waiting for another holder up to wait.
// ErrLockBusy names the holder when it is still taken then. A lock whose holder
// vanished is taken over after the end of its lease. The locks of names beside it are
// taken by the same push, which shows as CanPush does that the branch takes ours: when
// all of them are free and the remote takes all or nothing.
func (r *Repo) AcquireLock(ctx context.Context, lease Lease, wait time.Duration, beside ...string) (*Lock, error) {
	l := &Lock{repo: r, lease: lease, held: map[string]plumbing.Hash{}, mine: map[plumbing.Hash]bool{}, lost: make(chan struct{}), ended: make(chan struct{})}
	none := func(plumbing.Hash) bool { return false }
	err := r.await(ctx, lease.ref(), wait, none, func(current plumbing.Hash) error {
		h, pack, err := l.newHolding(holding{Lease: lease})
		if err != nil {
			return err
		}
		l.value = h
		own := wire.Update{Ref: lease.ref(), Old: current, New: h}
		if names := beside; len(names) > 0 {
			beside = nil // only the first time, when it is likely
			tip := r.seen(r.branch)
			all := []wire.Update{own, {Ref: r.branch, Old: tip, New: tip}}
			for _, name := range names {
				all = append(all, wire.Update{Ref: lockOf(name), New: h})
			}
			if err = r.swapAll(ctx, all, true, pack); err == nil {
				l.MayPush = true
				for _, name := range names {
					l.held[lockOf(name)] = h
				}
				return nil
			}
			if !errors.Is(err, ErrRefMoved) && !errors.Is(err, ErrPushRefused) {
				return err
			}
		}
		return r.swap(ctx, own, pack)
	})
	if err != nil {
		return nil, err
	}
	l.held[lease.ref()] = l.value
	// The renewal goes on after the end of ctx, since a run that is told to stop
	// still cleans up under the lock.
	ctx, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	go l.keep(ctx)
	return l, nil
}

// await has take try for a lock while it is free, mine or its holder dead, until it
// has it or has waited long enough: for one whose lease is over, until that is sure.
func (r *Repo) await(ctx context.Context, ref string, wait time.Duration, mine func(plumbing.Hash) bool, take func(current plumbing.Hash) error) error {
	began := r.now()
	watch := watched{repo: r, ref: ref, mine: mine, take: take}
	for {
		busy, err := watch.attempt(ctx)
		if busy == nil || err != nil {
			return err
		}
		now := r.now()
		left := began.Add(wait).Sub(now)
		if now.After(busy.Until) { // it seems to be gone, which shows once it does not renew
			left = max(left, began.Add(stillFor+pollEvery).Sub(now))
		}
		if left <= 0 {
			return fault.Mark(fault.Temporary, fmt.Errorf("%w: %s; waited %s", ErrLockBusy, busy.describe(), wait))
		}
		if err := r.sleep(ctx, min(left, pollEvery)); err != nil {
			return fault.Mark(fault.Temporary, fmt.Errorf("wait for the lock held by %s: %w", busy.describe(), err))
		}
	}
}

// Take takes the lock of a name beside that of the run, in the same way. fresh is
// false when it is held already. Several may take one at the same time: all of them
// have it then.
func (l *Lock) Take(ctx context.Context, name string, wait time.Duration) (fresh bool, err error) {
	ref := lockOf(name)
	l.mu.Lock()
	_, has := l.held[ref]
	l.mu.Unlock()
	if has {
		return false, nil
	}
	err = l.repo.await(ctx, ref, wait, l.stands, func(current plumbing.Hash) error {
		l.acting.Lock()
		defer l.acting.Unlock()
		// The renewal of what is held waits for this.
		ctx, cancel := context.WithTimeout(ctx, renewEvery)
		defer cancel()
		err := l.repo.swap(ctx, wire.Update{Ref: ref, Old: current, New: l.value}, packed(nil))
		if err == nil {
			l.note(ref, l.value)
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("lock of %s: %w", wire.Printable(name), err)
	}
	return true, nil
}

// Drop gives one of the locks back that Take took.
func (l *Lock) Drop(ctx context.Context, name string) error {
	l.acting.Lock()
	defer l.acting.Unlock()
	return l.give(ctx, func(ref string) bool { return ref == lockOf(name) })
}

// note remembers the value of a ref that is held, the zero one for a ref that is
// held no more.
func (l *Lock) note(ref string, value plumbing.Hash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[ref] = value; value.IsZero() {
		delete(l.held, ref)
	}
}

// describe is the holder in words.
func (h holding) describe() string {
	return fmt.Sprintf("%s on %s until %s", wire.Printable(h.Run), wire.Printable(h.Host), h.Until.UTC().Format(time.RFC3339))
}

// watched is a lock as somebody sees it who waits for it.
type watched struct {
	repo  *Repo
	ref   string
	mine  func(plumbing.Hash) bool // whether a value is one of who waits
	take  func(current plumbing.Hash) error
	tried bool
}

// attempt takes the lock if it is free or dead; else it returns the holder. It is
// mostly free, which taking it finds out.
func (w *watched) attempt(ctx context.Context) (*holding, error) {
	r := w.repo
	if !w.tried {
		w.tried = true
		if err := w.take(plumbing.ZeroHash); !errors.Is(err, ErrRefMoved) {
			return nil, err
		}
	}
	all, err := r.FetchRefs(ctx, w.ref)
	if err != nil {
		return nil, err
	}
	current := plumbing.NewHash(all[w.ref])
	if !current.IsZero() && !w.mine(current) {
		if holder := r.readHolding(current.String()); !holder.dead(r.now(), r.sight(current)) {
			return &holder, nil
		}
	}
	err = w.take(current)
	if errors.Is(err, ErrRefMoved) {
		return &holding{Lease: Lease{Run: "another run", Host: "another host"}, Until: r.now().Add(leaseTime)}, nil
	}
	return nil, err
}

// sight is when a value of a lock was seen first, at any ref: who holds several
// renews them all at once, and one that is gone is gone from all.
func (r *Repo) sight(value plumbing.Hash) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.sighted[value]; !known {
		r.sighted[value] = r.now()
	}
	return r.sighted[value]
}

// dead reports whether the holder is gone. A holder that lives renews every
// renewEvery, whatever its clock says, and once more soon when that fails: so a value
// that stays is a sign.
func (h holding) dead(now, since time.Time) bool {
	seen := now.Sub(since)
	return h.Released ||
		now.After(h.Until.Add(clockSkew)) ||
		(now.After(h.Until) && seen > stillFor) ||
		seen > leaseTime+renewEvery
}

// readHolding reads the commit that a lock points at. What cannot be
// understood is a holder without a name, who must be watched.
func (r *Repo) readHolding(commit string) holding {
	var found holding
	c, err := r.Lookup(commit)
	if err == nil {
		err = json.Unmarshal([]byte(c.Message), &found)
	}
	if err != nil || found.Until.IsZero() {
		return holding{Lease: Lease{Run: "an unknown run", Host: "an unknown host"}, Until: r.now().Add(leaseTime)}
	}
	return found
}

// newHolding makes a new holding of ours. The commit lives in memory only: renewing
// goes on beside whatever else uses the clone.
func (r *Repo) newHolding(h holding) (plumbing.Hash, packer, error) {
	h.Until = r.now().Add(leaseTime).UTC().Truncate(time.Second)
	h.Nonce, h.CI = rand.Text(), "[ci skip]"
	message, err := json.Marshal(h)
	if err != nil {
		return plumbing.ZeroHash, nil, err
	}
	commit, err := r.encodeCommit(nil, plumbing.ComputeHash(plumbing.TreeObject, nil), string(message)+"\n")
	return plumbing.ComputeHash(plumbing.CommitObject, commit), packed(commit), err
}

// packed is the pack with a commit without files, the one without anything for nil.
func packed(commit []byte) packer {
	return func(map[plumbing.Hash]bool) ([]byte, error) {
		var b bytes.Buffer
		objects := 2
		if commit == nil {
			objects = 0
		}
		p, err := pack.NewWriter(&b, objects)
		if err != nil {
			return nil, err
		}
		if commit != nil {
			err = errors.Join(p.Add(plumbing.CommitObject, commit), p.Add(plumbing.TreeObject, nil))
		}
		err = errors.Join(err, p.Finish())
		return b.Bytes(), err
	}
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
	l.acting.Lock()
	defer l.acting.Unlock()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	h, pack, err := l.newHolding(holding{Lease: l.lease})
	if err != nil {
		return err
	}
	if err = l.replace(ctx, l.refs(every), h, pack); err == nil {
		l.value = h
	}
	return err
}

// newHolding makes a holding that is known as ours from then on.
func (l *Lock) newHolding(of holding) (plumbing.Hash, packer, error) {
	h, pack, err := l.repo.newHolding(of)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mine[h] = true
	return h, pack, err
}

// refs are those that are held, as far as they are asked for.
func (l *Lock) refs(which func(ref string) bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(func(yield func(string) bool) {
		for ref := range l.held {
			if which(ref) && !yield(ref) {
				return
			}
		}
	})
}

// replace swaps refs that are held for another value. When one has another value than the
// last one known to have arrived, that may be a later one of ours whose reply
// was lost; then they are swapped once more from there.
func (l *Lock) replace(ctx context.Context, refs []string, now plumbing.Hash, pack packer) error {
	var err error
	for range 2 {
		updates := make([]wire.Update, len(refs))
		l.mu.Lock()
		for i, ref := range refs {
			updates[i] = wire.Update{Ref: ref, Old: l.held[ref], New: now}
		}
		l.mu.Unlock()
		if err = l.repo.swapAll(ctx, updates, false, pack); err == nil {
			for _, ref := range refs {
				l.note(ref, now)
			}
			return nil
		}
		if !errors.Is(err, ErrRefMoved) {
			return err
		}
		all, listErr := l.repo.remote.List(ctx)
		if listErr != nil {
			return listErr
		}
		lost := false
		for _, ref := range refs {
			if lost = lost || !l.isMine(all[ref]); l.isMine(all[ref]) {
				l.note(ref, all[ref])
			}
		}
		if lost {
			return err
		}
	}
	return err
}

// Lost is closed when one of the locks is no longer held: somebody took it over, or it
// could not be renewed before the end of its lease.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Held does what Fetch does, and tells from the same look whether all of the locks
// are still ours. A process that was frozen for longer than its lease learns it only
// so. ErrLockBusy when one is not.
func (l *Lock) Held(ctx context.Context) error {
	all, err := l.repo.fetch(ctx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(l.refs(every), func(ref string) bool { return !l.isMine(all[ref]) }) {
		return fault.Mark(fault.Temporary, fmt.Errorf("%w: it was taken over meanwhile", ErrLockBusy))
	}
	return nil
}

func (l *Lock) isMine(value plumbing.Hash) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mine[value]
}

// stands reports whether a value is ours, and was not given back: another part of
// this run took the lock, or the reply to us was lost.
func (l *Lock) stands(value plumbing.Hash) bool {
	return l.isMine(value) && !l.repo.readHolding(value.String()).Released
}

// Release gives the locks back. One that was lost meanwhile is left to its
// new holder, without an error.
func (l *Lock) Release(ctx context.Context) error {
	l.stop()
	<-l.ended
	return l.give(ctx, every)
}

func every(string) bool { return true }

// give gives locks back, but for those that others have by now.
func (l *Lock) give(ctx context.Context, which func(ref string) bool) error {
	refs := l.refs(which)
	if len(refs) == 0 {
		return nil
	}
	for _, ref := range refs {
		defer l.note(ref, plumbing.ZeroHash)
	}
	err := l.replace(ctx, refs, plumbing.ZeroHash, nil)
	if errors.Is(err, ErrPushRefused) {
		// Some remotes let nobody delete refs.
		h, pack, made := l.newHolding(holding{Lease: l.lease, Released: true})
		if err = made; err == nil {
			err = l.replace(ctx, refs, h, pack)
		}
	}
	if errors.Is(err, ErrRefMoved) && len(refs) > 1 {
		// A push takes all of them or none.
		err = nil
		for _, ref := range refs {
			err = errors.Join(err, l.give(ctx, func(one string) bool { return one == ref }))
		}
	}
	if err != nil && !errors.Is(err, ErrRefMoved) {
		return fmt.Errorf("release the lock: %w", err)
	}
	return nil
}
