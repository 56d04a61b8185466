package fake

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Machine is a host. Its run directories outlive the runs.
type Machine struct {
	w    *World
	name string
	runs map[string]*directory
	down bool

	altered bool // what a plan runs there is not what it was
}

// directory is what a host keeps of one run.
type directory struct {
	shard   string               // whose lock the run has
	used    time.Time            // last
	plans   map[string]*plan     // by SHA-256
	applies map[string]*applying // by id
}

// applying is one apply, or the fence in its place.
type applying struct {
	host.ApplyStatus
	fenced bool
	ends   time.Time // while it runs
}

// Machine is the host of that name.
func (w *World) Machine(name string) *Machine {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hosts[name] == nil {
		w.hosts[name] = &Machine{w: w, name: name, runs: map[string]*directory{}}
	}
	return w.hosts[name]
}

// SetDown takes the host off the network, or puts it back.
func (m *Machine) SetDown(down bool) {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	m.down = down
}

// Alter changes what a plan runs on the host, until a person has looked.
func (m *Machine) Alter() { m.altered = true }

// Look is that person.
func (m *Machine) Look() { m.altered = false }

// unaltered is the error of a host that is not as it was.
func (m *Machine) unaltered(how How) error {
	if m.altered = m.altered || how == Alters; m.altered {
		return fault.Mark(fault.Failed, host.ErrAltered)
	}
	return nil
}

// Runs is how many run directories the host has.
func (m *Machine) Runs() int {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return len(m.runs)
}

// Forget takes the run directories of a host away.
func (m *Machine) Forget() {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	clear(m.runs)
}

// call is a call to the host.
func (m *Machine) call(ctx context.Context, call Call, act func(How) error) error {
	if err := ended(ctx); err != nil {
		return err
	}
	return m.w.call(call, func(how How) error {
		if m.down {
			return errDown
		}
		return act(how)
	})
}

// Records are the run directories of a host, for a run that settles.
type Records struct {
	*Machine
	shard, run string
}

// Records are the run directories of the host, as a run of a shard sees them.
func (m *Machine) Records(shard, run string) *Records { return &Records{m, shard, run} }

// Name is the host's.
func (r *Records) Name() string { return r.name }

// find is the directory of an apply, else of its plan.
func (r *Records) find(id, judged string) (found *directory) {
	for _, d := range r.runs {
		if d.applies[id] != nil {
			return d
		}
		if d.plans[judged] != nil {
			found = d
		}
	}
	return found
}

// FenceApply waits for an apply that runs, and lets none begin that has not.
func (r *Records) FenceApply(ctx context.Context, id, judged string) (status host.ApplyStatus, err error) {
	err = r.call(ctx, changes(r.run, "ask how the apply ended"), func(How) error {
		d := r.find(id, judged)
		if d == nil {
			status.Unknown = true
			return nil
		}
		if d.applies[id] == nil {
			d.applies[id] = &applying{fenced: true}
		}
		if err := r.w.await(ctx, d.applies[id]); err != nil {
			status = host.ApplyStatus{Began: true, Running: true}
			return err
		}
		status = d.applies[id].ApplyStatus
		return nil
	})
	if err != nil && !status.Running {
		return host.ApplyStatus{Unknown: true}, err
	}
	return status, err
}

// await waits for an apply that runs, while the world goes on. The context ends
// the waiting and not the apply.
func (w *World) await(ctx context.Context, a *applying) error {
	wait := time.Until(a.ends)
	if wait <= 0 {
		return nil
	}
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// Settled marks an apply as settled, and removes its plan file.
func (r *Records) Settled(ctx context.Context, id string) error {
	return r.call(ctx, changes(r.run, "mark the apply as settled"), func(How) error {
		for _, d := range r.runs {
			if a := d.applies[id]; a != nil {
				a.Settled, a.SHA256 = true, ""
			}
		}
		return nil
	})
}

// unused is how long a directory of another shard is left alone.
const unused = 24 * time.Hour

// Reclaim removes what no journal needs of what runs of its shard left, and of what
// those of others did long ago.
func (r *Records) Reclaim(ctx context.Context, needed []host.Journaled) error {
	return r.call(ctx, changes(r.run, "remove old run directories"), func(How) error {
		for id, d := range r.runs {
			keep := id == r.run || d.shard != r.shard && time.Since(d.used) < unused
			for _, n := range needed {
				a := d.applies[n.Apply]
				keep = keep || a != nil && !a.Settled || d.plans[n.SHA256] != nil
			}
			for _, a := range d.applies {
				keep = keep || time.Until(a.ends) > 0 || d.shard != r.shard && a.Began && !a.Settled
			}
			if !keep {
				delete(r.runs, id)
			}
		}
		return nil
	})
}

// Close lets go of the host.
func (r *Records) Close(context.Context) error { return nil }

// Host is a host with the directory of one run.
type Host struct{ *Records }

// Open makes the directory of a run.
func (m *Machine) Open(ctx context.Context, shard, run string) (*Host, error) {
	err := m.call(ctx, changes(run, "open the run directory"), func(how How) error {
		if err := m.unaltered(how); err != nil {
			return err
		}
		if m.runs[run] == nil {
			m.runs[run] = &directory{shard: shard, used: time.Now(), plans: map[string]*plan{}, applies: map[string]*applying{}}
		}
		return nil
	})
	return &Host{m.Records(shard, run)}, err
}

// Close removes the directory of the run, unless an apply in it is not settled.
func (h *Host) Close(ctx context.Context) error {
	return h.call(ctx, changes(h.run, "remove the run directory"), func(How) error {
		d := h.runs[h.run]
		if d == nil {
			return nil
		}
		for _, a := range d.applies {
			if a.Began && !a.Settled {
				return nil
			}
		}
		delete(h.runs, h.run)
		return nil
	})
}

// own is the directory of the run. Only a later run takes it away, once it has
// the lock.
func (h *Host) own() (*directory, error) {
	if d := h.runs[h.run]; d != nil {
		return d, nil
	}
	return nil, fault.Mark(fault.Failed, errors.New("the run directory is gone"))
}

func unpack(snapshot host.Snapshot) (map[string]string, error) {
	var b bytes.Buffer
	_, write := snapshot("")
	if err := write(&b); err != nil {
		return nil, err
	}
	var files map[string]string
	return files, json.Unmarshal(b.Bytes(), &files)
}

// Checkout is a workspace for stacks.
func (h *Host) Checkout(ctx context.Context, commit string, snapshot host.Snapshot) (seam.Checkout, error) {
	files, err := unpack(snapshot)
	if err != nil {
		return nil, err
	}
	err = h.call(ctx, changes(h.run, "make a workspace for stacks"), func(how How) error {
		if _, err := h.own(); err != nil {
			return err
		}
		return h.unaltered(how)
	})
	if err != nil {
		return nil, err
	}
	return &checkout{h, commit, files}, nil
}

type checkout struct {
	h      *Host
	commit string
	files  map[string]string
}

// Plan plans a stack as it is now, and keeps the plan.
func (c *checkout) Plan(ctx context.Context, stack string) (out item.Plan, err error) {
	err = c.h.call(ctx, reads(c.h.run, "plan %s", stack), func(how How) error {
		d, err := c.h.own()
		if err != nil {
			return err
		}
		if err := c.h.unaltered(how); err != nil {
			return err
		}
		c.h.w.needs(c.h.run, stack)
		p, err := c.h.w.plan(stack, c.files)
		if err != nil {
			return err
		}
		d.plans[p.sha256], p.space = p, c
		out = item.Plan{SHA256: p.sha256, Show: p.show}
		return nil
	})
	return out, err
}

// Apply applies a plan that was kept.
func (c *checkout) Apply(ctx context.Context, spec host.ApplySpec) (host.ApplyStatus, error) {
	var status host.ApplyStatus
	var how How
	var left bool // before its end
	err := c.h.call(ctx, changes(c.h.run, "apply %s", spec.Dir), func(wrong How) error {
		how = wrong
		d, err := c.h.own()
		if err != nil {
			return fault.Mark(fault.Temporary, errFenced)
		}
		if known := d.applies[spec.ID]; known != nil {
			if known.fenced {
				return fault.Mark(fault.Temporary, errFenced)
			}
			return fault.Mark(fault.Person, host.ErrBegan)
		}
		p := d.plans[spec.SHA256]
		if p == nil || p.space != c {
			return fault.Mark(fault.Failed, errPlanChanged)
		}
		if how == Late {
			return errLost
		}
		if err := c.h.unaltered(how); err != nil {
			return err
		}
		c.h.w.needs(c.h.run, spec.Dir)
		a := &applying{ApplyStatus: host.ApplyStatus{Began: true, Commit: spec.Commit, SHA256: spec.SHA256}}
		d.applies[spec.ID] = a
		c.h.w.apply(a, p, how)
		if left = c.h.w.await(ctx, a) != nil; left {
			return errLost
		}
		status = a.ApplyStatus
		return nil
	})
	switch {
	case how == Late:
		return host.ApplyStatus{Unknown: true}, fault.Mark(fault.Person, fmt.Errorf("%w; the apply may begin there", errLost))
	case how == Lost && status.Began, how == Halts, left:
		status.Began, status.Ended, status.Unknown = true, false, true
		return status, fault.Mark(fault.Person, fmt.Errorf("%w; the apply may go on there", errLost))
	case err != nil:
		return host.ApplyStatus{}, err
	}
	return status, nil
}

// Verify asks the owner's check.
func (c *checkout) Verify(ctx context.Context, item []byte) (exit host.Exit, err error) {
	err = c.h.call(ctx, changes(c.h.run, "ask the owner's check"), func(how How) error {
		if err := c.h.unaltered(how); err != nil {
			return err
		}
		if !json.Valid(item) {
			c.h.w.t.Errorf("unexpected: %q for an item", item)
		}
		exit.Code = c.h.w.Verdict
		return nil
	})
	return exit, err
}
