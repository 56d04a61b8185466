package doctor

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// planStack plans one stack as a run's baseline does, and judges the plan.
func (p *patient) planStack(ctx context.Context, name string, space *host.Workspace, say voice) {
	folder, c := path.Clean(p.plan), p.commands
	p.plan = ""
	if folders := p.stackFolders(); !slices.Contains(folders, folder) {
		say.fail(folder, fault.Mark(fault.Settings, fault.WithFix(errors.New("is none of the stacks"), "name one of: %s", strings.Join(folders, ", "))))
		return
	}
	plan, err := space.Plan(ctx, host.PlanSpec{Dir: folder, Commands: c, Timeout: p.Settings.Agent.ItemTimeout})
	if err != nil {
		say.fail(folder, fmt.Errorf("on %s: %w", name, err))
		return
	}
	verdict, tolerable, err := stack.JudgeBaseline(plan.Show, p.Settings.Terraform.Tolerated)
	if err != nil {
		say.fail(folder, fault.WithFix(fmt.Errorf("planned on %s, and the plan cannot be read: %w", name, err),
			"run %s %s by hand there: it must print the plan alone, as JSON", c.Program, strings.Join(c.Show, " ")))
		return
	}
	if verdict.Passed() {
		say.ok(folder, "planned on "+name+": nothing is pending, its items can be worked on")
		return
	}
	var found []string
	for _, f := range verdict.Findings {
		found = append(found, f.String())
	}
	fix := "apply or revert the pending changes; until then the items of this stack need a person"
	if len(tolerable) > 0 {
		fix = "apply or undo it; or, when it changes in every plan, set\ntolerated: " + strings.Join(tolerable, ",")
	}
	say.warn(folder, "planned on "+name+", and changes are pending: "+strings.Join(found, "; "), fix)
}
