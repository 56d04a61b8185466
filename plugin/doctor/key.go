package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// keys shows the fingerprints of the private keys, whatever their source.
func keys(_ context.Context, p *patient, say voice) {
	if p.unusable != "" {
		return // Vault said why
	}
	if settings.AnySSH(p.Settings.Hosts.Hosts) {
		p.key("hosts", p.keys.Host, say)
	}
	if p.keys.Agent != p.keys.Host {
		p.key("agent_hosts", p.keys.Agent, say)
	}
}

func (p *patient) key(about string, key secret.String, say voice) {
	signer, err := sshkey.Private(key)
	if err != nil {
		say.fail(about, fmt.Errorf("the SSH key %w", err))
		p.unusable = "there is no usable private key"
		return
	}
	fingerprint := sshkey.Describe(signer.PublicKey())
	if p.keys.Certificate != "" && key == p.keys.Host {
		fingerprint += ", with a certificate of Vault's SSH engine for " + strings.Join(p.Settings.HostUsers(), ", ")
	}
	say.ok(about, fingerprint)
}
