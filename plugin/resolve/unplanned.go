package resolve

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// Without Terraform, what applies the branch is somebody else's: Flux, Argo CD,
// Atlantis, Terraform Cloud, Helmfile. The diff gate judges a change, a person
// decides on it, and what they merge is handed over.

// planAndJudge plans what passed the diff gate and has the gates judge the plan.
// Where nothing is planned a person is told that nobody knows its effects.
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

// promptRules is what the agent is told of what may be applied without a person.
func (a *attempt) promptRules() []string {
	if a.opts.Scope.Unplanned {
		return nil
	}
	return card.Prompt(a.item.Type)
}
