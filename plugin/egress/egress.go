// Package egress decides how connections by HTTP leave this machine: to the
// forge, Vault and chat alike. Of the environment nothing is used.
package egress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Way is how servers are reached. Its zero value is the direct way, with the
// system's certificates.
type Way struct {
	CACert  string        // PEM of authorities that are trusted beside the system's
	Proxy   secret.String // URL of a proxy for https, which may hold user and password; empty for none
	NoProxy []string      // hosts that are reached without it, as curl reads them in NO_PROXY
}

// CheckProxy tells what is wrong with the URL of a proxy, and shows nothing of
// it. The text of its error follows the setting's name.
func CheckProxy(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https":
		return fault.WithFix(errors.New("is not the URL of an HTTP proxy"), "write http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with both URL-escaped")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return fault.WithFix(errors.New("has something after host and port"), "write http://HOST:PORT")
	}
	return nil
}

// ProxyPassword is the password in the URL of a proxy, empty when there is none.
func (w Way) ProxyPassword() secret.String {
	u, err := url.Parse(w.Proxy.Reveal())
	if err != nil {
		return secret.String{}
	}
	password, _ := u.User.Password()
	return secret.New(password)
}

// Transport makes connections on this way. Plain http is never sent through the
// proxy, which would read the login that it carries.
func (w Way) Transport(dial time.Duration) (*http.Transport, error) {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dial, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    dial,
		ExpectContinueTimeout:  time.Second,
		IdleConnTimeout:        30 * time.Second,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		OnProxyConnectResponse: judgeProxy,
	}
	if w.CACert != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool() // a machine without certificates
		}
		if !pool.AppendCertsFromPEM([]byte(w.CACert)) {
			return nil, errors.New("git_ca_cert holds no PEM certificate")
		}
		t.TLSClientConfig.RootCAs = pool
	}
	if w.Proxy.Empty() {
		return t, nil
	}
	if err := CheckProxy(w.Proxy.Reveal()); err != nil {
		return nil, fmt.Errorf("proxy %w", err)
	}
	choose := (&httpproxy.Config{HTTPSProxy: w.Proxy.Reveal(), NoProxy: strings.Join(w.NoProxy, ",")}).ProxyFunc()
	t.Proxy = func(r *http.Request) (*url.URL, error) { return choose(r.URL) }
	return t, nil
}

// Client makes calls over a transport, each within a time, 0 for no limit of its
// own. It follows no redirect, which would carry login and message elsewhere: the
// answer that leads away is handed back.
func Client(transport http.RoundTripper, timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: transport, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// WithoutURL is what went wrong with a call, without the URL that net/http puts
// before it: it may hold a secret, and whoever called names the server better.
func WithoutURL(err error) error {
	if way, ok := errors.AsType[*url.Error](err); ok {
		return way.Err
	}
	return err
}

// RetryAfter is how long an answer asks to wait, in seconds or as a date, and
// whether it does. Nobody waits for longer than a day.
func RetryAfter(header http.Header) (wait time.Duration, asks bool) {
	const day = 24 * time.Hour
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(day/time.Second))) * time.Second, true
	}
	date, err := http.ParseTime(text)
	return min(max(0, time.Until(date)), day), err == nil
}

// ThisMachine reports whether a host is this machine by its very name: nothing sent
// there crosses a network.
func ThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// ProxyError is the refusal of a proxy to connect to a server.
type ProxyError struct {
	Status int
	Proxy  string // host and port
	Target string // host and port
}

// Error says what the proxy answered.
func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy %s does not connect to %s: %d %s", e.Proxy, text.Line(e.Target, 200), e.Status, http.StatusText(e.Status))
}

// Temporary reports whether the proxy may do it later.
func (e *ProxyError) Temporary() bool {
	return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
}

func judgeProxy(_ context.Context, proxy *url.URL, request *http.Request, response *http.Response) error {
	if response.StatusCode == http.StatusOK {
		return nil
	}
	refused := &ProxyError{Status: response.StatusCode, Proxy: proxy.Host, Target: request.Host}
	switch {
	case refused.Status == http.StatusProxyAuthRequired:
		return fault.WithFix(refused, "give user and password in the setting proxy: http://USER:PASSWORD@HOST:PORT, both URL-escaped")
	case refused.Temporary():
		return refused
	}
	return fault.WithFix(refused, "have the proxy allow it, or name the host in no_proxy when it can be reached directly")
}
