package doctor

import (
	"cmp"
	"context"

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
	terraform, agent, together := access.Needs(p.Settings, program)
	for _, name := range p.Settings.Hosts.Hosts {
		p.host(ctx, name, p.keys.Login(p.keys.Host), terraform, true, say)
	}
	if p.plan != "" {
		say.as("plan").skip(p.plan, "no host is ready for it")
	}
	if together {
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
	tools(name, need, facts, problems, forTerraform, say)
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
