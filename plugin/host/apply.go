package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/plain"
)

// ApplySpec says which saved plan is applied, and how.
type ApplySpec struct {
	ID      string   // names the apply within its run, for ApplyStatus; pattern as of run ids
	Dir     string   // the stack's folder in the repository
	Program string   // as in PlanSpec
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
// of this program. The context ends only the waiting. ErrFenced when FenceApply
// was faster.
//
// An exit code other than 0 is no error. An error with the zero status means
// that nothing was applied (ErrPlanChanged and ErrFenced among others) or, with
// ErrBegan, that it was not started by this call. Any
// other error is of kind fault.Person and comes with Unknown: the apply may go
// on, or may have begun, and ApplyStatus tells later.
func (w *Workspace) Apply(ctx context.Context, spec ApplySpec) (ApplyStatus, error) {
	j, err := w.applyJob(spec)
	if err != nil {
		return ApplyStatus{}, fmt.Errorf("applying %s: %w", plain.Line(spec.Dir, 0), err)
	}
	var sent, ran, refused, started atomic.Bool
	j.sent = &sent
	j.notice = func(key, _ string) {
		switch key {
		case "begin":
			ran.Store(true)
		case "fail":
			refused.Store(true)
		case "apply-started":
			started.Store(true)
		}
	}
	a, err := w.run.host.do(ctx, j)
	if err == nil {
		return a.applyStatus(), nil
	}
	// Without a refusal the request may have been heard, whatever came back.
	shut := !ran.Load() && errors.Is(err, ErrAnswer)
	if !started.Load() && (!sent.Load() || refused.Load() || shut) {
		return ApplyStatus{}, err
	}
	known := ApplyStatus{}
	if a != nil {
		known = a.applyStatus()
	}
	known.Began = known.Began || started.Load()
	known.Unknown = !known.Ended
	return known, fault.Mark(fault.Person, fmt.Errorf("%w; the apply may go on there", err))
}

func (w *Workspace) applyJob(spec ApplySpec) (job, error) {
	if err := checkID("apply id", spec.ID); err != nil {
		return job{}, err
	}
	if err := checkProgram(spec.Dir, spec.Program); err != nil {
		return job{}, err
	}
	if err := checkSHA256(spec.SHA256); err != nil {
		return job{}, err
	}
	if !hashPattern().MatchString(spec.Commit) {
		return job{}, fmt.Errorf("%q is no full commit hash", cut(clean([]byte(spec.Commit)), 80))
	}
	folder := w.run.dir + "/apply/" + spec.ID
	argv, err := quoteAll(withPlan(spec.Args, folder+"/plan.tfplan"))
	if err != nil {
		return job{}, err
	}
	detached, err := compose([]variable{
		{"root", ""}, {"nonce", ""}, {"apply", folder}, {"tree", w.Dir()}, {"dir", spec.Dir}, {"program", spec.Program}, {"argv", argv},
	}, "prelude", "state", "detached")
	if err != nil {
		return job{}, err
	}
	return job{
		doing: "applying " + spec.Dir, files: []string{"state", "git", "apply"},
		timeout: applyMost, grace: time.Second,
		variables: []variable{
			{"run", w.run.dir},
			{"ws", w.dir},
			{"dir", spec.Dir},
			{"id", spec.ID},
			{"judged", spec.SHA256},
			{"commit", spec.Commit},
			{"boot", bootScript},
			{"detached", escape(detached)},
		},
	}, nil
}

// ApplyStatus tells of an apply of any run on this host, for settling. The run
// directory is found by what it holds: the apply, or the saved plan file with
// the SHA-256 that was judged. Where none does, Unknown is all there is to say.
func (h *Host) ApplyStatus(ctx context.Context, id, judged string) (ApplyStatus, error) {
	return h.applyState(ctx, id, judged, false)
}

// FenceApply is ApplyStatus for whoever acts upon it: an apply that began has
// ended, or nothing of it runs any more; one that has not begun never will, even
// when the run that meant to start it was only frozen. The context ends the
// waiting; Running is told then all the same.
func (h *Host) FenceApply(ctx context.Context, id, judged string) (ApplyStatus, error) {
	return h.applyState(ctx, id, judged, true)
}

func (h *Host) applyState(ctx context.Context, id, judged string, wait bool) (ApplyStatus, error) {
	if err := checkID("apply id", id); err != nil {
		return ApplyStatus{}, err
	}
	if err := checkSHA256(judged); err != nil {
		return ApplyStatus{}, err
	}
	j := job{
		doing: "asking for the apply " + id, files: []string{"state", "status"},
		variables: []variable{{"apply", id}, {"judged", judged}, {"wait", "0"}},
	}
	if wait {
		j.variables[2].value, j.timeout = "1", applyMost
	}
	a, err := h.do(ctx, j)
	if err != nil {
		known := ApplyStatus{Unknown: true}
		if a != nil && a.has("known") {
			known = a.applyStatus()
		}
		return known, err
	}
	if !a.has("known") {
		return ApplyStatus{Unknown: true}, fmt.Errorf("%s on %s: %w", j.doing, h.name, ErrAnswer)
	}
	return a.applyStatus(), nil
}

// Settled marks an apply as settled, in whichever run directory it is: its plan
// file is removed, and the directory may be.
func (h *Host) Settled(ctx context.Context, id string) error {
	if err := checkID("apply id", id); err != nil {
		return err
	}
	_, err := h.do(ctx, job{
		doing: "settling the apply " + id, files: []string{"state", "settled"},
		variables: []variable{{"apply", id}},
	})
	return err
}

func (a *answer) applyStatus() ApplyStatus {
	s := ApplyStatus{
		Began:   a.has("apply-began"),
		Running: a.get("apply-running") == "1",
		Settled: a.has("apply-settled"),
		Output:  clean(a.block("apply-log")),
		Commit:  cut(clean(a.block("apply-commit")), 80),
		SHA256:  a.get("apply-sha256"),
	}
	if a.has("apply-ended") {
		code, err := strconv.Atoi(a.get("apply-ended"))
		s.Ended, s.Running, s.Code = err == nil, false, code
	}
	// A process without marker is about to write it.
	s.Began = s.Began || s.Running || s.Ended
	s.Progress = s.Began && a.get("apply-progress") != "0"
	s.Unknown = a.has("apply-lost") || s.Began && !s.Running && !s.Ended
	return s
}
