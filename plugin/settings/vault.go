package settings

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/vault"
)

// VaultConfig is the settings as the room for Vault takes them.
func (s Settings) VaultConfig() vault.Config {
	c := s.Vault.Config
	c.Way, c.SSHPrincipals = s.Repository.Way, strings.Join(s.HostUsers(), ",")
	return c
}

// HostUsers is who the run logs in as, for a certificate that is good for all.
func (s Settings) HostUsers() []string {
	var users []string
	for _, name := range slices.Concat(s.Hosts.Hosts, s.Hosts.AgentHosts, []string{s.Hosts.JumpHost}) {
		user, _, ssh := strings.Cut(name, "@")
		if ssh && !slices.Contains(users, user) {
			users = append(users, user)
		}
	}
	return users
}

// AnySSH reports whether any of the hosts is reached by SSH.
func AnySSH(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return name != LocalHost })
}

// AgentOverSSH reports whether the agent's hosts need a key of their own.
func (s Settings) AgentOverSSH() bool {
	return s.Vault.AgentField != s.Vault.Field && AnySSH(s.Hosts.AgentHosts)
}

// NeedsVault reports whether the settings leave a key open that Vault has.
func (s Settings) NeedsVault() bool {
	return s.Vault.Addr != "" && (s.Hosts.SSHKey.Empty() && AnySSH(s.Hosts.Hosts) || s.Hosts.AgentSSHKey.Empty() && s.AgentOverSSH())
}
