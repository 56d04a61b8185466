package resolve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// judgeDiff asks the diff gate about the change on the base that it has now.
func (a *attempt) judgeDiff() error {
	err := a.change.Diff()
	a.out.Stack = a.change.Place()
	return err
}

// follow carries the change to the branch as other items of this run left its
// stacks, once those before it are done with them.
func (a *attempt) follow(ctx context.Context) error {
	a.work.Claim(a.change.Stacks...)
	if err := a.claimStacks(ctx); err != nil {
		return err
	}
	tip := a.repo.Tip()
	if tip == a.change.Base {
		return nil
	}
	name, touched, err := a.change.Touched(tip)
	if err != nil || !touched {
		return err
	}
	a.log.Info().Str("stage", "plan").Str("stack", name).Msg("another item changed the stack meanwhile: carrying the change to the branch as it is now")
	candidate, err := a.change.Candidate()
	if err == nil {
		err = a.change.Carry(candidate, tip)
	}
	if err != nil {
		return err
	}
	return a.judgeDiff()
}

// planAndJudge plans what passed the diff gate and has the gates judge the plan.
// Without Terraform, what applies the branch is somebody else's: Flux, Argo CD,
// Atlantis, Terraform Cloud, Helmfile. Then a person decides on what the diff gate lets
// pass, is told that nobody knows its effects, and what they merge is handed over.
func (a *attempt) planAndJudge(ctx context.Context) error {
	switch {
	case a.opts.Scope.Unplanned:
	case a.change.ByHand:
		return a.planByHand(ctx)
	default:
		if err := a.planChange(ctx); err != nil {
			return err
		}
		return a.judge(ctx)
	}
	a.planned = change.Planned{Stack: &stack.Stack{Name: a.out.Stack}}
	a.out.Findings = []item.Finding{{Code: reason.NotPlanned, Detail: "the change was not planned: what it does is decided by whatever applies the branch"}}
	a.log.Info().Str("stage", "gate").Msg("the change stays in scope; it is not planned")
	return nil
}

// planChange plans the change in its one stack.
func (a *attempt) planChange(ctx context.Context) error {
	planned, err := a.change.Plan(ctx, a.stacks, a.log)
	if err != nil {
		return err
	}
	a.planned = planned[0]
	return nil
}

// judge asks the gates for the lane of the planned change. Where a person decides
// anyway, what is not proved is told, and no reason to stop.
func (a *attempt) judge(ctx context.Context) error {
	changeset, err := a.change.Changeset()
	if err != nil {
		return err
	}
	judgement := a.change.Judge(a.planned, changeset)
	a.out.PlanHash, a.out.Counts = a.planned.Plan.SHA256, judgement.Counts
	a.facts = approval.Facts(judgement)
	doubts := judgement.Unproved()
	if judgement.Lane == gate.Automatic || judgement.Lane == gate.Approval {
		doubts = append(doubts, a.observe(ctx, judgement, changeset)...)
	}
	switch {
	case judgement.Lane == gate.Automatic && len(doubts) == 0:
	case len(doubts) > 0 && a.asksPerson():
		a.out.Findings = doubts
	case len(doubts) > 0:
		return &change.Complaint{Planned: true, Refusal: stack.Refusal{State: item.Refused, Reason: reason.NeedsApproval, Findings: doubts}}
	default:
		return change.Refused(judgement)
	}
	a.log.Info().Str("stage", "gate").Str("lane", string(judgement.Lane)).Int("create", judgement.Counts.Create).Int("update", judgement.Counts.Update).
		Int("facts", len(judgement.Facts)).Msg("the plan destroys and replaces nothing and stays in scope")
	return nil
}

// planByHand plans a change that several stacks use, or of a stack whose state is
// tracked in git, in all of its stacks, under the hard rules. It is a proposal alone,
// and whoever merges it applies it.
func (a *attempt) planByHand(ctx context.Context) error {
	planned, err := a.change.Plan(ctx, a.stacks, a.log)
	if err != nil {
		return err
	}
	a.facts, a.out.Counts = nil, item.Counts{}
	sums := sha256.New()
	doubts := []item.Finding{{Code: reason.AppliedByHand, Place: a.out.Stack, Detail: "several stacks use it, or the state is tracked in git: whoever merges it applies it"}}
	for _, p := range planned {
		judgement := a.change.Judge(p, nil)
		if judgement.Lane == gate.Forbidden {
			return change.Refused(judgement)
		}
		a.facts = append(a.facts, approval.Facts(judgement)...)
		a.out.Counts.Create += judgement.Counts.Create
		a.out.Counts.Update += judgement.Counts.Update
		doubts = append(doubts, judgement.Unproved()...)
		sums.Write([]byte(p.Plan.SHA256))
	}
	if a.out.Counts == (item.Counts{}) {
		return &change.Complaint{Planned: true, Refusal: stack.Refusal{State: item.Refused, Reason: reason.NoEffect}}
	}
	a.planned = change.Planned{Stack: &stack.Stack{Name: a.out.Stack}, Plan: item.Plan{SHA256: hex.EncodeToString(sums.Sum(nil))}}
	a.out.PlanHash, a.out.Findings, a.unproved = a.planned.Plan.SHA256, doubts, true
	return nil
}

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
