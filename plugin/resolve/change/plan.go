package change

import (
	"context"
	"errors"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// Planned is what a change would do in one stack.
type Planned struct {
	Stack *stack.Stack // as it was before
	Plan  item.Plan
	Space seam.Checkout // holds the saved plan file
}

// Plan plans the change in a clean workspace that holds exactly its base and it,
// once for each of its stacks. That it cannot be planned is a *Complaint.
func (c *Change) Plan(ctx context.Context, stacks *stack.Stacks, log zerolog.Logger) ([]Planned, error) {
	all := make([]Planned, len(c.Stacks))
	var err error
	for i, name := range c.Stacks {
		if all[i].Stack, err = stacks.Baseline(ctx, name, c.Base); err != nil {
			return nil, err
		}
	}
	candidate, err := c.Candidate()
	if err != nil {
		return nil, err
	}
	space, err := stacks.Checkout(ctx, candidate)
	if err != nil {
		return nil, err
	}
	for i, name := range c.Stacks {
		log.Info().Str("stage", "plan").Str("stack", name).Msg("planning the change")
		plan, err := stacks.Plan(ctx, space, name)
		var failed *host.CommandError
		if errors.As(err, &failed) && fault.Of(err) != fault.Temporary {
			return nil, &Complaint{Refusal: stack.Refusal{State: item.Failed, Reason: reason.PlanFailed, Err: err}}
		}
		if err != nil {
			return nil, err
		}
		all[i].Plan, all[i].Space = plan, space
	}
	return all, nil
}

// Judge asks the gates for the lane of the change as it is planned. changeset is what
// its facts are told by; nil where several stacks share them.
func (c *Change) Judge(p Planned, changeset *gate.Changeset) gate.Judgement {
	scope := c.Rules.Scope
	return gate.Judge(p.Plan.Show, scope.Plan(p.Stack.Baseline.Show, c.Item.Type), gate.Request{
		Item:  card.Item{Type: c.Item.Type, Action: c.Item.Action, Details: c.Item.Details},
		Owner: scope.Owner(c.Item.Type), Changeset: changeset, Stack: p.Stack.Name,
	})
}

// Refused is a judgement of no, for the agent to mend.
func Refused(j gate.Judgement) *Complaint {
	return &Complaint{Planned: true, Refusal: stack.Refusal{State: item.Refused, Reason: j.Reason(), Findings: j.Findings}}
}
