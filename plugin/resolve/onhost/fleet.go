package onhost

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Fleet is several hosts that agents work on: each has as many at a time as it
// bears, the first before the others. One that fails is left out while others work.
type Fleet []*Member

// Member is one host of a fleet.
type Member struct {
	seam.AgentHost
	Bears int // agents at the same time

	mu    sync.Mutex
	there map[context.Context]bool // items that have a place
	gone  bool
}

// free is how many more items may have a place there, less than 1 for none.
func (m *Member) free() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone {
		return -1
	}
	return m.Bears - len(m.there)
}

// enter gives an item a place until its context ends.
func (m *Member) enter(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.there == nil {
		m.there = map[context.Context]bool{}
	}
	m.there[ctx], m.gone = true, false
	context.AfterFunc(ctx, func() { m.leave(ctx) })
}

func (m *Member) leave(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.there, ctx)
}

// Name is that of all of them.
func (f Fleet) Name() string {
	var names []string
	for _, m := range f {
		names = append(names, m.Name())
	}
	return strings.Join(names, ", ")
}

// Bears is how many agents may work at the same time on the hosts that are left.
func (f Fleet) Bears() (n int) {
	for _, m := range f {
		m.mu.Lock()
		if !m.gone {
			n += m.Bears
		}
		m.mu.Unlock()
	}
	return n
}

// Workspace is a work tree for an agent, on a host that has room for it. Its item
// keeps the place there until ctx ends, so that a turn of repair finds room, or
// until it asks for another. What one host cannot give now, the next one may.
func (f Fleet) Workspace(ctx context.Context, commit string, snapshot host.Snapshot) (seam.AgentSpace, error) {
	for _, m := range f {
		m.leave(ctx)
	}
	byRoom := slices.Clone(f)
	slices.SortStableFunc(byRoom, func(a, b *Member) int { return min(b.free(), 1) - min(a.free(), 1) })
	var problems []error
	for _, m := range byRoom {
		if len(problems) > 0 && m.free() == 0 {
			break // it has what it bears; the item may come again
		}
		space, err := m.Workspace(ctx, commit, snapshot)
		if err == nil {
			m.enter(ctx)
			return &fleetSpace{AgentSpace: space, fleet: f, on: m}, nil
		}
		problems = append(problems, err)
		if !m.fails(ctx, err) {
			return nil, err
		}
	}
	return nil, f.rest(errors.Join(problems...))
}

// fails reports whether an error is the host's, which is left out from now on.
func (m *Member) fails(ctx context.Context, err error) bool {
	if fault.Of(err) != fault.Temporary || ctx.Err() != nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gone = true
	return true
}

// rest is the trouble of hosts that are left out, and says so where others are not.
func (f Fleet) rest(err error) error {
	if f.Bears() == 0 {
		return err
	}
	return fmt.Errorf("%w: %w", seam.ErrHostGone, err)
}

// Reclaim removes what earlier runs left on any of them.
func (f Fleet) Reclaim(ctx context.Context, needed []host.Journaled) error {
	var problems []error
	for _, m := range f {
		problems = append(problems, m.Reclaim(ctx, needed))
	}
	return errors.Join(problems...)
}

// Close removes the directory of this run on all of them.
func (f Fleet) Close(ctx context.Context) error {
	var problems []error
	for _, m := range f {
		problems = append(problems, m.Close(ctx))
	}
	return errors.Join(problems...)
}

type fleetSpace struct {
	seam.AgentSpace
	fleet Fleet
	on    *Member
}

// Turn has the agent work once.
func (s *fleetSpace) Turn(ctx context.Context, d agent.Definition, prompt []byte, budgetUSD float64) (agent.Report, error) {
	report, err := s.AgentSpace.Turn(ctx, d, prompt, budgetUSD)
	return report, s.trouble(ctx, err)
}

// Export is what the agent left.
func (s *fleetSpace) Export(ctx context.Context, limit int64) (tree string, pack []byte, err error) {
	tree, pack, err = s.AgentSpace.Export(ctx, limit)
	return tree, pack, s.trouble(ctx, err)
}

func (s *fleetSpace) trouble(ctx context.Context, err error) error {
	if err == nil || !s.on.fails(ctx, err) {
		return err
	}
	return s.fleet.rest(err)
}
