// Package host is where commands run: a machine reached over SSH, or this one.
//
// Both do their work through the same scripts, see package script. Errors carry
// their fault kind. The exported Err values name the causes that a caller may
// want to tell apart.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
)

// A Host runs the scripts on one machine. It is safe for concurrent use. Close
// it when done.
type Host struct {
	shell   *script.Shell
	network network
	branch  string      // whose snapshots are kept, "" for nobody's
	tell    func(error) // hears of one that was of no use
	room    func(ctx context.Context, most int) (int, error)
	close   func() error
}

// Dial connects to a machine over SSH and logs in.
func Dial(ctx context.Context, login sshclient.Login) (*Host, error) {
	client, err := sshclient.Dial(ctx, login)
	if err != nil {
		return nil, err
	}
	start := func(ctx context.Context) (*script.Stream, error) {
		session, err := client.Start(ctx, script.CommandLine)
		if err != nil {
			return nil, err
		}
		return &script.Stream{Stdin: session.Stdin, Stdout: session.Stdout, Stderr: session.Stderr, Wait: session.Wait, Kill: session.Kill}, nil
	}
	return &Host{
		shell:   &script.Shell{Name: login.Target.String(), Start: start, Tempo: script.UsualTempo()},
		network: network{listen: client.ListenUnix, dial: client.DialContext},
		room:    client.Room,
		close:   client.Close,
	}, nil
}

// Name is "user@host:port" or "local", fit for printing.
func (h *Host) Name() string { return h.shell.Name }

// Close lets go of the connection. What runs under supervision ends; an apply
// that began goes on.
func (h *Host) Close() error {
	h.shell.Retire()
	if err := h.close(); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("closing the connection to %s: %w", h.Name(), err)
	}
	return nil
}
