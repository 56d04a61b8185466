package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/plain"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrUnknownBase: the commit to compare with is not in the clone. It never
	// existed, or the branch was rewritten since.
	ErrUnknownBase = errors.New("base commit is not in the clone")
	// ErrNotFound: no such commit, path or ref.
	ErrNotFound = errors.New("not found")
	// ErrMissing: the path exists, and the remote did not send the object that it
	// names. Nothing may be concluded from it, least of all that there is no such
	// path. It is temporary.
	ErrMissing = fault.Mark(fault.Temporary, errors.New("the remote did not send an object of its own history"))
	// ErrNotRegular: the path is a link, a folder or a submodule.
	ErrNotRegular = errors.New("no regular file")
	// ErrTooLarge: the file has more than MaxFileSize bytes.
	ErrTooLarge = errors.New("the file is too large to be read")
	// ErrMoved: what a commit builds on was changed by somebody else, so it
	// must not be replayed as it is.
	ErrMoved = errors.New("changed meanwhile")
	// ErrRefMoved: the remote ref no longer has the value that was expected.
	ErrRefMoved = errors.New("remote ref was changed by somebody else")
	// ErrLockBusy: another run holds the lock.
	ErrLockBusy = errors.New("another run holds the lock")
	// ErrPushRefused: the remote was reached, refused the update, and its ref
	// is as it was. A hook, a protected branch, a size limit or missing rights.
	ErrPushRefused = errors.New("the remote refused the push")
	// ErrPushUnknown: the update was sent, and neither its answer nor the state
	// of the remote could be read afterwards.
	ErrPushUnknown = errors.New("it is not known whether the remote took the push")
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

// printable makes a text from outside fit for a log line.
func printable(text string) string { return plain.Line(text, maxMessage) }

// remoteError carries an error out of a remote act. Its text is safe to print
// whatever the server said.
type remoteError struct {
	act   string // "fetch from https://…"
	said  string // what the server printed besides, may be empty
	cause error
}

func (e *remoteError) Error() string {
	text := e.act + ": " + printable(e.cause.Error())
	if e.said != "" {
		text += " (the remote said: " + printable(e.said) + ")"
	}
	return text
}

func (e *remoteError) Unwrap() error { return e.cause }

// IsRemote reports whether an error came out of an act on the remote.
func IsRemote(err error) bool {
	var remote *remoteError
	return errors.As(err, &remote)
}

// isFinal tells whether to ask the remote in another way is of no use: it is out
// of reach, in spite of all tries, or denies access.
func isFinal(err error) bool {
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
