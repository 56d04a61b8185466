package resolve

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// offer puts the fix on a branch of its own, from the commit that it was planned on.
func (a *attempt) offer(ctx context.Context) error {
	fix, err := a.repo.Commit(a.base, a.tree, record.Message(a.item, a.date(), a.evidence(), false))
	if err != nil {
		return fmt.Errorf("make the fix commit: %w", err)
	}
	branch := proposal.Branch(a.ref)
	err = a.repo.SetRef(ctx, "refs/heads/"+branch, "", fix)
	if errors.Is(err, gitrepo.ErrRefMoved) {
		// Nothing of ours waits there, or the item would not have been tried.
		return &refusal{state: item.NotAttempted, reason: reason.BaseMoved, err: fmt.Errorf("the branch %s holds somebody else's work; merge or delete it first: %w", branch, err)}
	}
	if err != nil {
		return fmt.Errorf("push %s: %w", branch, err)
	}
	a.out.State, a.out.Commit, a.out.Branch = item.Proposed, fix, branch
	if a.offered, err = proposal.PatchOf(a.repo, fix, a.base, a.evidence()); err != nil {
		// It waits on its branch all the same.
		a.log.Warn().Str("stage", "items").Err(err).Msg("the ledger does not keep what was proposed: merge it in a way that keeps its trailers")
	}
	return nil
}

// keepRefused keeps what the plan gate refused on a branch, for a person to
// look at. That it cannot be kept does not change the refusal.
func (a *attempt) keepRefused(ctx context.Context) {
	commit, err := a.repo.Commit(a.base, a.tree, record.RefusedMessage(a.item))
	if err == nil {
		branch := proposal.RefusedBranch(a.ref)
		if err = a.repo.PushBranch(ctx, branch, commit); err == nil {
			a.out.Branch = branch
			return
		}
	}
	a.log.Warn().Str("stage", "gate").Err(err).Msg("the refused work could not be kept on a branch")
}

// remember writes into the ledger what an open proposal changes, where the run
// that made it was cut short before it could, or never learned that it was taken.
func (r *Resolver) remember(ref record.Ref, p proposal.Proposal) {
	attempt, made := r.ledger.LastAttempt(ref)
	result := r.ledger.LastResult(ref)
	cut := result.State == record.StateTemporary || result.State == string(item.NotAttempted)
	if !made || result.Run == attempt.Run && result.Attempt == attempt.Attempt && !cut {
		return
	}
	patch, err := proposal.PatchOf(r.repo, p.Commit, "", p.Evidence)
	if err != nil {
		r.log.Warn().Str("stage", "items").Str("item", ref.Item).Err(err).Msg("the ledger does not keep what is proposed")
		return
	}
	r.pending = append(r.pending, record.Entry{
		Time: r.now().UTC(), Run: attempt.Run, Kind: record.KindResult, Ref: ref, Attempt: attempt.Attempt,
		State: string(item.Proposed), CostUSD: p.Evidence.CostUSD, Commit: p.Commit, Patch: patch,
	})
}
