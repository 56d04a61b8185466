package egressproxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// world is a proxy on a Unix socket, as a sandbox has it, and a server on
// loopback that all names of the list lead to.
type world struct {
	*Proxy
	socket string
	server *httptest.Server
	port   string
}

func newWorld(t *testing.T, handler http.HandlerFunc, list ...string) *world {
	t.Helper()
	w := &world{server: httptest.NewServer(handler)}
	t.Cleanup(w.server.Close)
	_, w.port, _ = net.SplitHostPort(w.server.Listener.Addr().String())
	for i, one := range list {
		list[i] = strings.ReplaceAll(one, "PORT", w.port)
	}
	servers, err := ParseServers(list)
	if err != nil {
		t.Fatal(err)
	}
	w.socket = filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", w.socket)
	if err != nil {
		t.Fatal(err)
	}
	w.Proxy = Serve(listener, Config{Servers: servers, Resolve: resolve, Dial: (&net.Dialer{}).DialContext})
	t.Cleanup(func() { w.Close() })
	return w
}

// resolve knows names of loopback, of a cloud's metadata, and of nothing.
func resolve(_ context.Context, name string) ([]netip.Addr, error) {
	switch {
	case name == "localhost":
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	case strings.HasPrefix(name, "metadata"):
		return []netip.Addr{netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("::ffff:169.254.169.254")}, nil
	case strings.HasPrefix(name, "rebound"):
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("0.0.0.0")}, nil
	}
	return nil, errors.New("no such name")
}

// ask sends what stands on a line of its own and returns the first line of the answer.
func (w *world) ask(t *testing.T, request string) (status string, conn net.Conn) {
	t.Helper()
	conn, err := net.Dial("unix", w.socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 0, 64)
	for one := make([]byte, 1); !strings.HasSuffix(string(line), "\r\n\r\n"); {
		if _, err := conn.Read(one); err != nil {
			break
		}
		line = append(line, one[0])
	}
	status, _, _ = strings.Cut(string(line), "\r\n")
	return status, conn
}

func TestTunnelLeadsToListedServersAlone(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	w := newWorld(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) }, "localhost:PORT", "metadata.example.com", "rebound.example.com:PORT", "gone.example.com")
	for target, want := range map[string]string{
		"localhost:" + w.port:           "200",
		"LOCALHOST.:" + w.port:          "200",
		"127.0.0.1:" + w.port:           "403", // another name for it is not on the list
		"[::1]:" + w.port:               "403",
		"2130706433:" + w.port:          "403",
		"localhost:1":                   "403", // nor is another port
		"localhost":                     "403",
		"example.com:443":               "403",
		"gone.example.com:443":          "502",
		"metadata.example.com:443":      "403",
		"169.254.169.254:80":            "403",
		"rebound.example.com:" + w.port: "403",
		"gone.example.com.evil.com:443": "403",
	} {
		status, _ := w.ask(t, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n")
		if !strings.HasPrefix(status, "HTTP/1.1 "+want) {
			t.Errorf("%s: %q instead of %s", target, status, want)
		}
	}
	if asked.Load() != 0 {
		t.Error("the server was asked, and nobody spoke to it")
	}
	refused := w.Close()
	for _, target := range []string{"example.com:443", "169.254.169.254:80", "metadata.example.com:443 at 169.254.169.254", "rebound.example.com:" + w.port + " at 127.0.0.1"} {
		if !slices.Contains(refused, target) {
			t.Errorf("%q is not among what was refused: %q", target, refused)
		}
	}
}

func TestPlainRequestsLeadToListedServersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %s", r.Host, r.URL.Path, r.Header.Get("X-Api-Key"))
	}, "localhost:PORT")
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "sandbox"}),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", w.socket)
		},
	}}
	defer client.CloseIdleConnections()
	get := func(at string) (int, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Api-Key", "mine")
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	// The same connection to the proxy carries all of them.
	if code, body := get("http://localhost:" + w.port + "/v1/messages"); code != 200 || body != "localhost:"+w.port+" /v1/messages mine" {
		t.Errorf("the listed one: %d %s", code, body)
	}
	if code, _ := get("http://127.0.0.1:" + w.port + "/"); code != 403 {
		t.Errorf("another name of it: %d", code)
	}
	if code, _ := get("http://169.254.169.254/latest/meta-data/"); code != 403 {
		t.Errorf("metadata: %d", code)
	}
	for name, request := range map[string]string{
		"a Host that is another one": "GET http://example.com/ HTTP/1.1\r\nHost: localhost:" + w.port + "\r\n\r\n",
		"no absolute URL":            "GET / HTTP/1.1\r\nHost: localhost:" + w.port + "\r\n\r\n",
		"https in the clear":         "GET https://localhost:" + w.port + "/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"a header without end":       "GET http://localhost:" + w.port + "/ HTTP/1.1\r\nX: " + strings.Repeat("x", 2*maxHeader) + "\r\n\r\n",
	} {
		if status, _ := w.ask(t, request); !strings.Contains(status, " 40") && !strings.Contains(status, " 431") {
			t.Errorf("%s: %q", name, status)
		}
	}
}

func TestAnswersOfAModelComeAsTheyAreMade(t *testing.T) {
	t.Parallel()
	more := make(chan struct{})
	w := newWorld(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, "second\n")
	}, "localhost:PORT")
	_, conn := w.ask(t, "GET http://localhost:"+w.port+"/ HTTP/1.0\r\n\r\n")
	lines := bufio.NewReader(conn)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("%q %v", line, err)
	}
	close(more)
	if line, err := lines.ReadString('\n'); line != "second\n" {
		t.Fatalf("%q %v", line, err)
	}
}

func TestNothingIsOpenOnceAProxyIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(http.ResponseWriter, *http.Request) {}, "localhost:PORT")
	status, conn := w.ask(t, "CONNECT localhost:"+w.port+" HTTP/1.1\r\n\r\n")
	if !strings.Contains(status, " 200 ") {
		t.Fatal(status)
	}
	w.Close()
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes", n)
	}
	if _, err := net.Dial("unix", w.socket); err == nil {
		t.Error("somebody listens")
	}
}

func TestWhatWasRefusedIsToldOnceAndFitForPrinting(t *testing.T) {
	t.Parallel()
	p := &Proxy{}
	for range 2 {
		for i := range 2 * maxRefused {
			_, _ = p.connect(t.Context(), fmt.Sprintf("Evil%02d\x1b[31m\u202e.example:443", i))
		}
	}
	if len(p.refused) != maxRefused {
		t.Fatalf("%d are remembered", len(p.refused))
	}
	for i, target := range p.refused {
		if target != fmt.Sprintf("evil%02d.example:443", i) {
			t.Errorf("%q", target)
		}
	}
}

func TestServers(t *testing.T) {
	t.Parallel()
	for one, want := range map[string]string{
		"api.anthropic.com": "api.anthropic.com:443", "API.Anthropic.com.:8443": "api.anthropic.com:8443", "10.0.0.1": "10.0.0.1:443",
		"[fd00::1]:8080": "[fd00::1]:8080", "fd00::1": "[fd00::1]:443", "localhost:4000": "localhost:4000",
		"": "", "*.example.com": "", "https://example.com": "", "example.com/x": "", "a:0": "", "a:65536": "", "a:b": "", "a b": "", "-a": "",
	} {
		servers, err := ParseServers([]string{one, one})
		if want == "" {
			if err == nil {
				t.Errorf("%q: %q", one, servers)
			}
			continue
		}
		if err != nil || !slices.Equal(servers, Servers{want}) {
			t.Errorf("%q: %q %v", one, servers, err)
		}
	}
}
