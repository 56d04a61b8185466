package gitrepo

import (
	"context"
	"errors"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrUnknownBase: the commit to compare with is not in the clone. It never
	// existed, or the branch was rewritten since.
	ErrUnknownBase = errors.New("base commit is not in the clone")
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
)

// What the rooms below define and callers of this one need.
var (
	ErrNotFound   = wire.ErrNotFound
	ErrDenied     = wire.ErrDenied
	ErrHostKey    = wire.ErrHostKey
	ErrMissing    = objects.ErrMissing
	ErrNotRegular = objects.ErrNotRegular
	ErrTooLarge   = objects.ErrTooLarge
)

// MaxFileSize is the largest file that ReadFile returns, in bytes.
const MaxFileSize = 16 << 20

// Access says how the remote is reached.
type Access = wire.Access

// CheckURL tells what is wrong with a remote URL, see wire.CheckURL.
func CheckURL(remote string) error { return wire.CheckURL(remote) }

// RedactURL is a remote URL as it may be printed.
func RedactURL(remote string) string { return wire.RedactURL(remote) }

// CheckPath tells what is wrong with the path of a file, see objects.CheckPath.
func CheckPath(path string) error { return objects.CheckPath(path) }

// Insist is a context under which acts on the remote are tried again for longer
// than usual. It is for what must arrive: the record of what was applied.
func Insist(ctx context.Context) context.Context { return wire.Insist(ctx) }

// IsRemote reports whether an error came out of an act on the remote.
func IsRemote(err error) bool { return wire.IsRemote(err) }

// What the refs of this program are called, see refname.
const (
	OwnRefs     = refname.OwnRefs
	OwnBranches = refname.OwnBranches
	RowsRef     = refname.RowsRef
)
