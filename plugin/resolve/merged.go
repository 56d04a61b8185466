package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// merges are the proposals that the branch holds.
type merges struct {
	on       map[record.Ref]bool // all of them
	approved []approval.Approved // of the items of this run
	gone     []item.Outcome      // of items that nobody wants any more as they were proposed
}

// findMerged recognises the proposals that a person merged.
func (r *Resolver) findMerged(ctx context.Context, items []item.Item) (merges, error) {
	m := merges{on: map[record.Ref]bool{}}
	standing, _ := proposal.Records(r.repo)
	found, unread, err := proposal.Merged(r.repo, slices.Collect(maps.Values(standing)))
	if err != nil {
		return m, err
	}
	for one := range found {
		m.on[one.Ref()] = true
	}
	for _, todo := range items {
		ref := record.RefOf(todo)
		a := approval.Approved{Item: todo, Record: standing[ref]}
		delete(standing, ref)
		if a.Record != nil && m.on[ref] && record.TextSum(todo) != a.Record.Text {
			m.gone = append(m.gone, r.goneOf(a.Record, todo, found))
			continue
		}
		there := false
		if err = unread[a.Record]; err == nil {
			if a.Merge, there = found[a.Record]; !there {
				there, err = r.byTrailers(&a)
			}
		}
		if there && err == nil {
			if there, err = a.Credible(r.repo, r.opts.Scope, r.wantedStill); !there && err == nil {
				delete(m.on, ref)
				r.log.Warn().Str("stage", "items").Str("document", todo.Document).Str("item", todo.ID).Str("commit", a.Commit.Hash).
					Msg("a ref says that this commit merged the item's proposal, and nothing confirms that; the ref is ignored")
			}
		}
		if err := r.passOver(a, err); err != nil {
			return m, fmt.Errorf("compare the proposal of %s with the branch: %w", todo.ID, err)
		}
		if there && err == nil {
			m.on[ref] = true
			m.approved = append(m.approved, r.vouched(a))
		}
	}
	// What is left is of items that this run does not take up, that are done, or gone.
	for _, ref := range slices.SortedFunc(maps.Keys(standing), record.CompareRefs) {
		row, open, ok, err := r.opts.Row(r.repo.Tip(), ref)
		if err != nil {
			return m, err
		}
		if !m.on[ref] || ok && open && record.TextSum(row) == standing[ref].Text {
			continue
		}
		if r.ledger.LastState(ref) == string(item.Done) {
			if err := standing[ref].Remove(ctx, r.repo); err != nil {
				return m, err
			}
			continue
		}
		if !ok {
			row = item.Item{Document: ref.Document, ID: ref.Item, Action: standing[ref].Action}
		}
		m.gone = append(m.gone, r.goneOf(standing[ref], row, found))
	}
	return m, nil
}

// goneOf says of a proposal that was merged that its row is not as it was proposed.
// It is told once.
func (r *Resolver) goneOf(one *proposal.Record, row item.Item, found map[*proposal.Record]proposal.Merge) item.Outcome {
	out := one.Evidence.Outcome(row)
	out.State, out.Reason, out.Commit = item.Skipped, reason.MergedWithdrawn, found[one].Commit.Hash
	r.log.Warn().Str("stage", "items").Str("document", one.Document).Str("item", one.Item).Str("commit", out.Commit).
		Msg("its proposal was merged, and its row is gone, reworded or not open any more: it is not applied")
	return out
}

// vouched is what was merged with no more effects than the branch vouches for, by
// the trailers of the commit that was merged: a record alone may have been rewritten
// since.
func (r *Resolver) vouched(a approval.Approved) approval.Approved {
	a.Named = a.Commit.Hash
	fix, named := r.landed[record.RefOf(a.Item)]
	if !named || !fix.proposed {
		return a
	}
	a.Named = fix.commit
	if sum, err := proposal.FactsSum(a.Record.Facts); err != nil || sum != fix.evidence.Facts {
		r.log.Warn().Str("stage", "items").Str("document", a.Item.Document).Str("item", a.Item.ID).Str("commit", fix.commit).
			Msg("the record of its proposal is not the one that its commit was made with; nobody can say what was approved")
		unknown := *a.Record
		unknown.Facts, a.Record = nil, &unknown
	}
	return a
}

// byTrailers recognises a proposal by what its merge left of its message. What was
// approved then is not known: nothing is applied for it.
func (r *Resolver) byTrailers(a *approval.Approved) (there bool, err error) {
	ref := record.RefOf(a.Item)
	fix, known := r.landed[ref]
	if !known || !fix.proposed || a.Record == nil && r.ledger.LastState(ref) == string(item.Done) {
		return false, nil
	}
	commit, err := r.repo.Lookup(fix.commit)
	if err != nil || commit.Parent == "" {
		return false, err
	}
	e := fix.evidence
	a.Record = &proposal.Record{
		Document: e.Document, Item: e.Item, Stacks: e.Stacks(), Counts: e.Counts, Plan: e.PlanHash, Fix: commit.Hash, Evidence: e,
	}
	a.Merge, err = proposal.MergeOf(r.repo, commit)
	a.With = []*proposal.Record{a.Record}
	return err == nil, err
}

// passOver makes the trouble with reading a proposal one of its own item, unless
// the remote is in trouble: whoever wrote the ref chose what is wrong with it, and
// it must not hold up other items.
func (r *Resolver) passOver(a approval.Approved, err error) error {
	if err == nil || fault.Of(err) == fault.Temporary {
		return err
	}
	r.log.Warn().Str("stage", "items").Str("document", a.Item.Document).Str("item", a.Item.ID).Err(err).
		Msg("cannot find out whether its proposal was merged; it counts as open")
	return nil
}

// merged takes the items out whose proposals a person merged, those of one stack
// together. They are done when a plan shows that nothing is left to do, or once
// what is left was applied.
func (r *Resolver) merged(ctx context.Context, items []item.Item, m merges) (rest []item.Item, outcomes []item.Outcome) {
	taken := map[record.Ref]bool{}
	for _, out := range m.gone {
		taken[record.RefOf(out.Item)] = true
	}
	outcomes = m.gone
	groups := map[string]approval.Group{}
	var stacks []string
	for _, a := range m.approved {
		taken[record.RefOf(a.Item)] = true
		reverted, err := proposal.RevertedAt(r.repo, a.Commit.Hash)
		switch stack := a.Stack(); {
		case err != nil:
			outcomes = append(outcomes, item.Outcome{Item: a.Item, State: item.NotAttempted, Reason: reason.NotAttemptedHost, Err: err})
		case reverted || a.Reverted:
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
			end = &refusal{state: item.Skipped, reason: reason.StackClosed, err: first.out.Err}
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
		Resolver: r, item: one.Item, ref: record.RefOf(one.Item), base: r.repo.Tip(), out: one.Outcome(),
		log: r.log.With().Str("document", one.Item.Document).Str("item", one.Item.ID).Logger(),
	}
	return a
}

// takeMerged plans the branch and applies what is left of what was merged.
func (a *attempt) takeMerged(ctx context.Context, all []*attempt) error {
	if why := a.mayStart(ctx, 0); why != "" {
		return &refusal{state: item.NotAttempted, reason: why}
	}
	if a.opts.Scope.Unplanned { // what is merged is handed over
		return a.applied(ctx)
	}
	if len(a.merged[0].Record.Stacks) > 1 {
		return a.takeByHand(ctx)
	}
	s, err := a.baseline(ctx, a.merged.Stack(), a.base)
	var no *refusal
	switch {
	case err == nil:
		a.planned = s.space
		return a.applied(ctx)
	case !errors.As(err, &no) || no.reason != reason.StackDrifts:
		return err
	case !a.opts.ApplyMerged:
		return &refusal{state: item.Proposed, reason: reason.ProposalMerged, findings: no.findings, err: errors.New("apply_merged is off: it waits for the pipeline that applies the stack")}
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

// takeByHand plans what several stacks share, of which nothing is applied here.
func (a *attempt) takeByHand(ctx context.Context) error {
	err := a.emptyPlans(ctx, a.merged[0].Record.Stacks)
	var no *refusal
	switch {
	case errors.As(err, &no) && no.reason == reason.StackDrifts:
		return &refusal{state: item.Proposed, reason: reason.ProposalMerged, findings: no.findings}
	case err != nil:
		return err
	}
	return a.applied(ctx)
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
	if a.opts.Verify && a.planned == nil {
		if a.planned, err = a.checkout(ctx, a.base); err != nil {
			return err
		}
	}
	return a.verify(ctx, a.planned, todo, a.merged.Stack())
}

// approvers finds out who merged, and why nobody approved.
func (a *attempt) approvers() (why error) {
	for i, one := range a.merged {
		by, no := a.approver(one)
		a.merged[i].By = by
		if no != nil {
			why = no
		}
	}
	return why
}

// approver is who merged a proposal. A merge by this program's own account approves
// nothing, and neither does one that only a ref tells of.
func (a *attempt) approver(one approval.Approved) (by string, why *refusal) {
	waits := func(text string) *refusal {
		return &refusal{state: item.Proposed, reason: reason.ProposalMerged, err: errors.New(text)}
	}
	own := &refusal{state: item.Proposed, reason: reason.MergedByUs}
	by, said := a.opts.Forge.Merged(one.With, a.opts.Branch)
	fix, named := a.landed[record.RefOf(one.Item)]
	committer := one.Commit.Committer
	switch {
	case said == proposal.Approved:
		return by, nil
	case said == proposal.Own:
		return by, own
	case said == proposal.Later:
		return "", waits("the forge does not say who merged it; the next run asks again")
	case said == proposal.Unmerged || !named || !fix.proposed:
		return "", waits("neither a pull request nor the trailers of a commit on the branch say that its proposal was merged; apply the stack yourself, or revert it")
	case one.Commit.Hash == one.Record.Fix:
		return "", nil // its branch became the branch: the commit is still of this program's making
	case committer.Email != "" && committer.Email == a.opts.Account:
		return committer.Name, own
	}
	return committer.Name, nil
}

// approve judges what was merged, and the plan of it. What it does beyond what was
// proposed waits for a person.
func (a *attempt) approve(ctx context.Context, s *stack, all []*attempt) error {
	changes, findings, err := a.merged.Change(a.repo, a.rules())
	if err != nil {
		return fmt.Errorf("judge what was merged: %w", err)
	}
	if findings != nil && findings[0].Code == reason.AppliedByHand {
		return &refusal{state: item.Proposed, reason: reason.ProposalMerged, findings: findings}
	}
	if findings != nil {
		return &refusal{state: item.Proposed, reason: reason.DiffersFromApproved, findings: findings}
	}
	space, err := a.checkout(ctx, a.merged.Before())
	if err != nil {
		return err
	}
	a.log.Info().Str("stage", "plan").Str("stack", s.name).Msg("what was merged is not applied yet: planning the branch before it, to compare")
	before, err := a.planIn(ctx, space, s.name)
	var failed *host.CommandError
	if errors.As(err, &failed) && fault.Of(err) != fault.Temporary {
		return &refusal{state: item.NotAttempted, reason: reason.StackUnhealthy, err: fmt.Errorf("%s cannot be planned as it was before the merge: %w", s.name, err)}
	}
	if err != nil {
		return err
	}
	judgement, findings := a.merged.Plan(s.baseline.Show, before.Show, a.opts.Scope)
	if findings != nil {
		return &refusal{state: item.Proposed, reason: reason.DiffersFromApproved, findings: findings}
	}
	tip, err := a.repo.Lookup(a.base)
	if err != nil {
		return fmt.Errorf("read the branch's tip: %w", err)
	}
	a.tree, a.plan, a.planned, a.stack = tip.Tree, s.baseline, s.space, &stack{name: s.name, base: a.base, baseline: before}
	for i, one := range all {
		one.out.PlanHash, one.out.Counts = a.plan.SHA256, judgement.Counts
		own := judgement
		c := changes[a.merged[i].Commit.Hash]
		own.Rules = slices.DeleteFunc(slices.Clone(judgement.Rules), func(rule item.Rule) bool { return !c.Mentions(rule.Name) })
		one.observe(ctx, own, c) // what it finds was approved
	}
	a.log.Info().Str("stage", "gate").Int("create", judgement.Counts.Create).Int("update", judgement.Counts.Update).Int("facts", len(judgement.Facts)).
		Msg("the plan does what was approved, and nothing beside it")
	return nil
}
