package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// reach connects, and tells which of the three steps failed.
func (p *patient) reach(ctx context.Context, name string, login sshclient.Login, say voice) *host.Host {
	if name != settings.LocalHost && p.unusable != "" {
		say.skip(name, p.unusable)
		return nil
	}
	if strings.TrimSpace(string(login.KnownHosts)) == "" && len(p.Settings.Hosts.Fingerprints) == 0 {
		// Enough to be shown the key that is to be pinned.
		login.KnownHosts = []byte("# no host is pinned yet\n")
	}
	h, err := access.Dial(ctx, p.Settings, name, login)
	pin, unpinned := errors.AsType[*sshclient.PinError](err)
	switch {
	case err == nil && name == settings.LocalHost:
		say.ok(name, "this machine, without SSH")
		return h
	case err == nil && p.Settings.Hosts.JumpHost != "":
		say.ok(name, "connected through "+p.Settings.Hosts.JumpHost+", host key as pinned, logged in")
		return h
	case err == nil:
		say.ok(name, "connected, host key as pinned, logged in")
		return h
	case unpinned:
		say.as("host key").fail(name, &fault.Error{Err: errors.New(pin.What()), Fix: pin.Fix()})
	case errors.Is(err, sshclient.ErrAuth):
		refused(name, login, err, say.as("login"))
	default:
		say.fail(name, atHost(name, err))
	}
	say.as("host").skip(name, "nothing more of it can be checked")
	return nil
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

// refused tells how to let a key in that was refused. A certificate's key is made
// anew for each run, and its error says what to do.
func refused(name string, login sshclient.Login, err error, say voice) {
	f := finding(Fail, say.check, name, atHost(name, err))
	if signer, err := sshkey.Private(login.Key); err == nil && login.Certificate == "" {
		f.Fix += "\nthe line for it:\nrestrict " + sshkey.AuthorizedLine(signer.PublicKey())
	}
	say.report.Add(f)
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
