// Package vault stands in for HashiCorp Vault.
package vault

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options say who may log in and what is kept.
type Options struct {
	Role, JWT string // what a Kubernetes or JWT login must bring
	Token     string // a token that is valid from the start, when set
	// Secrets are the fields of each path below the mount, such as "ci/infra".
	Secrets map[string]map[string]string
}

// Vault answers the part of Vault's HTTP API that reading one secret needs: logins
// by Kubernetes and JWT, KV version 2, and looking up and revoking the own token.
type Vault struct {
	options Options
	addr    string
	server  *http.Server
	mu      sync.Mutex
	sealed  bool
	calls   []Call
	tokens  map[string]bool // true while valid
}

// Call is one request that Vault received.
type Call struct {
	Method string
	Path   string // without /v1/
	Token  string // X-Vault-Token
	Status int    // of the answer
}

// Start starts Vault on a free port of the loopback interface.
func Start(o Options) (*Vault, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port for the stand-in Vault: %w", err)
	}
	v := &Vault{options: o, addr: "http://" + listener.Addr().String(), tokens: map[string]bool{}}
	if o.Token != "" {
		v.tokens[o.Token] = true
	}
	v.server = &http.Server{Handler: http.HandlerFunc(v.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = v.server.Serve(listener) }()
	return v, nil
}

// Close stops the server.
func (v *Vault) Close() error { return v.server.Close() }

// Addr is the base URL, as vault_addr wants it.
func (v *Vault) Addr() string { return v.addr }

// SetSealed seals or unseals: everything answers 503 while sealed.
func (v *Vault) SetSealed(sealed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sealed = sealed
}

// SetSecret replaces the fields of one path below the mount.
func (v *Vault) SetSecret(path string, fields map[string]string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.options.Secrets == nil {
		v.options.Secrets = map[string]map[string]string{}
	}
	v.options.Secrets[path] = fields
}

// Calls are the requests so far, oldest first.
func (v *Vault) Calls() []Call {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]Call(nil), v.calls...)
}

// LiveTokens counts the tokens from logins that nobody has revoked yet.
func (v *Vault) LiveTokens() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for token, valid := range v.tokens {
		if valid && token != v.options.Token {
			n++
		}
	}
	return n
}

// answer is a status and a body: of data, or of errors.
type answer struct {
	status int
	body   any
}

func errorsOf(status int, messages ...string) answer {
	if messages == nil {
		messages = []string{}
	}
	return answer{status, map[string]any{"errors": messages}}
}

var denied = errorsOf(http.StatusForbidden, "permission denied")

func (v *Vault) serve(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	token := r.Header.Get("X-Vault-Token")
	answer := v.answer(r, path, token)
	v.calls = append(v.calls, Call{Method: r.Method, Path: path, Token: token, Status: answer.status})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(answer.status)
	if answer.body != nil {
		_ = json.NewEncoder(w).Encode(answer.body)
	}
}

func (v *Vault) answer(r *http.Request, path, token string) answer {
	if v.sealed {
		return errorsOf(http.StatusServiceUnavailable, "Vault is sealed")
	}
	if strings.HasPrefix(path, "auth/") && strings.HasSuffix(path, "/login") {
		return v.login(r)
	}
	if !v.tokens[token] {
		return denied
	}
	return v.authenticated(r, path, token)
}

// login gives a token for a role with its JWT. Vault says 400 for an unknown role
// and 403 for a wrong identity.
func (v *Vault) login(r *http.Request) answer {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return errorsOf(http.StatusMethodNotAllowed)
	}
	var body struct {
		Role string `json:"role"`
		JWT  string `json:"jwt"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return errorsOf(http.StatusBadRequest, "failed to parse JSON input: "+err.Error())
	}
	switch {
	case body.JWT == "":
		return errorsOf(http.StatusBadRequest, "missing jwt")
	case body.Role == "" || body.Role != v.options.Role:
		return errorsOf(http.StatusBadRequest, fmt.Sprintf("invalid role name %q", body.Role))
	case body.JWT != v.options.JWT:
		return denied
	}
	token := "hvs." + rand.Text()
	v.tokens[token] = true
	return answer{http.StatusOK, dataOf(nil, map[string]any{
		"client_token": token, "accessor": rand.Text(), "policies": []string{"default", "ci"},
		"token_policies": []string{"default", "ci"}, "lease_duration": 1200, "renewable": true, "token_type": "service",
	})}
}

func (v *Vault) authenticated(r *http.Request, path, token string) answer {
	switch path {
	case "auth/token/revoke-self":
		v.tokens[token] = false
		return answer{status: http.StatusNoContent}
	case "auth/token/lookup-self":
		return answer{http.StatusOK, dataOf(map[string]any{
			"id": token, "policies": []string{"default", "ci"}, "ttl": 1200, "renewable": true, "type": "service", "display_name": "ci",
		}, nil)}
	}
	const mount = "secret/"
	if rest, ok := strings.CutPrefix(path, "sys/internal/ui/mounts/"); ok {
		if !strings.HasPrefix(rest+"/", mount) {
			return errorsOf(http.StatusForbidden, "preflight capability check returned 403, please ensure client's policies grant access to path \""+rest+"/\"")
		}
		return answer{http.StatusOK, dataOf(map[string]any{
			"accessor": "kv_standin", "path": mount, "type": "kv", "options": map[string]any{"version": "2"},
		}, nil)}
	}
	if rest, ok := strings.CutPrefix(path, mount); ok && r.Method == http.MethodGet {
		return v.read(rest)
	}
	return denied
}

func (v *Vault) read(path string) answer {
	fields, ok := v.options.Secrets[strings.TrimPrefix(path, "data/")]
	if !ok {
		return errorsOf(http.StatusNotFound)
	}
	return answer{http.StatusOK, dataOf(map[string]any{
		"data": fields,
		"metadata": map[string]any{
			"created_time": "2026-04-14T09:00:00Z", "custom_metadata": nil, "deletion_time": "", "destroyed": false, "version": 1,
		},
	}, nil)}
}

// dataOf is the envelope around every answer that is not an error.
func dataOf(data, auth any) map[string]any {
	return map[string]any{
		"request_id": rand.Text(), "lease_id": "", "renewable": false, "lease_duration": 0,
		"data": data, "wrap_info": nil, "warnings": nil, "auth": auth,
	}
}
