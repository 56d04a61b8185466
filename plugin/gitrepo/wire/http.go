package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// httpTransport speaks git's smart protocol over HTTP with a client of its
// own: no proxy from the environment, no cookies, no netrc.
type httpTransport struct {
	client   *http.Client
	base     string // URL without a trailing slash
	user     string
	password secret.String
	place    atomic.Pointer[string] // where the repository was found last
}

func newHTTPTransport(a address, o Access) (*httpTransport, error) {
	t, err := o.Way.Transport(dialTimeout)
	if err != nil {
		return nil, err
	}
	t.MaxIdleConns = 2
	user := o.Username
	if user == "" {
		user = a.user
	}
	if user == "" && !o.Password.Empty() {
		// Forges take a token with any user name, but not with none.
		user = "git"
	}
	plain := a
	plain.user = ""
	return &httpTransport{
		client:   &http.Client{Transport: t, CheckRedirect: checkRedirect},
		base:     strings.TrimRight(plain.String(), "/"),
		user:     user,
		password: o.Password,
	}, nil
}

// dialTimeout bounds connecting and, on its own, the handshake that follows.
const dialTimeout = 15 * time.Second

// checkRedirect lets a remote correct the path of its repository, and nothing
// else: the credentials must not reach another host, nor a plain connection.
func checkRedirect(req *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	switch {
	case req.Method != http.MethodGet:
		return fault.WithFix(fmt.Errorf("%w a push or a fetch", errRedirect), "name the address it redirects to as remote")
	case len(via) > 5:
		return fmt.Errorf("%w more than five times", errRedirect)
	case req.URL.Host == from.Host && req.URL.Scheme == from.Scheme:
		return nil
	case from.Scheme == "http" && req.URL.Scheme == "https" && req.URL.Hostname() == from.Hostname():
		return nil
	}
	return fault.WithFix(fmt.Errorf("%w to %s", errRedirect, Printable(req.URL.Redacted())), "name that address as remote if it is right")
}

var errRedirect = errors.New("the remote redirects")

// isLasting reports whether a request that got no answer would get none the next
// time either: the two sides do not understand or trust each other. The errors
// of HTTP/2's streams have no type of their own, so the others pass.
func isLasting(err error) bool {
	var refused *egress.ProxyError
	if errors.As(err, &refused) {
		return !refused.Temporary()
	}
	var untrusted *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	var alert tls.AlertError
	return errors.Is(err, errRedirect) || errors.Is(err, http.ErrSchemeMismatch) ||
		errors.As(err, &untrusted) || errors.As(err, &noTLS) || errors.As(err, &alert)
}

// arriving is the body of an answer. That it breaks off is a passing trouble.
type arriving struct{ io.ReadCloser }

func (a arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = transientError{error: err}
	}
	return n, err
}

func (t *httpTransport) open(ctx context.Context, s service, greeted bool) (conversation, error) {
	c := &httpConversation{ctx: ctx, transport: t, service: s}
	if base := t.place.Load(); greeted && base != nil {
		c.base = *base // requests of this protocol stand alone
		return c, nil
	}
	res, err := c.do(http.MethodGet, t.base+"/info/refs?service="+string(s), nil, "advertisement")
	if err != nil {
		return nil, err
	}
	c.greets = res.Body
	// After a redirect of the path the same repository is asked at its place.
	place := *res.Request.URL
	place.RawQuery, place.User = "", nil
	c.base = strings.TrimSuffix(place.String(), "/info/refs")
	t.place.Store(&c.base)
	return c, nil
}

func (t *httpTransport) close() { t.client.CloseIdleConnections() }

type httpConversation struct {
	ctx       context.Context //nolint:containedctx // one conversation is one remote act
	transport *httpTransport
	service   service
	base      string
	greets    io.ReadCloser
	answer    io.ReadCloser
}

func (c *httpConversation) greeting() io.Reader {
	if c.greets == nil {
		return nil
	}
	return c.greets
}

func (c *httpConversation) said() string { return "" }

func (c *httpConversation) ask(request []byte) (io.Reader, error) {
	if c.greets != nil {
		// Only then its connection is free for the request.
		drain(c.greets)
		_ = c.greets.Close()
		c.greets = nil
	}
	res, err := c.do(http.MethodPost, c.base+"/"+string(c.service), request, "result")
	if err != nil {
		return nil, err
	}
	c.answer = res.Body
	return res.Body, nil
}

func (c *httpConversation) close() error {
	for _, body := range []io.ReadCloser{c.greets, c.answer} {
		if body != nil {
			// A body that was read to its end lets the connection be used again.
			drain(body)
			_ = body.Close()
		}
	}
	return nil
}

func (c *httpConversation) do(method, target string, body []byte, kind string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(c.ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the remote URL cannot be used")
	}
	req.Header.Set("User-Agent", "git/pm-todos")
	want := "application/x-" + string(c.service) + "-" + kind
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-"+string(c.service)+"-request")
		req.Header.Set("Accept", want)
	}
	if c.transport.user != "" {
		req.SetBasicAuth(c.transport.user, c.transport.password.Reveal())
	}
	res, err := c.transport.client.Do(req)
	if err != nil {
		err = egress.WithoutURL(err)
		var stranger x509.UnknownAuthorityError
		if errors.As(err, &stranger) {
			err = fault.WithFix(err, "if a private CA signed its certificate, give that CA in git_ca_cert")
		}
		if !isLasting(err) {
			err = transientError{error: err}
		}
		return nil, err
	}
	res.Body = arriving{res.Body}
	if err := checkResponse(res, want); err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	return res, nil
}

// checkResponse tells the refusals of an HTTP server apart by their status.
func checkResponse(res *http.Response, want string) error {
	if res.StatusCode == http.StatusOK {
		got, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if got != want {
			return fmt.Errorf("the remote answers with %q, not with git's protocol: is the URL that of a repository, and do the credentials suffice?", Printable(got))
		}
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, maxTail))
	problem := fmt.Errorf("HTTP status %d: %s", res.StatusCode, Printable(string(text)))
	wait, asks := egress.RetryAfter(res.Header)
	switch {
	case res.StatusCode == http.StatusForbidden && asks:
		return transientError{problem, wait} // how some forges limit the rate
	case res.StatusCode == http.StatusNonAuthoritativeInfo: // Azure DevOps to a token that is expired or wrong
		return fault.WithFix(fmt.Errorf("%w: it answers with a page to sign in (HTTP status 203)", ErrDenied), "check git_username and git_password, and whether the token has expired")
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden:
		return fault.WithFix(fmt.Errorf("%w (%w)", ErrDenied, problem), "check git_username and git_password and what they may do")
	case res.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%w: no such repository, or hidden from these credentials (%w)", ErrDenied, problem)
	case res.StatusCode == http.StatusRequestTimeout, res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500:
		return transientError{problem, wait}
	}
	return problem
}
