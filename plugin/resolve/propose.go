package resolve

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// offer puts the fix on a branch of its own, from the commit that it was planned on.
func (a *attempt) offer(ctx context.Context) error {
	fix, err := a.repo.Commit(a.base, a.tree, record.Message(a.item, a.date(), a.evidence(), false))
	if err != nil {
		return fmt.Errorf("make the fix commit: %w", err)
	}
	standing, err := a.recordOf(ctx, fix)
	if err != nil {
		return err
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
	standing.State = proposal.Offered
	if err := standing.Write(ctx, a.repo); err != nil {
		a.log.Warn().Str("stage", "items").Err(err).Msg("the record of the proposal does not say that its branch is there; a later run does that")
	}
	if a.offered, err = proposal.PatchOf(a.repo, fix, a.base, a.evidence()); err != nil {
		// It waits on its branch all the same.
		a.log.Warn().Str("stage", "items").Err(err).Msg("the ledger does not keep what was proposed: merge it in a way that keeps its trailers")
	}
	return nil
}

// recordOf writes down what a fix is and what its plan would do, before its branch
// is there: what was put before a person must be known whenever they merge it.
func (a *attempt) recordOf(ctx context.Context, fix string) (*proposal.Record, error) {
	standing := &proposal.Record{
		Document: a.item.Document, Item: a.item.ID, Stacks: []string{a.stack.name}, Facts: a.facts, Counts: a.out.Counts, Plan: a.plan.SHA256,
		CostUSD: a.out.CostUSD, State: proposal.Waiting, Text: record.TextSum(a.item), Fix: fix,
	}
	for _, f := range a.out.Findings {
		standing.Doubts = append(standing.Doubts, item.Finding{Code: f.Code, Place: text.Line(f.Place, 0), Detail: text.Line(f.Detail, 0)})
	}
	if former, _ := proposal.Records(a.repo); former[a.ref] != nil {
		standing.At = former[a.ref].At
	}
	err := standing.Write(ctx, a.repo)
	if errors.Is(err, proposal.ErrTooLong) {
		return nil, &refusal{state: item.Refused, reason: reason.NeedsApproval, findings: a.out.Findings, err: err}
	}
	return standing, err
}

// factsOf are the effects of a plan as a record keeps them.
func factsOf(j gate.Judgement) (facts []proposal.Fact) {
	for _, p := range j.Facts {
		place := p.Fact.Place.String()
		if p.Fact.File != "" {
			place = p.Place()
		}
		facts = append(facts, proposal.Fact{Address: text.Line(p.Address, 0), Place: text.Line(place, 0), Verb: string(p.Fact.Kind)})
	}
	return facts
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
