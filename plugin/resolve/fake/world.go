// Package fake is the outside of the room that resolves items, in memory: a
// remote with its clones, hosts with run directories, an agent that does what it
// was told to, and stacks with a state that plans are made from and applies
// change. Every call can be made to fail, to be lost though it happened, to
// happen twice, or to be the last that the program makes.
package fake

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// How is what goes wrong with a call.
type How string

// The ways. Those of the second group are of calls that change something.
const (
	Fails How = "fails" // it does not happen, and a later try may fare better
	Dies  How = "dies"  // it happens, and the program ends there

	Lost    How = "is lost"          // it happens, and its answer is an error
	Twice   How = "happens twice"    // and the second answer comes back
	Refused How = "is refused"       // of pushes: the remote does not take it
	Halts   How = "halts"            // of applies: the host dies in the middle of it
	Breaks  How = "breaks"           // of applies: it ends half way, with an error
	Late    How = "begins late"      // of applies: the connection is lost before it begins
	Leaves  How = "leaves some"      // of applies: it ends well, and something is left to do
	Alters  How = "finds it altered" // of what runs in a workspace for stacks: the host is not as it was before the agent
)

// Fault is one call of a run that goes wrong, counted from 1.
type Fault struct {
	Run string
	At  int
	How How
}

// Call is one call of the program to the outside.
type Call struct {
	Run     string
	Name    string
	Changes bool // something outside is another afterwards
}

// World is everything outside the program.
type World struct {
	t  *testing.T
	mu sync.Mutex

	commits map[string]*commit
	trees   map[string]map[string]string // files by the hash of their tree
	refs    map[string]string            // of the remote
	logs    map[string][]string          // lines by ref
	clock   int
	merged  string // head that was merged last

	hosts  map[string]*Machine
	stacks map[string]*Stack
	turns  []*Turn

	// Before is called before each call of a run, which is the n-th of that run:
	// what others do at that moment.
	Before func(n int, call Call)
	// ApplyTakes is how long an apply goes on.
	ApplyTakes time.Duration
	// Verdict is the exit code of the owner's check.
	Verdict int
	// Metrics are those that Prometheus knows; nil for no Prometheus.
	Metrics []string
	// Missing is what Prometheus says of all that is watched, "" when it is loaded;
	// LoadsAt is how many questions about it are answered so.
	Missing string
	LoadsAt int
	// Blind is a Prometheus that cannot tell what is loaded.
	Blind bool
	// Backtest is what it says of every rule.
	Backtest evidence.Backtest
	// Rule tells which pushes the remote refuses; nil for none.
	Rule func(Call) bool
	// KeepsRefs is a remote that lets nobody delete refs.
	KeepsRefs bool

	locks map[string]holding  // by name, that of a run by its shard
	took  map[string][]string // names of the locks that a run ever had

	trails map[string][]Call // by run
	dead   map[string]bool   // runs that SIGKILL ended
	faults []Fault
}

// New is a world with one branch that holds these files. At the end of the test
// everything that was scripted must have been used.
func New(t *testing.T, files map[string]string) *World {
	t.Helper()
	w := &World{
		t: t, commits: map[string]*commit{}, trees: map[string]map[string]string{}, refs: map[string]string{}, logs: map[string][]string{},
		locks: map[string]holding{}, took: map[string][]string{}, trails: map[string][]Call{}, dead: map[string]bool{},
		hosts: map[string]*Machine{}, stacks: map[string]*Stack{},
	}
	w.refs[Branch] = w.newCommit("", w.newTree(files), "first\n")
	return w
}

// Unused fails the test for what was scripted and never came about.
func (w *World) Unused() {
	w.t.Helper()
	if len(w.faults) > 0 {
		w.t.Errorf("calls were to go wrong and never came: %v", w.faults)
	}
	for _, turn := range w.turns {
		if !turn.used {
			w.t.Errorf("the agent was never asked for %q", turn.Of)
		}
	}
}

// Fail has these calls go wrong.
func (w *World) Fail(faults ...Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = faults
}

// Trail is the calls of a run.
func (w *World) Trail(run string) []Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.trails[run]
}

var (
	errDown        = fault.Mark(fault.Temporary, errors.New("the other side does not answer"))
	errUnknown     = fault.Mark(fault.Temporary, fmt.Errorf("%w: the other side does not answer", gitrepo.ErrPushUnknown))
	errRefused     = fault.Mark(fault.Failed, fmt.Errorf("%w: a rule of the remote", gitrepo.ErrPushRefused))
	errFenced      = errors.New("apply was settled by another run")
	errPlanChanged = errors.New("plan file is not the judged one")
	errLost        = errors.New("connection lost")
)

// Died reports whether a run ended as SIGKILL does: each of its goroutines ends
// where it calls the outside next.
func (w *World) Died(run string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dead[run]
}

// call is one call of the program: act is what it does outside.
func (w *World) call(call Call, act func(How) error) error {
	if w.Died(call.Run) {
		runtime.Goexit()
	}
	w.mu.Lock()
	w.trails[call.Run] = append(w.trails[call.Run], call)
	n := len(w.trails[call.Run])
	how := How("")
	if i := slices.IndexFunc(w.faults, func(f Fault) bool { return f.At == n && f.Run == call.Run }); i >= 0 {
		how, w.faults = w.faults[i].How, slices.Delete(slices.Clone(w.faults), i, i+1)
	}
	w.mu.Unlock()
	if w.Before != nil {
		w.Before(n, call)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Rule != nil && w.Rule(call) {
		return errRefused
	}
	switch how {
	case Fails:
		return errDown
	case Refused:
		return errRefused
	case Lost:
		if err := act(how); err != nil {
			return err
		}
		return errUnknown
	case Twice:
		if err := act(how); err != nil {
			return err
		}
		return act(how)
	case Dies:
		_ = act(how)
		w.dead[call.Run] = true
		runtime.Goexit()
	}
	return act(how)
}

func reads(run, name string, args ...any) Call { return Call{run, fmt.Sprintf(name, args...), false} }

func changes(run, name string, args ...any) Call { return Call{run, fmt.Sprintf(name, args...), true} }
