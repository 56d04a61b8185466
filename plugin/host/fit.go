package host

import (
	"context"
	"fmt"
)

// What agents at work at the same time share of their host. An agent waits for its
// model most of the time.
const (
	agentsPerCore = 4
	agentMemory   = 512 << 20 // bytes of each
	// spareSessions are those of plans, and of looks at what the agents print.
	spareSessions = 3
)

// Fit is how many agents may work on the machine at the same time, up to as many as
// are wanted, and what keeps it from more.
func (h *Host) Fit(ctx context.Context, most int, facts Facts) (n int, why string, err error) {
	h.shell.Retire() // an idle session is one of those that are counted
	room, err := h.room(ctx, most+spareSessions)
	if err != nil {
		return 0, "", fmt.Errorf("opening sessions on %s: %w", h.Name(), err)
	}
	n, why = fitting(most, facts, room)
	return n, why, nil
}

// fitting is how many agents a machine with room for so many sessions bears, and
// what keeps it from more.
func fitting(most int, facts Facts, room int) (n int, why string) {
	n = most
	bound := func(bears int, because string) {
		if bears < n {
			n, why = max(1, bears), because
		}
	}
	if facts.Cores > 0 {
		bound(facts.Cores*agentsPerCore, fmt.Sprintf("%d agents share a core, and the host has %d", agentsPerCore, facts.Cores))
	}
	if facts.Memory >= 0 {
		bound(int(facts.Memory/agentMemory), fmt.Sprintf("the host has %d MiB of memory left, and an agent takes %d", facts.Memory>>20, agentMemory>>20))
	}
	bound(room-spareSessions, fmt.Sprintf("its SSH server gives %d sessions at a time (MaxSessions), and %d are spared for plans", room, spareSessions))
	return n, why
}
