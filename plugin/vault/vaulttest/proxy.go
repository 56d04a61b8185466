package vaulttest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Proxy is between a client and Vault. It remembers the tokens that went
// through, and does to requests what the test wants.
type Proxy struct {
	URL string // base URL, as vault_addr takes it

	mu        sync.Mutex
	tokens    []string // that log-ins gave
	accessors []string // of the same
	requests  []string // "GET secret/data/ci/infra"
}

// Proxy starts a proxy until the test ends. around, when not nil, wraps what
// passes requests on; their paths begin with /v1/.
func (s *Server) Proxy(t testing.TB, around func(http.Handler) http.Handler) *Proxy {
	t.Helper()
	target, err := url.Parse(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{}
	pass := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: p.remember,
		ErrorHandler:   func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // the client went away
	}
	var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/v1/"))
		p.mu.Unlock()
		pass.ServeHTTP(w, r)
	})
	if around != nil {
		handler = around(handler)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// remember notes the token in the answer to a log-in.
func (p *Proxy) remember(response *http.Response) error {
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(content))
	var answer struct {
		Auth struct {
			Accessor string `json:"accessor"`
			Token    string `json:"client_token"`
		} `json:"auth"`
	}
	if json.Unmarshal(content, &answer) == nil && answer.Auth.Accessor != "" {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.accessors, p.tokens = append(p.accessors, answer.Auth.Accessor), append(p.tokens, answer.Auth.Token)
	}
	return nil
}

// Accessors are those of the tokens that log-ins through the proxy gave.
func (p *Proxy) Accessors() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.accessors...)
}

// Tokens are those that log-ins through the proxy gave.
func (p *Proxy) Tokens() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.tokens...)
}

// Requests are what was passed on, as in "GET secret/data/ci/infra".
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// Lose lets Vault do what the request wants and drops the answer on the floor:
// the client sees a connection that ends.
func Lose(next http.Handler, r *http.Request) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}
