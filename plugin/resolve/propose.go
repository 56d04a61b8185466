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

// offer puts the fix on the document's branch, on top of what waits there.
func (a *attempt) offer(ctx context.Context) error {
	fix, err := a.repo.Commit(a.base, a.tree, record.Message(a.item, a.date(), a.evidence(), false))
	if err != nil {
		return fmt.Errorf("make the fix commit: %w", err)
	}
	branch := proposal.Branch(a.item.Document)
	waiting, err := a.branchTip(ctx, branch)
	if err != nil {
		return err
	}
	if waiting != "" {
		stacked, err := a.repo.Replay(fix, waiting, "")
		if errors.Is(err, gitrepo.ErrMoved) {
			return &refusal{state: item.NotAttempted, reason: reason.BaseMoved, err: fmt.Errorf("%s changes the same files; merge or delete it first: %w", branch, err)}
		}
		if err != nil {
			return fmt.Errorf("put the fix on %s: %w", branch, err)
		}
		fix = stacked
	}
	if err := a.repo.PushBranch(ctx, branch, fix); err != nil {
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

func (r *Resolver) branchTip(ctx context.Context, branch string) (string, error) {
	name := "refs/heads/" + branch
	refs, err := r.repo.FetchRefs(ctx, name)
	if err != nil {
		return "", fmt.Errorf("look for the branch %s: %w", branch, err)
	}
	return refs[name], nil
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
