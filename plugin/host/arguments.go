package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Handed is what a wrapper made of one list of arguments.
type Handed struct {
	Args  []string   // as the wrapper got them
	Calls [][]string // the arguments of what it started, in order
}

// ErrUnreached is a wrapper that did not start the programs that stood first on
// the PATH, so that nothing can be said of what it hands on.
var ErrUnreached = errors.New("the wrapper starts neither terraform, tofu nor terragrunt from the PATH")

// recorder stands in for the programs that a wrapper starts: it notes its
// arguments. It fails as an apply, so that a wrapper does not go on to what
// it does after one.
const recorder = `#!/bin/sh
{
	echo =
	for one in "$@"; do printf '+%s\n' "$one"; done
} >>"${0%/*}/calls"
case " $* " in
*" apply "*) exit 1 ;;
*" version "* | *" --version "* | *" -version "*) echo "Terraform v1.5.7" ;;
esac`

// Arguments shows what a wrapper hands on, one list of arguments after the
// other: stand-ins that do nothing take the place of terraform, tofu and
// terragrunt. The wrapper runs in an empty folder beside the stacks, dir being
// the folder of these. {plan} in the lists stands for plan, a path where no file
// is. ErrUnreached when it starts other programs; it got no argument but
// "version" then.
func (w *Workspace) Arguments(ctx context.Context, dir, program string, lists [][]string) (plan string, shown []Handed, err error) {
	doing := "looking at what " + strconv.Quote(program) + " hands on"
	if err := checkProgram(dir, program); err != nil {
		return "", nil, fmt.Errorf("%s: %w", doing, err)
	}
	plan = w.dir + "/plan/doctor.tfplan"
	quoted := make([]string, len(lists))
	for i, list := range lists {
		if quoted[i], err = script.QuoteAll(withPlan(list, plan)); err != nil {
			return "", nil, fmt.Errorf("%s: %w", doing, err)
		}
	}
	all, err := script.QuoteAll(quoted)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", doing, err)
	}
	h := w.run.host
	a, err := h.do(ctx, script.Job{
		Doing: doing, Files: []string{"git", "arguments"}, Timeout: 2 * time.Minute, Mark: true,
		Variables: script.Variables{"run": w.run.dir, "ws": w.dir, "dir": dir, "program": program, "recorder": recorder, "lists": all},
	})
	switch {
	case err != nil:
		return "", nil, err
	case a.Has("unreached"):
		line := script.TellingLine(script.Tail(a.Block("output")))
		return plan, nil, fmt.Errorf("%s on %s: %w (exit code %s: %s)", doing, h.Name(), ErrUnreached, text.Line(a.Get("unreached"), 10), line)
	case !a.Has("shown") || len(a.Blocks["calls"]) != len(lists):
		return "", nil, fmt.Errorf("%s on %s: %w", doing, h.Name(), script.ErrAnswer)
	}
	for i, list := range lists {
		shown = append(shown, Handed{Args: withPlan(list, plan), Calls: readCalls(string(a.Blocks["calls"][i]))})
	}
	return plan, shown, nil
}

// readCalls reads what the recorder wrote: a line "=" for each call, then a line
// "+argument" for each argument. Further lines of an argument are left out.
func readCalls(text string) (calls [][]string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "=":
			calls = append(calls, nil)
		case strings.HasPrefix(line, "+") && len(calls) > 0:
			last := &calls[len(calls)-1]
			*last = append(*last, script.Tail([]byte(line[1:])))
		}
	}
	return calls
}
