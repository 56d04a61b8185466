package doctor

import (
	"context"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// separation looks whether the agent can read Terraform's credentials.
func separation(_ context.Context, p *patient, say voice) {
	h := p.Settings.Hosts
	switch shared := slices.Equal(h.Hosts, h.AgentHosts); {
	case shared && p.Settings.Agent.Sandbox.Mode == sandbox.Require:
		say.ok("", "the agent runs as the user who holds Terraform's credentials, and only in a sandbox, which keeps them from it")
	case shared:
		machine := "localhost"
		if _, after, remote := strings.Cut(h.Hosts[0], "@"); remote {
			machine = after
		}
		say.warn("", "the agent runs as the user who holds Terraform's credentials, and can read them where it has no sandbox",
			"set sandbox: require; or make a user without them on that machine, log its agent in, and set: agent_hosts: agent@"+machine)
	case p.Settings.AgentOverSSH() || p.keys.Agent != p.keys.Host:
		say.ok("", "the agent has hosts and a key of its own")
	default:
		say.ok("", "the agent has hosts of its own, and the same key as Terraform's hosts")
	}
}
