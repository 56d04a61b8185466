package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"pm-todos/plugin/fault"
)

// Bounds of the retries. A rival's update makes the next try worth while; a
// ref that stays as it was three times over was not held by a passing rival.
const (
	maxTries     = 30
	maxUnchanged = 3
	maxListings  = 4
)

// outcome is what became of an update, as the remote's ref shows it.
type outcome int

const (
	landed    outcome = iota // the ref has the new value
	moved                    // somebody else changed the ref
	unchanged                // the ref has the old value still
	unknown                  // the remote could not be read
)

// newBackOff are the pauses between tries, with jitter, so that rivals do not
// keep meeting.
func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 100 * time.Millisecond
	b.MaxInterval = 5 * time.Second
	return b
}

// try sends one update and finds out what became of it. The error is that of
// the push, for the case that the outcome is not landed.
func (r *Repo) try(ctx context.Context, u update, pack func(map[plumbing.Hash]bool) ([]byte, error)) (outcome, plumbing.Hash, error) {
	pushErr := r.remote.push(ctx, u, pack)
	switch {
	case pushErr == nil:
		return landed, u.new, nil
	case errors.Is(pushErr, ErrDenied), errors.Is(pushErr, ErrHostKey):
		return unchanged, u.old, pushErr
	}
	// The reply may be lost after the remote took the update, and servers word
	// their refusals as they like: only the ref itself tells.
	pauses := newBackOff()
	for i := 1; ; i++ {
		all, err := r.remote.list(ctx)
		if err == nil {
			return judge(u, all[u.ref]), all[u.ref], pushErr
		}
		if i == maxListings || r.sleep(ctx, pauses.NextBackOff()) != nil {
			return unknown, plumbing.ZeroHash, fault.Mark(fault.Temporary,
				fmt.Errorf("%w: %w (and then: %w)", ErrPushUnknown, pushErr, err))
		}
	}
}

func judge(u update, now plumbing.Hash) outcome {
	switch now {
	case u.new:
		// With old = new this says nothing about success: see CanPush.
		if u.new == u.old {
			return unchanged
		}
		return landed
	case u.old:
		return unchanged
	}
	return moved
}

// refused words the failure of an update that left the ref as it was.
func refused(u update, err error) error {
	if errors.Is(err, ErrDenied) || errors.Is(err, ErrHostKey) || fault.Of(err) == fault.Temporary {
		return err
	}
	return fault.Mark(fault.Failed, fmt.Errorf("%w of %s: %w", ErrPushRefused, u.ref, err))
}

// swap performs an update of one ref, trying again while the ref is as it was.
// ErrRefMoved when it has another value than the old one.
func (r *Repo) swap(ctx context.Context, u update, pack func(map[plumbing.Hash]bool) ([]byte, error)) error {
	pauses := newBackOff()
	for i := 1; ; i++ {
		what, now, err := r.try(ctx, u, pack)
		switch what {
		case landed:
			r.note(u.ref, u.new)
			return nil
		case moved:
			return fault.Mark(fault.Temporary, fmt.Errorf("%w: %s is at %s, not at %s", ErrRefMoved, u.ref, short(now), short(u.old)))
		case unknown:
			return err
		case unchanged:
			if i == maxUnchanged || errors.Is(err, ErrDenied) || errors.Is(err, ErrHostKey) {
				return refused(u, err)
			}
		}
		if err := r.sleep(ctx, pauses.NextBackOff()); err != nil {
			return fault.Mark(fault.Temporary, fmt.Errorf("update %s: %w", u.ref, err))
		}
	}
}

func short(h plumbing.Hash) string {
	if h.IsZero() {
		return "nothing"
	}
	return h.String()[:10]
}

// packOf is the usual pack of an update: what its new value needs.
func (r *Repo) packOf(target plumbing.Hash) func(map[plumbing.Hash]bool) ([]byte, error) {
	return func(has map[plumbing.Hash]bool) ([]byte, error) { return r.packFor(target, has) }
}

// Publish puts a commit on the branch. build is given the branch's tip, freshly
// fetched, and returns the commit to publish, which must descend from it; it is
// called again whenever somebody else was faster, a bounded number of times.
// When build returns the tip itself there is nothing to do. The result is the
// commit on the branch. Errors of build end the loop and are returned as they
// are. ErrPushRefused and ErrPushUnknown say what a failed push means.
func (r *Repo) Publish(ctx context.Context, build func(tip string) (string, error)) (string, error) {
	pauses := newBackOff()
	var u update
	var sent []plumbing.Hash
	same := 0
	for i := 1; ; i++ {
		done, err := r.prepare(ctx, build, &u, sent)
		if done != "" || err != nil {
			return done, err
		}
		what, _, pushErr := r.try(ctx, u, r.packOf(u.new))
		sent = append(sent, u.new)
		switch what {
		case landed:
			r.note(u.ref, u.new)
			return u.new.String(), nil
		case unknown:
			return "", pushErr
		case unchanged:
			if same++; same == maxUnchanged || errors.Is(pushErr, ErrDenied) || errors.Is(pushErr, ErrHostKey) {
				return "", refused(u, pushErr)
			}
		case moved:
			same = 0
		}
		if i == maxTries {
			return "", fault.Mark(fault.Temporary, fmt.Errorf("publish to %s: %w %d times in a row", r.Branch(), ErrRefMoved, i))
		}
		if err := r.sleep(ctx, pauses.NextBackOff()); err != nil {
			return "", fault.Mark(fault.Temporary, fmt.Errorf("publish to %s: %w", r.Branch(), err))
		}
	}
}

// prepare makes the next update on the branch's present tip. When there is
// none to make, since nothing differs or an earlier one has landed after all,
// it returns the commit that is on the branch.
func (r *Repo) prepare(ctx context.Context, build func(string) (string, error), u *update, sent []plumbing.Hash) (string, error) {
	tip, err := r.Fetch(ctx)
	if err != nil {
		if len(sent) > 0 && !errors.Is(err, ErrNotFound) {
			err = fault.Mark(fault.Temporary, fmt.Errorf("%w: %w", ErrPushUnknown, err))
		}
		return "", err
	}
	if u.old.String() == tip {
		return "", nil // the same again
	}
	// The branch has moved. It may hold a commit of ours whose reply was lost,
	// with others on top.
	for _, h := range sent {
		found := false
		err := r.walk(tip, u.old, func(c Commit) bool {
			found = c.Hash == h.String()
			return !found
		})
		if found || err != nil {
			return h.String(), err
		}
	}
	*u, err = r.build(tip, build)
	if err == nil && u.new == u.old {
		return tip, nil
	}
	return "", err
}

// build asks for the commit to publish and makes sure that it takes nothing
// away from the branch: the remote would accept that by this kind of update.
func (r *Repo) build(tip string, build func(string) (string, error)) (update, error) {
	u := update{ref: r.branch, old: plumbing.NewHash(tip)}
	made, err := build(tip)
	if err != nil {
		return update{}, err
	}
	if u.new, err = parseHash(made); err != nil {
		return update{}, fmt.Errorf("publish to %s: %w", r.Branch(), err)
	}
	if u.new == u.old {
		return u, nil
	}
	over, err := r.Contains(made, tip)
	if err == nil && !over {
		err = errors.New("it does not descend from the branch's tip")
	}
	if err != nil {
		return update{}, fmt.Errorf("publish %s to %s: %w", made, r.Branch(), err)
	}
	return u, nil
}

// CanPush proves that this run may push to the branch, by an update from its
// tip to its tip: hooks and protections see and judge it, and nothing changes.
// ErrDenied or ErrPushRefused when it may not.
func (r *Repo) CanPush(ctx context.Context) error {
	pauses := newBackOff()
	tip, err := r.remoteTip(ctx)
	if err != nil {
		return err
	}
	for i, same := 1, 0; ; i++ {
		u := update{ref: r.branch, old: tip, new: tip}
		pushErr := r.remote.push(ctx, u, func(map[plumbing.Hash]bool) ([]byte, error) { return r.emptyPack() })
		if pushErr == nil {
			return nil
		}
		if tip, err = r.remoteTip(ctx); err != nil {
			return err
		}
		// Only a branch that stayed where it was was refused: servers word a lost
		// race in many ways, so the state decides, never the message.
		if same++; tip != u.old {
			same = 0
		}
		if errors.Is(pushErr, ErrDenied) || errors.Is(pushErr, ErrHostKey) || same == maxUnchanged || i == maxTries {
			return refused(u, pushErr)
		}
		if err := r.sleep(ctx, pauses.NextBackOff()); err != nil {
			return fault.Mark(fault.Temporary, fmt.Errorf("check the right to push: %w", err))
		}
	}
}

func (r *Repo) remoteTip(ctx context.Context) (plumbing.Hash, error) {
	all, err := r.remote.list(ctx)
	if err == nil && all[r.branch].IsZero() {
		err = fault.Mark(fault.Failed, fmt.Errorf("%w: the remote has no branch %q", ErrNotFound, r.Branch()))
	}
	return all[r.branch], err
}

func (r *Repo) emptyPack() ([]byte, error) { return r.packFor(plumbing.ZeroHash, nil) }

// PushBranch makes a branch of ours, or moves it, to the commit. The name is
// short and starts with pm-todos/, which keeps every branch of people out of
// reach. What the branch held before is given up, but only if it is what the
// remote showed a moment ago.
func (r *Repo) PushBranch(ctx context.Context, name, commit string) error {
	ref := branches + name
	h, _, err := r.commit(commit)
	if err == nil {
		err = checkOwn(ref)
	}
	if err != nil {
		return fmt.Errorf("push branch %s: %w", printable(name), err)
	}
	for i := 1; ; i++ {
		all, err := r.remote.list(ctx)
		if err != nil || all[ref] == h {
			return err
		}
		err = r.swap(ctx, update{ref: ref, old: all[ref], new: h}, r.packOf(h))
		if !errors.Is(err, ErrRefMoved) || i == maxUnchanged {
			return err
		}
	}
}

// checkOwn lets only those refs through that are this program's own.
func checkOwn(ref string) error {
	if !strings.HasPrefix(ref, OwnRefs) && !strings.HasPrefix(ref, OwnBranches) {
		return fmt.Errorf("ref %q is not below %s or %s", printable(ref), OwnRefs, OwnBranches)
	}
	return checkRef(ref)
}

// Refs lists the remote's refs whose full name starts with the prefix, as they
// are now.
func (r *Repo) Refs(ctx context.Context, prefix string) (map[string]string, error) {
	all, err := r.remote.list(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for name, h := range all {
		if strings.HasPrefix(name, prefix) && checkRef(name) == nil {
			found[name] = h.String()
		}
	}
	return found, nil
}

// Seen lists the refs of ours, below OwnRefs, whose full name starts with the
// prefix, as of the last Fetch. It does not ask the remote.
func (r *Repo) Seen(prefix string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[string]string{}
	for name, h := range r.refs {
		if strings.HasPrefix(name, OwnRefs) && strings.HasPrefix(name, prefix) {
			found[name] = h.String()
		}
	}
	return found
}

// SetRef changes a ref of ours, below OwnRefs or OwnBranches, from one commit
// to another. An empty old creates it, an empty new deletes it. A ref that has
// the new value already is left alone. ErrRefMoved when it has a third value.
func (r *Repo) SetRef(ctx context.Context, name, old, new string) error {
	u := update{ref: name}
	err := checkOwn(name)
	if err == nil {
		u.old, err = parseHash(old)
	}
	if err == nil {
		u.new, err = parseHash(new)
	}
	if err == nil && !u.new.IsZero() {
		_, _, err = r.commit(new)
	}
	if err != nil {
		return fmt.Errorf("set ref %s: %w", printable(name), err)
	}
	all, err := r.remote.list(ctx)
	if err != nil {
		return err
	}
	if all[name] == u.new {
		r.note(name, u.new)
		return nil
	}
	return r.swap(ctx, u, r.packOf(u.new))
}
