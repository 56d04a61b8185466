package doctor

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Handed judges what a wrapper made of the arguments that it was given: calls
// are the arguments of what it started. plan is the path of the saved plan.
// Everything must be handed on in order, and nothing may follow a plan file
// that came last: Terraform wants its flags before it. The text is empty when
// all is well; the fix is shell text for the wrapper.
func Handed(wrapper string, given []string, calls [][]string, plan string) (text, fix string) {
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
	if lost := missing(given, got); lost != "" {
		return fmt.Sprintf("%s %s does not hand %q on (it made: %s)", path.Base(wrapper), verb, lost, strings.Join(got, " ")), handOn(wrapper)
	}
	if given[len(given)-1] != plan {
		return "", ""
	}
	after := got[slices.Index(got, plan)+1:]
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
	return fmt.Sprintf("in %s, hand every argument on as it is: terragrunt \"$@\"", wrapper)
}

// missing is the first argument that was given and is not among those got, in
// the same order.
func missing(given, got []string) string {
	for _, want := range given {
		i := slices.Index(got, want)
		if i < 0 {
			return want
		}
		got = got[i+1:]
	}
	return ""
}
