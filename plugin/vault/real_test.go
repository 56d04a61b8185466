package vault

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/vault/vaulttest"
)

// real is a real Vault with everything mounted that this room speaks with, and
// the cluster whose service accounts may log in.
type real struct {
	*vaulttest.Server
	cluster *vaulttest.Cluster
	t       *testing.T
}

// The policies of the real Vault. The one of ci is what the messages advise.
const (
	ciPolicy = `
path "secret/data/ci/infra" { capabilities = ["read"] }
path "secret/data/ci/deleted" { capabilities = ["read"] }
path "secret/data/ci/absent" { capabilities = ["read"] }
path "old/ci/*" { capabilities = ["read"] }
path "old/data/ci/*" { capabilities = ["read"] }
path "team/a/kv/data/ci/infra" { capabilities = ["read"] }
path "ssh-client/sign/ci" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }`
	blindPolicy = ciPolicy + `
path "sys/internal/ui/*" { capabilities = ["deny"] }`
	key = "-----BEGIN OPENSSH PRIVATE KEY-----\nonly-a-text-for-tests\n-----END OPENSSH PRIVATE KEY-----\n"
)

// inTest is the pod of the pipeline.
var inTest = vaulttest.Account{Namespace: "woodpecker", Name: "ci"}

func startReal(t *testing.T) *real {
	t.Helper()
	s := vaulttest.Start(t)
	r := &real{Server: s, cluster: vaulttest.StartCluster(t), t: t}
	s.Mount("secret", "kv", map[string]any{"version": "2"})
	s.Mount("old", "kv", map[string]any{"version": "1"})
	s.Mount("team/a/kv", "kv", map[string]any{"version": "2"})
	s.Mount("ssh-client", "ssh", nil)
	fields := map[string]any{"devvm_ssh_key": key, "known_hosts": "host line", "count": 3, "on": true, "list": []string{"a"}}
	s.Write("secret/data/ci/infra", map[string]any{"data": fields})
	s.Write("team/a/kv/data/ci/infra", map[string]any{"data": fields})
	s.Write("secret/data/ci/deleted", map[string]any{"data": fields})
	s.Do(http.MethodDelete, "secret/data/ci/deleted", nil)
	s.Write("old/ci/infra", fields)
	s.Policy("ci", ciPolicy)
	s.Policy("blind", blindPolicy)
	s.Policy("none", `path "auth/token/revoke-self" { capabilities = ["update"] }`)
	s.Kubernetes("kubernetes", r.cluster)
	for role, policy := range map[string]string{"ci": "ci", "blind": "blind", "none": "none"} {
		r.role(role, map[string]any{"token_policies": policy})
	}
	return r
}

// role writes a role of the Kubernetes method for the pod of the pipeline.
func (r *real) role(name string, change map[string]any) {
	r.t.Helper()
	role := map[string]any{
		"bound_service_account_names": inTest.Name, "bound_service_account_namespaces": inTest.Namespace, "token_ttl": "10m",
		"token_no_default_policy": false,
	}
	for field, value := range change {
		role[field] = value
	}
	r.Write("auth/kubernetes/role/"+name, role)
}

// config logs the pod in by Kubernetes.
func (r *real) config() Config {
	r.t.Helper()
	return Config{
		Addr: r.Addr, JWTPath: tokenFile(r.t, r.cluster.Token(r.t, inTest)+"\n"), Secret: "secret/data/ci/infra",
		Timeout: 30 * time.Second, PerTry: 10 * time.Second, backoff: 20 * time.Millisecond,
	}
}

func tokenFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// nothingAlive checks in Vault itself that no token of a log-in through the
// proxy exists any more, and that there were as many as wanted.
func (r *real) nothingAlive(p *vaulttest.Proxy, logins int) {
	r.t.Helper()
	accessors := p.Accessors()
	if len(accessors) != logins {
		r.t.Errorf("%d log-ins gave a token, want %d: %q", len(accessors), logins, p.Requests())
	}
	for _, accessor := range accessors {
		if r.Alive(accessor) {
			r.t.Errorf("the token %s of a run is still alive: %q", accessor, p.Requests())
		}
	}
}

// holds reads with a configuration and wants the key, no warnings, and the token
// revoked.
func (r *real) holds(c Config) {
	r.t.Helper()
	before := r.Tokens()
	fields, err := Read(r.t.Context(), c)
	if err != nil {
		r.t.Error(err)
		return
	}
	if got, err := fields.Get("devvm_ssh_key"); err != nil || got.Reveal() != key {
		r.t.Errorf("the key is %q, %v", got.Reveal(), err)
	}
	for _, warning := range fields.Warnings {
		if !strings.Contains(warning.Error(), "than a run needs") { // the tests' own policy is for many secrets
			r.t.Errorf("warned: %s", warning)
		}
	}
	if after := r.Tokens(); after != before {
		r.t.Errorf("there are %d tokens after the run and %d before it", after, before)
	}
}

func TestRealVault_KubernetesLogIn(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	r.role("audience", map[string]any{"token_policies": "ci", "audience": "vault"})
	token := func(change func(*vaulttest.Account)) string {
		account := inTest
		change(&account)
		return r.cluster.Token(t, account)
	}
	own := func(*vaulttest.Account) {}
	forVault := func(a *vaulttest.Account) { a.Audience = "vault" }
	for name, test := range map[string]struct {
		role  string
		file  string
		wrong []string // what is said; nil when it works
	}{
		"right":                    {role: "ci", file: token(own)},
		"file with a trailing end": {role: "ci", file: "\n" + token(own) + "\r\n\n"},
		"audience that is wanted":  {role: "audience", file: token(forVault)},
		"audience of any":          {role: "ci", file: token(forVault)},
		"no such role":             {role: "cl", file: token(own), wrong: []string{"400: invalid role name \"cl\"", "vault_role"}},
		"another service account": {
			role: "ci", file: token(func(a *vaulttest.Account) { a.Name = "default" }),
			wrong: []string{"403", "system:serviceaccount:woodpecker:default", "vault write auth/kubernetes/role/ci"},
		},
		"another namespace": {
			role: "ci", file: token(func(a *vaulttest.Account) { a.Namespace = "default" }),
			wrong: []string{"403", "system:serviceaccount:default:ci", "bound_service_account_namespaces"},
		},
		"audience that is not wanted": {role: "audience", file: token(own), wrong: []string{"403", "for audience [https://kubernetes.default.svc]"}},
		"expired": {
			role: "ci", file: token(func(a *vaulttest.Account) { a.Life = -time.Hour }),
			wrong: []string{"403", "expired at", "must hold a token that is still valid"},
		},
		"forged":   {role: "ci", file: token(own)[:40] + token(own)[40:80] + ".AAAA", wrong: []string{"auth/kubernetes"}},
		"no token": {role: "ci", file: "garbage", wrong: []string{"auth/kubernetes"}},
		"empty":    {role: "ci", file: "\n", wrong: []string{"is empty", "automountServiceAccountToken"}},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			c := r.config()
			c.Role, c.JWTPath = test.role, tokenFile(t, test.file)
			if test.wrong == nil {
				r.holds(c)
				return
			}
			before := r.Tokens()
			_, err := Read(t.Context(), c)
			says(t, err, fault.Failed, test.wrong...)
			if file := strings.TrimSpace(test.file); len(file) > 10 && strings.Contains(err.Error(), file) {
				t.Errorf("%q contains the JWT", err)
			}
			if after := r.Tokens(); after != before {
				t.Errorf("%d tokens, %d before", after, before)
			}
		})
	}
}

func TestRealVault_OtherAuthMethods(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	r.Write("sys/auth/approle", map[string]any{"type": "approle"})
	r.Write("auth/approle/role/ci", map[string]any{"token_policies": "ci", "token_ttl": "10m", "secret_id_num_uses": 1})
	_, answer := r.Do(http.MethodGet, "auth/approle/role/ci/role-id", nil)
	roleID := answer["data"].(map[string]any)["role_id"].(string)
	secretID := r.Write("auth/approle/role/ci/secret-id", nil)["secret_id"].(string)
	r.Write("sys/auth/ci/jwt", map[string]any{"type": "jwt"})
	r.Write("auth/ci/jwt/config", map[string]any{"jwt_validation_pubkeys": r.cluster.PublicKey(t), "jwt_supported_algs": "ES256"})
	r.Write("auth/ci/jwt/role/ci", map[string]any{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": "vault", "token_policies": "ci", "token_ttl": "10m",
		"bound_subject": "system:serviceaccount:woodpecker:ci",
	})
	jwtConfig := func(audience string, life time.Duration) Config {
		c := r.config()
		c.Auth, c.Mount = JWT, "ci/jwt"
		c.JWTPath = tokenFile(t, r.cluster.Token(t, vaulttest.Account{Namespace: inTest.Namespace, Name: inTest.Name, Audience: audience, Life: life})+"\n")
		return c
	}
	t.Run("jwt", func(t *testing.T) {
		r.t = t
		r.holds(jwtConfig("vault", 0))
		_, err := Read(t.Context(), jwtConfig("https://other", 0))
		says(t, err, fault.Failed, "400", "invalid audience", "for audience [https://other]", "bound claims, audience")
		_, err = Read(t.Context(), jwtConfig("vault", -time.Hour))
		says(t, err, fault.Failed, "400", "expired at", "must hold a token that is still valid")
		c := jwtConfig("vault", 0)
		c.Role = "cl"
		_, err = Read(t.Context(), c)
		says(t, err, fault.Failed, "400", `role "cl" could not be found`, "auth/ci/jwt", "vault_role")
		c.Mount = "jwt"
		_, err = Read(t.Context(), c)
		says(t, err, fault.Failed, "auth/jwt", "vault_auth_mount")
	})
	t.Run("approle", func(t *testing.T) {
		r.t = t
		c := r.config()
		c.Auth, c.RoleID, c.SecretID = AppRole, roleID, secret.New(secretID+"\n")
		r.holds(c)
		_, err := Read(t.Context(), c) // the secret id was good for one use
		says(t, err, fault.Failed, "400: invalid", "auth/approle", "vault_secret_id")
		if strings.Contains(err.Error(), secretID) {
			t.Errorf("%q contains the secret id", err)
		}
	})
	t.Run("token", func(t *testing.T) {
		r.t = t
		_, answer := r.Do(http.MethodPost, "auth/token/create", map[string]any{"policies": []string{"ci"}, "ttl": "10m"})
		auth := answer["auth"].(map[string]any)
		c := r.config()
		c.Auth, c.Token = Token, secret.New(auth["client_token"].(string)+"\n")
		r.holds(c)
		if !r.Alive(auth["accessor"].(string)) {
			t.Error("the owner's token was revoked")
		}
		c.Token = secret.New(r.RootToken)
		fields, err := Read(t.Context(), c)
		if text := warned(fields); err != nil || !strings.Contains(text, "root policy") || !strings.Contains(text, "never expires") {
			t.Errorf("the root token: %v, warnings %q", err, fields.Warnings)
		}
		c.Token = secret.New("hvs.no-such-token")
		_, err = Read(t.Context(), c)
		says(t, err, fault.Failed, "403")
	})
}

func TestRealVault_EverySpellingOfThePath(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	for _, role := range []string{"ci", "blind"} { // blind may not ask for the mount
		for _, path := range []string{
			"secret/data/ci/infra", "secret/ci/infra", "/secret/ci/infra/", "old/ci/infra", "old/data/ci/infra", "team/a/kv/data/ci/infra", "team/a/kv/ci/infra",
		} {
			t.Run(role+" "+path, func(t *testing.T) {
				r.t = t
				c := r.config()
				c.Role, c.Secret = role, path
				r.holds(c)
			})
		}
	}
}

func TestRealVault_WhatCannotBeRead(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	for name, test := range map[string]struct {
		role, path string
		says       []string
	}{
		"no such path, v2":          {"ci", "secret/ci/absent", []string{"secret/data/ci/absent", "mount secret", "there is no such secret", "vault_namespace"}},
		"no such path, v1":          {"ci", "old/ci/absent", []string{"old/ci/absent", "mount old", "there is no such secret"}},
		"deleted":                   {"ci", "secret/ci/deleted", []string{"secret/data/ci/deleted", "version, 1, was deleted at 20", "vault kv undelete -versions=1"}},
		"refused":                   {"ci", "secret/ci/other", []string{"403", "secret/data/ci/other", "role ci", `path "secret/data/ci/other" { capabilities = ["read"] }`}},
		"refused without the mount": {"blind", "secret/ci/other", []string{"403", "secret/data/ci/other", "capabilities"}},
		"no such mount":             {"ci", "sceret/ci/infra", []string{"403", "sceret/data/ci/infra"}},
		"policy for nothing":        {"none", "secret/ci/infra", []string{"403", "secret/data/ci/infra", "role none"}},
	} {
		t.Run(name, func(t *testing.T) {
			r.t = t
			p := r.Proxy(t, nil)
			c := r.config()
			c.Addr, c.Role, c.Secret = p.URL, test.role, test.path
			fields, err := Read(t.Context(), c)
			says(t, err, fault.Failed, test.says...)
			if len(fields.Names()) != 0 {
				t.Errorf("fields %q", fields.Names())
			}
			r.nothingAlive(p, 1)
		})
	}
	t.Run("no such field", func(t *testing.T) {
		fields, err := Read(t.Context(), r.config())
		if err != nil {
			t.Fatal(err)
		}
		for name, reason := range map[string]string{"devvm_key": "there is no such field", "list": "it is a list"} {
			_, err = fields.Get(name)
			says(t, err, fault.Failed, name, reason, "count, devvm_ssh_key, known_hosts, list, on")
			if strings.Contains(err.Error(), "only-a-text") || strings.Contains(err.Error(), "host line") {
				t.Errorf("%q contains a value", err)
			}
		}
	})
}

func TestRealVault_NamespaceHeaderAndEnvironment(t *testing.T) {
	r := startReal(t)
	for _, name := range []string{
		"VAULT_ADDR", "VAULT_AGENT_ADDR", "VAULT_CACERT", "VAULT_CACERT_BYTES", "VAULT_CAPATH", "VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY",
		"VAULT_CLIENT_TIMEOUT", "VAULT_DISABLE_REDIRECTS", "VAULT_HEADERS", "VAULT_HTTP_PROXY", "VAULT_MAX_RETRIES", "VAULT_MFA", "VAULT_NAMESPACE",
		"VAULT_PROXY_ADDR", "VAULT_RATE_LIMIT", "VAULT_SKIP_VERIFY", "VAULT_SRV_LOOKUP", "VAULT_TLS_SERVER_NAME", "VAULT_TOKEN", "VAULT_WRAP_TTL",
		"HTTP_PROXY", "HTTPS_PROXY",
	} {
		t.Setenv(name, "\x01garbage of the environment")
	}
	r.holds(r.config())
	if got := os.Getenv("VAULT_TOKEN"); got != "\x01garbage of the environment" {
		t.Errorf("the environment was left changed: VAULT_TOKEN is %q", got)
	}
	p := r.Proxy(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if got := q.Header.Get("X-Vault-Namespace"); got != "team/a" {
				t.Errorf("%s has namespace %q", q.URL.Path, got)
			}
			q.Header.Del("X-Vault-Namespace") // this edition of Vault has none
			next.ServeHTTP(w, q)
		})
	})
	c := r.config()
	c.Addr, c.Namespace = p.URL, "team/a"
	r.holds(c)
	r.nothingAlive(p, 1)
}

func TestRealVault_OwnCA(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	c := r.config()
	c.Addr = r.TLSAddr
	_, err := Read(t.Context(), c)
	says(t, err, fault.Failed, "unknown authority", "vault_ca_cert")
	c.CACert = r.CA
	r.holds(c)
	other := vaulttest.Start(t)
	c.CACert = other.CA
	_, err = Read(t.Context(), c)
	says(t, err, fault.Failed, "unknown authority", "vault_ca_cert")
	c.CACert = other.CA + r.CA // a bundle
	r.holds(c)
	c.Addr = strings.Replace(r.TLSAddr, "127.0.0.1", "localhost", 1)
	_, err = Read(t.Context(), c)
	says(t, err, fault.Failed, "wanted to match localhost", "vault_addr")
}

func TestRealVault_SSHEngine(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	r.Write("ssh-client/config/ca", map[string]any{"generate_signing_key": true, "key_type": "ed25519"})
	sshRole := func(change map[string]any) {
		role := map[string]any{"key_type": "ca", "allow_user_certificates": true, "allowed_users": "wizard,deploy", "ttl": "15m", "max_ttl": "1h"}
		for field, value := range change {
			role[field] = value
		}
		r.Write("ssh-client/roles/ci", role)
	}
	sshRole(nil)
	p := r.Proxy(t, nil)
	c := r.config()
	c.Addr, c.SSHMount, c.SSHRole, c.SSHPrincipals = p.URL, "ssh-client", "ci", "wizard,deploy"
	fields, err := Read(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(fields.SSH.Certificate))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(parsed.(*ssh.Certificate).ValidPrincipals, ","); got != "wizard,deploy" && got != "deploy,wizard" {
		t.Errorf("principals %q", got)
	}
	if left := time.Until(fields.SSH.Expires); left < 10*time.Minute || left > 15*time.Minute {
		t.Errorf("the certificate is valid for %s, want the role's 15m", left)
	}
	for name, test := range map[string]struct {
		change func(*Config)
		says   []string
	}{
		"somebody else":      {func(c *Config) { c.SSHPrincipals = "root" }, []string{"400", "root is not a valid value for valid_principals", "principals that the role allows"}},
		"no such role":       {func(c *Config) { c.SSHRole = "cl" }, []string{"403", `path "ssh-client/sign/cl" { capabilities = ["update"] }`}},
		"no such mount":      {func(c *Config) { c.SSHMount = "ssh" }, []string{"403", "vault_ssh_mount"}},
		"not an SSH engine":  {func(c *Config) { c.SSHMount = "old" }, []string{"old/sign/ci", "vault_ssh_mount"}},
		"nobody to log in":   {func(c *Config) { c.SSHPrincipals = "" }, []string{"names no user", "default_user"}},
		"no secret is there": {func(c *Config) { c.Secret = "secret/ci/absent" }, []string{"there is no such secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			one := c
			test.change(&one)
			_, err := Read(t.Context(), one)
			says(t, err, fault.Failed, test.says...)
		})
	}
	sshRole(map[string]any{"ttl": "720h", "max_ttl": "720h"})
	if fields, err = Read(t.Context(), c); err != nil || !strings.Contains(warned(fields), "is valid for 7") {
		t.Errorf("a certificate for a month: %v, warnings %q", err, fields.Warnings)
	}
	r.nothingAlive(p, 8)
}

func TestRealVault_RemarkableTokens(t *testing.T) {
	t.Parallel()
	r := startReal(t)
	r.Policy("broad", `path "*" { capabilities = ["read", "update", "sudo"] }`)
	r.Policy("exact", `path "secret/data/ci/infra" { capabilities = ["read"] }`)
	for role, test := range map[string]struct {
		change map[string]any
		warned string
	}{
		"exact":      {map[string]any{"token_policies": "exact"}, ""},
		"broad":      {map[string]any{"token_policies": "broad"}, "read *, sudo *, update *"},
		"long":       {map[string]any{"token_policies": "exact", "token_ttl": "720h"}, "would live 720h"},
		"batch":      {map[string]any{"token_policies": "exact", "token_type": "batch"}, "it is a batch token"},
		"no-default": {map[string]any{"token_policies": "exact", "token_no_default_policy": true}, `path "auth/token/revoke-self"`},
	} {
		t.Run(role, func(t *testing.T) {
			r.t = t
			r.role(role, test.change)
			c := r.config()
			c.Role = role
			fields, err := Read(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if text := warned(fields); test.warned == "" && text != "" || !strings.Contains(text, test.warned) {
				t.Errorf("warnings %q, want %q", text, test.warned)
			}
		})
	}
}
