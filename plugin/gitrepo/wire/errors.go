package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Errors of the remote, told apart with errors.Is.
var (
	// ErrNotFound: no such commit, path or ref.
	ErrNotFound = errors.New("not found")
	// ErrDenied: the remote does not accept the credentials, or they do not
	// suffice, or it hides the repository from them.
	ErrDenied = errors.New("the remote denies access")
	// ErrHostKey: the host key of an ssh remote is unknown or another than the
	// known one.
	ErrHostKey = errors.New("host key is not the known one")
)

// maxMessage is how much of a text that came from a remote is shown, in
// characters.
const maxMessage = 600

// Printable makes a text from outside fit for a log line.
func Printable(raw string) string { return text.Line(raw, maxMessage) }

// remoteError carries an error out of a remote act. Its text is safe to print
// whatever the server said.
type remoteError struct {
	act   string // "fetch from https://…"
	said  string // what the server printed besides, may be empty
	cause error
}

func (e *remoteError) Error() string {
	text := e.act + ": " + Printable(e.cause.Error())
	if e.said != "" {
		text += " (the remote said: " + Printable(e.said) + ")"
	}
	return text
}

func (e *remoteError) Unwrap() error { return e.cause }

// IsRemote reports whether an error came out of an act on the remote.
func IsRemote(err error) bool {
	var remote *remoteError
	return errors.As(err, &remote)
}

// IsFinal reports whether to ask the remote in another way is of no use: it is out
// of reach, in spite of all tries, or denies access.
func IsFinal(err error) bool {
	return fault.Of(err) == fault.Temporary || errors.Is(err, ErrDenied) || errors.Is(err, ErrHostKey)
}

// remoteFault words an error of a remote act and gives it its kind. An error
// that follows from the end of ctx is told as that end.
func remoteFault(ctx context.Context, act, said string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return fault.Mark(fault.Temporary, &remoteError{act: act, cause: fmt.Errorf("cut short: %w", cause)})
	}
	return fault.Mark(kindOf(err), &remoteError{act: act, said: said, cause: err})
}
