// Package objects holds the objects of a clone, whether they are here already or
// still with the remote: it reads, writes, compares and edits them by hash.
package objects

import (
	"errors"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// Errors of reading objects, told apart with errors.Is.
var (
	// ErrMissing: the path exists, and the remote did not send the object that it
	// names. Nothing may be concluded from it, least of all that there is no such
	// path. It is temporary.
	ErrMissing = fault.Mark(fault.Temporary, errors.New("the remote did not send an object of its own history"))
	// ErrNotRegular: the path is a link, a folder or a submodule.
	ErrNotRegular = errors.New("no regular file")
	// ErrTooLarge: the file has more bytes than are read.
	ErrTooLarge = errors.New("the file is too large to be read")
)
