package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// Runs of several shards, and one of all items beside them, work side by side. What
// one of them plans, applies or settles something of is locked until its end: by
// then its rows are written and its journals gone. Whoever gets the lock after it
// looks at everything anew.

// lock takes the locks of these names that are free, down to the first that is not.
func (r *Resolver) lock(ctx context.Context, names ...string) error {
	for _, name := range names {
		took, err := r.opts.Locks.Take(ctx, name, 0)
		if errors.Is(err, gitrepo.ErrLockBusy) {
			return &stack.Refusal{State: item.NotAttempted, Reason: reason.StackBusy, Err: err}
		}
		if err != nil {
			return fmt.Errorf("take the lock of %s: %w", name, err)
		}
		r.held.Add(name) // the first one came with the lock of the run
		if took {
			r.unseen = append(r.unseen, name)
		}
	}
	return nil
}

// stackLocks are the names of the locks of stacks.
func stackLocks(stacks []string) []string {
	names := make([]string, len(stacks))
	for i, name := range stacks {
		names[i] = seam.StackLock(name)
	}
	return names
}

// isBusy reports whether another run is at work there.
func isBusy(err error) bool {
	var no *stack.Refusal
	return errors.As(err, &no) && no.Reason == reason.StackBusy
}

// openBase starts from the branch's tip as it is once no other run is at work at the
// same lot.
func (a *attempt) openBase(ctx context.Context) error {
	lot := a.opts.Deal.Lot(a.item)
	if err := a.lock(ctx, lot); err != nil {
		return err
	}
	if len(a.unseen) == 0 && !a.current {
		if _, err := a.repo.Fetch(ctx); err != nil {
			return fmt.Errorf("fetch %s: %w", a.opts.Branch, err)
		}
	}
	a.current = false
	if err := a.reconsider(ctx); err != nil {
		return err
	}
	a.change.Base = a.repo.Tip()
	if err := a.stillWanted(); err != nil {
		return err
	}
	// Gates, agent and plans read all of it: so it comes at once.
	if _, err := a.repo.Pack(a.change.Base); err != nil {
		return fmt.Errorf("get the files of %.12s: %w", a.change.Base, err)
	}
	return nil
}

// claim keeps other runs away from lots. What they did there until then may have
// made an end of the attempt.
func (a *attempt) claim(ctx context.Context, lots ...string) error {
	if err := a.lock(ctx, lots...); err != nil {
		return err
	}
	return a.reconsider(ctx)
}

// look learns what other runs did and left at the lots that were locked since the
// last look. What is left there to be settled keeps every item away.
func (r *Resolver) look(ctx context.Context) error {
	if len(r.unseen) == 0 {
		return nil
	}
	if err := r.refresh(ctx); err != nil {
		return err
	}
	standing := journal.Seen(r.repo)
	for _, name := range slices.Sorted(maps.Keys(standing)) {
		left, err := journal.Read(r.repo, name, standing[name], nil)
		if err == nil && slices.Contains(r.unseen, seam.StackLock(left.Evidence.Stack)) {
			r.stacks.Close(left.Evidence.Stack, fmt.Errorf("an earlier run left %s of %s to be settled", left.Item.ID, left.Item.Document))
		}
	}
	r.unseen = nil
	return nil
}

// reconsider ends the attempt when others have taken up its item until the locks were
// taken.
func (a *attempt) reconsider(ctx context.Context) error {
	news := len(a.unseen) > 0
	if err := a.look(ctx); err != nil {
		return err
	}
	if journal.Seen(a.repo)[record.JournalRef(a.ref)] != "" {
		return &stack.Refusal{State: item.Skipped, Reason: reason.StackClosed, Err: fmt.Errorf("an earlier run left %s of %s to be settled", a.ref.Item, a.ref.Document)}
	}
	if a.merged != nil {
		if news {
			a.change.Base = a.repo.Tip()
		}
		return nil
	}
	_, isLanded := a.landed[a.ref]
	records, _ := proposal.Records(a.repo)
	switch {
	case isLanded || records[a.ref] != nil:
		return &stack.Refusal{State: item.NotAttempted, Reason: reason.ChangedMeanwhile, Err: errors.New("another run took it up at the same time")}
	case !a.recorded && a.ledger.Attempts(a.ref) >= a.opts.MaxAttempts:
		return &stack.Refusal{State: item.Skipped, Reason: reason.MaxAttempts}
	}
	return nil
}

// claimStacks keeps other runs away from the stacks that the change turned out to be
// of, and waits for them a while: it is paid for.
func (a *attempt) claimStacks(ctx context.Context) error {
	if a.opts.Scope.Unplanned {
		return nil
	}
	lots := stackLocks(a.change.Stacks)
	err := a.claim(ctx, lots...)
	if !isBusy(err) {
		return err
	}
	a.log.Info().Str("stage", "lock").Err(err).Msg("another run is at work at the stack that the change is of: waiting for it")
	var got []string
	a.work.Wait(func() {
		for _, lot := range lots {
			if _, err = shard.Await(ctx, a.opts.Locks, lot, &a.held, a.opts.LockWait); err != nil {
				return
			}
			a.held.Add(lot)
			got = append(got, lot)
		}
	})
	a.unseen = append(a.unseen, got...)
	if err != nil && !errors.Is(err, gitrepo.ErrLockBusy) {
		return fmt.Errorf("wait for the stack that the change is of: %w", err)
	}
	if err != nil {
		a.keepRefused(ctx)
		return &stack.Refusal{State: item.NotAttempted, Reason: reason.StackBusy, Err: err}
	}
	return a.reconsider(ctx)
}

// claimJournals are the journals on the remote, fix commits by ref name, of what no
// other run is at work at.
func (r *Resolver) claimJournals(ctx context.Context) (map[string]string, error) {
	journals := journal.Seen(r.repo) // as fetched under the run's lock
	for _, name := range slices.Sorted(maps.Keys(journals)) {
		err := r.lock(ctx, r.lotOf(name, journals[name]))
		if isBusy(err) {
			r.log.Info().Str("stage", "settle").Err(err).Msg("another run is at work at what an earlier run left; it is that run's to settle")
			delete(journals, name)
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	if len(r.unseen) == 0 {
		return journals, nil
	}
	r.unseen = nil // what was left there is settled now
	err := r.refresh(ctx)
	now := journal.Seen(r.repo)
	maps.DeleteFunc(journals, func(name, fix string) bool { return now[name] != fix })
	return journals, err
}

// lotOf is the lot that a journal says it is of: one of its own when it cannot be
// read.
func (r *Resolver) lotOf(name, fix string) string {
	left, err := journal.Read(r.repo, name, fix, nil)
	if err != nil || left.Evidence.Stack == "" {
		return "journal " + name
	}
	return seam.StackLock(left.Evidence.Stack)
}
