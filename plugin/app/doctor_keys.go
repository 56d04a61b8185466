package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pm-todos/pm-todos/plugin/doctor"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// vault checks the log-in, the secret and its fields, and the keys themselves,
// whatever their source.
func (d *checkup) vault(ctx context.Context) {
	keys, fields, err := d.c.Opener(d.s).Keys(ctx)
	d.keys = keys
	for _, warning := range fields.Warnings {
		d.report.Add(doctor.Warning("vault", "", warning))
	}
	switch {
	case err != nil:
		d.fail("vault", "", err)
		d.unusable = "Vault gave no key"
		return
	case d.s.Vault.Addr == "":
		d.skip("vault", "", "vault_addr is not set")
	case !d.s.NeedsVault():
		d.skip("vault", "", "a run does not ask Vault: the settings hold all keys that it needs")
	default:
		text := fmt.Sprintf("logged in by %s at %s", d.s.Vault.Auth, d.s.Vault.Addr)
		if fields.Path != "" {
			text += ", read " + fields.Path + " (fields: " + strings.Join(fields.Names(), ", ") + ")"
		}
		if d.s.Vault.Auth != settings.AuthToken {
			text += ", token revoked"
		}
		d.ok("vault", "", text)
	}
	d.key("hosts", d.keys.Host, settings.AnySSH(d.s.Hosts.Hosts))
	if own := d.keys.Agent; !own.Empty() && own != d.keys.Host {
		d.key("agent_hosts", own, true)
	}
}

// key shows the fingerprint of a private key, or why it is none.
func (d *checkup) key(about string, key secret.String, needed bool) {
	if !needed {
		return
	}
	signer, err := sshkey.Private(key)
	if err != nil {
		d.fail("key", about, fmt.Errorf("the SSH key %w", err))
		d.unusable = "there is no usable private key"
		return
	}
	fingerprint := sshkey.Describe(signer.PublicKey())
	if d.keys.Certificate != "" && key == d.keys.Host {
		fingerprint += ", with a certificate of Vault's SSH engine for " + strings.Join(d.s.HostUsers(), ", ")
	}
	d.ok("key", about, fingerprint)
}

// separation reports whether the agent can read Terraform's credentials.
func (d *checkup) separation() {
	switch {
	case slices.Equal(d.s.Hosts.Hosts, d.s.Hosts.AgentHosts):
		d.warn("agent user", "", "the agent runs as the user who holds Terraform's credentials and can read them",
			"make a user without them on that machine, log its agent in, and set: agent_hosts: agent@"+hostPart(d.s.Hosts.Hosts[0]))
	case d.s.AgentOverSSH() || d.keys.Agent != d.keys.Host:
		d.ok("agent user", "", "the agent has hosts and a key of its own")
	default:
		d.ok("agent user", "", "the agent has hosts of its own, and the same key as Terraform's hosts")
	}
}

func hostPart(name string) string {
	if _, machine, found := strings.Cut(name, "@"); found {
		return machine
	}
	return "localhost"
}

// summaryDir looks whether the summaries can be written, without writing.
func (d *checkup) summaryDir() {
	dir := d.s.SummaryDir()
	existing := dir
	for {
		if _, err := os.Stat(existing); err == nil || filepath.Dir(existing) == existing {
			break
		}
		existing = filepath.Dir(existing)
	}
	info, err := os.Stat(existing)
	switch {
	case err != nil:
		d.fail("summary", dir, err)
	case !info.IsDir():
		d.failWith("summary", dir, existing+" is no folder", "set summary_dir to a folder", fault.Failed)
	case unix.Access(existing, unix.W_OK|unix.X_OK) != nil:
		d.failWith("summary", dir, fmt.Sprintf("%s cannot be written by this user (mode %04o)", existing, info.Mode().Perm()), "set summary_dir to a folder that this user may write, or: chmod u+rwx "+existing, fault.Failed)
	case existing == dir && info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0:
		d.warn("summary", dir, fmt.Sprintf("everybody may replace what is in it (mode %04o)", info.Mode().Perm()), "chmod o-w "+dir)
	case existing == dir:
		d.ok("summary", dir, fmt.Sprintf("can be written (mode %04o)", info.Mode().Perm()))
	default:
		d.ok("summary", dir, "will be made in "+existing)
	}
}

// slack tells where messages would go. It sends none.
func (d *checkup) slack() {
	switch {
	case !d.s.Report.SlackToken.Empty():
		d.ok("slack", "", "messages go to "+d.s.Report.SlackChannel+" by bot token, notify is "+string(d.s.Report.Notify)+" (nothing was posted)")
	case !d.keys.SlackWebhook.Empty():
		d.ok("slack", "", "messages go to the webhook's channel, notify is "+string(d.s.Report.Notify)+" (nothing was posted)")
	case d.unusable != "" && d.s.NeedsVault():
		d.skip("slack", "", "the webhook may be in Vault")
	default:
		d.report.Add(doctor.Finding{Check: "slack", Status: doctor.Skipped, Text: "not configured: nobody is told but the log", Fix: "to be told, add slack_webhook to the Vault secret or to the settings"})
	}
}
