// Package egressproxy is the one way out of a sandbox that has no network: a forward
// proxy that connects to the servers on a short list and to nothing else.
//
// It runs in this program, not on the host: what an agent sends to it is read by
// net/http, and what may be reached is decided where the settings are. How names
// are resolved and connections made is for its owner to say, so that the host's
// own network is the one in use. The relay inside the sandbox, see Command, only
// carries bytes and is trusted with nothing.
package egressproxy

import (
	"context"
	"errors"
	"io"
	"log" //nolint:depguard // net/http takes no other logger to be silent
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Bounds of what is asked of a proxy. An agent has a handful of connections open
// at a time, and asks for servers with short names.
const (
	maxConnections = 64
	maxHeader      = 64 << 10 // a request over plain http has its credentials there
	headerTimeout  = 20 * time.Second
	idleTimeout    = time.Minute
	maxRefused     = 20 // targets that are remembered
)

// Config says what a proxy connects to, and how.
type Config struct {
	Servers Servers // all that may be reached
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Proxy serves the connections of one listener until it is closed.
type Proxy struct {
	config Config
	server *http.Server
	ended  chan struct{} // closed when it accepts no more

	mu      sync.Mutex
	refused []string
	tunnels map[net.Conn]bool
	closed  bool
}

// Serve starts a proxy on a listener, which is the proxy's from then on.
func Serve(listener net.Listener, config Config) *Proxy {
	p := &Proxy{config: config, ended: make(chan struct{}), tunnels: map[net.Conn]bool{}}
	silent := log.New(io.Discard, "", 0) // what an agent sends is no line of our log
	p.server = &http.Server{
		Handler: p.handler(silent), ErrorLog: silent,
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
	go func() {
		defer close(p.ended)
		_ = p.server.Serve(netutil.LimitListener(piped{listener}, maxConnections)) // until Close, or as long as what carries it
	}()
	return p
}

// piped gives connections deadlines, which channels of SSH lack. net/http needs
// them for its time limits, and to let go of a connection that becomes a tunnel.
type piped struct{ net.Listener }

// Accept is the next connection, by way of a pipe.
func (l piped) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	join := func(to, from net.Conn) {
		_, _ = io.Copy(to, from) // however it ends, both ends do
		_, _ = to.Close(), from.Close()
	}
	go join(far, conn)
	go join(conn, far)
	return near, nil
}

// Close ends the proxy and all connections through it. It returns what was asked
// for and is not on the list, each target once, as host:port fit for printing.
func (p *Proxy) Close() []string {
	_ = p.server.Close() // the listener of a lost connection is closed already
	<-p.ended
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for conn := range p.tunnels {
		_ = conn.Close() // the other end may have closed it
	}
	return slices.Clone(p.refused)
}

// handler answers CONNECT with a tunnel, and a request over plain http, which
// has an absolute URL, with what the server says.
func (p *Proxy) handler(silent *log.Logger) http.Handler {
	plain := &httputil.ReverseProxy{
		Rewrite: func(*httputil.ProxyRequest) {}, // the URL is absolute as it is
		Transport: &http.Transport{
			DialContext:        func(ctx context.Context, _, address string) (net.Conn, error) { return p.connect(ctx, address) },
			DisableCompression: true, DisableKeepAlives: true, // nothing stays open behind a proxy that is closed
		},
		FlushInterval: -1, // a model's answer is read as it comes
		ErrorLog:      silent,
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, err error) { answer(w, err) },
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodConnect:
			p.tunnel(w, r)
		case r.URL.Scheme == "http" && r.URL.Host != "":
			plain.ServeHTTP(w, r)
		default:
			http.Error(w, "this is a forward proxy: ask for CONNECT, or for an absolute http URL", http.StatusBadRequest)
		}
	})
}

// answer tells the client why there is no connection.
func answer(w http.ResponseWriter, err error) {
	code := http.StatusBadGateway
	if errors.Is(err, errRefused) {
		code = http.StatusForbidden
	}
	http.Error(w, text.Line(err.Error(), 200), code)
}

// tunnel joins the client to the server that it names, until one of them ends.
func (p *Proxy) tunnel(w http.ResponseWriter, r *http.Request) {
	server, err := p.connect(r.Context(), r.Host)
	if err != nil {
		answer(w, err)
		return
	}
	defer func() { _ = server.Close() }()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		answer(w, err)
		return
	}
	defer func() { _ = client.Close() }()
	if !p.keep(client, server) {
		return
	}
	defer p.forget(client, server)
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	pass := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from) // however it ends, the tunnel does
		ended <- struct{}{}
	}
	go pass(server, buffered) // what came right behind the request is there already
	go pass(client, server)
	<-ended
}

// keep notes the ends of a tunnel for Close; false when that was called.
func (p *Proxy) keep(ends ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range ends {
		p.tunnels[end] = true
	}
	return !p.closed
}

func (p *Proxy) forget(ends ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, end := range ends {
		delete(p.tunnels, end)
	}
}

// refuse notes a target that is not on the list.
func (p *Proxy) refuse(target string) {
	target = text.Line(strings.ToLower(target), 100)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.refused) < maxRefused && !slices.Contains(p.refused, target) {
		p.refused = append(p.refused, target)
	}
}
