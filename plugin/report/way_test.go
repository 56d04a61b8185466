package report

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/egress/proxytest"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

func TestSlackIsReachedBehindAPrivateCAAndAProxy(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok"))
	}))
	defer server.Close()
	proxy := proxytest.New(t, server.Listener.Addr().String())
	p, err := NewPoster(Slack{
		Webhook: secret.New("https://example.com/services/T/B/x"), // the name in the server's certificate
		Way: egress.Way{
			CACert: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
			Proxy:  secret.New(proxy.URL),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Post(t.Context(), Result(quiet())); err != nil {
		t.Fatal(err)
	}
	if asked := proxy.Asked(); len(asked) != 1 || asked[0] != "CONNECT example.com:443" {
		t.Errorf("the proxy was asked for %q", asked)
	}
	proxy.Refuse(http.StatusForbidden)
	_, err = p.Post(t.Context(), Result(quiet()))
	checkError(t, err, "no_proxy")
}
