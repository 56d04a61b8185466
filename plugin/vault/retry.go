package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/vault/api"

	"github.com/pm-todos/pm-todos/plugin/egress"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// do makes one request, again while its failure is temporary and the context's
// deadline allows for another wait. What is tried is named by doing. The error
// is marked with its kind; a lasting one keeps its *api.ResponseError.
func do[T any](ctx context.Context, c Config, doing string, request func(context.Context) (T, error)) (T, error) {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval = c.backoff
	waits.MaxInterval = 5 * time.Second
	budget := c.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		budget = max(time.Until(deadline), time.Nanosecond)
	}
	var last error // the real reason, when the context ends during a wait
	result, err := backoff.Retry(ctx, func() (T, error) {
		result, err := request(ctx)
		if err == nil {
			return result, nil
		}
		if last == nil || ctx.Err() == nil {
			last = err // a try that the end of the context cut off says less than the one before it
		}
		if !temporary(err) {
			return result, backoff.Permanent(err)
		}
		return result, err
	}, backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(budget), backoff.WithNotify(func(err error, wait time.Duration) {
		if c.OnRetry != nil {
			c.OnRetry(fmt.Errorf("vault: %s: %w", doing, c.shortened(err)), wait)
		}
	}))
	if err == nil {
		return result, nil
	}
	if context.Cause(ctx) != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return result, fault.Mark(fault.Temporary, fmt.Errorf("vault: %s: %w", doing, context.Cause(ctx)))
	}
	if last == nil {
		last = err
	}
	if temporary(last) {
		return result, fault.Mark(fault.Temporary, fault.WithFix(
			fmt.Errorf("vault: %s at %s did not succeed in time: %w", doing, c.Addr, c.shortened(last)), "run again when it is up"))
	}
	return result, last
}

// temporary reports whether the same request may succeed later.
func temporary(err error) bool {
	if answer, ok := errors.AsType[*api.ResponseError](err); ok {
		switch code := answer.StatusCode; {
		case code >= 500, code == http.StatusTooManyRequests, code == http.StatusPreconditionFailed:
			return true
		case code == http.StatusBadRequest: // a KV mount that is being upgraded says so with 400 for a moment
			return strings.Contains(strings.Join(answer.Errors, " "), "Upgrading from non-versioned")
		case code == 472 || code == 473: // standby
			return true
		}
		return false
	}
	if proxy, ok := errors.AsType[*egress.ProxyError](err); ok {
		return proxy.Temporary()
	}
	if untrusted(err) || errors.Is(err, errTooLong) || elsewhere(err) {
		return false
	}
	if away, ok := errors.AsType[*redirected](err); ok {
		// A standby that cannot forward while the active node changes names that
		// node, or the balancer in front of all.
		return away.status == http.StatusTemporaryRedirect && !away.upgrade
	}
	// The HTTP client wraps everything that happened on the way in *url.Error;
	// a connection that breaks in the answer's body does not come so.
	_, onTheWay := errors.AsType[*url.Error](err)
	_, network := errors.AsType[net.Error](err)
	return onTheWay || network || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}

// untrusted reports whether the connection failed for a reason that waiting does
// not change: TLS that does not fit.
func untrusted(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return certificate || authority || name || record || errors.Is(err, http.ErrSchemeMismatch)
}

// elsewhere reports whether something else than Vault answered.
func elsewhere(err error) bool {
	_, is := errors.AsType[*notVault](err)
	return is
}

// shortened is err in one short line without secrets. The client's own text spans
// several, and what Vault or something in its place says may repeat what it was
// sent.
func (c Config) shortened(err error) error {
	if err == nil {
		return nil
	}
	var raw string
	if answer, ok := errors.AsType[*api.ResponseError](err); ok {
		if raw = strings.Join(answer.Errors, "; "); strings.TrimSpace(raw) == "" {
			raw = http.StatusText(answer.StatusCode)
		}
		raw = fmt.Sprintf("%d: %s", answer.StatusCode, raw)
	} else {
		err = egress.WithoutURL(err)
		raw = err.Error()
	}
	return &said{text: text.Line(c.hidden.Redact(raw), 300), err: err}
}

// said is an error in other words.
type said struct {
	text string
	err  error
}

// Error is one short line.
func (s *said) Error() string { return s.text }

// Unwrap is the error itself.
func (s *said) Unwrap() error { return s.err }

// status is the code of the answer in err, 0 when there was none.
func status(err error) int {
	if answer, ok := errors.AsType[*api.ResponseError](err); ok {
		return answer.StatusCode
	}
	return 0
}

// final words a lasting error, unless do marked it already: what was tried,
// what came, and the way out.
func final(c Config, err error, doing, wayOut string) error {
	if fault.Of(err) == fault.Temporary {
		return err
	}
	if untrusted(err) {
		wayOut = "check vault_addr (http or https?) and give the CA that signed its certificate in vault_ca_cert"
	}
	if _, known := errors.AsType[*fault.Error](err); known {
		wayOut = "" // what came has its own
	}
	return fault.Mark(fault.Failed, &fault.Error{Err: fmt.Errorf("vault: %s at %s: %w", doing, c.Addr, c.shortened(err)), Fix: wayOut})
}
