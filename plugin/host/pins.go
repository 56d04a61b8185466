package host

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Pins is what must be the same from before the agent to the last apply of a run.
type Pins struct {
	Program string  // as in Commands
	Prepare Prepare // what workspaces take from the account
	Agent   string  // program of the agent
	// Account is set where the agent works as the account that plans, and nothing
	// keeps it from changing what that account runs and reads.
	Account bool
	// Tell is told what changed that people and the agent's program change on a
	// working day, once each.
	Tell func(changed string)
}

// pinned is what was noted of Pins, as the scripts know it.
type pinned struct {
	mu        sync.Mutex
	variables script.Variables
	tell      func(string)
	told      sync.Map // what was told already
}

func unpinned() pinned {
	return pinned{variables: script.Variables{
		"pinned": "", "owned": "", "account": "0", "pin_program": "", "pin_agent": "", "pin_workdir": "", "pin_carry": "", "hashes": "",
	}}
}

// noted is what the scripts get.
func (p *pinned) noted() script.Variables {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.variables
}

// note takes what a script noted. What is there already is in use elsewhere.
func (p *pinned) note(noted script.Variables) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.variables = maps.Clone(p.variables)
	maps.Copy(p.variables, noted)
}

// variables is what the scripts need to know of it.
func (p *Pins) variables() (script.Variables, error) {
	carry, _, err := pathspecs(p.Prepare.Carry)
	if err != nil {
		return nil, err
	}
	account := "0"
	if p.Account {
		account = "1"
	}
	return script.Variables{
		"pin_program": p.Program, "pin_agent": p.Agent, "pin_workdir": p.Prepare.Workdir, "pin_carry": carry, "account": account, "hashes": "",
	}, nil
}

// pin takes what opening the run noted: which programs a plan would run, by path and
// SHA-256, and with Pins.Account what of the account it would run or read. From then
// on each workspace for stacks, plan, apply and verify_command of the run looks for
// differences before anything runs: ErrAltered names them. So does the opening itself
// on a host where an earlier run found some and nobody has looked since.
func (r *Run) pin(p Pins, j script.Job, a *script.Answer) error {
	noted, err := p.variables()
	if err != nil {
		return err
	}
	if noted["pinned"] = a.Get("pinned"); checkSHA256(noted["pinned"]) != nil {
		return fmt.Errorf("%s on %s: %w", j.Doing, r.host.Name(), script.ErrAnswer)
	}
	noted["owned"] = text.Line(a.Get("owned"), 80)
	noted["hashes"] = string(a.Block("hashes"))
	r.pins.tell = p.Tell
	r.pins.note(noted)
	return nil
}

// Hold compares what OpenRun noted with what is there: for a moment at which an agent
// has worked and nothing else runs that would look.
func (r *Run) Hold(ctx context.Context) error {
	a, err := r.do(ctx, script.Job{
		Doing: "looking at what the agent's account has now", Files: []string{"carry", "pins", "hold"}, Timeout: 5 * time.Minute,
		Variables: script.Variables{"run": r.dir},
	})
	r.hints(a)
	return err
}

// do is a round trip whose scripts know what OpenRun noted.
func (r *Run) do(ctx context.Context, j script.Job) (*script.Answer, error) {
	maps.Copy(j.Variables, r.pins.noted())
	return r.host.do(ctx, j)
}

// hints tells what an answer says of changes that are only named.
func (r *Run) hints(a *script.Answer) {
	if a == nil || r.pins.tell == nil {
		return
	}
	for _, block := range a.Blocks["hint"] {
		changed := text.Line(string(block), 500)
		if _, before := r.pins.told.LoadOrStore(changed, true); !before {
			r.pins.tell(changed)
		}
	}
}

// seal is what a workspace for stacks was like when a command of ours in it
// ended. The zero value is that of one which holds no plans.
type seal struct {
	files string // hash of the list of all files
	kept  string // hash of the list of the commit's files
	known string // processes that were at work in it
}

// guard is a job in the workspace that begins only when nothing changed since the
// last one: its scripts call hold_pins and still_sealed.
func (w *Workspace) guard(j script.Job) script.Job {
	j.Files = append([]string{"git", "carry", "pins", "seal"}, j.Files...)
	maps.Copy(j.Variables, script.Variables{"sealed": w.seal.files, "kept": w.seal.kept, "known": w.seal.known})
	return j
}

// do is a guarded round trip.
func (w *Workspace) do(ctx context.Context, j script.Job) (*script.Answer, error) {
	a, err := w.run.do(ctx, w.guard(j))
	if a == nil {
		return a, err
	}
	w.run.hints(a)
	if sum := a.Get("pinned"); checkSHA256(sum) == nil {
		w.run.pins.note(script.Variables{"pinned": sum})
	}
	if a.Has("owned") {
		w.run.pins.note(script.Variables{"owned": text.Line(a.Get("owned"), 80)})
	}
	if sum := a.Get("sealed"); checkSHA256(sum) == nil {
		w.seal.files, w.seal.known = sum, text.Line(a.Get("known"), 0)
	}
	if sum := a.Get("kept"); checkSHA256(sum) == nil {
		w.seal.kept = sum
	}
	return a, err
}
