package vault

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/egress/proxytest"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

func TestReadTakesTheSecretAndRevokesTheToken(t *testing.T) {
	d := newDouble(t, loginCall(), mountCall(mountV2), readCall(secretPath, secretV2), revokeCall()).start()
	fields, err := Read(t.Context(), d.config())
	if err != nil {
		t.Fatal(err)
	}
	same(t, fieldsOf(fields), map[string]string{"devvm_ssh_key": "KEY\n", "slack_webhook": "T/B/x", "count": "3", "on": "true", "empty": " "})
	if len(fields.Warnings) != 0 {
		t.Errorf("warnings: %q", fields.Warnings)
	}
	if fields.Path != secretPath {
		t.Errorf("path %q", fields.Path)
	}
	if all := fields.Secrets("slack_webhook"); !hasSecret(all, "KEY\n") || hasSecret(all, "T/B/x") || hasSecret(all, "true") {
		t.Errorf("%d secrets to redact", len(all))
	}
}

func TestEverySpellingOfThePathIsFound(t *testing.T) {
	const v1 = `{"data":{"devvm_ssh_key":"KEY"}}`
	const missing = `{"errors":[]}`
	unknown := func(c call) call { return but(c, 403, `{"errors":["preflight capability check returned 403"]}`) }
	for name, test := range map[string]struct {
		secret string
		mount  call
		reads  []call
	}{
		"v2, API path":                    {"secret/data/ci/infra", mountCall(mountV2), []call{readCall(secretPath, secretV2)}},
		"v2, logical path":                {"secret/ci/infra", mountCall(mountV2), []call{readCall(secretPath, secretV2)}},
		"v2, slashes around":              {"/secret/ci/infra/", mountCall(mountV2), []call{readCall(secretPath, secretV2)}},
		"v1":                              {"secret/ci/infra", mountCall(mountV1), []call{readCall("secret/ci/infra", v1)}},
		"v1 without options":              {"secret/ci/infra", mountCall(`{"data":{"path":"secret/","type":"generic"}}`), []call{readCall("secret/ci/infra", v1)}},
		"v1, with data in the path":       {"secret/data/ci/infra", mountCall(mountV1), []call{readCall(secretPath, v1)}},
		"v1, data is not part of it":      {"secret/data/ci/infra", mountCall(mountV1), []call{but(readCall(secretPath, missing), 404, missing), readCall("secret/ci/infra", v1)}},
		"v1, data is not allowed":         {"secret/data/ci/infra", mountCall(mountV1), []call{but(readCall(secretPath, missing), 403, missing), readCall("secret/ci/infra", v1)}},
		"mount of two parts":              {"kv/team/ci/infra", mountCall(`{"data":{"path":"kv/team/","options":{"version":"2"}}}`), []call{readCall("kv/team/data/ci/infra", secretV2)}},
		"mount unknown, v2 API path":      {"secret/data/ci/infra", unknown(mountCall("")), []call{readCall(secretPath, secretV2)}},
		"mount unknown, v2 logical path":  {"secret/ci/infra", unknown(mountCall("")), []call{but(readCall("secret/ci/infra", ""), 403, missing), readCall(secretPath, secretV2)}},
		"mount unknown, of two parts":     {"kv/team/ci/infra", unknown(mountCall("")), []call{but(readCall("kv/team/ci/infra", ""), 403, missing), but(readCall("kv/data/team/ci/infra", ""), 403, missing), readCall("kv/team/data/ci/infra", secretV2)}},
		"mount unknown, two parts and v1": {"kv/team/data/ci/infra", unknown(mountCall("")), []call{but(readCall("kv/team/data/ci/infra", ""), 404, missing), readCall("kv/team/ci/infra", v1)}},
		"mount unknown, v1":               {"secret/ci/infra", unknown(mountCall("")), []call{readCall("secret/ci/infra", v1)}},
		"mount unknown to an old server":  {"secret/ci/infra", but(mountCall(""), 404, missing), []call{readCall("secret/ci/infra", v1)}},
		"mount of another path is a lie":  {"secret/ci/infra", mountCall(`{"data":{"path":"other/","options":{"version":"2"}}}`), []call{readCall("secret/ci/infra", v1)}},
		"v2 warning on the logical path":  {"secret/ci/infra", unknown(mountCall("")), []call{but(readCall("secret/ci/infra", ""), 404, `{"warnings":["Invalid path for a versioned K/V secrets engine."]}`), readCall(secretPath, secretV2)}},
		"v2 mount that is being upgraded": {"secret/ci/infra", mountCall(mountV2), []call{but(readCall(secretPath, ""), 400, `{"errors":["Upgrading from non-versioned to versioned data."]}`), readCall(secretPath, secretV2)}},
	} {
		t.Run(name, func(t *testing.T) {
			test.mount.path = "sys/internal/ui/mounts/" + strings.Trim(test.secret, "/")
			calls := append([]call{loginCall(), test.mount}, test.reads...)
			d := newDouble(t, append(calls, revokeCall())...).start()
			c := d.config()
			c.Secret = test.secret
			fields, err := Read(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if value, err := fields.Get("devvm_ssh_key"); err != nil || strings.TrimSpace(value.Reveal()) != "KEY" {
				t.Errorf("got %q, %v", value.Reveal(), err)
			}
		})
	}
}

func TestGetNamesTheFieldsThatExistAndNeverAValue(t *testing.T) {
	d := newDouble(t, loginCall(), mountCall(mountV2), readCall(secretPath, secretV2), revokeCall()).start()
	fields, err := Read(t.Context(), d.config())
	if err != nil {
		t.Fatal(err)
	}
	for field, reason := range map[string]string{
		"devvm_key": "there is no such field", "empty": "it is empty", "list": "it is a list, not text",
	} {
		_, err := fields.Get(field)
		if fault.Of(err) != fault.Failed {
			t.Fatalf("%s: %v", field, err)
		}
		for _, part := range []string{field, secretPath, reason, "count, devvm_ssh_key, empty, list, on, slack_webhook"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q does not say %q", err, part)
			}
		}
		if strings.Contains(err.Error(), "KEY") || strings.Contains(err.Error(), "T/B/x") {
			t.Errorf("%q has a value", err)
		}
	}
	if _, ok := fields.Lookup("empty"); ok {
		t.Error("a blank field counts as set")
	}
	if _, err := (Fields{}).Get("x"); fault.Of(err) != fault.Failed {
		t.Errorf("nothing was read: %v", err)
	}
}

func TestOtherLogins(t *testing.T) {
	auth := loginCall().answer
	for name, test := range map[string]struct {
		change func(*Config)
		login  call
	}{
		"kubernetes on another mount": {
			func(c *Config) { c.Mount, c.Role = "auth/k8s/west/", "deploy" },
			call{path: "auth/k8s/west/login", body: map[string]any{"role": "deploy", "jwt": jwt}},
		},
		"jwt": {
			func(c *Config) { c.Auth = JWT },
			call{path: "auth/jwt/login", body: map[string]any{"role": "ci", "jwt": jwt}},
		},
		"approle": {
			func(c *Config) { c.Auth, c.RoleID, c.SecretID = AppRole, "r-1", secret.New("s-1\n") },
			call{path: "auth/approle/login", body: map[string]any{"role_id": "r-1", "secret_id": "s-1"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.login.method, test.login.answer = "PUT", auth
			d := newDouble(t, test.login, mountCall(mountV2), readCall(secretPath, secretV2), revokeCall()).start()
			c := d.config()
			test.change(&c)
			if _, err := Read(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTheOwnersTokenIsUsedAndNotRevoked(t *testing.T) {
	owner := func(c call) call { c.token = "owners"; return c }
	look := call{
		method: "GET", path: "auth/token/lookup-self",
		answer: `{"data":{"policies":["root"],"ttl":0,"id":"owners"}}`,
	}
	d := newDouble(t, owner(look), owner(mountCall(mountV2)), owner(readCall(secretPath, secretV2))).start()
	c := d.config()
	c.Auth, c.Token = Token, secret.New("owners\n")
	fields, err := Read(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if text := warned(fields); !strings.Contains(text, "root policy") || !strings.Contains(text, "never expires") {
		t.Errorf("warnings %q", fields.Warnings)
	}
}

func TestThreat10_TheTokenIsRevokedAlsoAfterAFailure(t *testing.T) {
	refused := but(readCall(secretPath, ""), 403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`)
	d := newDouble(t, loginCall(), mountCall(mountV2), refused, revokeCall()).start()
	_, err := Read(t.Context(), d.config())
	if fault.Of(err) != fault.Failed {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{"403", "permission denied", secretPath, "role ci", "auth/kubernetes", `capabilities = ["read"]`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if strings.ContainsAny(err.Error(), "\n\t") {
		t.Errorf("%q is not one line", err)
	}
}

func TestThreat10_TheTokenIsRevokedAfterACancel(t *testing.T) {
	ctx, cancel := contextWithCancel(t)
	hang := readCall(secretPath, "")
	hang.hang, hang.then = true, cancel
	d := newDouble(t, loginCall(), mountCall(mountV2), hang, revokeCall()).start()
	_, err := Read(ctx, d.config())
	if fault.Of(err) != fault.Temporary || !strings.Contains(err.Error(), "canceled") {
		t.Errorf("%v (%v)", err, fault.Of(err))
	}
}

func TestARevokeThatFailsIsAWarning(t *testing.T) {
	d := newDouble(t, loginCall(), mountCall(mountV2), readCall(secretPath, secretV2), but(revokeCall(), 403, `{"errors":["permission denied"]}`)).start()
	fields, err := Read(t.Context(), d.config())
	if err != nil {
		t.Fatal(err)
	}
	if len(fields.Warnings) != 1 || !strings.Contains(warned(fields), "could not be revoked: 403: permission denied; give the role a policy with: path \"auth/token/revoke-self\"") {
		t.Errorf("warnings %q", fields.Warnings)
	}
}

func TestThreat10_RemarkableTokensAreWarnedOf(t *testing.T) {
	login := loginCall()
	login.answer = `{"auth":{"client_token":"t0ken-of-the-run","policies":["root"],"lease_duration":2764800}}`
	d := newDouble(t, login, mountCall(mountV2), readCall(secretPath, secretV2), revokeCall()).start()
	fields, err := Read(t.Context(), d.config())
	if err != nil {
		t.Fatal(err)
	}
	if text := warned(fields); !strings.Contains(text, "root policy") || !strings.Contains(text, "768h") {
		t.Errorf("warnings %q", fields.Warnings)
	}
}

func TestThreat10_TheEnvironmentDecidesNothing(t *testing.T) {
	for name, value := range map[string]string{
		"VAULT_ADDR": "http://127.0.0.1:1", "VAULT_TOKEN": "ambient", "VAULT_NAMESPACE": "ambient", "VAULT_WRAP_TTL": "1m",
		"VAULT_HEADERS": `{"X-Ambient":"1"}`, "VAULT_CACERT": "/nonexistent", "VAULT_SKIP_VERIFY": "garbage", "VAULT_MAX_RETRIES": "garbage",
		"VAULT_PROXY_ADDR": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1",
	} {
		t.Setenv(name, value)
	}
	calls := []call{loginCall(), mountCall(mountV2), readCall(secretPath, secretV2), revokeCall()}
	for i := range calls {
		calls[i].namespace = "team/a"
	}
	d := newDouble(t, calls...).start()
	c := d.config()
	c.Namespace = "team/a"
	if _, err := Read(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func TestOwnCA(t *testing.T) {
	d := newDouble(t, loginCall(), mountCall(mountV2), readCall(secretPath, secretV2), revokeCall())
	d.StartTLS()
	c := d.config()
	_, err := Read(t.Context(), c)
	if fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), "vault_ca_cert") {
		t.Fatalf("unknown CA: %v (%v)", err, fault.Of(err))
	}
	c.CACert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}))
	if _, err := Read(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	c.CACert = "no PEM"
	if _, err := Read(t.Context(), c); fault.Of(err) != fault.Settings {
		t.Errorf("bad CA: %v", err)
	}
}

func TestBehindAPrivateCAAndAProxy(t *testing.T) {
	d := newDouble(t, loginCall(), mountCall(mountV2), readCall(secretPath, secretV2), revokeCall())
	d.StartTLS()
	proxy := proxytest.New(t, d.Listener.Addr().String())
	c := d.config()
	c.Addr = "https://example.com" // the name in the double's certificate
	c.Way = egress.Way{
		CACert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw})),
		Proxy:  secret.New(proxy.URL),
	}
	if _, err := Read(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if asked := proxy.Asked(); len(asked) == 0 || asked[0] != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked for %q", asked)
	}
	proxy.Refuse(http.StatusProxyAuthRequired)
	_, err := Read(t.Context(), c)
	if fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), "USER:PASSWORD") || strings.Contains(err.Error(), "vault_role") {
		t.Errorf("a proxy that wants another login: %v (%v)", err, fault.Of(err))
	}
}

func TestVaultsSSHEngineSignsAnEphemeralKey(t *testing.T) {
	soon := time.Now().Add(5 * time.Minute).Truncate(time.Second)
	for name, test := range map[string]struct {
		change  func(*ssh.Certificate)
		refused string
		warned  string
	}{
		"user certificate":      {},
		"host certificate":      {change: func(c *ssh.Certificate) { c.CertType = ssh.HostCert }, refused: "no user certificate"},
		"for nobody":            {change: func(c *ssh.Certificate) { c.ValidPrincipals = nil }, refused: "default_user"},
		"for somebody else":     {change: func(c *ssh.Certificate) { c.ValidPrincipals = []string{"root"} }, refused: "for root and not for wizard"},
		"for more than a month": {change: func(c *ssh.Certificate) { c.ValidBefore += 32 * 24 * 3600 }, warned: "is valid for 768h"},
		"for ever":              {change: func(c *ssh.Certificate) { c.ValidBefore = ssh.CertTimeInfinity }, warned: "never expires"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t).start()
			d.Config.Handler = signing(t, &ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"wizard"}, ValidBefore: uint64(soon.Unix())}, test.change)
			c := d.config()
			c.Secret, c.SSHMount, c.SSHRole, c.SSHPrincipals = "", "ssh-client", "ci", "wizard"
			fields, err := Read(t.Context(), c)
			if test.refused != "" {
				says(t, err, fault.Failed, test.refused)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if text := warned(fields); test.warned == "" && text != "" || !strings.Contains(text, test.warned) {
				t.Errorf("warnings %q, want %q", text, test.warned)
			}
			if _, err := ssh.ParsePrivateKey([]byte(fields.SSH.Private.Reveal())); err != nil {
				t.Errorf("private key: %v", err)
			}
			if test.change == nil && !fields.SSH.Expires.Equal(soon) || !strings.HasPrefix(fields.SSH.Certificate, "ssh-ed25519-cert-v01@openssh.com ") {
				t.Errorf("certificate %q until %v", fields.SSH.Certificate, fields.SSH.Expires)
			}
			if len(fields.Secrets()) != 1 {
				t.Error("the private key is not among the secrets to redact")
			}
		})
	}
}

// signing is a Vault with an SSH engine that makes that certificate of every key
// it gets.
func signing(t *testing.T, certificate *ssh.Certificate, change func(*ssh.Certificate)) http.Handler {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/auth/kubernetes/login":
			_, _ = w.Write([]byte(loginCall().answer))
		case "/v1/ssh-client/sign/ci":
			var body struct {
				PublicKey  string `json:"public_key"`
				Principals string `json:"valid_principals"`
			}
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Principals != "wizard" {
				t.Errorf("body %+v, %v", body, err)
			}
			key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(body.PublicKey))
			if err != nil {
				t.Errorf("public key: %v", err)
				return
			}
			certificate.Key = key
			if change != nil {
				change(certificate)
			}
			if err := certificate.SignCert(rand.Reader, ca); err != nil {
				t.Error(err)
			}
			answer, err := json.Marshal(map[string]any{"data": map[string]any{"signed_key": string(ssh.MarshalAuthorizedKey(certificate))}})
			if err != nil {
				t.Error(err)
			}
			_, _ = w.Write(answer)
		case "/v1/" + powerPath:
			w.WriteHeader(http.StatusForbidden)
		case "/v1/auth/token/revoke-self":
			w.WriteHeader(http.StatusNoContent)
		default:
			t.Errorf("unexpected call: %s %s", r.Method, r.URL.Path)
			w.WriteHeader(http.StatusTeapot)
		}
	})
}

// warned is what the fields warn of, in one text.
func warned(fields Fields) string {
	var text strings.Builder
	for _, warning := range fields.Warnings {
		text.WriteString(warning.Error() + "\n")
	}
	return strings.TrimSpace(text.String())
}
