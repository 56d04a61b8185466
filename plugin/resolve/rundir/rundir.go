// Package rundir is the directories of runs on the hosts: this run's own, and those
// of earlier ones, which prove how their applies ended.
package rundir

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// ErrDown is a host that an earlier run applied on and that cannot be reached now.
var ErrDown = fault.Mark(fault.Temporary, errors.New("the host that applied it cannot be reached"))

// Directories are those that a run works with. They are for one goroutine.
type Directories struct {
	agents    seam.AgentHost
	terraform seam.TerraformHost // may be the agents' host
	dial      func(ctx context.Context, name string) (seam.ApplyRecords, error)
	others    map[string]seam.ApplyRecords // of earlier runs, by name
	keep      bool
}

// New are those on the hosts of a run. dial connects to the host of an earlier run by
// its name; it gives nil when the settings do not name it any more.
func New(agents seam.AgentHost, terraform seam.TerraformHost, dial func(ctx context.Context, name string) (seam.ApplyRecords, error)) *Directories {
	return &Directories{agents: agents, terraform: terraform, dial: dial, others: map[string]seam.ApplyRecords{}}
}

// Keep has this run's own stay where they are: they prove what the remote does not
// show, or are needed still.
func (d *Directories) Keep() { d.keep = true }

// of are the hosts that may have the directory of an earlier run: the one that the
// ledger names, when the settings still do, and the one in use.
func (d *Directories) of(ctx context.Context, name string) ([]seam.ApplyRecords, error) {
	if name == "" || name == d.terraform.Name() {
		return []seam.ApplyRecords{d.terraform}, nil
	}
	if d.others[name] == nil {
		h, err := d.dial(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w; take it out of hosts when it is gone for good, and settle the item by hand", ErrDown, name, err)
		}
		if h == nil {
			return []seam.ApplyRecords{d.terraform}, nil
		}
		d.others[name] = h
	}
	return []seam.ApplyRecords{d.others[name], d.terraform}, nil
}

// Status asks the hosts how the apply of a journal with the fix ended, which the run
// of that name began there, and waits for one that still runs. The error is a
// *journal.Foreign when the directory tells of another commit or plan than the
// journal.
func (d *Directories) Status(ctx context.Context, name, fix string, e record.Evidence) (host.ApplyStatus, error) {
	hosts, err := d.of(ctx, name)
	if err != nil {
		return host.ApplyStatus{}, err
	}
	var status host.ApplyStatus
	for _, h := range hosts {
		status, err = h.FenceApply(ctx, journal.ApplyID(e.Ref(), e.PlanHash), e.PlanHash)
		if err != nil && status.Running {
			return status, fault.Mark(fault.Person, fmt.Errorf("an apply still runs on %s: %w", h.Name(), err))
		}
		if err != nil {
			return status, fmt.Errorf("read how the apply ended on %s: %w", h.Name(), err)
		}
		if status.Began || !status.Unknown {
			break // its run directory is there
		}
	}
	if status.Began && (status.Commit != fix || status.SHA256 != e.PlanHash) {
		return status, journal.Foreignf("the run directory is of another commit or plan than the journal's %.12s", fix)
	}
	return status, nil
}

// Settled lets the hosts clean up after an apply, of a run on the host of that name,
// that no journal holds.
func (d *Directories) Settled(ctx context.Context, name string, e record.Evidence) error {
	hosts, err := d.of(ctx, name)
	for _, h := range hosts {
		err = errors.Join(err, h.Settled(ctx, journal.ApplyID(e.Ref(), e.PlanHash)))
	}
	return err
}

// Reclaim removes what killed runs left on the hosts, except what a journal, fix
// commits by name, may still need as proof of how its apply ended.
func (d *Directories) Reclaim(ctx context.Context, repo seam.Remote, journals map[string]string) error {
	var journaled []host.Journaled
	for _, fix := range journals {
		commit, err := repo.Lookup(fix)
		if err != nil {
			continue // no run directory is of what cannot be read
		}
		if e, ok := record.ParseEvidence(commit.Message); ok && e.NamesPlan() {
			journaled = append(journaled, host.Journaled{Apply: journal.ApplyID(e.Ref(), e.PlanHash), SHA256: e.PlanHash})
		}
	}
	all := d.own()
	for _, other := range d.others {
		all = append(all, other)
	}
	var problems []error
	for _, one := range all {
		problems = append(problems, one.Reclaim(ctx, journaled))
	}
	return errors.Join(problems...)
}

// Close removes this run's own, except those that hold an apply which is not settled.
func (d *Directories) Close(ctx context.Context) error {
	var err error
	for _, other := range d.others {
		err = errors.Join(err, other.Close(ctx))
	}
	if d.keep {
		return err
	}
	for _, own := range d.own() {
		err = errors.Join(err, own.Close(ctx))
	}
	if err != nil {
		return fmt.Errorf("remove the run directory: %w", err)
	}
	return nil
}

// own are the places of this run on its hosts, each once.
func (d *Directories) own() []seam.Directory {
	own := []seam.Directory{d.terraform}
	if agents := seam.Directory(d.agents); agents != own[0] {
		own = append(own, agents)
	}
	return own
}
