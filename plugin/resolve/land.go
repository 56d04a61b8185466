package resolve

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// rounds bounds how often an item is planned again because the branch or the
// state moved under it.
const rounds = 3

// land brings a judged change into production and onto the branch: journal,
// apply, confirm, push. Nothing is applied before the remote holds the fix
// commit and has shown that this run may push the branch.
func (a *attempt) land(ctx context.Context) error {
	fix, err := a.journal(ctx, "")
	if err != nil {
		return err
	}
	for round := 1; ; round++ {
		if fix, err = a.catchUp(ctx, fix); err != nil {
			return a.withdraw(ctx, err)
		}
		if err := a.stillWanted(); err != nil {
			return a.withdraw(ctx, err)
		}
		again, err := a.apply(ctx, fix)
		if err != nil {
			return err
		}
		if !again {
			break
		}
		if round == rounds {
			return a.withdraw(ctx, fault.Mark(fault.Temporary, fmt.Errorf("the state of %s changed under %d plans in a row", a.planned.Stack.Name, rounds)))
		}
		if fix, err = a.afterStale(ctx, fix); err != nil {
			return a.withdraw(ctx, err)
		}
	}
	if err := a.confirm(ctx, fix); err != nil {
		var left *stack.Refusal
		if errors.As(err, &left) {
			return a.leaveToPerson(ctx, fix, reason.NotConverged, err)
		}
		return a.leaveToPerson(ctx, fix, reason.ApplyUnconfirmed, fmt.Errorf("applied, but not confirmed; the next run settles it: %w", err))
	}
	verifyErr := a.verify(ctx, a.planned.Space, a.item, a.planned.Stack.Name)
	if err := a.publish(ctx, fix); err != nil {
		return err
	}
	var no *stack.Refusal
	if verifyErr == nil || errors.As(verifyErr, &no) {
		return verifyErr
	}
	return a.needsPerson(reason.ApplyUnconfirmed, fmt.Errorf("applied and on %s, but not verified; the next run settles it: %w", a.opts.Branch, verifyErr))
}

// journal makes the fix commit with its evidence, writes it to its journal ref,
// and shows that the branch takes our pushes.
func (a *attempt) journal(ctx context.Context, previous string) (string, error) {
	fix, err := a.repo.Commit(a.change.Base, a.change.Tree, record.Message(a.item, a.date(), a.evidence(), true))
	if err != nil {
		return "", fmt.Errorf("make the fix commit: %w", err)
	}
	a.log.Info().Str("stage", "journal").Str("commit", fix).Msg("writing the fix commit to its journal before anything is applied")
	a.journaled = append(a.journaled, fix)
	paid := gitrepo.Insist(ctx)
	mayPush := a.merged != nil // it is on the branch
	if mayPush {
		err = journal.Write(paid, a.repo, a.ref, previous, fix)
	} else {
		mayPush, err = journal.Reserve(paid, a.repo, a.ref, previous, fix)
	}
	if err != nil {
		err = fmt.Errorf("write the journal: %w", err)
		if errors.Is(err, gitrepo.ErrPushRefused) {
			// It took the lock and the attempt a moment ago, both commits of ours: so
			// it is what is in this one.
			err = &stack.Refusal{State: item.Failed, Reason: reason.CommitRefused, Err: err}
		}
		// Whether the remote took it may be unknown.
		return "", a.withdraw(ctx, err)
	}
	if !mayPush {
		if err := a.mayPush(paid); err != nil {
			return "", a.withdraw(ctx, err)
		}
	}
	return fix, nil
}

// catchUp makes sure of the lock, and plans again when the branch touched the stack
// since the base.
func (a *attempt) catchUp(ctx context.Context, fix string) (string, error) {
	for range rounds {
		if err := a.opts.Locks.Held(gitrepo.Insist(ctx)); err != nil {
			return "", fmt.Errorf("look for the lock and the branch before the apply: %w", err)
		}
		tip := a.repo.Tip()
		if tip == a.change.Base {
			return fix, nil
		}
		touched, err := a.repo.Touched(a.change.Base, tip, a.planned.Stack.Name)
		if err != nil {
			return "", fmt.Errorf("compare %s with the branch: %w", a.planned.Stack.Name, err)
		}
		if !touched {
			return fix, nil
		}
		a.log.Info().Str("stage", "plan").Str("stack", a.planned.Stack.Name).Msg("the branch changed the stack during the run: planning again on its tip")
		if fix, err = a.replan(ctx, fix, tip); err != nil {
			return "", err
		}
	}
	return "", fault.Mark(fault.Temporary, fmt.Errorf("the branch touched %s during %d plans in a row", a.planned.Stack.Name, rounds))
}

// stillWanted asks for the row once more, at the branch as it was fetched a moment
// ago: people withdraw and reword rows while an agent works.
func (a *attempt) stillWanted() error {
	items, asks := []item.Item{a.item}, a.wanted
	if a.merged != nil {
		items, asks = a.merged.Items(), a.wantedStill
	}
	for _, one := range a.merged {
		back, err := one.TakenBack(a.repo, a.repo.Tip())
		if err != nil {
			return err
		}
		if back {
			return &stack.Refusal{State: item.NotAttempted, Reason: reason.ChangedMeanwhile, Err: errors.New("it was taken back on the branch meanwhile")}
		}
	}
	for _, todo := range items {
		wanted, err := asks(a.repo.Tip(), todo)
		if err != nil {
			return err
		}
		if !wanted {
			return &stack.Refusal{State: item.NotAttempted, Reason: reason.ChangedMeanwhile}
		}
	}
	return nil
}

// wanted reports whether an item is open at a commit, worded as it is, and still as
// free of an approval.
func (r *Resolver) wanted(commit string, todo item.Item) (bool, error) {
	row, open, ok, err := r.opts.Row(commit, record.RefOf(todo))
	return ok && open && (todo.Approval || !row.Approval) && record.TextSum(row) == record.TextSum(todo), err
}

// wantedStill is the same of an item whose proposal was merged: which lane it is in
// counts no more.
func (r *Resolver) wantedStill(commit string, todo item.Item) (bool, error) {
	todo.Approval = true
	return r.wanted(commit, todo)
}

// apply applies exactly the plan file that was judged. again says that the
// saved plan was stale, so nothing was applied and a new plan is needed.
func (a *attempt) apply(ctx context.Context, fix string) (again bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, a.withdraw(ctx, fault.Mark(fault.Temporary, context.Cause(ctx)))
	}
	if a.repo.Tip() != a.change.Base { // the row had to be read where the branch is now
		if err := a.opts.Locks.Held(ctx); err != nil {
			return false, a.withdraw(ctx, fmt.Errorf("look for the lock before the apply: %w", err))
		}
	}
	a.log.Info().Str("stage", "apply").Str("stack", a.planned.Stack.Name).Str("host", a.terraform.Name()).Msg("applying the judged plan")
	status, err := a.planned.Space.Apply(ctx, host.ApplySpec{
		ID: journal.ApplyID(a.ref, a.planned.Plan.SHA256), Dir: a.planned.Stack.Name, SHA256: a.planned.Plan.SHA256, Commit: fix,
	})
	switch {
	case err != nil && status == (host.ApplyStatus{}) && !errors.Is(err, host.ErrBegan):
		// The host's word, or nothing was sent at all: it did not begin.
		return false, a.withdraw(ctx, fmt.Errorf("start the apply: %w", err))
	case err != nil || status.Running || status.Unknown || !status.Ended:
		if err == nil {
			err = errors.New("its end was not seen")
		}
		a.directories.Keep() // it may still be about to begin
		a.stacks.Close(a.planned.Stack.Name, err)
		return false, &stack.Refusal{State: item.NeedsPerson, Reason: reason.ApplyUnknown, Err: fmt.Errorf("the apply goes on or its end is unknown; the next run settles it: %w", err)}
	case status.Code == 0:
		return false, nil
	case status.Stale():
		a.log.Warn().Str("stage", "apply").Msg("the saved plan is stale: nothing was applied, planning again")
		return true, nil
	case status.StateLocked():
		return false, a.withdraw(ctx, fault.Mark(fault.Temporary, fmt.Errorf("%w: %s", host.ErrStateLock, a.planned.Stack.Name)))
	}
	failed := fmt.Errorf("apply of %s ended with exit code %d: %s", a.planned.Stack.Name, status.Code, status.Output)
	return false, a.leaveToPerson(ctx, fix, reason.ApplyFailed, failed)
}

// afterStale plans again after somebody else changed the state: on the branch's
// tip and with a new baseline, which shows when their change is not in it.
func (a *attempt) afterStale(ctx context.Context, fix string) (string, error) {
	stale := journal.ApplyID(a.ref, a.planned.Plan.SHA256)
	a.stacks.Forget(a.planned.Stack.Name)
	tip, err := a.repo.Fetch(gitrepo.Insist(ctx))
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", a.opts.Branch, err)
	}
	if fix, err = a.replan(ctx, fix, tip); err != nil {
		return "", err
	}
	// Only now: until its journal was replaced, a later run may ask for it.
	if err := a.terraform.Settled(ctx, stale); err != nil {
		a.log.Warn().Str("stage", "apply").Err(err).Msg("the run directory could not be marked as settled")
	}
	return fix, nil
}

// replan carries the fix to another base, plans and judges it there, and
// journals the result in place of the former.
func (a *attempt) replan(ctx context.Context, fix, base string) (string, error) {
	if a.merged != nil {
		return "", &stack.Refusal{State: item.NotAttempted, Reason: reason.BaseMoved, Err: errors.New("the stack changed while what was merged was planned")}
	}
	if base != a.change.Base {
		if err := a.change.Carry(fix, base); err != nil {
			return "", err
		}
	}
	err := a.judgeDiff()
	if err == nil {
		err = a.planChange(ctx)
	}
	if err == nil {
		err = a.judge(ctx)
	}
	if err = a.afterTurns(ctx, err); err != nil {
		return "", err
	}
	if a.unproved {
		return "", errUnproved // the journal is taken back, and then a person is asked
	}
	return a.journal(ctx, fix)
}

// errUnproved is a change that is proved no more on the base where it is now.
var errUnproved = errors.New("its effects are not proved any more where the branch is now")

// confirm plans the stack once more: it must be empty but for tolerated
// changes. An empty one is the baseline of the stack's next item.
func (a *attempt) confirm(ctx context.Context, fix string) error {
	plan, err := a.stacks.Confirmed(ctx, a.planned.Space, a.planned.Stack.Name, a.planned.Stack.Baseline)
	if err != nil {
		return err
	}
	a.stacks.Note(&stack.Stack{Name: a.planned.Stack.Name, Base: fix, Baseline: plan})
	return nil
}

// verify asks the owner's own check, where there is one.
func (r *Resolver) verify(ctx context.Context, space seam.Checkout, todo item.Item, folder string) error {
	if !r.opts.Verify {
		return nil
	}
	r.log.Info().Str("stage", "verify").Str("item", todo.ID).Msg("running verify_command")
	return stack.Verify(ctx, space, todo, folder)
}

// publish pushes the fix to the branch, replayed when the branch moved.
func (a *attempt) publish(ctx context.Context, fix string) error {
	if a.merged != nil {
		return nil // where it was before
	}
	a.log.Info().Str("stage", "push").Msg("pushing the fix")
	commit, moved, err := a.publishFix(ctx, fix, a.planned.Stack.Name)
	if err != nil {
		why := ""
		if fault.Of(err) == fault.Temporary {
			why = ", and the next run settles it, since the remote could not be reached"
		}
		return a.needsPerson(reason.AppliedNotOnBranch, fmt.Errorf("applied, but not on %s; the journal keeps it%s: %w", a.opts.Branch, why, err))
	}
	a.out.Commit = commit
	if !moved {
		return nil
	}
	return a.confirmAt(ctx, commit)
}

// publishFix pushes a fix commit and says what it is called on the branch, see
// journal.Publish.
//
// What the remote did not take once it will hardly take again: then this run
// applies nothing more. Files that the branch changed are this fix's own trouble.
func (r *Resolver) publishFix(ctx context.Context, fix, stack string) (published string, moved bool, err error) {
	published, moved, err = journal.Publish(gitrepo.Insist(ctx), r.repo, fix, stack)
	r.stopped = r.stopped || err != nil && !errors.Is(err, gitrepo.ErrMoved)
	return published, moved, err
}

// confirmAt plans the stack at the branch's new tip, after the branch touched
// it between our apply and our push. Theirs may well not be applied yet, so
// only a person can tell what is left to do there.
func (a *attempt) confirmAt(ctx context.Context, commit string) error {
	space, err := a.stacks.Checkout(ctx, commit)
	if err == nil {
		_, err = a.stacks.Confirmed(ctx, space, a.planned.Stack.Name, a.planned.Stack.Baseline)
	}
	if err == nil {
		return nil
	}
	if fault.Of(err) == fault.Temporary || errors.Is(err, stack.ErrUnreadable) {
		return a.needsPerson(reason.ApplyUnconfirmed, fmt.Errorf("applied and on %s, but not confirmed there; the next run settles it: %w", a.opts.Branch, err))
	}
	return a.needsPerson(reason.NotConverged, fmt.Errorf("applied and on %s, but others changed the stack at the same time: %w", a.opts.Branch, err))
}

// leaveToPerson publishes a fix that was applied in part, since the next plan
// of a branch without it would destroy what exists, and closes the stack. Its
// journal stays, so that every later run plans it again and stays at exit 3
// until the plan is empty or a person has settled it.
func (a *attempt) leaveToPerson(ctx context.Context, fix string, code reason.Code, cause error) error {
	closing, cancel := stillTime(ctx)
	defer cancel()
	left := a.needsPerson(code, cause)
	if err := a.publish(closing, fix); err != nil {
		left.Err = errors.Join(cause, err)
	}
	return left
}

// needsPerson closes the stack of what was applied. What passes, the next run settles.
func (a *attempt) needsPerson(code reason.Code, cause error) *stack.Refusal {
	a.stacks.Close(a.planned.Stack.Name, cause)
	if code != reason.ApplyUnconfirmed && fault.Of(cause) != fault.Temporary {
		a.out.Command = journal.SettleCommand(a.item.ID)
	}
	left := &stack.Refusal{State: item.NeedsPerson, Reason: code, Err: cause}
	var no *stack.Refusal
	if errors.As(cause, &no) {
		left.Findings = no.Findings
	}
	return left
}

// withdraw takes the journal back of a fix that was never applied. A journal
// that another run wrote meanwhile is left alone.
func (a *attempt) withdraw(ctx context.Context, cause error) error {
	cleanup, cancel := stillTime(ctx)
	defer cancel()
	if err := a.dropJournal(cleanup, a.ref, a.journaled); err != nil {
		a.directories.Keep() // the run directory shows the next run that nothing was applied
		a.log.Warn().Str("stage", "journal").Err(err).Msg("the journal could not be removed; the next run sees that nothing was applied")
	}
	return cause
}

// stillTime is ctx while the run goes on, and a moment more once it was ended.
func stillTime(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(context.WithoutCancel(ctx), seam.CleanupTime)
}
