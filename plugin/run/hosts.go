package run

import (
	"context"
	"errors"
	"fmt"

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
	Agent     *host.Host // the same as Terraform unless agent_hosts names another
	Facts     host.Facts // of the agent's host
}

// Close ends the connections.
func (h hosts) Close() error {
	var problems []error
	if h.Terraform != nil {
		problems = append(problems, h.Terraform.Close())
	}
	if h.Agent != nil && h.Agent != h.Terraform {
		problems = append(problems, h.Agent.Close())
	}
	return errors.Join(problems...)
}

// connect finds the first host that is ready for Terraform, and the first that
// is ready for the agent.
func (j *job) connect(ctx context.Context, k access.Keys, commands host.Commands) (h hosts, err error) {
	defer j.lap("hosts")
	terraform, agent, together := access.Needs(j.Settings, commands.Program)
	if h.Terraform, h.Facts, err = j.firstReady(ctx, j.Hosts.Hosts, k.Login(k.Host), terraform); err != nil {
		return h, err
	}
	if together {
		if h.Facts.Box == nil {
			j.Log.Warn().Str("stage", "hosts").Msg("the agent runs as the user who holds Terraform's credentials; a sandbox keeps it from them, and agent_hosts separates them")
		}
		h.Agent = h.Terraform
		return h, nil
	}
	h.Agent, h.Facts, err = j.firstReady(ctx, j.Hosts.AgentHosts, k.Login(k.Agent), agent)
	if err != nil {
		j.cleanUp(ctx, "hosts", func(context.Context) error { return h.Close() })
	}
	return h, err
}

// firstReady tries hosts in order. A host key that does not match is final for
// its host and never a reason to look for a way around it.
func (j *job) firstReady(ctx context.Context, names []string, login sshclient.Login, need host.Need) (*host.Host, host.Facts, error) {
	var problems []error
	for i, name := range names {
		h, facts, err := ready(ctx, j.Settings, name, login, need)
		if err == nil {
			j.Log.Info().Str("stage", "hosts").Str("host", h.Name()).Str("git", facts.Git).Str("agent", facts.AgentVersion).Bool("sandboxed", facts.Box != nil).Msg("ready")
			for _, warning := range facts.Warnings {
				j.Log.Warn().Str("stage", "hosts").Str("host", h.Name()).Msg(warning.Error())
			}
			return h, facts, nil
		}
		problems = append(problems, ofHost(name, err))
		if ctx.Err() != nil {
			break
		}
		if i < len(names)-1 { // what keeps a run from every host is the error of the run
			j.Log.Warn().Str("stage", "hosts").Str("host", name).Err(err).Msg("not usable; trying the next one")
		}
	}
	return nil, host.Facts{}, errors.Join(problems...)
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
