package run

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/access"
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
	_, need, _ := j.needs("")
	for n < most && len(h.untried) > 0 && ctx.Err() == nil {
		var next agentHost
		var err error
		if next, h.untried, err = j.firstReady(ctx, h.untried, k.Login(k.Agent), need); err != nil {
			j.Log.Warn().Str("stage", "hosts").Err(err).Msg("no further host is usable for agents")
			break
		}
		if h.shared(next) || h.counted(next) { // no agent may change what plans run, and an account bears what it does once
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
	n, why, err := on.Fit(ctx, most, on.Facts)
	if err != nil {
		log.Warn().Err(err).Msg("one agent works there at a time")
		return on.Bears
	}
	on.Bears = n
	log = log.With().Int("agents", n).Logger()
	if n < most {
		log.Info().Msgf("fewer agents than parallel work there at the same time: %s", why)
		return n
	}
	log.Info().Msg("so many agents may work there at the same time")
	return n
}
