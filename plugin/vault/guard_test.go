package vault

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// everywhere answers every request alike.
func everywhere(t *testing.T, c Config, answer http.HandlerFunc) Config {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c.Addr = server.URL
	return c
}

func TestThreat10_ARedirectIsNotFollowedWithALogin(t *testing.T) {
	d := newDouble(t).start() // nobody may come there
	for name, test := range map[string]struct {
		status int
		to     string
		kind   fault.Kind
	}{
		"another port":    {http.StatusMovedPermanently, d.URL, fault.Failed},
		"another host":    {http.StatusPermanentRedirect, "http://vault.example.org", fault.Failed},
		"to https":        {http.StatusTemporaryRedirect, "https://127.0.0.1:1", fault.Failed},
		"on the same":     {http.StatusFound, "", fault.Failed},
		"the balancer":    {http.StatusTemporaryRedirect, "http://127.0.0.1:1", fault.Temporary},
		"its own address": {http.StatusTemporaryRedirect, "", fault.Temporary},
		"standby, for it": {http.StatusTemporaryRedirect, "http://vault-1.vault.svc:8200", fault.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			c := everywhere(t, d.config(), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", test.to+r.URL.Path)
				w.WriteHeader(test.status)
			})
			c.Timeout, c.backoff = 2*time.Second, time.Minute
			_, err := Read(t.Context(), c)
			says(t, err, test.kind, "redirected to "+test.to, "vault_addr")
		})
	}
}

// TestWhatIsNotVaultIsSaidToBeSo has a web server where Vault should be.
func TestWhatIsNotVaultIsSaidToBeSo(t *testing.T) {
	page := "<!doctype html>\n<html>Sign in</html>"
	for name, answer := range map[string]struct {
		status     int
		kind, body string
	}{
		"a page":            {200, "text/html; charset=utf-8", page},
		"text":              {200, "text/plain", "\n OK"},
		"a list":            {200, "application/json", "[1,2]"},
		"nothing":           {200, "", ""},
		"no such page":      {404, "text/html", page},
		"a gateway":         {401, "text/html", page},
		"a firewall":        {403, "text/html", page},
		"away, but nowhere": {302, "", ""},
	} {
		for _, auth := range []string{Kubernetes, Token} {
			requests := 0
			c := everywhere(t, newDouble(t).start().config(), func(w http.ResponseWriter, _ *http.Request) {
				requests++
				if answer.kind != "" {
					w.Header().Set("Content-Type", answer.kind)
				}
				w.WriteHeader(answer.status)
				_, _ = io.WriteString(w, answer.body)
			})
			c.Auth, c.Token = auth, secret.New("t0ken-of-the-owner")
			fields, err := Read(t.Context(), c)
			if says(t, err, fault.Failed, "no answer of Vault; set vault_addr to Vault itself"); strings.Contains(err.Error(), "bound_service_account") || strings.Contains(err.Error(), "Sign in") {
				t.Errorf("%s, %s: %v", name, auth, err)
			}
			if auth == Kubernetes && (requests != 1 || len(fields.Warnings) != 0) {
				t.Errorf("%s: %d requests, warnings %q", name, requests, fields.Warnings)
			}
		}
	}
}

func TestAnswersWithoutEndAreCutAndFinal(t *testing.T) {
	requests := 0
	c := everywhere(t, newDouble(t).start().config(), func(w http.ResponseWriter, _ *http.Request) {
		requests++
		_, _ = w.Write([]byte(`{"auth":{"client_token":"`))
		for piece := []byte(strings.Repeat("x", 1<<20)); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	_, err := Read(t.Context(), c)
	says(t, err, fault.Failed, "longer than 8 MiB")
	if requests != 1 {
		t.Errorf("it was asked %d times", requests)
	}
}

// TestThreat9_WhatVaultRepeatsIsNotPrinted lets every answer hold what the
// request held.
func TestThreat9_WhatVaultRepeatsIsNotPrinted(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"kubernetes": func(*Config) {},
		"jwt":        func(c *Config) { c.Auth = JWT },
		"approle":    func(c *Config) { c.Auth, c.RoleID, c.SecretID = AppRole, "r-1", secret.New("s3cret-id-of-the-run") },
		"token":      func(c *Config) { c.Auth, c.Token = Token, secret.New("t0ken-of-the-owner") },
	} {
		for _, status := range []int{400, 403, 429, 503} {
			t.Run(name, func(t *testing.T) {
				c := everywhere(t, newDouble(t).start().config(), func(w http.ResponseWriter, r *http.Request) {
					var body map[string]any
					_ = json.NewDecoder(r.Body).Decode(&body) // some have none
					if strings.HasSuffix(r.URL.Path, "/login") && status == 503 {
						_, _ = w.Write([]byte(loginCall().answer)) // and fail later
						return
					}
					echo := []string{r.Header.Get("X-Vault-Token")}
					for _, value := range body {
						echo = append(echo, value.(string))
					}
					w.WriteHeader(status)
					_ = json.NewEncoder(w).Encode(map[string]any{"errors": echo})
				})
				c.Timeout, c.backoff = 2*time.Second, time.Minute
				change(&c)
				var said []string
				c.OnRetry = func(err error, _ time.Duration) { said = append(said, err.Error()) }
				fields, err := Read(t.Context(), c)
				if err == nil {
					t.Fatal("it worked")
				}
				said = append(said, err.Error(), warned(fields))
				for _, text := range said {
					for _, hidden := range []string{jwt, "t0ken-of-the-run", "s3cret-id-of-the-run", "t0ken-of-the-owner"} {
						if strings.Contains(text, hidden) {
							t.Errorf("%q contains %q", text, hidden)
						}
					}
				}
			})
		}
	}
}

func TestAnOddTokenIsRefusedWithoutShowingIt(t *testing.T) {
	c := newDouble(t).start().config()
	c.Auth, c.Token = Token, secret.New("two\nlines-of-a-token")
	_, err := Read(t.Context(), c)
	says(t, err, fault.Failed, "non-printable")
	if strings.Contains(err.Error(), "lines-of") {
		t.Errorf("%q", err)
	}
}

func TestALogInWhoseAnswerWasLostIsToldOf(t *testing.T) {
	logins := 0
	c := everywhere(t, newDouble(t).start().config(), func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !strings.HasSuffix(r.URL.Path, "/login"):
			w.WriteHeader(http.StatusNotFound)
		case logins == 0:
			logins++
			panic(http.ErrAbortHandler)
		default:
			_, _ = w.Write([]byte(loginCall().answer))
		}
	})
	fields, err := Read(t.Context(), c)
	says(t, err, fault.Failed, "there is no such secret")
	if !strings.Contains(warned(fields), "log-in was lost") {
		t.Errorf("warnings %q", fields.Warnings)
	}
}

// power is what Vault says a token may do.
func power(exact, glob map[string]string) string {
	rules := func(paths map[string]string) map[string]any {
		all := map[string]any{}
		for path, list := range paths {
			all[path] = map[string]any{"capabilities": strings.Split(list, " ")}
		}
		return all
	}
	text, _ := json.Marshal(map[string]any{"data": map[string]any{"root": false, "exact_paths": rules(exact), "glob_paths": rules(glob)}}) // of strings, it cannot fail
	return string(text)
}

func TestThreat10_PowerBeyondTheSecretIsWarnedOf(t *testing.T) {
	type paths = map[string]string
	for name, test := range map[string]struct {
		exact, glob paths
		warned      string // in the warning; empty for none
	}{
		"the secret alone":          {paths{"secret/data/ci/infra": "read", "secret/metadata/ci/infra": "list read"}, nil, ""},
		"its folder":                {nil, paths{"secret/data/ci/": "read"}, ""},
		"the default policy":        {paths{"auth/token/lookup-self": "read", "sys/renew": "update"}, paths{"cubbyhole/": "create delete list read update"}, ""},
		"refused":                   {paths{"prod/data/db": "deny"}, nil, ""},
		"names only":                {nil, paths{"secret/metadata/": "list"}, ""},
		"everything":                {nil, paths{"": "create read sudo"}, "create *, read *, sudo *"},
		"the whole mount":           {nil, paths{"secret/": "read"}, "read secret/*"},
		"the whole mount, by data/": {nil, paths{"secret/data/": "read"}, "read secret/data/*"},
		"another secret":            {paths{"prod/data/db": "read", "secret/data/ci/infra": "read"}, nil, "(read prod/data/db)"},
		"changing the secret":       {paths{"secret/data/ci/infra": "read update"}, nil, "(update secret/data/ci/infra)"},
		"ending others' leases":     {paths{"sys/leases/renew": "update", "sys/leases/revoke": "update"}, nil, "(update sys/leases/revoke)"},
		"changing policies":         {nil, paths{"sys/policies/": "update"}, "update sys/policies/*"},
	} {
		t.Run(name, func(t *testing.T) {
			tell := call{method: "GET", path: powerPath, token: "t0ken-of-the-run", answer: power(test.exact, test.glob)}
			d := newDouble(t, loginCall(), mountCall(mountV2), readCall(secretPath, secretV2), tell, revokeCall()).start()
			fields, err := Read(t.Context(), d.config())
			if err != nil {
				t.Fatal(err)
			}
			if text := warned(fields); test.warned == "" && text != "" || !strings.Contains(text, test.warned) {
				t.Errorf("warnings %q, want %q", text, test.warned)
			}
		})
	}
}
