package run

import (
	"context"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/host"
)

// What agents at work at the same time share of their host. An agent waits for its
// model most of the time.
const (
	agentsPerCore = 4
	agentMemory   = 512 << 20 // bytes of each
	// spareSessions are those of plans, and of looks at what the agents print.
	spareSessions = 3
)

// atOnce is how many items this run works on at the same time, as far as settings,
// items and the agent's host go.
func (j *job) atOnce(ctx context.Context, h hosts) int {
	most := min(j.Agent.Parallel, j.Documents.MaxItems, len(j.read.Todo()))
	if most <= 1 {
		return 1
	}
	if h.Facts.Box == nil && h.Agent.Name() == h.Terraform.Name() {
		j.Log.Info().Str("stage", "hosts").Str("host", h.Agent.Name()).
			Msg("one agent works at a time: without a sandbox, and without an account of its own, it could change what runs beside it; install bubblewrap, or name agent_hosts")
		return 1
	}
	room, err := h.Agent.Room(ctx, most+spareSessions)
	if err != nil {
		j.Log.Warn().Str("stage", "hosts").Str("host", h.Agent.Name()).Err(err).Msg("one agent works at a time")
		return 1
	}
	n, why := fitting(most, h.Facts, room)
	log := j.Log.Info().Str("stage", "hosts").Str("host", h.Agent.Name()).Int("agents", n)
	if n < most {
		log.Msgf("fewer agents than parallel work at the same time: %s", why)
		return n
	}
	log.Msg("so many agents may work at the same time")
	return n
}

// fitting is how many agents a machine with room for so many sessions bears, and
// what keeps it from more.
func fitting(most int, facts host.Facts, room int) (n int, why string) {
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
