package plugin

import (
	"time"

	"github.com/pm-todos/pm-todos/plugin/secret"
)

var vaultEntries = []entry{
	{
		name:  "vault_addr",
		usage: "Base URL of Vault. Plain http earns a warning, unless the host is this machine, `*.svc` or `*.svc.cluster.local`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Addr }),
	},
	{
		name: "vault_auth", standard: string(AuthKubernetes),
		usage: "How to log in: `kubernetes`, `jwt`, `approle` or `token`.",
		read:  asChoice(func(s *Settings) *VaultAuth { return &s.Vault.Auth }, AuthKubernetes, AuthJWT, AuthAppRole, AuthToken),
	},
	{
		name: "vault_auth_mount", told: "the method's name",
		usage: "Where the auth method is mounted.",
		read:  asText(func(s *Settings) *string { return &s.Vault.AuthMount }),
	},
	{
		name: "vault_role", standard: "ci",
		usage: "Role for `kubernetes` and `jwt`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Role }, word),
	},
	{
		name: "vault_jwt_path", standard: "/var/run/secrets/kubernetes.io/serviceaccount/token",
		usage: "File that holds the JWT for `kubernetes` and `jwt`: the pod's service-account token.",
		read:  asText(func(s *Settings) *string { return &s.Vault.JWTPath }),
	},
	{
		name:  "vault_role_id",
		usage: "Role id for `approle`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.RoleID }, word),
	},
	{
		name: "vault_secret_id", secret: true,
		usage: "Secret id for `approle`.",
		read:  asSecret(func(s *Settings) *secret.String { return &s.Vault.SecretID }),
	},
	{
		name: "vault_token", secret: true,
		usage: "Token for `token`.",
		read:  asSecret(func(s *Settings) *secret.String { return &s.Vault.Token }),
	},
	{
		name:  "vault_namespace",
		usage: "Namespace, where Vault has them.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Namespace }, word),
	},
	{
		name:  "vault_ca_cert",
		usage: "PEM of the CA that signed Vault's certificate.",
		read:  asPasted(func(s *Settings) *string { return &s.Vault.CACert }, certificates),
	},
	{
		name: "vault_secret", standard: "secret/data/ci/infra",
		usage: "Path of the secret. The KV version is found out from the mount; `secret/ci/infra` works too. Its fields `known_hosts` and `slack_webhook` fill those settings when they are unset.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Secret }),
	},
	{
		name: "vault_field", standard: "devvm_ssh_key",
		usage: "Field that holds the private key for `hosts`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Field }, word),
	},
	{
		name: "vault_agent_field", told: "that of `vault_field`",
		usage: "Field that holds the private key for `agent_hosts`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.AgentField }, word),
	},
	{
		name:  "vault_ssh_mount",
		usage: "Mount of Vault's SSH engine: it signs a key made for this run, and no stored key is read.",
		read:  asText(func(s *Settings) *string { return &s.Vault.SSHMount }),
	},
	{
		name:  "vault_ssh_role",
		usage: "Role of the SSH engine.",
		read:  asText(func(s *Settings) *string { return &s.Vault.SSHRole }, word),
	},
}

var hostEntries = []entry{
	{
		name: "hosts", standard: LocalHost, told: "`local`; required in a plugin step",
		usage: "List of `user@host[:port]`, tried in order: where Terraform runs. `local` runs on this machine, outside the image.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.Hosts }, hostOrLocal),
	},
	{
		name: "agent_hosts", told: "those of `hosts`, with a warning",
		usage: "Where the agent runs, when it is another user or machine than the one that holds Terraform's credentials.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.AgentHosts }, hostOrLocal),
	},
	{
		name: "known_hosts", told: "the Vault secret's field `known_hosts`",
		usage: "`known_hosts` lines of the hosts, `@cert-authority` too. Required for SSH hosts unless `host_fingerprints` is given. Lines that are not understood are skipped with a warning.",
		read:  asPasted(func(s *Settings) *string { return &s.Hosts.KnownHosts }, knownHosts),
	},
	{
		name:  "host_fingerprints",
		usage: "List of `SHA256:…` fingerprints of host keys, instead of `known_hosts`.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.Fingerprints }, fingerprint),
	},
	{
		name:  "jump_host",
		usage: "`user@host[:port]` to go through. Its host key is verified in the same way.",
		read:  asText(func(s *Settings) *string { return &s.Hosts.JumpHost }, sshHost),
	},
	{
		name: "ssh_key", secret: true, told: "the Vault secret's field `vault_field`",
		usage: "Private key for `hosts`, instead of one from Vault.",
		read:  asKey(func(s *Settings) *secret.String { return &s.Hosts.SSHKey }),
	},
	{
		name: "agent_ssh_key", secret: true, told: "`ssh_key`, else the Vault secret's field `vault_agent_field`",
		usage: "Private key for `agent_hosts`.",
		read:  asKey(func(s *Settings) *secret.String { return &s.Hosts.AgentSSHKey }),
	},
	{
		name: "connect_timeout", standard: "10s",
		usage: "Limit for the connection to a host.",
		read:  asDuration(func(s *Settings) *time.Duration { return &s.Hosts.ConnectTimeout }, false),
	},
	{
		name:  "workdir",
		usage: "A person's checkout on the Terraform host. It is the source of `carry` files only and is never written to.",
		read:  asText(func(s *Settings) *string { return &s.Hosts.Workdir }, absolute),
	},
	{
		name: "carry", standard: "**/.terraform.lock.hcl",
		usage: "List of globs of ignored files in `workdir` that are copied into the Terraform workspace, such as a kubeconfig.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.Carry }, glob),
	},
	{
		name:  "prepare_command",
		usage: "Shell command to run in the Terraform workspace after its checkout, such as `git-crypt unlock ~/.keys/infra`.",
		read:  asLines(func(s *Settings) *string { return &s.Hosts.PrepareCommand }, shellText),
	},
}
