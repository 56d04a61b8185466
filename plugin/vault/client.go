package vault

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"pm-todos/plugin/fault"
)

// maxAnswer is the size in bytes of the longest answer that is read: Vault's
// own limit for a request, so that no secret is longer.
const maxAnswer = 32 << 20

// newClient makes a client from the configuration alone.
func newClient(c Config) (*api.Client, error) {
	transport := &http.Transport{
		// No Proxy: the environment must not decide who sees the login.
		DialContext:         (&net.Dialer{Timeout: c.PerTry}).DialContext,
		TLSHandshakeTimeout: c.PerTry,
		ForceAttemptHTTP2:   true,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if len(c.CACert) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(c.CACert) {
			return nil, fault.Mark(fault.Settings, errors.New("vault: vault_ca_cert holds no PEM certificate"))
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	config := &api.Config{
		Address: c.Addr,
		HttpClient: &http.Client{
			Transport: capped{transport},
			// The client follows one redirect (standby to active) by itself.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		Timeout:      c.PerTry,
		MinRetryWait: time.Second,
		MaxRetryWait: time.Second,
		MaxRetries:   0, // retrying is done here, with the deadline of the whole in view
	}
	var client *api.Client
	err := withoutAmbient(func() (err error) {
		client, err = api.NewClient(config)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("vault: make a client for %s: %w", c.Addr, err)
	}
	// Without this the client asks for wrapped answers when VAULT_WRAP_TTL is set.
	client.SetWrappingLookupFunc(func(_, _ string) string { return "" })
	if c.Namespace != "" {
		client.SetNamespace(c.Namespace)
	}
	return client, nil
}

var ambient sync.Mutex

// withoutAmbient calls f while the process has no VAULT_* variables. The
// client's constructor reads them even when it is given a configuration: it
// takes token, namespace and headers from them, and fails when one is garbage.
func withoutAmbient(f func() error) error {
	ambient.Lock()
	defer ambient.Unlock()
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "VAULT_") {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("vault: unset %s for a moment: %w", name, err)
		}
		defer func() { _ = os.Setenv(name, value) }()
	}
	return f()
}

// capped limits the length of every answer.
type capped struct{ http.RoundTripper }

func (t capped) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxAnswer), response.Body}
	return response, nil
}
