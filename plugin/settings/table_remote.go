package settings

import (
	"time"

	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

var vaultEntries = []Entry{
	{
		Name:  "vault_addr",
		Usage: "Base URL of Vault. Plain http causes a warning, unless the host is this machine, `*.svc` or `*.svc.cluster.local`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Addr }),
	},
	{
		Name: "vault_auth", Default: vault.Kubernetes,
		Usage: "How to log in: `kubernetes`, `jwt`, `approle` or `token`.",
		read:  asChoice(func(s *Settings) *string { return &s.Vault.Auth }, vault.Kubernetes, vault.JWT, vault.AppRole, vault.Token),
	},
	{
		Name: "vault_auth_mount", told: "the method's name",
		Usage: "Mount path of the auth method.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Mount }),
	},
	{
		Name: "vault_role", Default: "ci",
		Usage: "Role for `kubernetes` and `jwt`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Role }, word),
	},
	{
		Name: "vault_jwt_path", Default: "/var/run/secrets/kubernetes.io/serviceaccount/token",
		Usage: "File that holds the JWT for `kubernetes` and `jwt`: the pod's service-account token.",
		read:  asText(func(s *Settings) *string { return &s.Vault.JWTPath }),
	},
	{
		Name:  "vault_role_id",
		Usage: "Role id for `approle`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.RoleID }, word),
	},
	{
		Name:   "vault_secret_id",
		Usage:  "Secret id for `approle`.",
		secret: func(s *Settings) *secret.String { return &s.Vault.SecretID },
		parse:  asSecret(),
	},
	{
		Name:   "vault_token",
		Usage:  "Token for `token`.",
		secret: func(s *Settings) *secret.String { return &s.Vault.Token },
		parse:  asSecret(),
	},
	{
		Name:  "vault_namespace",
		Usage: "Namespace, if your Vault has namespaces.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Namespace }, word),
	},
	{
		Name:  "vault_ca_cert",
		Usage: "PEM of the CA that signed Vault's certificate.",
		read:  asPasted(func(s *Settings) *string { return &s.Vault.CACert }, certificates),
	},
	{
		Name: "vault_secret", Default: "secret/data/ci/infra",
		Usage: "Path of the secret. The KV version is detected from the mount; `secret/ci/infra` works too. Its fields `known_hosts`, `slack_webhook`, `chat_webhook`, `chat_secret`, `prometheus_token` and `prometheus_password` fill those settings when they are unset.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Secret }),
	},
	{
		Name: "vault_field", Default: "devvm_ssh_key",
		Usage: "Field that holds the private key for `hosts`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.Field }, word),
	},
	{
		Name: "vault_agent_field", told: "that of `vault_field`",
		Usage: "Field that holds the private key for `agent_hosts`.",
		read:  asText(func(s *Settings) *string { return &s.Vault.AgentField }, word),
	},
	{
		Name:  "vault_ssh_mount",
		Usage: "Mount path of Vault's SSH engine, which then signs a key made for this run; no stored key is read.",
		read:  asText(func(s *Settings) *string { return &s.Vault.SSHMount }),
	},
	{
		Name:  "vault_ssh_role",
		Usage: "Role of the SSH engine.",
		read:  asText(func(s *Settings) *string { return &s.Vault.SSHRole }, word),
	},
}

var hostEntries = []Entry{
	{
		Name: "hosts", Default: LocalHost, told: "`local`; required in a plugin step",
		Usage: "Where Terraform runs: a list of `user@host[:port]`, tried in order. `local` is this machine, for use outside the image: agent, Terraform and git must be there, for a user who is not root.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.Hosts }, hostOrLocal),
	},
	{
		Name: "agent_hosts", told: "those of `hosts`, with a warning",
		Usage: "Where the agent runs, if it is another user or machine than the one with Terraform's credentials. The first usable one counts; agents that it cannot bear (`parallel`) work on the next.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.AgentHosts }, hostOrLocal),
	},
	{
		Name: "known_hosts", told: "the Vault secret's field `known_hosts`",
		Usage: "`known_hosts` lines of the hosts, including `@cert-authority` lines. Required for SSH hosts unless `host_fingerprints` is given. Lines that cannot be parsed are skipped with a warning.",
		read:  asPasted(func(s *Settings) *string { return &s.Hosts.KnownHosts }, knownHosts),
	},
	{
		Name:  "host_fingerprints",
		Usage: "List of `SHA256:…` fingerprints of host keys, instead of `known_hosts`.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.Fingerprints }, fingerprint),
	},
	{
		Name:  "jump_host",
		Usage: "Jump host, `user@host[:port]`. Its host key is verified in the same way.",
		read:  asText(func(s *Settings) *string { return &s.Hosts.JumpHost }, sshHost),
	},
	{
		Name: "ssh_key", told: "the Vault secret's field `vault_field`",
		Usage:  "Private key for `hosts`, instead of one from Vault.",
		secret: func(s *Settings) *secret.String { return &s.Hosts.SSHKey },
		parse:  asKey,
	},
	{
		Name: "agent_ssh_key", told: "`ssh_key`, else the Vault secret's field `vault_agent_field`",
		Usage:  "Private key for `agent_hosts`.",
		secret: func(s *Settings) *secret.String { return &s.Hosts.AgentSSHKey },
		parse:  asKey,
	},
	{
		Name: "connect_timeout", Default: "10s",
		Usage: "Timeout for connecting to a host.",
		read:  asDuration(func(s *Settings) *time.Duration { return &s.Hosts.ConnectTimeout }, false),
	},
	{
		Name:  "workdir",
		Usage: "A person's checkout on the Terraform host. Only `carry` files are read from it, and nothing is written to it.",
		read:  asText(func(s *Settings) *string { return &s.Hosts.Prepare.Workdir }, absolute),
	},
	{
		Name: "carry", Default: "**/.terraform.lock.hcl",
		Usage: "List of globs of ignored files in `workdir` that are copied into the Terraform workspace, such as a kubeconfig.",
		read:  asList(func(s *Settings) *[]string { return &s.Hosts.Prepare.Carry }, glob),
	},
	{
		Name:  "prepare_command",
		Usage: "Shell command to run in the Terraform workspace after the checkout, such as `git-crypt unlock ~/.keys/infra`.",
		read:  asLines(func(s *Settings) *string { return &s.Hosts.Prepare.Command }, shellText),
	},
}
