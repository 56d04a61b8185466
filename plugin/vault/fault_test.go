package vault

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// says fails the test unless err is of the kind and says every part.
func says(t *testing.T, err error, kind fault.Kind, parts ...string) {
	t.Helper()
	if err == nil || fault.Of(err) != kind {
		t.Fatalf("got %v (%v), want kind %v", err, fault.Of(err), kind)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	for _, hidden := range []string{jwt, "t0ken-of-the-run", "\n"} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%q contains %q", err, hidden)
		}
	}
}

func TestTemporaryAnswersAreTriedAgain(t *testing.T) {
	sealed := but(loginCall(), 503, `{"errors":["Vault is sealed"]}`)
	busy := but(readCall(secretPath, ""), 429, `{"errors":["request path \"secret\": rate limit quota exceeded"]}`)
	standby := but(mountCall(""), 500, `{"errors":["local node not active but active cluster node not found"]}`)
	d := newDouble(t, sealed, sealed, loginCall(), standby, mountCall(mountV2), busy, readCall(secretPath, secretV2), revokeCall()).start()
	c := d.config()
	var told []string
	c.OnRetry = func(err error, _ time.Duration) { told = append(told, err.Error()) }
	if _, err := Read(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(told) != 4 || !strings.Contains(told[0], "role ci on auth/kubernetes: 503: Vault is sealed") {
		t.Errorf("told %q", told)
	}
}

func TestSealedUntilTheDeadlineIsTemporary(t *testing.T) {
	sealed := but(loginCall(), 503, `{"errors":["Vault is sealed"]}`)
	d := newDouble(t, sealed).start()
	c := d.config()
	c.Timeout, c.backoff = 2*time.Second, time.Minute // no second try fits
	_, err := Read(t.Context(), c)
	says(t, err, fault.Temporary, "503: Vault is sealed", d.URL, "run again")
}

func TestNobodyListensIsTemporary(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	d := newDouble(t).start()
	c := d.config()
	c.Addr, c.Timeout = "http://"+address, 2*time.Second
	tries := 0
	c.OnRetry = func(error, time.Duration) { tries++ }
	_, err = Read(t.Context(), c)
	says(t, err, fault.Temporary, "connection refused", address)
	if tries == 0 {
		t.Error("it was not tried again")
	}
}

func TestAVaultThatNeverAnswersEndsInTime(t *testing.T) {
	hang := loginCall()
	hang.hang = true
	d := newDouble(t, hang).start()
	c := d.config()
	c.Timeout, c.PerTry, c.backoff = 2*time.Second, 50*time.Millisecond, time.Minute
	_, err := Read(t.Context(), c)
	says(t, err, fault.Temporary, "deadline exceeded")
}

func TestACancelEndsTheWait(t *testing.T) {
	ctx, cancel := contextWithCancel(t)
	d := newDouble(t, but(loginCall(), 503, `{"errors":["Vault is sealed"]}`)).start()
	c := d.config()
	c.backoff, c.Timeout = 5*time.Second, time.Hour
	c.OnRetry = func(error, time.Duration) { cancel() }
	_, err := Read(ctx, c)
	says(t, err, fault.Temporary, "context canceled")
	if !errors.Is(err, context.Canceled) {
		t.Error("the cause is lost")
	}
}

func TestRefusedLoginsSayTheWayOut(t *testing.T) {
	approle := func(c *Config) { c.Auth, c.RoleID, c.SecretID = AppRole, "r-1", secret.New("s-1") }
	for name, test := range map[string]struct {
		change func(*Config)
		status int
		answer string
		says   []string
	}{
		"no such role": {
			nil, 400, `{"errors":["invalid role name \"ci\""]}`,
			[]string{"400", "invalid role name", "role ci", "auth/kubernetes", "vault_role"},
		},
		"wrong service account": {
			nil, 403, `{"errors":["service account name not authorized"]}`,
			[]string{
				"403", "not authorized", "system:serviceaccount:ci:default", "audience [https://k8s]", "expired at 2020-09-13T12:26:40Z",
				"vault write auth/kubernetes/role/ci",
			},
		},
		"no such mount": {
			nil, 404, `{"errors":["no handler for route \"auth/kubernetes/login\". route entry not found."]}`,
			[]string{"no auth method is mounted at auth/kubernetes", "vault_auth_mount"},
		},
		"jwt refused": {
			func(c *Config) { c.Auth = JWT }, 403, `{"errors":["error validating token"]}`,
			[]string{"auth/jwt", "bound claims"},
		},
		"secret id used up": {
			approle, 400, `{"errors":["invalid role or secret ID"]}`,
			[]string{"auth/approle", "vault_secret_id"},
		},
		"no token": {
			nil, 200, `{"auth":{"client_token":""}}`,
			[]string{"auth/kubernetes", "without a token", "vault_addr"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			login := but(loginCall(), test.status, test.answer)
			login.body = nil
			d := newDouble(t, login)
			d.start()
			c := d.config()
			if test.change != nil {
				test.change(&c)
				d.calls[0].path = "auth/" + c.Auth + "/login"
			}
			_, err := Read(t.Context(), c)
			says(t, err, fault.Failed, test.says...)
		})
	}
}

func TestNoTokenFile(t *testing.T) {
	d := newDouble(t).start()
	c := d.config()
	c.JWTPath = filepath.Join(t.TempDir(), "missing")
	_, err := Read(t.Context(), c)
	says(t, err, fault.Failed, c.JWTPath, "role ci", "auth/kubernetes", "serviceAccountName", "vault_jwt_path")

	if err := os.WriteFile(c.JWTPath, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Auth = JWT
	_, err = Read(t.Context(), c)
	says(t, err, fault.Failed, c.JWTPath, "is empty", "vault_jwt_path")
}

func TestMissingSecrets(t *testing.T) {
	for name, test := range map[string]struct{ answer, says string }{
		"no such path":      {`{"errors":[]}`, "there is no such secret; check vault_secret"},
		"deleted version":   {`{"data":{"data":null,"metadata":{"deletion_time":"2026-01-02T03:04:05Z","version":2}}}`, "2, was deleted at 2026-01-02T03:04:05Z; bring it back"},
		"destroyed version": {`{"data":{"data":null,"metadata":{"deletion_time":"","destroyed":true,"version":2}}}`, "2, was destroyed; write the secret again"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDouble(t, loginCall(), mountCall(mountV2), but(readCall(secretPath, ""), 404, test.answer), revokeCall()).start()
			_, err := Read(t.Context(), d.config())
			says(t, err, fault.Failed, secretPath, "mount secret", "role ci", test.says)
		})
	}
}

func TestHTTPInsteadOfHTTPSIsFinal(t *testing.T) {
	d := newDouble(t).start()
	c := d.config()
	c.Addr = strings.Replace(c.Addr, "http:", "https:", 1)
	_, err := Read(t.Context(), c)
	says(t, err, fault.Failed, "HTTP response to HTTPS client", "vault_addr")
}

func TestCheckNamesEveryProblemAtOnce(t *testing.T) {
	err := Config{
		Addr: "ftp://vault", Auth: "ldap", Mount: "a/../b", Secret: "secret//x", Namespace: "a?b", SSHMount: "ssh",
	}.Check()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, part := range []string{"vault_addr", `vault_auth "ldap"`, "vault_auth_mount", "vault_secret", "vault_namespace", "vault_ssh_role"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	for name, c := range map[string]Config{
		"no address":         {},
		"password in it":     {Addr: "https://u:p@vault:8200"},
		"token without one":  {Addr: "https://vault:8200", Auth: Token},
		"approle without id": {Addr: "https://vault:8200", Auth: AppRole, RoleID: "r"},
		"escape in the path": {Addr: "https://vault:8200", Secret: "secret/%2e%2e/x"},
	} {
		if _, err := Read(t.Context(), c); fault.Of(err) != fault.Settings || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (Config{Addr: "https://vault:8200/", Secret: "/secret/ci/infra/"}).Check(); err != nil {
		t.Errorf("good: %v", err)
	}
}

func TestThreat10_PlainHTTPIsWarnedOf(t *testing.T) {
	for addr, warned := range map[string]bool{
		"http://vault.example.org:8200":                    true,
		"http://10.0.10.5:8200":                            true,
		"http://svc:8200":                                  true,
		"http://vault.svc.cluster.local.example.org:8200":  true,
		"https://vault.example.org:8200":                   false,
		"http://127.0.0.1:8200":                            false,
		"http://[::1]:8200":                                false,
		"http://localhost:8200":                            false,
		"http://vault-active.vault.svc.cluster.local:8200": false,
		"http://vault.vault.svc:8200":                      false,
		"http://VAULT.vault.SVC.cluster.local.:8200":       false,
	} {
		if got := len(Config{Addr: addr}.withDefaults().warnings()) > 0; got != warned {
			t.Errorf("%s: warned %v", addr, got)
		}
	}
}
