package script

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// sessionAge is how long a session takes further tasks. What the account has in its
// environment, such as a token of some hours, is read when one begins.
const sessionAge = 10 * time.Minute

// session is the command line under way on a machine, which takes one task after the
// other.
type session struct {
	stream *Stream
	stdout *bufio.Reader
	stderr *tail
	opened time.Time
	before int           // what Retire was called since ends
	nonce  string        // of its last task, "" before the first
	woke   chan struct{} // closed when stdout holds something, or has ended; nil before the first rest
}

// session is one for a job: of those that are idle, or a new one. Whoever has to know
// whether the host may have learned of its task gets a new one: what is opened just
// now is on a connection that carries.
func (s *Shell) session(ctx context.Context, j Job) (*session, error) {
	for j.Sent == nil {
		on := s.takeIdle()
		if on == nil {
			break
		}
		if time.Since(on.opened) < sessionAge && !on.isAwake() {
			return on, nil
		}
		on.end()
	}
	s.mu.Lock()
	before := s.retired
	s.mu.Unlock()
	stream, err := s.Start(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return nil, s.cancelled(ctx, j.Doing)
	case IsProcessLimit(err.Error()):
		return nil, s.NoProcesses(j.Doing, err)
	default:
		return nil, fault.Mark(fault.Temporary, fmt.Errorf("%s on %s: %w: %w", j.Doing, s.Name, ErrLost, err))
	}
	on := &session{stream: stream, stdout: bufio.NewReaderSize(stream.Stdout, lineMost), stderr: &tail{}, opened: time.Now(), before: before}
	go on.stderr.follow(stream.Stderr)
	return on, nil
}

func (s *Shell) takeIdle() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) == 0 {
		return nil
	}
	on := s.idle[len(s.idle)-1]
	s.idle = s.idle[:len(s.idle)-1]
	return on
}

// keep has a session wait for its next task, unless Retire was called since it began.
func (s *Shell) keep(on *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if on.before != s.retired {
		return false
	}
	on.rest()
	s.idle = append(s.idle, on)
	return true
}

// Retire ends the sessions that are idle, and has those at work take no further task:
// nothing that is there now runs what comes later.
func (s *Shell) Retire() {
	s.mu.Lock()
	s.retired++
	idle := slices.Clone(s.idle)
	s.idle = nil
	s.mu.Unlock()
	for _, on := range idle {
		on.end()
	}
}

// line is what a session has to be sent for a task: its script first, and nothing but
// the values later.
func (on *session) line(values Variables) (string, error) {
	defer func() { on.nonce = values["nonce"] }()
	if on.nonce == "" {
		script, err := compose(values, "environment", "prelude", "session")
		return framed(script) + "\n", err
	}
	script, err := compose(values)
	return on.nonce + " next\n" + on.nonce + " " + framed(script) + "\n", err
}

// rest waits for what an idle session should not do.
func (on *session) rest() {
	woke := make(chan struct{})
	on.woke = woke
	go func() {
		defer close(woke)
		_, _ = on.stdout.Peek(1)
	}()
}

// isAwake reports whether an idle session ended, or said something unasked.
func (on *session) isAwake() bool {
	select {
	case <-on.woke:
		return true
	default:
		return false
	}
}

// end ends an idle session, and waits a moment for it to be gone.
func (on *session) end() {
	go func() { _ = on.stream.Stdin.Close() }() // which a frozen connection may hold up
	select {
	case <-on.woke:
	case <-time.After(5 * time.Second):
	}
	on.stream.Kill()
}
