package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/doctor"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// workspace is the branch's tip as Terraform gets it in a run.
func (src *source) workspace(ctx context.Context, s settings.Settings, run *host.Run) (*host.Workspace, error) {
	pack, err := src.repo.Pack(src.tip)
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(pack(writer)) }()
	defer func() { _ = reader.Close() }() // ends the goroutine when the host gave up early
	return run.Workspace(ctx, "doctor", src.tip, reader, host.Checkout, host.Prepare{
		Workdir: s.Hosts.Workdir, Carry: s.Hosts.Carry, Command: s.Hosts.PrepareCommand,
	})
}

// stacks looks whether there is anything to plan: without it no item can ever be
// done.
func (d *checkup) stacks() {
	if d.source == nil {
		d.skip("stacks", "", noRepository)
		return
	}
	globs := strings.Join(d.s.Terraform.Stacks, ", ")
	folders := d.stackFolders()
	if len(folders) == 0 {
		d.failWith("stacks", "", "no folder of the repository matches stacks: "+globs, "set stacks to the folders that are planned on their own, such as stacks/*", fault.Failed)
		return
	}
	d.ok("stacks", "", fmt.Sprintf("%s: %s", globs, text.Counted(len(folders), "folder")))
}

// wrapper proves that the repository's wrapper hands the plan file on.
func (d *checkup) wrapper(ctx context.Context, name string, space *host.Workspace) {
	c := d.source.commands
	folders := d.stackFolders()
	if len(folders) == 0 {
		d.skip("wrapper", name, "no folder matches stacks")
		return
	}
	var lists [][]string
	for _, list := range [][]string{c.Init, c.Plan, c.Show, c.Apply} {
		if len(list) > 0 {
			lists = append(lists, list)
		}
	}
	plan, shown, err := space.Arguments(ctx, path.Dir(folders[0]), c.Program, lists)
	switch {
	case errors.Is(err, host.ErrUnreached):
		d.warn("wrapper", name, "it cannot be seen what it hands on: "+err.Error(),
			"let "+c.Program+" find its programs on the PATH; or plan by hand with a saved plan:\n../../"+c.Program+" "+strings.Join(c.Apply, " "))
		return
	case err != nil:
		d.fail("wrapper", name, err)
		return
	}
	well := true
	for _, handed := range shown {
		calls := make([][]string, len(handed.Calls))
		for i, call := range handed.Calls {
			calls[i] = call.Args
		}
		if text, fix := doctor.Handed(c.Program, handed.Args, calls, plan); text != "" {
			well = false
			d.failWith("wrapper", name, strings.ReplaceAll(text, plan, settings.PlanFile), fix, fault.Failed)
		}
	}
	if well {
		d.ok("wrapper", name, c.Program+" hands the plan file on, as the last argument")
	}
}

// planStack plans one stack as a run's baseline does, and judges the plan.
func (d *checkup) planStack(ctx context.Context, name string, space *host.Workspace) {
	stack := path.Clean(d.plan)
	if folders := d.stackFolders(); !slices.Contains(folders, stack) {
		d.failWith("plan", stack, "is none of the stacks", "name one of: "+strings.Join(folders, ", "), fault.Settings)
		return
	}
	c := d.source.commands
	plan, err := space.Plan(ctx, host.PlanSpec{Dir: stack, Program: c.Program, Init: c.Init, Plan: c.Plan, Show: c.Show, Timeout: d.s.Agent.ItemTimeout})
	if err != nil {
		d.fail("plan", stack, fmt.Errorf("on %s: %w", name, err))
		return
	}
	verdict, tolerable, err := resolve.JudgeBaseline(plan.Show, d.s.Terraform.Tolerated)
	if err != nil {
		d.failWith("plan", stack, "planned on "+name+", and the plan cannot be read: "+err.Error(),
			"run "+c.Program+" "+strings.Join(c.Show, " ")+" by hand there: it must print the plan alone, as JSON", fault.Failed)
		return
	}
	if verdict.Passed() {
		d.ok("plan", stack, "planned on "+name+": nothing is pending, its items can be worked on")
		return
	}
	var found []string
	for _, f := range verdict.Findings {
		found = append(found, f.String())
	}
	fix := "apply or undo what is pending; until then the items of this stack are left to a person"
	if len(tolerable) > 0 {
		fix = "apply or undo it; or, when it changes in every plan, set\ntolerated: " + strings.Join(tolerable, ",")
	}
	d.warn("plan", stack, "planned on "+name+", and changes are pending: "+strings.Join(found, "; "), fix)
}
