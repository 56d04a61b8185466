package resolve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// What several stacks use, and a stack whose state is tracked in git, changes as a
// proposal alone. It is planned for every stack that it is of, under the hard
// rules, and whoever merges it applies it.

// planByHand plans the change in all of its stacks, and leaves it to a person.
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
