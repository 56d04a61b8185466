package resolve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// What several stacks use, and a stack whose state is tracked in git, changes as a
// proposal alone. It is planned for every stack that it is of, under the hard
// rules, and whoever merges it applies it.

// planByHand plans the change in all of its stacks, and leaves it to a person.
func (a *attempt) planByHand(ctx context.Context) error {
	candidate, err := a.candidate()
	if err != nil {
		return err
	}
	baselines := map[string]*stack.Stack{}
	for _, name := range a.of {
		if baselines[name], err = a.stacks.Baseline(ctx, name, a.base); err != nil {
			return err
		}
	}
	space, err := a.stacks.Checkout(ctx, candidate)
	if err != nil {
		return err
	}
	a.facts, a.out.Counts = nil, item.Counts{}
	sums := sha256.New()
	doubts := []item.Finding{{Code: reason.AppliedByHand, Place: a.out.Stack, Detail: "several stacks use it, or the state is tracked in git: whoever merges it applies it"}}
	for _, name := range a.of {
		a.log.Info().Str("stage", "plan").Str("stack", name).Msg("planning the change")
		plan, err := a.stacks.Plan(ctx, space, name)
		var failed *host.CommandError
		if errors.As(err, &failed) && fault.Of(err) != fault.Temporary {
			return &complaint{Refusal: stack.Refusal{State: item.Failed, Reason: reason.PlanFailed, Err: err}}
		}
		if err != nil {
			return err
		}
		scope := a.opts.Scope
		judgement := gate.Judge(plan.Show, scope.Plan(baselines[name].Baseline.Show, a.item.Type), gate.Request{
			Item: card.Item{Type: a.item.Type, Action: a.item.Action, Details: a.item.Details}, Owner: scope.Owner(a.item.Type), Stack: name,
		})
		if judgement.Lane == gate.Forbidden {
			return &complaint{planned: true, Refusal: stack.Refusal{State: item.Refused, Reason: judgement.Reason(), Findings: judgement.Findings}}
		}
		a.facts = append(a.facts, approval.Facts(judgement)...)
		a.out.Counts.Create += judgement.Counts.Create
		a.out.Counts.Update += judgement.Counts.Update
		doubts = append(doubts, judgement.Unproved()...)
		sums.Write([]byte(plan.SHA256))
	}
	if a.out.Counts == (item.Counts{}) {
		return &complaint{planned: true, Refusal: stack.Refusal{State: item.Refused, Reason: reason.NoEffect}}
	}
	a.stack, a.plan = &stack.Stack{Name: a.out.Stack}, item.Plan{SHA256: hex.EncodeToString(sums.Sum(nil))}
	a.out.PlanHash, a.out.Findings, a.unproved = a.plan.SHA256, doubts, true
	return nil
}
