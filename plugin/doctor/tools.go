package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// tools tells what was found on a host, one line for each subject.
func tools(name string, need host.Need, facts host.Facts, problems []host.Problem, forTerraform bool, say voice) {
	for _, p := range problems {
		say.as(p.About).fail(name, atHost(name, p.Err))
	}
	agent := fmt.Sprintf("%s, version %s", facts.AgentPath, facts.AgentVersion)
	if facts.AgentLoggedIn {
		agent += ", logged in"
	}
	for _, subject := range []struct {
		about, fine string
		wanted      bool
	}{
		{host.AboutTools, fmt.Sprintf("user %s on %s, %s, setsid, sha256sum", facts.User, facts.System, facts.Git), true},
		{host.AboutDisk, fmt.Sprintf("%d MiB are free at %s", facts.Free>>20, facts.Root), true},
		{host.AboutAgent, agent, need.Agent != ""},
		{host.AboutTerraform, facts.TerraformPath, need.Terraform != ""},
		{host.AboutCarry, need.Workdir + " has the files of carry: " + strings.Join(need.Carry, ", "), need.Workdir != ""},
	} {
		found := slices.ContainsFunc(problems, func(p host.Problem) bool { return p.About == subject.about })
		if subject.wanted && !found {
			say.as(subject.about).ok(name, subject.fine)
		}
	}
	if need.Lacks != "" && facts.AgentPath != "" {
		say.as(host.AboutAgent).warn(name, need.Lacks, "")
	}
	// Each thing that was tried in the sandbox, also of one that is none.
	for _, one := range facts.Probed {
		if one.Held {
			say.as(host.AboutSandbox).ok(name, one.Name+": "+one.Text)
		} else {
			say.as(host.AboutSandbox).warn(name, one.Name+": "+one.Text, "")
		}
	}
	if forTerraform && need.Workdir == "" {
		say.as(host.AboutCarry).skip(name, "workdir is not set")
	}
	for _, warning := range facts.Warnings {
		say.as("host").caution(name, warning)
	}
	// Without it, systemd ends the user's services and sockets at the last
	// logout, on which credentials of Terraform may depend.
	if facts.Linger == "no" && forTerraform && name != settings.LocalHost {
		say.as("linger").add(OK, name, "applies outlive the session; the user's own services (an agent for keys, say) end with it",
			"if Terraform needs them: loginctl enable-linger "+facts.User)
	}
}
