package resolve

import (
	"context"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// hostsOf are the hosts that may have the run directory of an item: the one that
// the ledger names, when the settings still do, and the one in use.
func (r *Resolver) hostsOf(ctx context.Context, ref record.Ref) ([]seam.ApplyRecords, error) {
	attempt, _ := r.ledger.LastAttempt(ref)
	name := attempt.Host
	hosts := []seam.ApplyRecords{r.terraform}
	switch {
	case name == "" || name == r.terraform.Name():
	case r.others[name] != nil:
		hosts = []seam.ApplyRecords{r.others[name], r.terraform}
	default:
		h, err := r.opts.Dial(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w; take it out of hosts when it is gone for good, and settle the item by hand", errHostDown, name, err)
		}
		if h != nil {
			r.others[name] = h
			hosts = []seam.ApplyRecords{h, r.terraform}
		}
	}
	return hosts, nil
}

// status asks the hosts how the apply of a journal ended, and waits for one that
// still runs. The error is a *journal.Foreign when the run directory tells of
// another commit or plan than the journal.
func (s *settling) status(ctx context.Context) (host.ApplyStatus, error) {
	hosts, err := s.hostsOf(ctx, s.ref)
	if err != nil {
		return host.ApplyStatus{}, err
	}
	s.log.Info().Str("stage", "settle").Str("item", s.out.Item.ID).Msg("asking the host how its apply ended; waiting if it is still running")
	var status host.ApplyStatus
	for _, h := range hosts {
		status, err = h.FenceApply(ctx, journal.ApplyID(s.ref, s.evidence.PlanHash), s.evidence.PlanHash)
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
	if status.Began && (status.Commit != s.fix || status.SHA256 != s.evidence.PlanHash) {
		return status, journal.Foreignf("the run directory is of another commit or plan than the journal's %.12s", s.fix)
	}
	return status, nil
}
