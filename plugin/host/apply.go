package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// ApplySpec says which saved plan is applied, and how.
type ApplySpec struct {
	ID      string   // names the apply within its run, for FenceApply; pattern as of run ids
	Dir     string   // the stack's folder in the repository
	Program string   // as in Commands
	Args    []string // {plan} stands for the absolute path of the plan file
	SHA256  string   // of the plan file that was judged
	Commit  string   // full hash of the fix that the plan is of; the run directory keeps it
}

// ApplyStatus is what a host knows of one apply. None of Began, Running, Ended
// and Unknown: its plan was saved here, and it never began. Commit and SHA256
// were on the disk before it began, whatever refs on a remote say today.
type ApplyStatus struct {
	Began    bool   // its marker was on disk before the program started
	Running  bool   // a process of it lives
	Ended    bool   // it ended and left its exit code
	Code     int    // the exit code, when Ended
	Unknown  bool   // it may have begun, and how it ended cannot be read
	Settled  bool   // somebody settled it
	Progress bool   // what it printed tells of a change, anywhere, or cannot be read
	Output   string // end of what it printed, cleaned
	Commit   string // the fix that it was started for, when it was started
	SHA256   string // of the plan file that it was started with
}

// applyMost is how long one apply is waited for; it goes on after that.
const applyMost = 24 * time.Hour

// Apply applies exactly the plan file that Plan saved and whose SHA-256 is
// given, detached: the process goes on whatever becomes of the connection and
// of this program. The context ends only the waiting.
//
// An exit code other than 0 is no error. An error with the zero status means
// that nothing was applied (the plan file is another one, or FenceApply was
// faster, among others) or, with
// ErrBegan, that it was not started by this call. Any
// other error is of kind fault.Person and comes with Unknown: the apply may go
// on, or may have begun, and FenceApply tells later.
func (w *Workspace) Apply(ctx context.Context, spec ApplySpec) (ApplyStatus, error) {
	j, err := w.applyJob(spec)
	if err != nil {
		return ApplyStatus{}, fmt.Errorf("applying %s: %w", text.Line(spec.Dir, 0), err)
	}
	var sent, ran, refused, started atomic.Bool
	j.Sent = &sent
	j.Notice = func(key, _ string) {
		switch key {
		case "begin":
			ran.Store(true)
		case "fail":
			refused.Store(true)
		case "apply-started":
			started.Store(true)
		}
	}
	a, err := w.do(ctx, j)
	if err == nil {
		return statusOf(a), nil
	}
	// Without a refusal the request may have been heard, whatever came back.
	shut := !ran.Load() && errors.Is(err, script.ErrAnswer)
	if !started.Load() && (!sent.Load() || refused.Load() || shut) {
		return ApplyStatus{}, err
	}
	known := ApplyStatus{}
	if a != nil {
		known = statusOf(a)
	}
	known.Began = known.Began || started.Load()
	known.Unknown = !known.Ended
	return known, fault.Mark(fault.Person, fmt.Errorf("%w; the apply may go on there", err))
}

func (w *Workspace) applyJob(spec ApplySpec) (script.Job, error) {
	if err := checkID("apply id", spec.ID); err != nil {
		return script.Job{}, err
	}
	if err := checkProgram(spec.Dir, spec.Program); err != nil {
		return script.Job{}, err
	}
	if err := checkSHA256(spec.SHA256); err != nil {
		return script.Job{}, err
	}
	if !hashPattern().MatchString(spec.Commit) {
		return script.Job{}, fmt.Errorf("%q is no full commit hash", text.Line(spec.Commit, 80))
	}
	folder := w.run.dir + "/apply/" + spec.ID
	argv, err := script.QuoteAll(withPlan(spec.Args, folder+"/plan.tfplan"))
	if err != nil {
		return script.Job{}, err
	}
	detached, err := script.Detached(script.Variables{
		"apply": folder, "tree": w.tree(), "dir": spec.Dir, "program": spec.Program, "argv": argv,
	}, "state", "detached")
	if err != nil {
		return script.Job{}, err
	}
	return script.Job{
		Doing: "applying " + spec.Dir, Files: []string{"state", "apply"},
		Timeout: applyMost, Grace: time.Second,
		Variables: script.Variables{
			"run":      w.run.dir,
			"ws":       w.dir,
			"dir":      spec.Dir,
			"id":       spec.ID,
			"judged":   spec.SHA256,
			"commit":   spec.Commit,
			"boot":     script.Boot,
			"detached": detached,
		},
	}, nil
}

// FenceApply tells of an apply of any run on this host, for whoever acts upon
// it: one that began has ended, or nothing of it runs any more; one that has not
// begun never will, even when the run that meant to start it was only frozen.
// The context ends the waiting; Running is told then all the same.
//
// The run directory is found by what it holds: the apply, or the saved plan file
// with the SHA-256 that was judged. Where none does, Unknown is all there is to
// say.
func (h *Host) FenceApply(ctx context.Context, id, judged string) (ApplyStatus, error) {
	if err := checkID("apply id", id); err != nil {
		return ApplyStatus{}, err
	}
	if err := checkSHA256(judged); err != nil {
		return ApplyStatus{}, err
	}
	j := script.Job{
		Doing: "asking for the apply " + id, Files: []string{"state", "status"}, Timeout: applyMost,
		Variables: script.Variables{"apply": id, "judged": judged},
	}
	a, err := h.do(ctx, j)
	if err != nil {
		known := ApplyStatus{Unknown: true}
		if a != nil && a.Has("known") {
			known = statusOf(a)
		}
		return known, err
	}
	if !a.Has("known") {
		return ApplyStatus{Unknown: true}, fmt.Errorf("%s on %s: %w", j.Doing, h.Name(), script.ErrAnswer)
	}
	return statusOf(a), nil
}

// Settled marks an apply as settled, in whichever run directory it is: its plan
// file is removed, and the directory may be.
func (h *Host) Settled(ctx context.Context, id string) error {
	if err := checkID("apply id", id); err != nil {
		return err
	}
	_, err := h.do(ctx, script.Job{
		Doing: "settling the apply " + id, Files: []string{"state", "settled"},
		Variables: script.Variables{"apply": id},
	})
	return err
}

func statusOf(a *script.Answer) ApplyStatus {
	s := ApplyStatus{
		Began:   a.Has("apply-began"),
		Running: a.Get("apply-running") == "1",
		Settled: a.Has("apply-settled"),
		Output:  script.Tail(a.Block("apply-log")),
		Commit:  text.Line(string(a.Block("apply-commit")), 80),
		SHA256:  a.Get("apply-sha256"),
	}
	if a.Has("apply-ended") {
		code, err := strconv.Atoi(a.Get("apply-ended"))
		s.Ended, s.Running, s.Code = err == nil, false, code
	}
	// A process without marker is about to write it.
	s.Began = s.Began || s.Running || s.Ended
	s.Progress = s.Began && a.Get("apply-progress") != "0"
	s.Unknown = a.Has("apply-lost") || s.Began && !s.Running && !s.Ended
	return s
}
