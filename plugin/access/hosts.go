package access

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// Needs is what a run wants of a host for Terraform, whose program is given, and of
// one for the agent; together reports whether these are the same hosts, and then
// the first has all of it. Else they are looked at as by the run of the id meeting, see
// host.Facts.Met; empty for none, which leaves nothing there.
func Needs(s settings.Settings, program, meeting string) (terraform, forAgent host.Need, together bool) {
	terraform = host.Need{Terraform: ProgramOnHost(program), Carry: s.Hosts.Prepare.Carry, Workdir: s.Hosts.Prepare.Workdir}
	kind := agent.KindOf(s.Agent.Kind, s.Agent.Command)
	forAgent = host.Need{
		Agent: s.Agent.Command, AgentFrom: kind.LeastVersion, Status: kind.Status, LogIn: kind.LogIn, Lacks: kind.Lacks(),
		Sandbox: s.Agent.Sandbox, Program: kind.Needs, Network: network(s.Agent, kind),
	}
	if kind.Confined {
		forAgent.Sandbox.Mode = sandbox.Require
	}
	if together = slices.Equal(s.Hosts.Hosts, s.Hosts.AgentHosts); together {
		all := forAgent
		all.Terraform, all.Carry, all.Workdir = terraform.Terraform, terraform.Carry, terraform.Workdir
		terraform = all
	} else {
		terraform.Meeting, forAgent.Meeting = meeting, meeting
	}
	return terraform, forAgent, together
}

// network is what the agent reaches from its sandbox.
func network(a settings.Agent, kind agent.Kind) host.Network {
	if a.Network == settings.HostNetwork {
		return host.Network{}
	}
	servers := func(variables map[string]string) []string {
		return slices.Concat(kind.Servers(a.Model, variables), a.AllowedHosts)
	}
	return host.Network{
		Servers: servers, Variables: kind.Endpoints,
		Required: a.Sandbox.Mode == sandbox.Require && a.Network == settings.ModelNetwork,
	}
}

// ProgramOnHost is the program that preflight looks for; one that comes with
// the repository is not there yet.
func ProgramOnHost(program string) string {
	if strings.Contains(program, "/") && !strings.HasPrefix(program, "/") {
		return ""
	}
	return program
}

// MayRunHere refuses this machine as a host for root: agent and Terraform would
// run with everything that it holds, and nothing would keep them from this
// process. Its error is of kind fault.Settings.
func MayRunHere(s settings.Settings) error {
	local := slices.Contains(s.Hosts.Hosts, settings.LocalHost) || slices.Contains(s.Hosts.AgentHosts, settings.LocalHost)
	if !local || s.CI.PullRequest() || os.Geteuid() != 0 {
		return nil
	}
	return fault.Mark(fault.Settings, fault.WithFix(
		errors.New("the host local is refused as root, since agent and Terraform would run as root on this machine"),
		"run pm-todos as another user, or name the machine that has them as user@host"))
}

// Dial connects to a host by its name in the settings.
func Dial(ctx context.Context, s settings.Settings, name string, login sshclient.Login) (*host.Host, error) {
	target, err := sshclient.ParseTarget(name)
	if err != nil {
		return nil, fault.Mark(fault.Settings, err)
	}
	if target.Local {
		return host.Local("")
	}
	login.Target, login.Fingerprints, login.ConnectTimeout = target, s.Hosts.Fingerprints, s.Hosts.ConnectTimeout
	if s.Hosts.JumpHost != "" {
		jump, err := sshclient.ParseTarget(s.Hosts.JumpHost)
		if err != nil {
			return nil, fault.Mark(fault.Settings, err)
		}
		login.Jump = &jump
	}
	return host.Dial(ctx, login)
}

// DialNamed connects to one of the Terraform hosts of the settings by the name
// that the ledger has; nil when none is called so.
func DialNamed(ctx context.Context, s settings.Settings, k Keys, name string) (*host.Host, error) {
	for _, configured := range s.Hosts.Hosts {
		target, err := sshclient.ParseTarget(configured)
		if err == nil && target.String() == name {
			return Dial(ctx, s, configured, k.Login(k.Host))
		}
	}
	return nil, nil
}
