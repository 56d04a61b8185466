package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// swap performs an update of one ref. ErrRefMoved when the ref has another value
// than the old one, ErrPushRefused when it stays as it is, ErrPushUnknown when
// the remote could not be asked what became of it.
func (r *Repo) swap(ctx context.Context, u wire.Update, pack packer) error {
	return r.swapAll(ctx, []wire.Update{u}, false, pack)
}

// packer makes the pack of a push, given what the remote has at its refs.
type packer func(has map[plumbing.Hash]bool) ([]byte, error)

// swapAll performs several updates in one push: all of them or none, where the
// remote can do that; whole ones are refused where it cannot. ErrRefMoved when one of
// the refs has a third value. A remote that did not let us delete refs of ours once is
// not asked for that again.
func (r *Repo) swapAll(ctx context.Context, updates []wire.Update, whole bool, pack packer) error {
	deletes := 0
	for _, u := range updates {
		if u.New.IsZero() && !u.Old.IsZero() && strings.HasPrefix(u.Ref, OwnRefs) {
			deletes++
		}
	}
	if deletes > 0 && r.keepsRefs.Load() {
		return fault.Mark(fault.Failed, fmt.Errorf("%w of %s: it lets nobody delete refs", ErrPushRefused, r.remote.OnRemote(updates[0].Ref)))
	}
	sent, err := r.remote.Push(ctx, updates, whole, pack)
	var stale wire.StaleError
	switch {
	case err == nil:
		for _, u := range updates {
			if u.Old != u.New {
				// Of an update from a value to itself, that value may not be here.
				r.note(u.Ref, u.New)
			}
		}
		return nil
	case errors.As(err, &stale):
		return fault.Mark(fault.Temporary, fmt.Errorf("%w: %s is at %s, not at %s", ErrRefMoved, r.remote.OnRemote(stale.Ref), short(stale.Now), short(stale.Old)))
	case fault.Of(err) == fault.Temporary && sent:
		return fault.Mark(fault.Temporary, fmt.Errorf("%w: %w", ErrPushUnknown, err))
	case wire.IsFinal(err):
		return err
	}
	if deletes == len(updates) {
		r.keepsRefs.Store(true)
	}
	return fault.Mark(fault.Failed, fmt.Errorf("%w of %s: %w", ErrPushRefused, r.remote.OnRemote(updates[0].Ref), err))
}

func short(h plumbing.Hash) string {
	if h.IsZero() {
		return "nothing"
	}
	return h.String()[:10]
}

// packOf is the usual pack of an update: what its new value needs.
func (r *Repo) packOf(target plumbing.Hash) packer {
	return func(has map[plumbing.Hash]bool) ([]byte, error) { return r.store.PackFor(target, has) }
}

// whileRivalsWin runs a step from the remote's present state to a
// compare-and-swap again as long as somebody else was faster. What acts on the
// remote is tried again by itself.
func (r *Repo) whileRivalsWin(ctx context.Context, step func() error) error {
	return r.remote.Persist(ctx, func(err error) bool { return errors.Is(err, ErrRefMoved) }, step)
}

// Publish puts a commit on the branch. build is given the branch's tip, and returns
// the commit to publish, which must descend from it; it is called again whenever
// somebody else was faster, a bounded number of times. The tip that it gets first is
// the one seen last: that it is still the branch's is what the push finds out. When
// build returns the tip itself there is nothing to do. The result is the commit on
// the branch. Errors of build end the loop and are returned as they are, once the
// tip is fresh. ErrPushRefused and ErrPushUnknown say what a failed push means.
func (r *Repo) Publish(ctx context.Context, build func(tip string) (string, error)) (string, error) {
	var u wire.Update
	var sent []plumbing.Hash
	var done string
	if made, err := r.build(r.Tip(), build); err == nil && made.New != made.Old {
		u = made
	}
	err := r.whileRivalsWin(ctx, func() (err error) {
		if u.New.IsZero() || len(sent) > 0 {
			if done, err = r.prepare(ctx, build, &u, sent); done != "" || err != nil {
				return err
			}
		}
		sent = append(sent, u.New)
		if err = r.swap(ctx, u, r.packOf(u.New)); err == nil {
			done = u.New.String()
		}
		return err
	})
	if err != nil {
		return "", err
	}
	return done, nil
}

// prepare makes the next update on the branch's present tip. When there is
// none to make, since nothing differs or an earlier one has landed after all,
// it returns the commit that is on the branch.
func (r *Repo) prepare(ctx context.Context, build func(string) (string, error), u *wire.Update, sent []plumbing.Hash) (string, error) {
	tip, err := r.Fetch(ctx)
	if err != nil {
		if len(sent) > 0 && !errors.Is(err, wire.ErrNotFound) {
			err = fault.Mark(fault.Temporary, fmt.Errorf("%w: %w", ErrPushUnknown, err))
		}
		return "", err
	}
	if u.Old.String() == tip {
		return "", nil // the same again
	}
	// The branch has moved. It may hold a commit of ours whose reply was lost,
	// with others on top.
	for _, h := range sent {
		found := false
		err := r.walk(tip, u.Old, func(c Commit) bool {
			found = c.Hash == h.String()
			return !found
		})
		if found || err != nil {
			return h.String(), err
		}
	}
	*u, err = r.build(tip, build)
	if err == nil && u.New == u.Old {
		return tip, nil
	}
	return "", err
}

// build asks for the commit to publish and makes sure that it takes nothing
// away from the branch: the remote would accept that by this kind of update.
func (r *Repo) build(tip string, build func(string) (string, error)) (wire.Update, error) {
	u := wire.Update{Ref: r.branch, Old: plumbing.NewHash(tip)}
	made, err := build(tip)
	if err != nil {
		return wire.Update{}, err
	}
	if u.New, err = parseHash(made); err != nil {
		return wire.Update{}, fmt.Errorf("publish to %s: %w", r.Branch(), err)
	}
	if u.New == u.Old {
		return u, nil
	}
	over, err := r.Contains(made, tip)
	if err == nil && !over {
		err = errors.New("it does not descend from the branch's tip")
	}
	if err != nil {
		return wire.Update{}, fmt.Errorf("publish %s to %s: %w", made, r.Branch(), err)
	}
	return u, nil
}

// CanPush proves that this run may push to the branch, by an update from its
// tip to its tip: hooks and protections see and judge it, and nothing changes.
// ErrDenied or ErrPushRefused when it may not.
func (r *Repo) CanPush(ctx context.Context) error {
	tip := r.seen(r.branch)
	return r.whileRivalsWin(ctx, func() (err error) {
		if tip.IsZero() {
			if tip, err = r.remoteTip(ctx); err != nil {
				return err
			}
		}
		now := wire.Update{Ref: r.branch, Old: tip, New: tip}
		tip = plumbing.ZeroHash
		return r.swap(ctx, now, r.packOf(plumbing.ZeroHash))
	})
}

func (r *Repo) remoteTip(ctx context.Context) (plumbing.Hash, error) {
	all, err := r.remote.List(ctx)
	if err == nil && all[r.branch].IsZero() {
		err = fault.Mark(fault.Failed, fmt.Errorf("%w: the remote has no branch %q", wire.ErrNotFound, r.Branch()))
	}
	return all[r.branch], err
}

// PushBranch makes a branch of ours, or moves it, to the commit. The name is
// short and starts with pm-todos/, which keeps every branch of people out of
// reach. What the branch held before is given up, but only if it is what the
// remote showed a moment ago.
func (r *Repo) PushBranch(ctx context.Context, name, commit string) error {
	ref := refname.Branches + name
	h, _, err := r.commit(commit)
	if err == nil {
		err = checkOwn(ref)
	}
	if err != nil {
		return fmt.Errorf("push branch %s: %w", wire.Printable(name), err)
	}
	return r.whileRivalsWin(ctx, func() error {
		all, err := r.remote.List(ctx)
		if err != nil || all[ref] == h {
			return err
		}
		return r.swap(ctx, wire.Update{Ref: ref, Old: all[ref], New: h}, r.packOf(h))
	})
}

// checkOwn lets only those refs through that are this program's own.
func checkOwn(ref string) error {
	if !strings.HasPrefix(ref, OwnRefs) && !strings.HasPrefix(ref, OwnBranches) {
		return fmt.Errorf("ref %q is not below %s or %s", wire.Printable(ref), OwnRefs, OwnBranches)
	}
	return refname.Check(ref)
}

// Seen lists the refs of ours, those below OwnRefs and OwnBranches, whose full name
// starts with the prefix, as of the last Fetch. It does not ask the remote. Of the
// branches, only RowsRef is in the clone.
func (r *Repo) Seen(prefix string) map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := map[string]string{}
	for _, refs := range []wire.Refs{r.ours, r.refs} {
		for name, h := range refs {
			if name != r.branch && strings.HasPrefix(name, prefix) {
				found[name] = h.String()
			}
		}
	}
	return found
}

// SetRef changes a ref of ours, below OwnRefs or OwnBranches, from one commit
// to another. An empty old creates it, an empty new deletes it. A ref that has
// the new value already is left alone. ErrRefMoved when it has a third value.
func (r *Repo) SetRef(ctx context.Context, name, old, new string) error {
	u, err := r.ownUpdate(name, old, new)
	if err != nil {
		return err
	}
	return r.swap(ctx, u, r.packOf(u.New))
}

// Reserve is SetRef and CanPush in one push: both or nothing. ErrRefMoved when the
// ref or the branch is at another place than the one last seen, ErrPushRefused too
// where the remote takes only one ref at a time; then SetRef and CanPush tell more.
func (r *Repo) Reserve(ctx context.Context, name, old, new string) error {
	u, err := r.ownUpdate(name, old, new)
	if err != nil {
		return err
	}
	tip := r.seen(r.branch)
	return r.swapAll(ctx, []wire.Update{u, {Ref: r.branch, Old: tip, New: tip}}, true, r.packOf(u.New))
}

// ownUpdate is the update of a ref of ours.
func (r *Repo) ownUpdate(name, old, new string) (wire.Update, error) {
	u := wire.Update{Ref: name}
	err := checkOwn(name)
	if err == nil {
		u.Old, err = parseHash(old)
	}
	if err == nil {
		u.New, err = parseHash(new)
	}
	if err == nil && !u.New.IsZero() {
		_, _, err = r.commit(new)
	}
	if err != nil {
		err = fmt.Errorf("set ref %s: %w", wire.Printable(name), err)
	}
	return u, err
}
