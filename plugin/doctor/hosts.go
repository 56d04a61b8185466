package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// hosts checks every host of hosts and of agent_hosts, not only the first that
// a run would take.
func hosts(ctx context.Context, p *patient, say voice) {
	// A run looks for terraform when the repository does not say.
	program := cmp.Or(p.commands.Program, p.Settings.Terraform.Commands.Program, "terraform")
	if p.Settings.Unplanned() {
		program = ""
	}
	terraform, agent, shared := access.Needs(p.Settings, program, "") // a mark to tell accounts by would stay on the hosts
	for _, name := range p.Settings.Hosts.Hosts {
		p.host(ctx, name, p.keys.Login(p.keys.Host), terraform, true, say)
	}
	if p.plan != "" {
		say.as("plan").skip(p.plan, "no host is ready for it")
	}
	if shared {
		return
	}
	for _, name := range p.Settings.Hosts.AgentHosts {
		p.host(ctx, name, p.keys.Login(p.keys.Agent), agent, false, say)
	}
}

// host checks one host. forTerraform is for those that plan and apply; the first
// of them that is ready plans the stack.
func (p *patient) host(ctx context.Context, name string, login sshclient.Login, need host.Need, forTerraform bool, say voice) {
	h := p.reach(ctx, name, login, say)
	if h == nil {
		return
	}
	defer func() {
		if err := h.Close(); err != nil {
			say.fail(name, err)
		}
	}()
	facts, problems, err := h.Examine(ctx, need)
	if err != nil {
		say.as("tools").fail(name, err)
		return
	}
	if forTerraform {
		p.terraforms = append(p.terraforms, facts.Met)
	}
	tools(name, need, facts, problems, forTerraform, say)
	if most := p.Settings.Agent.Parallel; need.Agent != "" && most > 1 {
		together(ctx, h, most, facts, slices.Contains(p.terraforms, facts.Met), say.as("parallel"))
	}
	if !forTerraform || p.Settings.Unplanned() {
		return
	}
	if p.Settings.Evidence.URL != "" && p.Settings.Evidence.Via == evidence.Host {
		p.askPrometheus(ctx, name, h.DialContext, say.as("prometheus"))
	}
	if p.repo == nil {
		say.as("wrapper").skip(name, noRepository)
		return
	}
	wrapped := access.ProgramOnHost(p.commands.Program) == ""
	if !wrapped {
		say.as("wrapper").skip(name, "the repository has no "+settings.Wrapper+": "+p.commands.Program+" is started itself")
	}
	if plan := p.plan != "" && len(problems) == 0; wrapped || plan {
		p.inWorkspace(ctx, h, wrapped, plan, say)
	}
}

// together tells how many agents would work on a host at the same time; beside
// Terraform one that no sandbox confines works alone.
func together(ctx context.Context, h *host.Host, most int, facts host.Facts, besideTerraform bool, say voice) {
	if besideTerraform && facts.Box == nil {
		say.add(OK, h.Name(), "one agent works at a time, without a sandbox and without an account of its own", "for more: install bubblewrap, or name agent_hosts")
		return
	}
	n, why, err := h.Fit(ctx, most, facts)
	switch {
	case err != nil:
		say.warn(h.Name(), err.Error(), "")
	case n < most:
		say.ok(h.Name(), fmt.Sprintf("%d of %d agents fit at the same time: %s", n, most, why))
	default:
		say.ok(h.Name(), fmt.Sprintf("%d agents fit at the same time", n))
	}
}
