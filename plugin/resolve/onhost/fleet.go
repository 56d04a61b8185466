package onhost

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Fleet is several hosts that agents work on: each has as many at a time as it
// bears, the first before the others.
type Fleet []*Member

// Member is one host of a fleet.
type Member struct {
	seam.AgentHost
	Bears int // agents at the same time

	mu     sync.Mutex
	atWork int
}

// free is how many more agents may work there, less than 1 for none.
func (m *Member) free() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Bears - m.atWork
}

func (m *Member) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.atWork += n
}

// Name is that of all of them.
func (f Fleet) Name() string {
	var names []string
	for _, m := range f {
		names = append(names, m.Name())
	}
	return strings.Join(names, ", ")
}

// Workspace is a work tree for an agent, on a host that has room for it. What one
// host cannot give now, the next one may.
func (f Fleet) Workspace(ctx context.Context, commit string, pack func(io.Writer) error) (seam.AgentSpace, error) {
	byRoom := slices.Clone(f)
	slices.SortStableFunc(byRoom, func(a, b *Member) int { return min(b.free(), 1) - min(a.free(), 1) })
	var problems []error
	for _, m := range byRoom {
		space, err := m.Workspace(ctx, commit, pack)
		if err == nil {
			m.add(1) // from now on: who comes next asks before this one's agent is at work
			return &fleetSpace{AgentSpace: space, on: m, kept: true}, nil
		}
		if problems = append(problems, err); fault.Of(err) != fault.Temporary || ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(problems...)
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
	on   *Member
	kept bool // a place there, for the first turn
}

// Turn has the agent work once.
func (s *fleetSpace) Turn(ctx context.Context, d agent.Definition, prompt []byte, budgetUSD float64) (agent.Report, error) {
	if !s.kept {
		s.on.add(1)
	}
	s.kept = false
	defer s.on.add(-1)
	return s.AgentSpace.Turn(ctx, d, prompt, budgetUSD)
}
