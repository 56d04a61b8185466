package access

import (
	"context"
	"errors"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

// Keys is what opens the hosts, from the settings or from Vault.
type Keys struct {
	Host        secret.String
	Certificate string // of Host, when Vault's SSH engine signed it
	Agent       secret.String
	KnownHosts  string
	Chats       notify.Config   // with what posts to them
	Prometheus  evidence.Config // with what logs in to it
}

// Secrets is every secret of the run, whatever its source.
func (k Keys) Secrets(s settings.Settings) []secret.String {
	return append(append(s.Secrets(), k.Host, k.Agent, k.Prometheus.Token, k.Prometheus.Password), k.Chats.Secrets()...)
}

// Login is what a key of the run logs in with.
func (k Keys) Login(key secret.String) sshclient.Login {
	login := sshclient.Login{Key: key, KnownHosts: []byte(k.KnownHosts)}
	if key == k.Host {
		login.Certificate = k.Certificate
	}
	return login
}

// Keys completes the settings from the one Vault secret, and says what Vault gave.
// Nothing is asked of Vault when the settings hold all that is needed.
func (o Opener) Keys(ctx context.Context) (Keys, vault.Fields, error) {
	s := o.Settings
	k := Keys{Host: s.Hosts.SSHKey, Agent: s.Hosts.AgentSSHKey, KnownHosts: s.Hosts.KnownHosts, Chats: s.Report.Config, Prometheus: s.Evidence}
	var fields vault.Fields
	if s.NeedsVault() {
		o.Log.Info().Str("stage", "vault").Str("secret", s.Vault.Secret).Str("role", s.Vault.Role).Msg("logging in")
		var err error
		if fields, err = o.vault(ctx); err != nil {
			return k, fields, err
		}
		if err := k.complete(s, fields); err != nil {
			return k, fields, err
		}
	}
	if k.Agent.Empty() {
		k.Agent = k.Host // the agent's hosts have no key of their own
	}
	return k, fields, nil
}

// vault asks Vault, and hides what it says from everything printed.
func (o Opener) vault(ctx context.Context) (vault.Fields, error) {
	s := o.Settings
	c := s.VaultConfig()
	c.OnRetry = func(err error, wait time.Duration) {
		o.Log.Warn().Str("stage", "vault").Msgf("%v; trying again in %s", err, wait)
	}
	fields, err := vault.Read(ctx, c)
	for _, held := range fields.Secrets("known_hosts") {
		o.Redactor.Add(held, secret.New(sshkey.Text(held.Reveal())))
	}
	o.Redactor.Add(notify.Config{}.Complete(fields.Lookup).Secrets()...)
	if known, ok := fields.Lookup("known_hosts"); ok && s.Hosts.KnownHosts == "" {
		for _, skipped := range sshkey.Warnings("the field known_hosts of "+fields.Path, known.Reveal()) {
			fields.Warnings = append(fields.Warnings, errors.New(skipped))
		}
	}
	return fields, err
}

// complete fills what the settings left open.
func (k *Keys) complete(s settings.Settings, fields vault.Fields) (err error) {
	if fields.SSH != nil && k.Host.Empty() {
		k.Host, k.Certificate = fields.SSH.Private, fields.SSH.Certificate
	}
	if k.Host.Empty() {
		if k.Host, err = keyField(fields, s.Vault.Field); err != nil {
			return err
		}
	}
	if k.Agent.Empty() && s.Vault.AgentField != s.Vault.Field {
		if k.Agent, err = keyField(fields, s.Vault.AgentField); err != nil {
			return err
		}
	}
	if known, ok := fields.Lookup("known_hosts"); ok && k.KnownHosts == "" {
		k.KnownHosts = known.Reveal()
	}
	k.Chats = k.Chats.Complete(fields.Lookup)
	switch c := &k.Prometheus; {
	case c.Username != "" && c.Password.Empty():
		c.Password, _ = fields.Lookup("prometheus_password")
	case c.Username == "" && c.Token.Empty():
		c.Token, _ = fields.Lookup("prometheus_token")
	}
	return nil
}

// keyField is the private key in a field of the Vault secret, as its owner
// wrote it.
func keyField(fields vault.Fields, name string) (secret.String, error) {
	key, err := fields.Get(name)
	return secret.New(sshkey.Text(key.Reveal())), err
}
