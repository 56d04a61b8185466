package settings

import (
	"github.com/pm-todos/pm-todos/plugin/vault"
)

func vaultEntries(s *Settings) []Entry {
	return []Entry{
		{Name: "vault_addr", read: asText(&s.Vault.Addr), Usage: "Base URL of Vault. Plain http causes a warning, unless the host is this machine, `*.svc` or `*.svc.cluster.local`."},
		{
			Name: "vault_auth", Default: vault.Kubernetes, read: asChoice(&s.Vault.Auth, vault.Kubernetes, vault.JWT, vault.AppRole, vault.Token),
			Usage: "How to log in: `kubernetes`, `jwt`, `approle` or `token`.",
		},
		{Name: "vault_auth_mount", told: "the method's name", read: asText(&s.Vault.Mount), Usage: "Mount path of the auth method."},
		{Name: "vault_role", Default: "ci", read: asText(&s.Vault.Role, word), Usage: "Role for `kubernetes` and `jwt`."},
		{
			Name: "vault_jwt_path", Default: "/var/run/secrets/kubernetes.io/serviceaccount/token", read: asText(&s.Vault.JWTPath),
			Usage: "File that holds the JWT for `kubernetes` and `jwt`: the pod's service-account token.",
		},
		{Name: "vault_role_id", read: asText(&s.Vault.RoleID, word), Usage: "Role id for `approle`."},
		{Name: "vault_secret_id", secret: &s.Vault.SecretID, Usage: "Secret id for `approle`."},
		{Name: "vault_token", secret: &s.Vault.Token, Usage: "Token for `token`."},
		{Name: "vault_namespace", read: asText(&s.Vault.Namespace, word), Usage: "Namespace, if your Vault has namespaces."},
		{Name: "vault_ca_cert", read: asPasted(&s.Vault.CACert, certificates), Usage: "PEM of the CA that signed Vault's certificate."},
		{
			Name: "vault_secret", Default: "secret/data/ci/infra", read: asText(&s.Vault.Secret),
			Usage: "Path of the secret. The KV version is detected from the mount; `secret/ci/infra` works too. Its fields `known_hosts`, `slack_webhook`, `chat_webhook`, `chat_secret`, `prometheus_token` and `prometheus_password` fill those settings when they are unset.",
		},
		{Name: "vault_field", Default: "devvm_ssh_key", read: asText(&s.Vault.Field, word), Usage: "Field that holds the private key for `hosts`."},
		{Name: "vault_agent_field", told: "that of `vault_field`", read: asText(&s.Vault.AgentField, word), Usage: "Field that holds the private key for `agent_hosts`."},
		{Name: "vault_ssh_mount", read: asText(&s.Vault.SSHMount), Usage: "Mount path of Vault's SSH engine, which then signs a key made for this run; no stored key is read."},
		{Name: "vault_ssh_role", read: asText(&s.Vault.SSHRole, word), Usage: "Role of the SSH engine."},
	}
}

func hostEntries(s *Settings) []Entry {
	return []Entry{
		{
			Name: "hosts", Default: LocalHost, told: "`local`; required in a plugin step", read: asList(&s.Hosts.Hosts, hostOrLocal),
			Usage: "Where Terraform runs: a list of `user@host[:port]`, tried in order. `local` is this machine, for use outside the image: agent, Terraform and git must be there, for a user who is not root.",
		},
		{
			Name: "agent_hosts", told: "those of `hosts`, with a warning", read: asList(&s.Hosts.AgentHosts, hostOrLocal),
			Usage: "Where the agent runs, if it is another user or machine than the one with Terraform's credentials. The first usable one counts; agents that it cannot bear (`parallel`) work on the next.",
		},
		{
			Name: "known_hosts", told: "the Vault secret's field `known_hosts`", read: asPasted(&s.Hosts.KnownHosts, knownHosts),
			Usage: "`known_hosts` lines of the hosts, including `@cert-authority` lines. Required for SSH hosts unless `host_fingerprints` is given. Lines that cannot be parsed are skipped with a warning.",
		},
		{Name: "host_fingerprints", read: asList(&s.Hosts.Fingerprints, fingerprint), Usage: "List of `SHA256:…` fingerprints of host keys, instead of `known_hosts`."},
		{Name: "jump_host", read: asText(&s.Hosts.JumpHost, sshHost), Usage: "Jump host, `user@host[:port]`. Its host key is verified in the same way."},
		{Name: "ssh_key", told: "the Vault secret's field `vault_field`", secret: &s.Hosts.SSHKey, parse: asKey, Usage: "Private key for `hosts`, instead of one from Vault."},
		{Name: "agent_ssh_key", told: "`ssh_key`, else the Vault secret's field `vault_agent_field`", secret: &s.Hosts.AgentSSHKey, parse: asKey, Usage: "Private key for `agent_hosts`."},
		{Name: "connect_timeout", Default: "10s", read: asDuration(&s.Hosts.ConnectTimeout, false), Usage: "Timeout for connecting to a host."},
		{Name: "workdir", read: asText(&s.Hosts.Prepare.Workdir, absolute), Usage: "A person's checkout on the Terraform host. Only `carry` files are read from it, and nothing is written to it."},
		{
			Name: "carry", Default: "**/.terraform.lock.hcl", read: asList(&s.Hosts.Prepare.Carry, glob),
			Usage: "List of globs of ignored files in `workdir` that are copied into the Terraform workspace, such as a kubeconfig.",
		},
		{
			Name: "prepare_command", read: asLines(&s.Hosts.Prepare.Command, shellText),
			Usage: "Shell command to run in the Terraform workspace after the checkout, such as `git-crypt unlock ~/.keys/infra`.",
		},
	}
}
