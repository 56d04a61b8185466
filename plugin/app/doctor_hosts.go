package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/doctor"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// hosts checks every host of hosts and of agent_hosts, not only the first that
// a run would take.
func (d *checkup) hosts(ctx context.Context) {
	program := "terraform" // what a run looks for when the repository does not say
	if d.source != nil {
		program = d.source.commands.Program
	} else if d.s.Terraform.Program != "" {
		program = d.s.Terraform.Program
	}
	terraform := host.Need{Terraform: access.ProgramOnHost(program), Carry: d.s.Hosts.Carry, Workdir: d.s.Hosts.Workdir}
	agent := host.Need{Agent: d.s.Agent.Command, AgentFrom: resolve.LeastAgent}
	together := slices.Equal(d.s.Hosts.Hosts, d.s.Hosts.AgentHosts)
	if together {
		terraform.Agent, terraform.AgentFrom = agent.Agent, agent.AgentFrom
	}
	planned := d.plan == ""
	for _, name := range d.s.Hosts.Hosts {
		ready := d.host(ctx, name, d.keys.Login(d.keys.Host), terraform, true, !planned)
		planned = planned || ready
	}
	if !planned {
		d.skip("plan", d.plan, "no host is ready for it")
	}
	if together {
		return
	}
	for _, name := range d.s.Hosts.AgentHosts {
		d.host(ctx, name, d.keys.Login(d.keys.Agent), agent, false, false)
	}
}

// host checks one host and reports whether it is ready. forTerraform is for those
// that plan and apply; with plan the stack is planned too when it is ready.
func (d *checkup) host(ctx context.Context, name string, login sshclient.Login, need host.Need, forTerraform, plan bool) (ready bool) {
	h := d.reach(ctx, name, login)
	if h == nil {
		return false
	}
	defer func() {
		if err := h.Close(); err != nil {
			d.fail("reach", name, err)
		}
	}()
	facts, problems, err := h.Examine(ctx, need)
	if err != nil {
		d.fail("tools", name, err)
		return false
	}
	d.examined(name, need, facts, problems, forTerraform)
	if !forTerraform {
		return len(problems) == 0
	}
	if d.source == nil {
		d.skip("wrapper", name, noRepository)
		return false
	}
	wrapped := access.ProgramOnHost(d.source.commands.Program) == ""
	if !wrapped {
		d.skip("wrapper", name, "the repository has no "+settings.Wrapper+": "+d.source.commands.Program+" is started itself")
	}
	plan = plan && len(problems) == 0
	if wrapped || plan {
		d.inWorkspace(ctx, h, wrapped, plan)
	}
	return len(problems) == 0
}

// reach connects, and tells which of the three steps failed.
func (d *checkup) reach(ctx context.Context, name string, login sshclient.Login) *host.Host {
	if name == settings.LocalHost {
		h, err := host.Local("")
		if err != nil {
			d.fail("reach", name, err)
			return nil
		}
		d.ok("reach", name, "this machine, without SSH")
		return h
	}
	if d.unusable != "" {
		d.skip("reach", name, d.unusable)
		return nil
	}
	if strings.TrimSpace(string(login.KnownHosts)) == "" && len(d.s.Hosts.Fingerprints) == 0 {
		// Enough to be shown the key that is to be pinned.
		login.KnownHosts = []byte("# no host is pinned yet\n")
	}
	h, err := access.Dial(ctx, d.s, name, login)
	if err == nil {
		way := ""
		if d.s.Hosts.JumpHost != "" {
			way = " through " + d.s.Hosts.JumpHost
		}
		d.ok("reach", name, "connected"+way+", host key as pinned, logged in")
		return h
	}
	var pin *sshclient.PinError
	switch {
	case errors.As(err, &pin):
		d.hostKey(name, pin)
	case errors.Is(err, sshclient.ErrAuth):
		d.refused(name, login, err)
	default:
		d.fail("reach", name, atHost(name, err))
	}
	d.skip("host", name, "nothing more of it can be checked")
	return nil
}

// refused tells how to let a key in that was refused. A certificate's key is made
// anew for each run, and its error says what to do.
func (d *checkup) refused(name string, login sshclient.Login, err error) {
	f := doctor.Failure("login", name, atHost(name, err))
	if signer, err := sshkey.Private(login.Key); err == nil && login.Certificate == "" {
		f.Fix += "\nthe line for it:\nrestrict " + sshkey.AuthorizedLine(signer.PublicKey())
	}
	d.report.Add(f)
}

// atHost is an error without the host's full name in front, which stands in the
// line as the settings have it.
func atHost(name string, err error) error {
	parts := fault.Parts(err)
	if target, wrong := sshclient.ParseTarget(name); wrong != nil || parts.Place != target.String() {
		return err
	}
	parts.Place = ""
	return fault.Mark(fault.Of(err), &parts)
}

// hostKey tells how to pin a key that is unknown. One that is another than the
// pinned one comes with no line to paste.
func (d *checkup) hostKey(name string, pin *sshclient.PinError) {
	kind, fingerprint, _ := strings.Cut(pin.Got, " ")
	compare := fmt.Sprintf("on the console of %s, not over this network: ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub", pin.Host, keyFile(kind))
	fix := compare + "\nif it prints " + fingerprint + ", add this line to known_hosts (the setting, or that field of the Vault secret):\n" + pin.Line
	if pin.Line == "" {
		fix = "somebody may stand in between, or the key was replaced: ask who runs the host before anything else\n" + compare +
			"\nonly if it prints " + fingerprint + ", mend known_hosts or host_fingerprints"
	}
	d.failWith("host key", name, pin.What(), fix, fault.Failed)
}

// keyFile is the middle of the name of sshd's key file of a type.
func keyFile(kind string) string {
	switch {
	case strings.HasPrefix(kind, "ecdsa"):
		return "ecdsa"
	case strings.HasPrefix(kind, "ssh-rsa"):
		return "rsa"
	default:
		return "ed25519"
	}
}

// scanCommand shows the keys of hosts whose keys nobody pinned yet. Those behind
// a jump host are asked from there.
func scanCommand(jump string, names []string) string {
	lines := []string{"the lines, to be compared on each host's console with: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"}
	through, err := sshclient.ParseTarget(jump)
	jumps := err == nil && !through.Local
	if jumps {
		lines = append(lines, scan(through))
	}
	for _, name := range names {
		target, err := sshclient.ParseTarget(name)
		if err != nil || target.Local {
			continue
		}
		line := scan(target)
		if jumps {
			line = fmt.Sprintf("ssh -p %d %s@%s %s", through.Port, through.User, through.Host, line)
		}
		if !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func scan(target sshclient.Target) string {
	return fmt.Sprintf("ssh-keyscan -t ed25519 -p %d %s", target.Port, target.Host)
}

// examined tells what was found on a host, one line for each subject.
func (d *checkup) examined(name string, need host.Need, facts host.Facts, problems []host.Problem, forTerraform bool) {
	carry := "workdir is not set"
	if need.Workdir != "" {
		carry = need.Workdir + " has the files of carry: " + strings.Join(need.Carry, ", ")
	}
	agent := fmt.Sprintf("%s, version %s", facts.AgentPath, facts.AgentVersion)
	if facts.AgentLoggedIn {
		agent += ", logged in"
	}
	subjects := []struct {
		about, fine string
		wanted      bool
	}{
		{host.AboutTools, fmt.Sprintf("user %s on %s, %s, setsid, sha256sum", facts.User, facts.System, facts.Git), true},
		{host.AboutDisk, fmt.Sprintf("%d MiB are free at %s", facts.Free>>20, facts.Root), true},
		{host.AboutAgent, agent, need.Agent != ""},
		{host.AboutTerraform, facts.TerraformPath, need.Terraform != ""},
		{host.AboutCarry, carry, forTerraform},
	}
	for _, subject := range subjects {
		found := false
		for _, p := range problems {
			if p.About == subject.about {
				found = true
				d.fail(subject.about, name, atHost(name, p.Err))
			}
		}
		switch {
		case found || !subject.wanted:
		case subject.about == host.AboutCarry && need.Workdir == "":
			d.skip(subject.about, name, subject.fine)
		default:
			d.ok(subject.about, name, subject.fine)
		}
	}
	for _, warning := range facts.Warnings {
		d.report.Add(doctor.Warning("host", name, warning))
	}
	d.linger(name, facts, forTerraform)
}

// linger is a hint: without it, systemd ends the user's services and sockets
// at the last logout, on which credentials of Terraform may depend.
func (d *checkup) linger(name string, facts host.Facts, forTerraform bool) {
	if facts.Linger != "no" || !forTerraform || name == settings.LocalHost {
		return
	}
	d.report.Add(doctor.Finding{
		Check: "linger", About: name, Status: doctor.OK,
		Text: "applies outlive the session; the user's own services (an agent for keys, say) end with it",
		Fix:  "if Terraform needs them: loginctl enable-linger " + facts.User,
	})
}

// inWorkspace makes a workspace as a run does, for what can only be seen in
// one, and removes it.
func (d *checkup) inWorkspace(ctx context.Context, h *host.Host, wrapped, plan bool) {
	run, err := h.OpenRun(ctx, "", "doctor-"+access.RunID(time.Now()))
	if err != nil {
		d.fail("workspace", h.Name(), err)
		return
	}
	defer func() {
		if err := access.Closed(ctx, nil, run.Close); err != nil {
			d.fail("workspace", h.Name(), err)
		}
	}()
	space, err := d.source.workspace(ctx, d.s, run)
	if err != nil {
		d.fail("workspace", h.Name(), err)
		return
	}
	if wrapped {
		d.wrapper(ctx, h.Name(), space)
	}
	if plan {
		d.planStack(ctx, h.Name(), space)
	}
}
