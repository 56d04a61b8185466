package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Commands is how stacks are planned and applied. In the arguments {plan} stands
// for the absolute path of the plan file.
type Commands struct {
	Program string   // a name, an absolute path, or a path in the repository with a slash
	Init    []string // arguments of the init call; empty for none
	Plan    []string // arguments that make the plan file
	Show    []string // arguments that print it as JSON
	Apply   []string // arguments that apply it
}

// PlanSpec says which stack is planned, and how.
type PlanSpec struct {
	Commands
	Dir     string        // the stack's folder in the repository
	Timeout time.Duration // of init, plan and show; 0 means 20 minutes
	MaxShow int64         // bytes of the JSON; 0 means 64 MiB
}

const (
	// planGrace is what a plan gets after INT, and again after TERM, to
	// release its state lock.
	planGrace = 20 * time.Second
	showMost  = 64 << 20
)

var sha256Pattern = pattern.Lazy(`^[0-9a-f]{64}$`)

func checkSHA256(sum string) error {
	if !sha256Pattern().MatchString(sum) {
		return fault.Mark(fault.Failed, fmt.Errorf("%q is no SHA-256", text.Line(sum, 80)))
	}
	return nil
}

// Plan runs init, plan and show in one round trip and keeps the plan file for
// Apply. A step that fails is a *CommandError; a held state lock is
// ErrStateLock. A plan that is ended is interrupted first and has time to
// release its lock.
func (w *Workspace) Plan(ctx context.Context, spec PlanSpec) (item.Plan, error) {
	if spec.Timeout <= 0 {
		spec.Timeout = 20 * time.Minute
	}
	if spec.MaxShow <= 0 {
		spec.MaxShow = showMost
	}
	stack := text.Line(spec.Dir, 0)
	j, err := w.planJob(spec)
	if err != nil {
		return item.Plan{}, fmt.Errorf("planning %s: %w", stack, err)
	}
	h := w.run.host
	a, err := w.do(ctx, j)
	if err != nil {
		return item.Plan{}, err
	}
	exit := exitOf(a)
	hash := a.Get("sha256")
	switch {
	case exit.Code != 0 || exit.Reason != "":
		return item.Plan{}, h.commandError(a.Step, exit)
	case !sha256Pattern().MatchString(hash):
		return item.Plan{}, fmt.Errorf("planning %s on %s: %w: no SHA-256 of the plan file", stack, h.Name(), script.ErrAnswer)
	case a.Number("stdout-size") != int64(len(exit.Stdout)):
		return item.Plan{}, fmt.Errorf("planning %s on %s: %w: the plan's JSON has %d bytes, %d are taken", stack, h.Name(), script.ErrTooLarge, a.Number("stdout-size"), spec.MaxShow)
	}
	return item.Plan{SHA256: hash, Show: exit.Stdout}, nil
}

func (w *Workspace) planJob(spec PlanSpec) (script.Job, error) {
	file := w.dir + "/plan/new.tfplan"
	lists := map[string]string{}
	for name, args := range map[string][]string{"init": spec.Init, "plan": spec.Plan, "show": spec.Show} {
		quoted, err := script.QuoteAll(withPlan(args, file))
		if err != nil {
			return script.Job{}, fmt.Errorf("%s arguments: %w", name, err)
		}
		lists[name] = quoted
	}
	if err := checkProgram(spec.Dir, spec.Program); err != nil {
		return script.Job{}, err
	}
	detailed := "0"
	if slices.Contains(spec.Plan, "-detailed-exitcode") {
		detailed = "2" // means: succeeded, and there are changes
	}
	return script.Job{
		Doing: "planning " + spec.Dir, Files: []string{"plan"},
		Timeout: spec.Timeout, Grace: planGrace, Signals: "INT TERM",
		Watch: w.dir + "/out", Most: outputMost, Fetch: spec.MaxShow,
		Variables: script.Variables{
			"run":      w.run.dir,
			"ws":       w.dir,
			"dir":      spec.Dir,
			"program":  spec.Program,
			"file":     file,
			"detailed": detailed,
			"init":     lists["init"],
			"plan":     lists["plan"],
			"show":     lists["show"],
		},
	}, nil
}

// withPlan puts the path of the plan file in place of {plan}.
func withPlan(args []string, file string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		out[i] = strings.ReplaceAll(arg, "{plan}", file)
	}
	return out
}

func checkProgram(dir, program string) error {
	if program == "" || strings.HasPrefix(program, "-") {
		return fmt.Errorf("%q is no program", program)
	}
	if strings.Contains(program, "/") && !strings.HasPrefix(program, "/") {
		if err := checkFolder(program); err != nil {
			return fmt.Errorf("program: %w", err)
		}
	}
	return checkFolder(dir)
}
