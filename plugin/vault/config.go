// Package vault logs in to HashiCorp Vault, reads one secret, and revokes the
// token right after.
//
// Everything it does is decided by its Config: of the environment (VAULT_*,
// proxies) nothing is used.
package vault

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// The auth methods.
const (
	Kubernetes = "kubernetes" // the pod's service-account token
	JWT        = "jwt"        // a JWT from a file, against the jwt method
	AppRole    = "approle"    // role id and secret id
	Token      = "token"      // a token that the owner gave
)

// defaultJWTPath is where Kubernetes mounts a pod's service-account token.
const defaultJWTPath = "/var/run/secrets/kubernetes.io/serviceaccount/token"

// Config says where Vault is, how to log in, and what to read. Zero values
// mean the defaults that the fields name.
type Config struct {
	Addr      string        // base URL, http or https
	Auth      string        // Kubernetes (default), JWT, AppRole or Token
	Mount     string        // of the auth method; the method's name
	Role      string        // "ci"
	JWTPath   string        // defaultJWTPath
	RoleID    string        // for AppRole
	SecretID  secret.String // for AppRole
	Token     secret.String // for Token; it belongs to the owner and is never revoked here
	Namespace string        // none
	CACert    string        // PEM of the only CA to trust; those of Way
	Way       egress.Way    // how Vault is reached

	// Secret is the path of the secret, in either spelling
	// (secret/data/ci/infra or secret/ci/infra). Empty reads none.
	Secret string

	// SSHMount and SSHRole, when both are set, have Vault's SSH engine sign
	// an ephemeral key. SSHPrincipals is the comma-separated list of user
	// names to ask for; empty leaves them to the role.
	SSHMount, SSHRole, SSHPrincipals string

	Timeout time.Duration // of everything together, retries included; 45s
	PerTry  time.Duration // of one request; 10s

	// OnRetry, when set, is told why a request will be made again and when.
	// The error holds no secret.
	OnRetry func(err error, wait time.Duration)

	backoff time.Duration    // the first wait
	hidden  *secret.Redactor // takes what opens doors out of texts of others
}

func (c Config) withDefaults() Config {
	set := func(value *string, standard string) {
		if *value == "" {
			*value = standard
		}
	}
	set(&c.Auth, Kubernetes)
	set(&c.Mount, c.Auth)
	set(&c.Role, "ci")
	set(&c.JWTPath, defaultJWTPath)
	c.hidden = &secret.Redactor{}
	c.hidden.Add(c.SecretID, c.Token)
	c.Addr = strings.TrimRight(c.Addr, "/")
	c.Mount = strings.TrimPrefix(strings.Trim(c.Mount, "/"), "auth/")
	c.Secret = strings.Trim(c.Secret, "/")
	c.SSHMount = strings.Trim(c.SSHMount, "/")
	for _, duration := range []struct {
		value    *time.Duration
		standard time.Duration
	}{{&c.Timeout, 45 * time.Second}, {&c.PerTry, 10 * time.Second}, {&c.backoff, 500 * time.Millisecond}} {
		if *duration.value <= 0 {
			*duration.value = duration.standard
		}
	}
	return c
}

// Check tells what is wrong with the configuration, everything at once, before
// anything is contacted. Its error joins
// one for each, a *fault.Error with the setting.
func (c Config) Check() error {
	c = c.withDefaults()
	var problems []error
	say := func(setting, format string, args ...any) {
		problems = append(problems, &fault.Error{Setting: setting, Err: fmt.Errorf(format, args...)})
	}

	address, err := url.Parse(c.Addr)
	switch {
	case c.Addr == "":
		say("vault_addr", "is missing: give the base URL of Vault, such as https://vault.example.org:8200")
	case err != nil || address.Hostname() == "" || address.Scheme != "http" && address.Scheme != "https":
		say("vault_addr", "is no http or https URL with a host")
	case address.User != nil || address.RawQuery != "" || address.Fragment != "":
		say("vault_addr", "must not contain a user, a password, a query or a fragment")
	}
	switch c.Auth {
	case Kubernetes, JWT:
	case AppRole:
		if c.RoleID == "" || c.SecretID.Empty() {
			say("vault_auth", "approle needs vault_role_id and vault_secret_id")
		}
	case Token:
		if c.Token.Empty() {
			say("vault_auth", "token needs vault_token")
		}
	default:
		say("vault_auth", "%q is not known: use kubernetes, jwt, approle or token", c.Auth)
	}
	for _, path := range []struct{ setting, value string }{
		{"vault_auth_mount", c.Mount},
		{"vault_role", c.Role},
		{"vault_namespace", c.Namespace},
		{"vault_secret", c.Secret},
		{"vault_ssh_mount", c.SSHMount},
		{"vault_ssh_role", c.SSHRole},
	} {
		if !validPath(path.value) {
			say(path.setting, "%q is no Vault path: no empty, . or .. part, no ?, # or control characters", path.value)
		}
	}
	switch {
	case c.SSHMount == "" && c.SSHRole != "":
		say("vault_ssh_mount", "is missing; vault_ssh_role has no use without it")
	case c.SSHMount != "" && c.SSHRole == "":
		say("vault_ssh_role", "is missing; vault_ssh_mount has no use without it")
	}
	return errors.Join(problems...)
}

// validPath reports whether path reaches the server as it is spelled: the client
// cleans paths, so that a part such as .. would lead to another place.
func validPath(path string) bool {
	if path == "" {
		return true
	}
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part == "" || part == "." || part == ".." || strings.ContainsFunc(part, func(r rune) bool {
			return r < ' ' || r == 0x7f || r == '?' || r == '#' || r == '%'
		}) {
			return false
		}
	}
	return true
}

// warnings about the way to Vault.
func (c Config) warnings() []error {
	address, err := url.Parse(c.Addr)
	if err != nil || address.Scheme != "http" || internal(address.Hostname()) {
		return nil
	}
	return []error{fault.WithFix(fmt.Errorf("vault_addr %s is plain http: the login and the secret cross the network unencrypted", c.Addr), "use https")}
}

// internal reports whether a host is this machine or a service of the cluster
// that this runs in.
func internal(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return egress.ThisMachine(host) || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local")
}
