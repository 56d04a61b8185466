// Package host is where commands run: a machine reached over SSH, or this one.
//
// Both do their work through the same embedded POSIX sh scripts, started by
// one constant command line. Every value travels on standard input, quoted;
// whatever is read back is framed by a nonce, so that a noisy login cannot
// spoil it. What a host answers is untrusted: its length is capped here, and
// nothing of it is believed without a check by whoever uses it.
//
// Errors carry their fault kind. The exported Err values name the causes that
// a caller may want to tell apart.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// A Host runs the scripts of this package on one machine. It is safe for
// concurrent use. Close it when done.
type Host struct {
	name  string
	root  string // folder for run directories, "" for the default in the user's home there
	conn  connection
	trips atomic.Int64
	tempo tempo
}

// connection starts the constant command line on a machine.
type connection interface {
	start(ctx context.Context) (*stream, error)
	close() error
}

// stream is one running command line.
type stream struct {
	stdin  io.WriteCloser
	stdout io.Reader
	stderr io.Reader
	wait   func() error // after stdout ended: how the command ended
	kill   func()       // lets go of everything at once, without waiting
}

// tempo holds the times of the conversation; tests shorten them.
type tempo struct {
	beat  time.Duration // between two signs of life to the host
	lease time.Duration // silence after which the host ends what it runs
	slack time.Duration // how much longer than its own limits a host may take
}

// feeding is the lease while the task's input is under way. The task waits for
// it and does nothing else.
func (t tempo) feeding() time.Duration { return 6 * t.lease }

func usualTempo() tempo {
	return tempo{beat: 3 * time.Second, lease: 10 * time.Second, slack: 30 * time.Second}
}

// Name is "user@host:port" or "local", fit for printing.
func (h *Host) Name() string { return h.name }

// RoundTrips is how many command lines were started so far.
func (h *Host) RoundTrips() int64 { return h.trips.Load() }

// Close lets go of the connection. What runs under supervision ends; an apply
// that began goes on.
func (h *Host) Close() error {
	if err := h.conn.close(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("closing the connection to %s: %w", h.name, err)
	}
	return nil
}
