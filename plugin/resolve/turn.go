package resolve

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/schedule"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// maxExport is how many bytes an agent may leave behind, as the pack with its
// objects.
const maxExport = 32 << 20

// implement lets the agent work until its change passes the gates. What is wrong
// with the first try is handed back to it once.
func (a *attempt) implement(ctx context.Context) error {
	err := a.begin(ctx)
	if errors.Is(err, gitrepo.ErrMoved) && a.rest() >= schedule.BudgetFloor {
		a.log.Info().Str("stage", "agent").Str("stack", a.out.Stack).Msg("another item changed the same lines: starting over on the branch as it is now")
		if err = a.openBase(ctx); err == nil {
			err = a.begin(ctx)
		}
	}
	var mendable *change.Complaint
	if errors.As(err, &mendable) && a.rest() >= schedule.BudgetFloor {
		a.log.Info().Str("stage", "agent").Str("reason", string(mendable.Reason)).Msg("returning the findings to the agent, once")
		err = a.try(ctx, mendable.Advice())
	}
	return a.afterTurns(ctx, err)
}

// begin is the first turn of an agent on a base.
func (a *attempt) begin(ctx context.Context) error {
	var err error
	if a.agent, err = a.definition(); err != nil {
		return err
	}
	a.began = a.change.Base
	if a.space, err = stack.Workspace(ctx, a.repo, a.change.Base, a.agents.Workspace); err != nil {
		return err
	}
	return a.try(ctx, nil)
}

// try is one turn of the agent, the import of its tree, the diff gate, the plan
// of the result, and its judgement.
func (a *attempt) try(ctx context.Context, findings []string) error {
	if err := a.agentTurn(ctx, findings); err != nil {
		return err
	}
	if err := a.importTree(ctx); err != nil {
		return err
	}
	if err := a.follow(ctx); err != nil {
		return err
	}
	return a.planAndJudge(ctx)
}

func (a *attempt) agentTurn(ctx context.Context, findings []string) error {
	scope := a.opts.Scope
	prompt := agent.Prompt(a.item, agent.Limits{
		AllowPaths: scope.AllowPaths, TypePaths: scope.TypePaths[a.item.Type], Protected: scope.Protected, Stacks: scope.Stacks,
		Rules: a.promptRules(),
	}, findings)
	share := a.rest()
	if a.opts.Agent.Kind.CostUnknown {
		share /= 2 // all of it will be charged, and a turn of repair must be left
	}
	a.log.Info().Str("stage", "agent").Str("host", a.space.Host()).Str("budget_usd", fmt.Sprintf("%.2f", share)).Msg("starting the agent")
	var report agent.Report
	var err error
	a.work.Away(func() { report, err = a.space.Turn(ctx, a.agent, prompt, share) })
	if err != nil {
		a.charge(share) // what it did until then is unknown, and so is its cost
		return fmt.Errorf("run the agent: %w", err)
	}
	if report.Login != nil {
		a.log.Warn().Str("stage", "agent").Str("host", a.space.Host()).Err(report.Login).Msg("the agent's login")
	}
	a.noteRefused(report.Refused)
	if report.CostKnown {
		a.charge(report.CostUSD)
	} else {
		a.charge(max(share, report.CostUSD))
	}
	switch {
	case report.OK:
		return nil
	case report.Outside:
		a.doubtful = report.Doubtful
		why := "account, model or network"
		if report.NoLogin {
			why = "its login is missing or refused, log it in there"
		}
		return fault.Mark(fault.Temporary, fmt.Errorf("the agent cannot work now on %s (%s): %s", a.space.Host(), why, report.Problem))
	case report.Ended != "":
		return &stack.Refusal{State: item.Failed, Reason: reason.AgentFailed, Err: fmt.Errorf("the agent was ended: %s", report.Ended)}
	}
	return &stack.Refusal{State: item.Failed, Reason: reason.AgentFailed, Err: fmt.Errorf("the agent failed (%s): %s", report.Subtype, report.Problem)}
}

// promptRules is what the agent is told of what may be applied without a person.
func (a *attempt) promptRules() []string {
	if a.opts.Scope.Unplanned {
		return nil
	}
	return card.Prompt(a.item.Type)
}

// noteRefused tells what the agent tried to reach beside its model.
func (a *attempt) noteRefused(servers []string) {
	if len(servers) == 0 {
		return
	}
	a.out.Refused = append(a.out.Refused, servers...)
	a.log.Warn().Str("stage", "agent").Str("host", a.space.Host()).Strs("servers", servers).Msg("the agent tried to reach servers beside its model, and its sandbox refused")
}

func (a *attempt) charge(usd float64) {
	a.out.CostUSD += usd
	a.work.Charge(usd)
}

// rest is what the item may still cost.
func (a *attempt) rest() float64 { return a.work.Share - a.out.CostUSD }

// importTree brings what the agent left back as objects, and has the diff gate
// judge it in this program's own clone.
func (a *attempt) importTree(ctx context.Context) error {
	tree, pack, err := a.space.Export(ctx, maxExport)
	if err != nil {
		return fmt.Errorf("bring the agent's tree back: %w", err)
	}
	a.change.Base = a.began // what other items changed since is not in it
	err = a.repo.Import(a.change.Base, tree, bytes.NewReader(pack), maxExport)
	if fault.Of(err) == fault.Temporary {
		return fmt.Errorf("import the agent's tree: %w", err) // what it builds on could not be fetched
	}
	if err != nil {
		return &stack.Refusal{State: item.Refused, Reason: reason.UnreadableTree, Err: fmt.Errorf("import the agent's tree: %w", err)}
	}
	a.change.Tree = tree
	return a.judgeDiff()
}

// definition is the repository's own, else that of the settings.
func (a *attempt) definition() (agent.Definition, error) {
	file, err := a.repo.ReadFile(a.change.Base, agent.DefinitionFile(a.opts.Agent.Name))
	if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
		return agent.Definition{}, fmt.Errorf("read the agent definition: %w", err)
	}
	return a.opts.Agent.Kind.Definition(file, a.opts.Agent.Name, a.opts.Agent.Model), nil
}
