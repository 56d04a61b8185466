// Package proxytest is a CONNECT proxy on loopback, for tests.
package proxytest

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// The login that the proxy demands.
const (
	User     = "carol"
	Password = "p@ss:w0rd/1"
)

// Proxy connects every host that it is asked for to one server, and remembers
// what it was asked for. Names need not exist.
type Proxy struct {
	URL string // with user and password

	server *httptest.Server
	to     string
	mu     sync.Mutex
	asked  []string
	refuse int
}

// New starts a proxy whose connections all end at an address. It ends with the
// test.
func New(tb testing.TB, to string) *Proxy {
	tb.Helper()
	p := &Proxy{to: to}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	tb.Cleanup(p.server.Close)
	u, err := url.Parse(p.server.URL)
	if err != nil {
		tb.Fatal(err)
	}
	u.User = url.UserPassword(User, Password)
	p.URL = u.String()
	return p
}

// Asked is the hosts that the proxy was asked to connect to.
func (p *Proxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.asked...)
}

// Refuse makes the proxy answer with a status; 0 ends that.
func (p *Proxy) Refuse(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = status
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host)
	refuse := p.refuse
	p.mu.Unlock()
	r.Header.Set("Authorization", r.Header.Get("Proxy-Authorization"))
	user, password, _ := r.BasicAuth()
	switch {
	case refuse != 0:
		http.Error(w, "no", refuse)
		return
	case user != User || password != Password:
		w.Header().Set("Proxy-Authenticate", `Basic realm="proxy"`)
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
		return
	case r.Method != http.MethodConnect:
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		http.Error(w, "not there", http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, buffered)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}
