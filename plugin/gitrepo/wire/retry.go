package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// Bounds of trying an act on the remote again. A forge that restarts is back
// within retryTime, and asks for no longer pauses (Retry-After: 60 is common).
const (
	retryTime  = 2 * time.Minute
	InsistTime = 10 * time.Minute // of acts under Insist
	maxTries   = 60
	maxDoubts  = 4 // tries that end with what may be the remote's last word
)

type insists struct{}

// Insist is a context under which acts on the remote are tried again for longer
// than usual. It is for what must arrive: the record of what was applied.
func Insist(ctx context.Context) context.Context { return context.WithValue(ctx, insists{}, true) }

// newPauses are the pauses between tries, with jitter, so that rivals do not
// keep meeting.
func newPauses() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = 100*time.Millisecond, 2, 10*time.Second
	return b
}

// Persist runs act until it succeeds, until its error is one that trying again
// cannot mend, or until the bounds are reached. The error is that of the last
// try.
func (r *Remote) Persist(ctx context.Context, again func(error) bool, act func() error) error {
	limit := retryTime
	if ctx.Value(insists{}) != nil {
		limit = InsistTime
	}
	var last error
	final := false
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = act()
		final = last != nil && !again(last)
		var asked transientError
		switch {
		case last == nil:
			return struct{}{}, nil
		case final:
			return struct{}{}, backoff.Permanent(last)
		case errors.As(last, &asked) && asked.after > 0:
			return struct{}{}, &backoff.RetryAfterError{Duration: asked.after}
		}
		return struct{}{}, last
	}, backoff.WithBackOff(r.Pauses()), backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(limit),
		backoff.WithNotify(func(_ error, pause time.Duration) {
			if r.Retrying != nil {
				r.Retrying(last, pause)
			}
		}))
	switch cause := context.Cause(ctx); {
	case err == nil:
		return nil
	case cause != nil && !final && !errors.Is(last, cause):
		return fault.Mark(fault.Temporary, fmt.Errorf("%w (cut short: %w)", last, cause))
	}
	return last
}

// tryAgain runs one act on the remote while its errors are such that pass.
func (r *Remote) tryAgain(ctx context.Context, act func() error) error {
	doubts := 0
	return r.Persist(ctx, func(err error) bool {
		var doubtful doubtfulError
		if errors.As(err, &doubtful) {
			doubts++
			return doubts < maxDoubts
		}
		return fault.Of(err) == fault.Temporary
	}, act)
}

// transientError marks an error that may be gone the next time.
type transientError struct {
	error
	after time.Duration // that the remote asks to wait, when it says so
}

func (e transientError) Unwrap() error { return e.error }

// doubtfulError marks an error that may be the remote's last word, and may as
// well come of damage on the way or of a ref that moved between two requests.
type doubtfulError struct {
	error
	kind fault.Kind // once it has come too often
}

func (e doubtfulError) Unwrap() error { return e.error }

// kindOf is what an error of one try means.
func kindOf(err error) fault.Kind {
	var doubtful doubtfulError
	var transient transientError
	var network *net.OpError
	var name *net.DNSError
	var slow interface{ Timeout() bool }
	switch {
	case errors.As(err, &doubtful):
		return doubtful.kind
	case fault.Of(err) == fault.Temporary, errors.As(err, &transient), errors.As(err, &network), errors.As(err, &name),
		errors.As(err, &slow) && slow.Timeout(),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Temporary
	}
	return fault.Failed
}
