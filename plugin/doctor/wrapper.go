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
	"github.com/pm-todos/pm-todos/plugin/settings/argv"
)

// wrapper proves that the repository's wrapper hands the plan file on.
func (p *patient) wrapper(ctx context.Context, name string, space *host.Workspace, say voice) {
	c := p.commands
	folders := p.stackFolders()
	if len(folders) == 0 {
		say.skip(name, "no folder matches stacks")
		return
	}
	lists := slices.DeleteFunc([][]string{c.Init, c.Plan, c.Show, c.Apply}, func(list []string) bool { return len(list) == 0 })
	plan, shown, err := space.Arguments(ctx, path.Dir(folders[0]), c.Program, lists)
	switch {
	case errors.Is(err, host.ErrUnreached):
		say.warn(name, "it cannot be seen what it hands on: "+err.Error(),
			"let "+c.Program+" find its programs on the PATH; or plan by hand with a saved plan:\n../../"+c.Program+" "+strings.Join(c.Apply, " "))
		return
	case err != nil:
		say.fail(name, err)
		return
	}
	well := true
	for _, one := range shown {
		if text, fix := handed(c.Program, one.Args, one.Calls, plan); text != "" {
			well = false
			say.fail(name, fault.WithFix(errors.New(strings.ReplaceAll(text, plan, argv.PlanFile)), "%s", fix))
		}
	}
	if well {
		say.ok(name, c.Program+" hands the plan file on, as the last argument")
	}
}

// handed judges what a wrapper made of the arguments that it was given: calls
// are the arguments of what it started. plan is the path of the saved plan.
// The verb must be started with the plan file, and nothing may follow one that
// came last: Terraform wants its flags before it. Other flags are the wrapper's to
// translate. The text is empty when all is well; the fix is shell text for it.
func handed(wrapper string, given []string, calls [][]string, plan string) (text, fix string) {
	verb := given[0]
	var got []string
	for _, call := range calls {
		if slices.Contains(call, verb) {
			got = call
		}
	}
	if got == nil {
		return fmt.Sprintf("%s %s started no %s", path.Base(wrapper), verb, verb), handOn(wrapper)
	}
	for _, one := range given {
		holds := func(arg string) bool { return strings.Contains(arg, plan) }
		if holds(one) && !slices.ContainsFunc(got, holds) {
			return fmt.Sprintf("%s %s does not hand %q on (it made: %s)", path.Base(wrapper), verb, one, strings.Join(got, " ")), handOn(wrapper)
		}
	}
	if given[len(given)-1] != plan {
		return "", ""
	}
	at := slices.Index(got, plan)
	if at < 0 {
		return fmt.Sprintf("%s %s does not hand the plan file on as it is (it made: %s)", path.Base(wrapper), verb, strings.Join(got, " ")), handOn(wrapper)
	}
	after := got[at+1:]
	if len(after) == 0 {
		return "", ""
	}
	added := strings.Join(after, " ")
	return fmt.Sprintf("%s %s puts %s behind the plan file, which Terraform refuses: Too many command line arguments", path.Base(wrapper), verb, added),
		fmt.Sprintf("in %s, put its own flags right after the verb, such as:\n"+
			"case $1 in plan | apply) verb=$1; shift; set -- \"$verb\" %s \"$@\" ;; esac\n"+
			"terragrunt \"$@\"", wrapper, added)
}

func handOn(wrapper string) string {
	return fmt.Sprintf("in %s, hand the plan file on as the last argument: terragrunt \"$@\"", wrapper)
}
