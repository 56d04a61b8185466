package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

// keys is what opens the hosts, from the settings or from Vault.
type keys struct {
	Host         secret.String
	Certificate  string // of Host, when Vault's SSH engine signed it
	Agent        secret.String
	KnownHosts   string
	SlackWebhook secret.String
}

// secrets is every secret of the run, whatever its source.
func (k keys) secrets(s settings.Settings) []secret.String {
	return append(s.Secrets(), k.Host, k.Agent, k.SlackWebhook)
}

// login is what a key of the run logs in with.
func (k keys) login(key secret.String) sshclient.Login {
	login := sshclient.Login{Key: key, KnownHosts: []byte(k.KnownHosts)}
	if key == k.Host {
		login.Certificate = k.Certificate
	}
	return login
}

// fetchKeys completes the settings from the one Vault secret. Nothing is asked
// of Vault when the settings hold all that is needed.
func fetchKeys(ctx context.Context, s settings.Settings, c Console) (keys, error) {
	k := givenKeys(s)
	if needsVault(s) {
		log := c.Log.With().Str("stage", "vault").Logger()
		log.Info().Str("secret", s.Vault.Secret).Str("role", s.Vault.Role).Msg("logging in")
		fields, err := readVault(ctx, s, c)
		for _, warning := range fields.Warnings {
			log.Warn().Msg(warning.Error())
		}
		if err != nil {
			return k, err
		}
		if err := k.complete(s, fields); err != nil {
			return k, err
		}
	}
	return k.shared(), nil
}

// givenKeys is what the settings hold themselves.
func givenKeys(s settings.Settings) keys {
	return keys{Host: s.Hosts.SSHKey, Agent: s.Hosts.AgentSSHKey, KnownHosts: s.Hosts.KnownHosts, SlackWebhook: s.Report.SlackWebhook}
}

// needsVault tells whether the settings leave a key open.
func needsVault(s settings.Settings) bool {
	return s.Vault.Addr != "" && (s.Hosts.SSHKey.Empty() && overSSH(s) || s.Hosts.AgentSSHKey.Empty() && agentOverSSH(s))
}

// readVault asks Vault, and hides what it says from everything printed.
func readVault(ctx context.Context, s settings.Settings, c Console) (vault.Fields, error) {
	fields, err := vault.Read(ctx, s.VaultConfig(c.vaultPatience, func(message string) { c.Log.Warn().Str("stage", "vault").Msg(message) }))
	for _, held := range fields.Secrets("known_hosts") {
		c.Redactor.Add(held, secret.New(sshkey.Text(held.Reveal())))
	}
	if known, ok := fields.Lookup("known_hosts"); ok && s.Hosts.KnownHosts == "" {
		for _, skipped := range sshkey.Warnings("the field known_hosts of "+fields.Path, known.Reveal()) {
			fields.Warnings = append(fields.Warnings, errors.New(skipped))
		}
	}
	return fields, err
}

// shared makes the one key that of the agent's hosts too, when they have none
// of their own.
func (k keys) shared() keys {
	if k.Agent.Empty() {
		k.Agent = k.Host
	}
	return k
}

// complete fills what the settings left open.
func (k *keys) complete(s settings.Settings, fields vault.Fields) (err error) {
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
	if webhook, ok := fields.Lookup("slack_webhook"); ok && k.SlackWebhook.Empty() && s.Report.SlackToken.Empty() {
		k.SlackWebhook = webhook
	}
	return nil
}

// keyField is the private key in a field of the Vault secret, as its owner
// wrote it.
func keyField(fields vault.Fields, name string) (secret.String, error) {
	key, err := fields.Get(name)
	return secret.New(sshkey.Text(key.Reveal())), err
}

// hosts is where this run works.
type hosts struct {
	Terraform *host.Host
	Agent     *host.Host // the same as Terraform unless agent_hosts names another
	Facts     host.Facts // of the agent's host
}

// Close ends the connections.
func (h hosts) Close() error {
	var problems []error
	if h.Terraform != nil {
		problems = append(problems, h.Terraform.Close())
	}
	if h.Agent != nil && h.Agent != h.Terraform {
		problems = append(problems, h.Agent.Close())
	}
	return errors.Join(problems...)
}

// connect finds the first host that is ready for Terraform, and the first that
// is ready for the agent.
func connect(ctx context.Context, s settings.Settings, k keys, commands settings.Commands, c Console) (h hosts, err error) {
	terraform := host.Need{Terraform: programOnHost(commands.Program), Carry: s.Hosts.Carry, Workdir: s.Hosts.Workdir}
	together := slices.Equal(s.Hosts.Hosts, s.Hosts.AgentHosts)
	if together {
		terraform.Agent, terraform.AgentFrom = s.Agent.Command, resolve.LeastAgent
	}
	if h.Terraform, h.Facts, err = firstReady(ctx, s, s.Hosts.Hosts, k.login(k.Host), terraform, c); err != nil {
		return h, err
	}
	if together {
		c.Log.Warn().Str("stage", "hosts").Msg("the agent runs as the user who holds Terraform's credentials; agent_hosts separates them")
		h.Agent = h.Terraform
		return h, nil
	}
	h.Agent, h.Facts, err = firstReady(ctx, s, s.Hosts.AgentHosts, k.login(k.Agent), host.Need{Agent: s.Agent.Command, AgentFrom: resolve.LeastAgent}, c)
	if err != nil {
		c.cleanUp(ctx, "hosts", func(context.Context) error { return h.Close() })
	}
	return h, err
}

// programOnHost is the program that preflight looks for; one that comes with
// the repository is not there yet.
func programOnHost(program string) string {
	if strings.Contains(program, "/") && !strings.HasPrefix(program, "/") {
		return ""
	}
	return program
}

// firstReady tries hosts in order. A host key that does not match is final for
// its host and never a reason to look for a way around it.
func firstReady(ctx context.Context, s settings.Settings, names []string, login sshclient.Login, need host.Need, c Console) (*host.Host, host.Facts, error) {
	var problems []error
	for _, name := range names {
		h, facts, err := ready(ctx, s, name, login, need)
		if err == nil {
			c.Log.Info().Str("stage", "hosts").Str("host", h.Name()).Str("git", facts.Git).Str("agent", facts.AgentVersion).Msg("ready")
			for _, warning := range facts.Warnings {
				c.Log.Warn().Str("stage", "hosts").Str("host", h.Name()).Msg(warning.Error())
			}
			return h, facts, nil
		}
		c.Log.Error().Str("stage", "hosts").Str("host", name).Err(err).Msg("not usable")
		problems = append(problems, ofHost(name, err))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, host.Facts{}, errors.Join(problems...)
}

// ofHost is an error with its host in front, once: most name it themselves.
func ofHost(name string, err error) error {
	target, wrong := sshclient.ParseTarget(name)
	if wrong == nil && fault.Parts(err).Place == target.String() {
		return fmt.Errorf("host %w", err)
	}
	return fmt.Errorf("host %s: %w", name, err)
}

func ready(ctx context.Context, s settings.Settings, name string, login sshclient.Login, need host.Need) (*host.Host, host.Facts, error) {
	h, err := dial(ctx, s, name, login)
	if err != nil {
		return nil, host.Facts{}, err
	}
	facts, err := h.Preflight(ctx, need)
	if err != nil {
		return nil, facts, errors.Join(err, h.Close())
	}
	return h, facts, nil
}

// mayRunHere refuses this machine as a host for root: agent and Terraform would
// run with everything that it holds, and nothing would keep them from this
// process. Its error is of kind fault.Settings.
func mayRunHere(s settings.Settings) error {
	local := slices.Contains(s.Hosts.Hosts, settings.LocalHost) || slices.Contains(s.Hosts.AgentHosts, settings.LocalHost)
	if !local || s.CI.PullRequest() || os.Geteuid() != 0 {
		return nil
	}
	return fault.Mark(fault.Settings, errors.New("the host local is refused as root, since agent and Terraform would run as root on this machine; run pm-todos as another user, or name the machine that has them as user@host"))
}

func dial(ctx context.Context, s settings.Settings, name string, login sshclient.Login) (*host.Host, error) {
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

// dialNamed connects to one of the Terraform hosts of the settings by the name
// that the ledger has; nil when none is called so.
func dialNamed(ctx context.Context, s settings.Settings, k keys, name string) (*host.Host, error) {
	for _, configured := range s.Hosts.Hosts {
		target, err := sshclient.ParseTarget(configured)
		if err == nil && target.String() == name {
			return dial(ctx, s, configured, k.login(k.Host))
		}
	}
	return nil, nil
}

// overSSH tells whether any Terraform host needs a key.
func overSSH(s settings.Settings) bool { return settings.AnySSH(s.Hosts.Hosts) }

// agentOverSSH tells whether the agent's hosts need a key of their own.
func agentOverSSH(s settings.Settings) bool {
	return s.Vault.AgentField != s.Vault.Field && settings.AnySSH(s.Hosts.AgentHosts)
}
