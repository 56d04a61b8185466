package fault

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// Error is an error with the parts that some readers show apart from its text.
// Where it stands alone, its text has them all.
type Error struct {
	Place   string // where it happened, such as a host
	Setting string // the setting that is wrong
	Err     error  // what is wrong
	Fix     string // the way out
}

// Error is "place: setting what; fix", of the parts that there are.
func (e *Error) Error() string {
	text := e.Err.Error()
	if e.Setting != "" {
		text = e.Setting + " " + text
	}
	if e.Place != "" {
		text = e.Place + ": " + text
	}
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text
}

// Unwrap is what is wrong.
func (e *Error) Unwrap() error { return e.Err }

// WithFix is err with the way out of it.
func WithFix(err error, format string, args ...any) error {
	return &Error{Err: err, Fix: fmt.Sprintf(format, args...)}
}

// Parts takes the text of err apart, whatever was wrapped around or joined: the
// place and the setting that stand in front of it, every fix, and as Err the rest.
func Parts(err error) Error {
	var found Error
	var fixes []string
	text := err.Error()
	visit(err, func(e *Error) {
		found.Place, found.Setting = cmp.Or(found.Place, e.Place), cmp.Or(found.Setting, e.Setting)
		if without := strings.Replace(text, "; "+e.Fix, "", 1); e.Fix != "" && without != text {
			text, fixes = without, append(fixes, e.Fix)
		}
	})
	text, found.Place = off(text, found.Place, ": ")
	text, found.Setting = off(text, found.Setting, " ")
	found.Err, found.Fix = errors.New(text), strings.Join(fixes, "\n")
	return found
}

// off takes a part and what follows it from the front of the text; the part is
// empty when it does not stand there.
func off(text, part, separator string) (rest, taken string) {
	rest, stands := strings.CutPrefix(text, part+separator)
	if part == "" || !stands {
		return text, ""
	}
	return rest, part
}

// visit shows every Error in the tree of err, the outer ones first.
func visit(err error, show func(*Error)) {
	if e, ok := err.(*Error); ok { //nolint:errorlint // walks the tree itself
		show(e)
	}
	switch e := err.(type) { //nolint:errorlint // walks the tree itself
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			visit(one, show)
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			visit(inner, show)
		}
	}
}
