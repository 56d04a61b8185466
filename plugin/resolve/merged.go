package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// findMerged recognises the proposals that a person merged.
func (r *Resolver) findMerged(ctx context.Context, items []item.Item) (approval.Found, error) {
	f := approval.Finder{
		Repo: r.repo, Log: r.log, Scope: r.opts.Scope, Ledger: r.ledger, Forge: r.opts.Forge, Branch: r.opts.Branch, Row: r.opts.Row, Wanted: r.wantedStill, Named: r.mergedAs,
	}
	return f.Find(ctx, items)
}

// mergedAs is the commit of the branch whose trailers name an item, where a person
// brought it there.
func (r *Resolver) mergedAs(ref record.Ref) (commit string, e record.Evidence, ok bool) {
	fix, ok := r.landed[ref]
	return fix.commit, fix.evidence, ok && fix.proposed
}

// merged takes the items out whose proposals a person merged, those of one stack
// together. They are done when a plan shows that nothing is left to do, or once
// what is left was applied.
func (r *Resolver) merged(ctx context.Context, items []item.Item, m approval.Found) (rest []item.Item, outcomes []item.Outcome) {
	taken := map[record.Ref]bool{}
	for _, out := range m.Gone {
		taken[record.RefOf(out.Item)] = true
		if r.mine(out.Item) {
			outcomes = append(outcomes, out)
		}
	}
	groups := map[string]approval.Group{}
	var stacks []string
	for _, a := range m.Approved {
		taken[record.RefOf(a.Item)] = true
		reverted, err := a.TakenBack(r.repo, r.repo.Tip())
		switch stack := a.Stack(); {
		case err != nil:
			outcomes = append(outcomes, item.Outcome{Item: a.Item, State: item.NotAttempted, Reason: reason.NotAttemptedHost, Err: err})
		case reverted:
			outcomes = append(outcomes, item.Outcome{Item: a.Item, State: item.Skipped, Reason: reason.FixReverted, Stack: stack, Commit: a.Named})
		default:
			if groups[stack] == nil {
				stacks = append(stacks, stack)
			}
			groups[stack] = append(groups[stack], a)
		}
	}
	for _, stack := range stacks {
		outcomes = append(outcomes, r.mergedStack(ctx, groups[stack])...)
	}
	rest = slices.DeleteFunc(slices.Clone(items), func(todo item.Item) bool { return taken[record.RefOf(todo)] })
	return rest, outcomes
}

// mergedStack is what becomes of the merged proposals of one stack. The first
// stands for all: its journal is that of their apply.
func (r *Resolver) mergedStack(ctx context.Context, g approval.Group) (outcomes []item.Outcome) {
	attempts := make([]*attempt, len(g))
	for i, one := range g {
		attempts[i] = r.merging(one)
	}
	first := attempts[0]
	first.merged = g
	err := first.takeMerged(ctx, attempts)
	for i, a := range attempts {
		end := err
		switch {
		case i == 0:
		case first.out.State == item.NeedsPerson:
			end = &stack.Refusal{State: item.Skipped, Reason: reason.StackClosed, Err: first.out.Err}
		case first.out.State == item.Done, first.out.Reason == reason.VerifyFailed:
			end = first.check(ctx, a.item)
		}
		a.out.Approver = g[i].By
		a.conclude(ctx, end)
		if a.out.State == item.Done {
			r.pending = append(r.pending, r.asked(a.out)) // nothing but its rows may be left of it
		}
		outcomes = append(outcomes, a.out)
	}
	return outcomes
}

// merging is what is done for one merged proposal.
func (r *Resolver) merging(one approval.Approved) *attempt {
	a := &attempt{
		Resolver: r, item: one.Item, ref: record.RefOf(one.Item), change: r.newChange(one.Item), out: one.Outcome(),
		log: r.log.With().Str("document", one.Item.Document).Str("item", one.Item.ID).Logger(),
	}
	a.change.Base = r.repo.Tip()
	a.log.Info().Str("stage", "items").Str("stack", one.Stack()).Str("commit", one.Commit.Hash).Msgf("its proposal was merged: %s", one.Item.Action)
	return a
}

// takeMerged plans the branch and applies what is left of what was merged.
func (a *attempt) takeMerged(ctx context.Context, all []*attempt) error {
	if why := a.mayStart(ctx, 0); why != "" {
		return &stack.Refusal{State: item.NotAttempted, Reason: why}
	}
	if err := a.claimMerged(ctx); err != nil {
		return err
	}
	if a.opts.Scope.Unplanned { // what is merged is handed over
		return a.handOver(ctx)
	}
	if len(a.merged[0].Record.Stacks) > 1 {
		return a.takeByHand(ctx)
	}
	s, err := a.stacks.Baseline(ctx, a.merged.Stack(), a.change.Base)
	var no *stack.Refusal
	switch {
	case err == nil:
		a.planned.Space = s.Space
		return a.applied(ctx)
	case !errors.As(err, &no) || no.Reason != reason.StackDrifts:
		return err
	case !a.opts.ApplyMerged:
		return &stack.Refusal{State: item.Proposed, Reason: reason.ProposalMerged, Findings: no.Findings, Err: errors.New("apply_merged is off: it waits for the pipeline that applies the stack")}
	}
	if err := a.approvers(); err != nil {
		return err
	}
	if err := a.approve(ctx, s, all); err != nil {
		return err
	}
	landing, done := beyondDeadline(ctx)
	defer done()
	return a.land(landing)
}

// claimMerged keeps other runs away from the stacks of what was merged, and sees that
// it still is wanted, and still on the branch: the runs before, and other items of
// this one, may have taken their time.
func (a *attempt) claimMerged(ctx context.Context) error {
	if !a.opts.Scope.Unplanned {
		if err := a.claim(ctx, stackLocks(a.merged[0].Record.Stacks)...); err != nil {
			return err
		}
	}
	return a.stillWanted()
}

// takeByHand plans what several stacks share, of which nothing is applied here.
func (a *attempt) takeByHand(ctx context.Context) error {
	err := a.stacks.Empty(ctx, a.merged[0].Record.Stacks)
	var no *stack.Refusal
	switch {
	case errors.As(err, &no) && no.Reason == reason.StackDrifts:
		return &stack.Refusal{State: item.Proposed, Reason: reason.ProposalMerged, Findings: no.Findings}
	case err != nil:
		return err
	}
	return a.applied(ctx)
}

// handOver ends what others apply without a plan of ours: no plan shows then that a
// record tells of what was never merged, so somebody must say that it was.
func (a *attempt) handOver(ctx context.Context) error {
	var no *stack.Refusal
	if errors.As(a.approvers(), &no) && no.Reason == reason.ProposalMerged {
		return no
	}
	return a.applied(ctx)
}

// planAt plans a stack as a commit has it. That it cannot be planned is a refusal.
func (a *attempt) planAt(ctx context.Context, commit, name string) (item.Plan, error) {
	space, err := a.stacks.Checkout(ctx, commit)
	if err != nil {
		return item.Plan{}, err
	}
	plan, err := a.stacks.Plan(ctx, space, name)
	var failed *host.CommandError
	if errors.As(err, &failed) && fault.Of(err) != fault.Temporary {
		err = &stack.Refusal{State: item.NotAttempted, Reason: reason.StackUnhealthy, Err: err}
	}
	return plan, err
}

// applied ends what others applied, or apply.
func (a *attempt) applied(ctx context.Context) error {
	a.log.Info().Str("stage", "items").Msg("its proposal was merged, and nothing is left to be applied")
	if why := a.approvers(); why != nil {
		a.log.Warn().Str("stage", "items").Err(why).Msg("it is done, and nobody approved it here")
	}
	return a.check(ctx, a.item)
}

// check asks the owner's check of an item of the group.
func (a *attempt) check(ctx context.Context, todo item.Item) (err error) {
	if a.opts.Verify && a.planned.Space == nil {
		if a.planned.Space, err = a.stacks.Checkout(ctx, a.change.Base); err != nil {
			return err
		}
	}
	return a.verify(ctx, a.planned.Space, todo, a.merged.Stack())
}

// approvers finds out who merged, and why nobody approved.
func (a *attempt) approvers() (why error) {
	for i, one := range a.merged {
		_, _, named := a.mergedAs(record.RefOf(one.Item))
		by, no := one.Approver(a.opts.Forge, a.opts.Branch, a.opts.Account, named)
		a.merged[i].By = by
		if no != nil {
			why = no
		}
	}
	return why
}

// approve judges what was merged, and the plan of it. What it does beyond what was
// proposed waits for a person.
func (a *attempt) approve(ctx context.Context, s *stack.Stack, all []*attempt) error {
	changes, findings, err := a.merged.Change(a.repo, a.rules(), a.change.Base)
	if err != nil {
		return fmt.Errorf("judge what was merged: %w", err)
	}
	if findings != nil && findings[0].Code == reason.AppliedByHand {
		return &stack.Refusal{State: item.Proposed, Reason: reason.ProposalMerged, Findings: findings}
	}
	if findings != nil {
		return &stack.Refusal{State: item.Proposed, Reason: reason.DiffersFromApproved, Findings: findings}
	}
	a.log.Info().Str("stage", "plan").Str("stack", s.Name).Msg("what was merged is not applied yet: planning the branch before it, to compare")
	before, err := a.planAt(ctx, a.merged.Before(), s.Name)
	var broken *stack.Refusal
	if errors.As(err, &broken) {
		broken.Err = fmt.Errorf("%s cannot be planned as it was before the merge: %w", s.Name, broken.Err)
	}
	if err != nil {
		return err
	}
	judgement, findings := a.merged.Plan(s.Baseline.Show, before.Show, a.opts.Scope)
	if findings == nil {
		findings, err = a.merged.Unseen(a.repo, a.rules(), a.change.Base, judgement, func(alone string) ([]byte, error) {
			a.log.Info().Str("stage", "plan").Str("stack", s.Name).Msg("others changed the repository since it was proposed: planning what was merged without that, to compare")
			plan, err := a.planAt(ctx, alone, s.Name)
			if errors.As(err, &broken) {
				a.log.Warn().Str("stage", "plan").Str("stack", s.Name).Err(broken.Err).Msg("it cannot be planned without what others changed")
				return nil, nil
			}
			return plan.Show, err
		})
	}
	if err != nil {
		return err
	}
	if findings != nil {
		return &stack.Refusal{State: item.Proposed, Reason: reason.DiffersFromApproved, Findings: findings}
	}
	tip, err := a.repo.Lookup(a.change.Base)
	if err != nil {
		return fmt.Errorf("read the branch's tip: %w", err)
	}
	a.change.Tree = tip.Tree
	a.planned = change.Planned{Stack: &stack.Stack{Name: s.Name, Base: a.change.Base, Baseline: before}, Plan: s.Baseline, Space: s.Space}
	for i, one := range all {
		one.out.PlanHash, one.out.Counts = a.planned.Plan.SHA256, judgement.Counts
		own := judgement
		c := changes[a.merged[i].Commit.Hash]
		own.Rules = slices.DeleteFunc(slices.Clone(judgement.Rules), func(rule item.Rule) bool { return !c.Mentions(rule.Name) })
		one.observe(ctx, own, c) // what it finds was approved
	}
	a.log.Info().Str("stage", "gate").Int("create", judgement.Counts.Create).Int("update", judgement.Counts.Update).Int("facts", len(judgement.Facts)).
		Msg("the plan does what was approved, and nothing beside it")
	return nil
}
