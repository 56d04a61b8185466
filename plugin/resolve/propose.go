package resolve

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
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
