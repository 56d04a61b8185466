// Package life shows that a run is alive: while an agent, a plan or an apply works
// on a host, the log has a line about it every half minute, and one when it is
// done. It stands between the room that resolves items and its hosts, and changes
// nothing of what passes.
package life

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// interval is the time between two signs of life. With the longest look at what an
// agent printed it stays below a minute.
const (
	interval = 30 * time.Second
	longest  = 10 * time.Second // of a look; the host may take as long again to end it
)

// Place is an item's place among those of a run.
type Place struct {
	Item   item.Item
	Number int // from 1
	Of     int
	Beside bool           // others may be at work at the same time
	Spent  func() float64 // US dollars, of the run so far
}

// String is the place by itself, as 2/4.
func (p Place) String() string { return fmt.Sprintf("%d/%d", p.Number, p.Of) }

// Title names the item for people.
func (p Place) Title() string {
	return fmt.Sprintf("%d of %d, %s", p.Number, p.Of, text.Line(p.Item.Action, 80))
}

// maxTitle is how much of an item's action is in each line of the log.
const maxTitle = 40

type placeKey struct{}

// At says which item everything that is done with the context is for.
func At(ctx context.Context, p Place) context.Context {
	return context.WithValue(ctx, placeKey{}, p)
}

// PlaceOf is the place that At gave, and false when there is none.
func PlaceOf(ctx context.Context) (Place, bool) {
	p, ok := ctx.Value(placeKey{}).(Place)
	return p, ok
}

// Machine is a host that both agents and stacks may use.
type Machine interface {
	seam.AgentHost
	seam.TerraformHost
}

// Host is a Machine that is watched.
type Host struct {
	Machine
	kind agent.Kind
	log  zerolog.Logger
}

// Watch watches a host whose agent is of that kind.
func Watch(m Machine, kind agent.Kind, log zerolog.Logger) *Host { return &Host{m, kind, log} }

// Workspace makes a work tree for the agent.
func (h *Host) Workspace(ctx context.Context, commit string, snapshot host.Snapshot) (space seam.AgentSpace, err error) {
	h.during(ctx, work{stage: "agent", doing: "making its workspace"}, func() { space, err = h.Machine.Workspace(ctx, commit, snapshot) })
	if err != nil {
		return nil, err
	}
	return watchedSpace{space, h}, nil
}

// Checkout makes a workspace for stacks.
func (h *Host) Checkout(ctx context.Context, commit string, snapshot host.Snapshot) (space seam.Checkout, err error) {
	h.during(ctx, work{stage: "plan", doing: "making its workspace"}, func() { space, err = h.Machine.Checkout(ctx, commit, snapshot) })
	if err != nil {
		return nil, err
	}
	return watchedCheckout{space, h}, nil
}

// FenceApply waits for an apply.
func (h *Host) FenceApply(ctx context.Context, id, judged string) (status host.ApplyStatus, err error) {
	h.during(ctx, work{stage: "settle", doing: "waiting for an apply of an earlier run"}, func() { status, err = h.Machine.FenceApply(ctx, id, judged) })
	return status, err
}

type watchedCheckout struct {
	seam.Checkout
	host *Host
}

func (c watchedCheckout) Plan(ctx context.Context, stack string) (plan item.Plan, err error) {
	c.host.during(ctx, work{stage: "plan", doing: "planning", done: "planned", stack: stack}, func() { plan, err = c.Checkout.Plan(ctx, stack) })
	return plan, err
}

func (c watchedCheckout) Apply(ctx context.Context, spec host.ApplySpec) (status host.ApplyStatus, err error) {
	c.host.during(ctx, work{stage: "apply", doing: "applying", done: "the apply ended", stack: spec.Dir}, func() { status, err = c.Checkout.Apply(ctx, spec) })
	return status, err
}

func (c watchedCheckout) Verify(ctx context.Context, about []byte) (exit host.Exit, err error) {
	c.host.during(ctx, work{stage: "verify", doing: "running verify_command", done: "verify_command ended"}, func() { exit, err = c.Checkout.Verify(ctx, about) })
	return exit, err
}

// work is what is watched.
type work struct {
	stage string
	doing string
	done  string // what the log says at its end; empty for nothing
	stack string
	more  func(context.Context, zerolog.Logger) zerolog.Logger // adds to each sign, may be nil
	end   func(*zerolog.Event)                                 // adds to the last line, may be nil
}

// during does something, with signs of life until it returns.
func (h *Host) during(ctx context.Context, w work, act func()) {
	began := time.Now()
	// What is waited for shows life until it ends, whatever became of the context.
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watch sync.WaitGroup
	watch.Go(func() {
		ticks := time.NewTicker(interval)
		defer ticks.Stop()
		for {
			select {
			case <-watching.Done():
				return
			case <-ticks.C:
				h.sign(watching, w, time.Since(began))
			}
		}
	})
	act()
	stop()
	watch.Wait()
	if w.done != "" {
		log := h.about(ctx, w, time.Since(began))
		log.Info().Func(func(e *zerolog.Event) {
			if w.end != nil {
				w.end(e)
			}
		}).Msg(w.done)
	}
}

func (h *Host) sign(ctx context.Context, w work, took time.Duration) {
	log := h.about(ctx, w, took)
	doing := w.doing
	if p, ok := PlaceOf(ctx); ok {
		log = log.With().Float64("spent_usd", cents(p.Spent())).Logger()
		doing += ": " + p.Title()
	}
	if w.more != nil {
		log = w.more(ctx, log)
	}
	if ctx.Err() == nil { // else its end is told already
		log.Info().Msg("still " + doing)
	}
}

// about is a log that says what the work is, and which item it is for.
func (h *Host) about(ctx context.Context, w work, took time.Duration) zerolog.Logger {
	fields := Named(ctx, h.log).With().Str("stage", w.stage).Str("took", took.Round(time.Second).String())
	if w.stack != "" {
		fields = fields.Str("stack", w.stack)
	}
	return fields.Logger()
}

// Named is a log that names the item of a context.
func Named(ctx context.Context, log zerolog.Logger) zerolog.Logger {
	p, ok := PlaceOf(ctx)
	if !ok {
		return log
	}
	fields := log.With().Str("document", p.Item.Document).Str("item", p.Item.ID).Str("nth", p.String())
	if p.Beside {
		fields = fields.Str("title", text.Line(p.Item.Action, maxTitle))
	}
	return fields.Logger()
}

func cents(usd float64) float64 { return float64(int64(usd*100+0.5)) / 100 }

type watchedSpace struct {
	seam.AgentSpace
	host *Host
}

// printer is a space that can tell what the agent printed so far.
type printer interface {
	Printed(ctx context.Context, from int64) ([]byte, error)
}

// Turn has the agent work once. What it prints is read as it comes: turns and files
// are in each sign of life, its steps in the log at debug.
func (s watchedSpace) Turn(ctx context.Context, d agent.Definition, prompt []byte, budgetUSD float64) (report agent.Report, err error) {
	f := following{space: s, f: s.host.kind.Follow()}
	s.host.during(ctx, work{
		stage: "agent", doing: "at work", done: "the agent ended",
		more: func(ctx context.Context, log zerolog.Logger) zerolog.Logger {
			done := f.look(ctx)
			return log.With().Int("turns", done.Turns).Int("files", len(done.Files)).Logger()
		},
		end: func(e *zerolog.Event) {
			if err == nil {
				e.Int("turns", report.Turns)
			}
			if report.CostKnown {
				e.Float64("cost_usd", cents(report.CostUSD))
			}
		},
	}, func() { report, err = s.AgentSpace.Turn(ctx, d, prompt, budgetUSD) })
	if s.host.log.GetLevel() <= zerolog.DebugLevel && ctx.Err() == nil {
		f.look(ctx) // what came since the last sign
	}
	return report, err
}

// following reads what one turn of the agent prints.
type following struct {
	space watchedSpace
	from  int64
	f     *agent.Follower
	last  agent.Progress
}

// look reads on. That it cannot is no reason to stop.
func (f *following) look(ctx context.Context) agent.Progress {
	p, can := f.space.AgentSpace.(printer)
	if !can {
		return f.last
	}
	limited, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	log := Named(ctx, f.space.host.log)
	chunk, err := p.Printed(limited, f.from)
	if err != nil {
		log.Debug().Str("stage", "agent").Err(err).Msg("what it printed so far cannot be seen")
		return f.last
	}
	f.from += int64(len(chunk))
	f.last = f.f.Next(chunk)
	for _, step := range f.last.Steps {
		log.Debug().Str("stage", "agent").Msg(step)
	}
	return f.last
}
