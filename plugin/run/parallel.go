package run

import (
	"context"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/access"
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
// items and the agents' hosts go: the further hosts of agent_hosts take what the first
// cannot bear.
func (j *job) atOnce(ctx context.Context, k access.Keys, h *hosts) int {
	most := min(j.Agent.Parallel, j.Documents.MaxItems, len(j.read.Todo()))
	if most <= 1 {
		return 1
	}
	if h.shared(h.Agents[0]) {
		j.Log.Info().Str("stage", "hosts").Str("host", h.Agents[0].Name()).
			Msg("one agent works at a time: without a sandbox, and without an account of its own, it could change what runs beside it; install bubblewrap, or name agent_hosts")
		return 1
	}
	n := j.bears(ctx, &h.Agents[0], most)
	_, need, _ := access.Needs(j.Settings, "")
	for n < most && len(h.untried) > 0 && ctx.Err() == nil {
		var next agentHost
		var err error
		if next, h.untried, err = j.firstReady(ctx, h.untried, k.Login(k.Agent), need); err != nil {
			j.Log.Warn().Str("stage", "hosts").Err(err).Msg("no further host is usable for agents")
			break
		}
		if h.shared(next) { // no agent may change what plans run
			j.cleanUp(ctx, "hosts", func(context.Context) error { return next.Close() })
			continue
		}
		n += j.bears(ctx, &next, most-n)
		h.Agents = append(h.Agents, next)
		if next.Facts.Box == nil {
			j.sandboxed = "no"
		}
	}
	return n
}

// bears is how many agents may work on a host at the same time, up to as many as are
// wanted.
func (j *job) bears(ctx context.Context, on *agentHost, most int) int {
	log := j.Log.With().Str("stage", "hosts").Str("host", on.Name()).Logger()
	room, err := on.Room(ctx, most+spareSessions)
	if err != nil {
		log.Warn().Err(err).Msg("one agent works there at a time")
		return on.Bears
	}
	n, why := fitting(most, on.Facts, room)
	on.Bears = n
	log = log.With().Int("agents", n).Logger()
	if n < most {
		log.Info().Msgf("fewer agents than parallel work there at the same time: %s", why)
		return n
	}
	log.Info().Msg("so many agents may work there at the same time")
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
