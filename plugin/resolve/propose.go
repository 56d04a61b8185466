package resolve

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// offer puts the fix on a branch of its own, from the commit that it was planned on,
// or keeps it while no place is free. It is paid for.
func (a *attempt) offer(ctx context.Context) error {
	evidence := a.evidence()
	var err error
	if evidence.Facts, err = proposal.FactsSum(a.facts, a.change.Base); err != nil {
		return err
	}
	fix, err := a.repo.Commit(a.change.Base, a.change.Tree, record.Message(a.item, a.date(), evidence, false))
	if err != nil {
		return fmt.Errorf("make the fix commit: %w", err)
	}
	standing, err := a.recordOf(ctx, fix)
	if err != nil {
		return err
	}
	if err := a.board.Offer(ctx, standing); err != nil {
		a.log.Warn().Str("stage", "proposals").Err(err).Msg("its proposal could not be opened; it waits")
	}
	a.out.State, a.out.Commit = item.Proposed, fix
	if standing.State == proposal.Waiting {
		a.out.Reason = reason.ProposalWaiting
	} else {
		a.out.Branch = proposal.Branch(a.ref)
	}
	return nil
}

// recordOf writes down what a fix is and what its plan would do, before its branch
// is there: what was put before a person must be known whenever they merge it.
func (a *attempt) recordOf(ctx context.Context, fix string) (*proposal.Record, error) {
	standing := &proposal.Record{
		Document: a.item.Document, Item: a.item.ID, Stacks: a.change.Stacks, Facts: a.facts, Counts: a.out.Counts, Plan: a.planned.Plan.SHA256,
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
		return nil, &stack.Refusal{State: item.Refused, Reason: reason.NeedsApproval, Findings: a.out.Findings, Err: err}
	}
	return standing, err
}

// keepRefused keeps what the plan gate refused on a branch, for a person to
// look at. That it cannot be kept does not change the refusal.
func (a *attempt) keepRefused(ctx context.Context) {
	commit, err := a.repo.Commit(a.change.Base, a.change.Tree, record.RefusedMessage(a.item))
	if err == nil {
		branch := proposal.RefusedBranch(a.ref)
		if err = a.repo.PushBranch(ctx, branch, commit); err == nil {
			a.out.Branch = branch
			return
		}
	}
	a.log.Warn().Str("stage", "gate").Err(err).Msg("the refused work could not be kept on a branch")
}

// remember writes into the ledger what became of an item that has a proposal, where
// the run that made it was cut short before it could, or never learned that it was
// taken.
func (r *Resolver) remember(ref record.Ref, out item.Outcome) {
	attempt, made := r.ledger.LastAttempt(ref)
	result := r.ledger.LastResult(ref)
	cut := result.State == record.StateTemporary || result.State == string(item.NotAttempted)
	if out.State != item.Proposed || !made || result.Run == attempt.Run && result.Attempt == attempt.Attempt && !cut {
		return
	}
	r.pending = append(r.pending, record.Entry{
		Time: r.now().UTC(), Run: attempt.Run, Kind: record.KindResult, Ref: ref, Attempt: attempt.Attempt,
		State: string(item.Proposed), CostUSD: r.board.Of(ref).CostUSD, Commit: out.Commit,
	})
}

// asksPerson reports whether what was made of the item is put before a person.
func (a *attempt) asksPerson() bool { return a.unproved || a.asks(a.item) }

// afterTurns is what is left of a complaint when the agent's turns are over: what is
// only not proved becomes a proposal, where the owner wants those.
func (a *attempt) afterTurns(ctx context.Context, err error) error {
	var mendable *change.Complaint
	if !errors.As(err, &mendable) {
		return err
	}
	if mendable.Reason == reason.NeedsApproval && a.opts.Doubtful {
		a.unproved, a.out.Findings = true, mendable.Findings
		return nil
	}
	if mendable.Planned {
		a.keepRefused(ctx)
	}
	return &mendable.Refusal
}

// asks reports whether whatever is made of an item is put before a person.
func (r *Resolver) asks(todo item.Item) bool { return r.opts.Mode == Propose || todo.Approval }

// reviewProposals brings the proposals up to what people did since the last run, and
// opens those that waited while there are free places. merged are those that the
// branch holds.
func (r *Resolver) reviewProposals(ctx context.Context, items []item.Item, merged map[record.Ref]bool) {
	rules := proposal.Rules{
		Most: r.opts.MaxOpen, Locks: r.opts.Locks,
		Mine: func(ref record.Ref) bool { return r.mine(item.Item{Document: ref.Document, ID: ref.Item}) },
	}
	r.board = proposal.Read(r.repo, r.opts.Forge, rules, merged, r.log)
	tip := r.repo.Tip()
	r.board.Review(ctx, func(ref record.Ref) (item.Item, bool, bool, error) { return r.opts.Row(tip, ref) })
	r.board.Open(ctx, items, func(waiting *proposal.Record, kind string) (bool, error) {
		return approval.Fit(r.repo, r.rules(), waiting, kind)
	})
}

// Withdrawn are the proposals to be taken back once the lock is free, see
// proposal.Record.Withdraw, and those that are already.
func (r *Resolver) Withdrawn() (open, taken []*proposal.Record) {
	if r.board == nil {
		return nil, nil
	}
	return r.board.Withdrawn()
}
