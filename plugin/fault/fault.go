// Package fault says of an error what it means for the run: whether waiting
// can help, whether a person must look, and so which exit code it earns.
//
// The place that finds an error out knows this best and marks the error once;
// the layers above wrap it with %w and ask Of.
package fault

import (
	"errors"
	"syscall"
)

// Kind is what an error means for the whole run. Greater kinds are told
// first: Worst picks among several.
type Kind int

const (
	// None is the kind of a nil error.
	None Kind = iota
	// Temporary: nothing was applied, the same run may succeed later.
	Temporary
	// Failed: something is wrong and stays wrong until somebody mends it.
	// Errors that nobody marked are of this kind.
	Failed
	// Settings: the settings are wrong and nothing was contacted.
	Settings
	// Person: production and the record of it may differ; a person must look
	// before anything else is done there.
	Person
)

// ExitCode is the exit code of a run whose worst error is of this kind.
func (k Kind) ExitCode() int {
	switch k {
	case None:
		return 0
	case Temporary:
		return 75 // EX_TEMPFAIL of sysexits.h
	case Settings:
		return 2
	case Person:
		return 3
	default:
		return 1
	}
}

// String is the word that logs and summaries use for the kind.
func (k Kind) String() string {
	switch k {
	case None:
		return "none"
	case Temporary:
		return "temporary"
	case Settings:
		return "settings"
	case Person:
		return "person"
	default:
		return "failed"
	}
}

type marked struct {
	kind Kind
	err  error
}

func (m *marked) Error() string { return m.err.Error() }
func (m *marked) Unwrap() error { return m.err }

// Mark gives err its kind. A nil error stays nil.
func Mark(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &marked{kind: kind, err: err}
}

// passing are errors of this machine that pass: no space, no memory, no process
// and no file that could be opened.
var passing = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.ENOMEM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE}

// Of is the kind of err: that of the outermost mark in its chain, else Failed.
// Of errors joined by errors.Join it is the worst. What failed for want of space,
// memory, processes or open files here is Temporary, unless a person must look.
func Of(err error) Kind {
	kind := marks(err)
	if kind == Failed || kind == Settings {
		for _, one := range passing {
			if errors.Is(err, one) {
				return Temporary
			}
		}
	}
	return kind
}

// marks is the kind by marks alone.
func marks(err error) Kind {
	for e := err; e != nil; e = errors.Unwrap(e) {
		switch e := e.(type) { //nolint:errorlint // walks the chain itself: the outermost mark counts
		case *marked:
			return e.kind
		case interface{ Unwrap() []error }:
			worst := None
			for _, one := range e.Unwrap() {
				worst = Worst(worst, marks(one))
			}
			return worst
		}
	}
	if err == nil {
		return None
	}
	return Failed
}

// Worst is the kind that decides the exit code when both occurred.
func Worst(a, b Kind) Kind { return max(a, b) }
