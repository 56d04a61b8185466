package vault

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"
	"github.com/hashicorp/vault/api/auth/kubernetes"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// login gives the client its token and returns what is remarkable about it.
func login(ctx context.Context, c Config, client *api.Client) ([]error, error) {
	if c.Auth == Token {
		client.SetToken(strings.TrimSpace(c.Token.Reveal()))
		return inspect(ctx, client), nil
	}
	method, who, err := newMethod(c)
	if err != nil {
		return nil, err
	}
	doing := fmt.Sprintf("log in with %s, role %s on auth/%s", c.Auth, c.Role, c.Mount)
	if c.Auth == AppRole {
		doing = fmt.Sprintf("log in with approle on auth/%s", c.Mount)
	}
	var warnings []error
	answer, err := do(ctx, c, doing, func(ctx context.Context) (*api.Secret, error) {
		answer, err := client.Auth().Login(ctx, method)
		if lost(err) && len(warnings) == 0 {
			warnings = []error{errors.New("the answer to a Vault log-in was lost: Vault may keep a token that nobody knows until the role's token_ttl is over")}
		}
		return answer, err
	})
	if err != nil {
		return warnings, final(c, err, doing, loginWayOut(c, err, who))
	}
	c.hidden.Add(secret.New(answer.Auth.ClientToken))
	return append(warnings, tokenWarnings(answer.Auth)...), nil
}

// lost reports whether a request may have been carried out although it failed:
// its connection came about, and no answer was read.
func lost(err error) bool {
	if err == nil || status(err) != 0 || untrusted(err) {
		return false
	}
	if operation, ok := errors.AsType[*net.OpError](err); ok && operation.Op == "dial" {
		return false
	}
	return temporary(err)
}

// newMethod prepares the login. who is the identity as far as it is known.
func newMethod(c Config) (method api.AuthMethod, who identity, err error) {
	switch c.Auth {
	case AppRole:
		method, err = approle.NewAppRoleAuth(c.RoleID,
			&approle.SecretID{FromString: strings.TrimSpace(c.SecretID.Reveal())}, approle.WithMountPath(c.Mount))
	default:
		var token string
		if token, err = readJWT(c); err != nil {
			return nil, who, err
		}
		c.hidden.Add(secret.New(token))
		who = claims(token)
		if c.Auth == JWT {
			return jwtMethod{mount: c.Mount, role: c.Role, token: token}, who, nil
		}
		method, err = kubernetes.NewKubernetesAuth(c.Role,
			kubernetes.WithServiceAccountToken(token), kubernetes.WithMountPath(c.Mount))
	}
	if err != nil {
		return nil, who, fault.Mark(fault.Settings, fmt.Errorf("vault: prepare the %s login: %w", c.Auth, err))
	}
	return method, who, nil
}

// jwtMethod logs in at the jwt auth method, for which the client has no package.
type jwtMethod struct{ mount, role, token string }

// Login implements api.AuthMethod.
func (m jwtMethod) Login(ctx context.Context, client *api.Client) (*api.Secret, error) {
	return client.Logical().WriteWithContext(ctx, "auth/"+m.mount+"/login",
		map[string]any{"role": m.role, "jwt": m.token})
}

// readJWT reads the token file and trims it: Vault refuses a token that ends
// with a new line, and editors and secret mounts like to add one.
func readJWT(c Config) (string, error) {
	content, err := os.ReadFile(c.JWTPath)
	token := strings.TrimSpace(string(content))
	if err == nil && token == "" {
		err = fmt.Errorf("%s is empty", c.JWTPath)
	}
	if err == nil {
		return token, nil
	}
	wayOut := "set vault_jwt_path to the file that holds the JWT"
	if c.Auth == Kubernetes {
		wayOut = "the pod needs a mounted service-account token (automountServiceAccountToken; in Woodpecker " +
			"backend_options.kubernetes.serviceAccountName, which the server must allow), or set vault_jwt_path or vault_auth"
	}
	return "", fault.Mark(fault.Failed, &fault.Error{Err: fmt.Errorf("vault: read the JWT for role %s on auth/%s: %w", c.Role, c.Mount, err), Fix: wayOut})
}

// identity is what a JWT says about itself. It is not verified (Vault does
// that) and only used in messages.
type identity struct {
	Subject  string `json:"sub"`
	Audience any    `json:"aud"` // a string or a list
	Expires  int64  `json:"exp"` // seconds since 1970
}

func claims(token string) identity {
	var id identity
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return id
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &id) != nil {
		return identity{}
	}
	return id
}

// String names the identity for a message, empty when nothing is known.
func (id identity) String() string {
	if id.Subject == "" {
		return ""
	}
	raw := "the token is of " + text.Line(id.Subject, 120)
	if id.Audience != nil {
		raw += " for audience " + text.Line(fmt.Sprint(id.Audience), 120)
	}
	if id.expired() {
		raw += " and expired at " + time.Unix(id.Expires, 0).UTC().Format(time.RFC3339)
	}
	return raw
}

func (id identity) expired() bool {
	return id.Expires > 0 && time.Now().After(time.Unix(id.Expires, 0))
}

// loginWayOut says what to do about a refused login.
func loginWayOut(c Config, err error, who identity) string {
	if status(err) == 0 {
		return "it was answered without a refusal and without a token: check that vault_addr is Vault itself, and not something in front of it"
	}
	if status(err) == 404 {
		return fmt.Sprintf("no auth method is mounted at auth/%s: set vault_auth_mount or vault_namespace", c.Mount)
	}
	// A path below auth/ where nothing is mounted is refused as any other.
	mount := fmt.Sprintf("if auth/%s is not where the %s method is mounted, set vault_auth_mount", c.Mount, c.Auth)
	var hint string
	switch {
	case c.Auth == AppRole:
		hint = "check vault_role_id and vault_secret_id (expired, or used up?); " + mount
	case c.Auth == JWT:
		hint = fmt.Sprintf("check that the role %s exists (vault_role), and its bound claims, audience and issuer; %s", c.Role, mount)
	case status(err) == 400:
		hint = fmt.Sprintf("the role %s may not exist on auth/%s: check vault_role and vault_auth_mount, or create it", c.Role, c.Mount)
	default:
		hint = fmt.Sprintf("bind the pod's service account, namespace and audience to the role: "+
			"vault write auth/%s/role/%s bound_service_account_names=… bound_service_account_namespaces=…; %s", c.Mount, c.Role, mount)
	}
	if who.expired() {
		hint = c.JWTPath + " must hold a token that is still valid (a projected one is renewed by Kubernetes); beyond that, " + hint
	}
	if text := who.String(); text != "" {
		hint = text + "; " + hint
	}
	return hint
}

// revoke ends the token's life, whatever became of the context.
func revoke(ctx context.Context, c Config, client *api.Client) error {
	if strings.HasPrefix(client.Token(), "hvb.") {
		return fault.WithFix(errors.New("it is a batch token, which lives until its lease ends"), "give the role token_type=service")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(c.PerTry, 5*time.Second))
	defer cancel()
	c.OnRetry = nil
	_, err := do(ctx, c, "revoke the token", func(ctx context.Context) (struct{}, error) {
		return struct{}{}, client.Auth().Token().RevokeSelfWithContext(ctx, "")
	})
	client.ClearToken()
	if status(err) == 403 {
		return fault.WithFix(c.shortened(err), `give the role a policy with: path "auth/token/revoke-self" { capabilities = ["update"] }`)
	}
	return c.shortened(err)
}
