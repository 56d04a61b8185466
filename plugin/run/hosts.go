package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// fetchKeys is the keys that open the hosts, from the settings or from Vault.
func (j *job) fetchKeys(ctx context.Context) (access.Keys, error) {
	defer j.lap("keys")
	j.asked = true
	k, given, err := j.Opener(j.Settings).Keys(ctx)
	for _, warning := range given.Warnings {
		j.Log.Warn().Str("stage", "vault").Msg(warning.Error())
	}
	return k, err
}

// hosts is where this run works.
type hosts struct {
	Terraform *host.Host
	met       string      // what its account is known as
	Agents    []agentHost // the first is Terraform's unless agent_hosts names another
	untried   []string    // agent_hosts after the first that is ready
}

// agentHost is a host that agents work on.
type agentHost struct {
	*host.Host
	Facts host.Facts
	Bears int // agents at the same time
}

// shared reports whether an agent could change there what Terraform runs.
func (h *hosts) shared(a agentHost) bool { return a.Facts.Box == nil && h.isTerraforms(a) }

// isTerraforms reports whether it is the account that plans and applies, by whatever
// name.
func (h *hosts) isTerraforms(a agentHost) bool { return a.Facts.Met == h.met }

// counted reports whether agents work on that account already, by whatever name.
func (h *hosts) counted(a agentHost) bool {
	return slices.ContainsFunc(h.Agents, func(other agentHost) bool { return a.Facts.Met == other.Facts.Met })
}

// Close ends the connections.
func (h *hosts) Close() error {
	var problems []error
	if h.Terraform != nil {
		problems = append(problems, h.Terraform.Close())
	}
	for _, a := range h.Agents {
		if a.Host != h.Terraform {
			problems = append(problems, a.Close())
		}
	}
	return errors.Join(problems...)
}

// needs is what the run wants of its hosts. A run that leaves nothing behind does not
// look whether those of agents are others by more than their name.
func (j *job) needs(program string) (terraform, forAgent host.Need, together bool) {
	meeting := j.id
	if j.Mode == settings.ModeDryRun {
		meeting = ""
	}
	return access.Needs(j.Settings, program, meeting)
}

// connect finds the first host that is ready for Terraform, and the first that
// is ready for the agent.
func (j *job) connect(ctx context.Context, k access.Keys, commands host.Commands) (*hosts, error) {
	defer j.lap("hosts")
	forTerraform, forAgent, together := j.needs(commands.Program)
	first, _, err := j.firstReady(ctx, j.Hosts.Hosts, k.Login(k.Host), forTerraform)
	if err != nil {
		return nil, err
	}
	h := &hosts{Terraform: first.Host, met: first.Facts.Met}
	if !together {
		first, h.untried, err = j.firstReady(ctx, j.Hosts.AgentHosts, k.Login(k.Agent), forAgent)
		if err != nil {
			j.cleanUp(ctx, "hosts", func(context.Context) error { return h.Close() })
			return nil, err
		}
		if h.isTerraforms(first) {
			j.cleanUp(ctx, "hosts", func(context.Context) error { return first.Close() })
			first.Host = h.Terraform
		}
	}
	if h.shared(first) {
		j.Log.Warn().Str("stage", "hosts").Msg("the agent runs as the user who holds Terraform's credentials; a sandbox keeps it from them, and agent_hosts separates them")
	}
	h.Agents = []agentHost{first}
	return h, nil
}

// firstReady tries hosts in order, and tells which are left. A host key that does not
// match is final for its host and never a reason to look for a way around it.
func (j *job) firstReady(ctx context.Context, names []string, login sshclient.Login, need host.Need) (found agentHost, left []string, err error) {
	var problems []error
	for i, name := range names {
		h, facts, err := ready(ctx, j.Settings, name, login, need)
		if err == nil {
			line := j.Log.Info().Str("stage", "hosts").Str("host", h.Name()).Str("git", facts.Git)
			if need.Agent != "" {
				line = line.Str("agent", facts.AgentVersion).Bool("sandboxed", facts.Box != nil)
			}
			line.Msg("ready")
			for _, warning := range facts.Warnings {
				j.Log.Warn().Str("stage", "hosts").Str("host", h.Name()).Msg(warning.Error())
			}
			return agentHost{Host: h, Facts: facts, Bears: 1}, names[i+1:], nil
		}
		problems = append(problems, ofHost(name, err))
		if ctx.Err() != nil {
			break
		}
		if i < len(names)-1 { // what keeps a run from every host is the error of the run
			j.Log.Warn().Str("stage", "hosts").Str("host", name).Err(err).Msg("not usable; trying the next one")
		}
	}
	return agentHost{}, nil, errors.Join(problems...)
}

// ofHost is an error with its host in front, once: most name it themselves.
func ofHost(name string, err error) error {
	target, wrong := sshclient.ParseTarget(name)
	if wrong == nil && fault.Parts(err).Place == target.String() {
		return fmt.Errorf("host %w", err)
	}
	return fmt.Errorf("host %s: %w", name, err)
}

func ready(ctx context.Context, s settings.Settings, name string, login sshclient.Login, need host.Need) (*host.Host, host.Facts, error) {
	h, err := access.Dial(ctx, s, name, login)
	if err != nil {
		return nil, host.Facts{}, err
	}
	facts, err := h.Preflight(ctx, need)
	if err != nil {
		return nil, facts, errors.Join(err, h.Close())
	}
	return h, facts, nil
}
