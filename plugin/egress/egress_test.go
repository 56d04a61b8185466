package egress_test

import (
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/egress/proxytest"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// site is a server with a certificate of a private authority, and a proxy in
// front of it. The certificate is for example.com.
func site(t *testing.T) (*httptest.Server, *proxytest.Proxy, egress.Way) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	proxy := proxytest.New(t, server.Listener.Addr().String())
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return server, proxy, egress.Way{CACert: string(authority), Proxy: secret.New(proxy.URL)}
}

func get(t *testing.T, w egress.Way, url string) error {
	t.Helper()
	transport, err := w.Transport(5 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func TestAServerBehindAProxyAndAPrivateCAIsReached(t *testing.T) {
	t.Parallel()
	_, proxy, way := site(t)
	if err := get(t, way, "https://example.com/x"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"CONNECT example.com:443"}; !slices.Equal(proxy.Asked(), want) {
		t.Errorf("the proxy was asked for %q", proxy.Asked())
	}
	way.CACert = ""
	if get(t, way, "https://example.com/x") == nil {
		t.Error("a certificate of nobody's is taken")
	}
}

func TestHostsOfNoProxyAndPlainHTTPGoDirectly(t *testing.T) {
	t.Parallel()
	server, proxy, way := site(t)
	open := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(open.Close)
	way.NoProxy = []string{"10.0.0.0/8", ".internal.invalid", "forge.invalid"}
	for _, url := range []string{"https://forge.invalid/", "https://vault.internal.invalid:1/"} {
		_ = get(t, egress.Way{CACert: way.CACert, Proxy: way.Proxy, NoProxy: way.NoProxy}, url) // there is nothing
	}
	if err := get(t, way, open.URL); err != nil {
		t.Error(err)
	}
	if err := get(t, way, server.URL); err != nil { // this machine
		t.Error(err)
	}
	if asked := proxy.Asked(); len(asked) != 0 {
		t.Errorf("the proxy was asked for %q", asked)
	}
}

func TestRefusalsOfAProxyNameTheWayOut(t *testing.T) {
	t.Parallel()
	_, proxy, way := site(t)
	stranger := way
	stranger.Proxy = secret.New(strings.Replace(proxy.URL, proxytest.User+":", "mallory:", 1))
	check := func(name string, w egress.Way, status int, temporary bool, says string) {
		t.Helper()
		err := get(t, w, "https://example.com/")
		refused, ok := errors.AsType[*egress.ProxyError](err)
		if !ok || refused.Status != status || refused.Temporary() != temporary || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), proxytest.Password) || strings.Contains(err.Error(), "p%40ss")) {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
	check("another user", stranger, 407, false, "USER:PASSWORD")
	proxy.Refuse(http.StatusForbidden)
	check("forbidden", way, 403, false, "no_proxy")
	proxy.Refuse(http.StatusServiceUnavailable)
	check("overloaded", way, 503, true, "example.com:443")
}

func TestThreat10_TheEnvironmentDoesNotChooseAProxy(t *testing.T) {
	_, proxy, way := site(t)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("https_proxy", proxy.URL)
	way.Proxy = secret.String{}
	if get(t, way, "https://pm-todos.invalid/") == nil || len(proxy.Asked()) != 0 {
		t.Errorf("the proxy of the environment was asked for %q", proxy.Asked())
	}
}

func TestWrongProxiesAreNamedAndNotShown(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "proxy:3128", "socks5://u:hunter2@proxy:1080", "http://u:hunter2@:3128", "http://u:hunter2@proxy/path", "http://u:hunter2@pro xy", "http://u:hunter2%zz@proxy"} {
		if err := egress.CheckProxy(text); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"http://proxy:3128", "https://u:hunter2@proxy", "http://[fd00::1]:3128/"} {
		if err := egress.CheckProxy(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if password := (egress.Way{Proxy: secret.New("http://u:hunter%322@proxy")}).ProxyPassword(); password.Reveal() != "hunter22" {
		t.Error("the password is not found")
	}
}

func TestThisMachineIsKnownByItsNameAlone(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example.org": false, "127.0.0.1.example.org": false, "10.0.0.1": false, "::": false, "0.0.0.0": false, "git.localhost": false,
	} {
		if got := egress.ThisMachine(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for text, want := range map[string]time.Duration{
			"0": 0, "7": 7 * time.Second, "3600": time.Hour, "99999999999999999": 24 * time.Hour,
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):  time.Minute,
			time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
			time.Now().AddDate(5, 0, 0).UTC().Format(http.TimeFormat):  24 * time.Hour,
		} {
			if got, asks := egress.RetryAfter(http.Header{"Retry-After": {text}}); got != want || !asks {
				t.Errorf("%q: %v, %v; want %v", text, got, asks, want)
			}
		}
		for _, text := range []string{"", "-1", "soon", "1.5", " 3"} {
			if got, asks := egress.RetryAfter(http.Header{"Retry-After": {text}}); got != 0 || asks {
				t.Errorf("%q: %v, %v; want no wish", text, got, asks)
			}
		}
	})
}
