package vault

import (
	"bufio"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// maxAnswer is the size in bytes of the longest answer that is read. Vault's
// storages hold no entry of more than a megabyte:
// https://developer.hashicorp.com/vault/docs/internals/limits
const maxAnswer = 8 << 20

// newClient makes a client from the configuration alone.
func newClient(c Config) (*api.Client, error) {
	transport, err := c.Way.Transport(c.PerTry)
	if err != nil {
		return nil, fault.Mark(fault.Settings, fmt.Errorf("vault: %w", err))
	}
	if c.CACert != "" {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(c.CACert)) {
			return nil, fault.Mark(fault.Settings, errors.New("vault: vault_ca_cert holds no PEM certificate"))
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	config := &api.Config{
		Address:          c.Addr,
		HttpClient:       egress.Client(guarded{transport}, 0),
		DisableRedirects: true,
		Timeout:          c.PerTry,
		MinRetryWait:     time.Second,
		MaxRetryWait:     time.Second,
		MaxRetries:       0, // retrying is done here, with the deadline of the whole in view
	}
	var client *api.Client
	err = withoutAmbient(func() (err error) {
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

// guarded is a transport that reads no endless answers and follows nobody: a
// request holds the token, or what a token is given for.
type guarded struct{ http.RoundTripper }

func (t guarded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if to, err := response.Location(); err == nil && response.StatusCode/100 == 3 {
		_ = response.Body.Close() // nothing in it is wanted
		return nil, fault.WithFix(&redirected{
			status: response.StatusCode, to: to.Scheme + "://" + to.Host,
			upgrade: to.Hostname() == request.URL.Hostname() && to.Scheme != request.URL.Scheme,
		}, "if that is the right place, set vault_addr to it")
	}
	body := bufio.NewReader(response.Body)
	if unlikeVault(response, body) {
		_ = response.Body.Close() // nothing in it is wanted
		kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
		return nil, fault.WithFix(&notVault{status: response.StatusCode, kind: kind}, "set vault_addr to Vault itself, not to a page or a log-in in front of it")
	}
	response.Body = &capped{Reader: body, Closer: response.Body, left: maxAnswer}
	return response, nil
}

// unlikeVault reports whether an answer cannot be Vault's, whose answers are objects
// of JSON: a page, or the log-in of a gateway. What a proxy says while Vault is
// down is no such thing.
func unlikeVault(response *http.Response, body *bufio.Reader) bool {
	switch class := response.StatusCode / 100; {
	case response.StatusCode == http.StatusNoContent:
		return false
	case class == 4 && response.StatusCode != http.StatusTooManyRequests:
		return strings.HasPrefix(response.Header.Get("Content-Type"), "text/html")
	case class != 2:
		return class == 3
	}
	for {
		first, err := body.Peek(1)
		switch {
		case err != nil:
			return errors.Is(err, io.EOF) // other errors are for the reader
		case first[0] == '{':
			return false
		case !strings.ContainsRune(" \t\r\n", rune(first[0])):
			return true
		}
		_, _ = body.Discard(1) // it was seen above
	}
}

// notVault is an answer that is not Vault's.
type notVault struct {
	status int
	kind   string // its content type
}

// Error says what came.
func (s *notVault) Error() string {
	return fmt.Sprintf("%d with %s, which is no answer of Vault", s.status, text.Line(cmp.Or(s.kind, "no content"), 60))
}

// redirected is an answer that names another place to ask.
type redirected struct {
	status  int
	to      string // scheme and host
	upgrade bool   // the same host by another scheme
}

// Error says where to.
func (r *redirected) Error() string {
	return fmt.Sprintf("%d: redirected to %s, which is not followed with a login", r.status, text.Line(r.to, 200))
}

// errTooLong is what reading an answer of more than maxAnswer bytes ends with.
var errTooLong = fault.WithFix(fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20), "is this a Vault?")

// capped fails when more than left bytes are read.
type capped struct {
	io.Reader
	io.Closer
	left int
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.left -= n; c.left < 0 {
		return 0, errTooLong
	}
	return n, err
}
