package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// do makes one round trip.
func (h *Host) do(ctx context.Context, j script.Job) (*script.Answer, error) {
	a, err := h.shell.Do(ctx, j)
	if failure, failed := errors.AsType[*script.Failure](err); failed {
		return nil, h.failure(failure)
	}
	return a, err
}

// failure turns the code of a script into a sentence with a way out.
func (h *Host) failure(f *script.Failure) error {
	meant, known := failures[f.Code]
	if !known {
		return fault.Mark(fault.Failed, fmt.Errorf("%s on %s: %w: it failed with %q", f.Doing, h.Name(), script.ErrAnswer, f.Code))
	}
	cause := meant.err
	if cause == nil {
		cause = errFailed
	}
	sentence := strings.ReplaceAll(meant.text, "{}", f.Subject)
	if meant.detail && f.Detail != "" {
		sentence += ": " + f.Detail
	}
	return fault.Mark(meant.kind, &fault.Error{Err: fmt.Errorf("%s on %s: %w: %s", f.Doing, h.Name(), cause, sentence), Fix: meant.fix})
}

// lookFirst is the way out for a host that somebody changed under a run.
const lookFirst = "look at what is named, put right what is not yours, and remove ~/.cache/pm-todos/altered there"

var errFailed = errors.New("failed")

// failures says what the codes of the scripts mean. The text takes the
// subject that the script named in place of {}.
var failures = map[string]struct {
	kind   fault.Kind
	err    error
	text   string
	fix    string
	detail bool // what the program said is added to the text
}{
	"home":           {fault.Failed, nil, "the user has no home folder (HOME is “{}”)", "create it, or use another account", false},
	"cache":          {fault.Failed, nil, "“{}” cannot be written", "check its owner, its mode and whether the file system is read-only", true},
	"foreign":        {fault.Failed, nil, "“{}” is a link or belongs to another account, which could change what is planned there", "remove it, and let it be made again", false},
	"no-run":         {fault.Failed, nil, "the run directory “{}” is gone", "start the run again", false},
	"no-tree":        {fault.Failed, nil, "the work tree “{}” is gone or was replaced by something else", "", false},
	"no-folder":      {fault.Failed, nil, "the repository has no folder “{}”, or it leads out of the workspace", "", false},
	"altered":        {fault.Failed, ErrAltered, "{}", lookFirst, false},
	"altered-before": {fault.Failed, ErrAltered, "an earlier run found that {}", lookFirst, false},
	"unsealed":       {fault.Failed, ErrAltered, "the workspace of the plan was changed: {}", "find out which program or person works there", false},
	"at-work":        {fault.Failed, ErrAltered, "at work in the workspace of the plan: {}", "find out what it is; what an agent left is ended with kill -KILL", false},
	"busy":           {fault.Person, ErrBegan, "the workspace belongs to apply “{}”, which is not settled", "", false},
	"git":            {fault.Failed, nil, "git could not work on “{}”", "", true},
	"snapshot":       {fault.Temporary, errSnapshot, "“{}” is gone, or not what its name says", "", true},
	"cut":            {fault.Temporary, script.ErrLost, "its input arrived with only {} bytes", "", false},
	"workdir":        {fault.Failed, nil, "workdir “{}” is not there or not readable", "correct the setting, or unset carry", false},
	"workdir-git":    {fault.Failed, nil, "workdir “{}” is no git checkout", "carry takes ignored files of one", true},
	"carry":          {fault.Failed, nil, "carry file “{}” could not be copied", "", true},
	"carry-link":     {fault.Failed, nil, "carry file “{}” is, or its place is, a link that leads out", "name a real file, or use prepare_command", false},
	"carry-name":     {fault.Failed, nil, "carry file {} has a name with quotes or control characters", "narrow the pattern", false},
	"no-plan":        {fault.Failed, nil, "the plan command succeeded and left no plan file at “{}”", "plan_args must contain -out={plan} and the wrapper must hand it on", false},
	"tool":           {fault.Failed, nil, "{} is not installed there", "", false},
	"plan-changed":   {fault.Failed, errPlanChanged, "“{}” differs from what the gate saw; nothing was applied, plan again", "", false},
	"plan-missing":   {fault.Failed, errPlanChanged, "no plan with SHA-256 “{}” was saved in this workspace; nothing was applied, plan again", "", false},
	"began":          {fault.Person, ErrBegan, "apply “{}” was started once", "settle it instead of applying again", false},
	"fenced":         {fault.Temporary, errFenced, "another run has settled apply “{}” as one that never began; nothing was applied", "", false},
	"not-begun":      {fault.Failed, nil, "the detached process did not start ({}); nothing was applied", "", true},
	"export":         {fault.Failed, nil, "what is in the work tree cannot be taken into git ({})", "", true},
	"too-large":      {fault.Failed, script.ErrTooLarge, "the change has {} bytes or more", "", false},
}
