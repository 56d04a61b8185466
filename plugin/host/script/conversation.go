package script

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// conversation is one round trip under way.
type conversation struct {
	done   chan struct{}   // closed when the answer ended
	hush   func()          // ends our side: speak makes it an end of file for the host
	quiet  <-chan struct{} // closed by hush
	answer *Answer
	err    error
	stderr *tail
	silent chan struct{} // closed when standard error ended
	wait   func() error
	input  atomic.Pointer[error] // why the task's input could not be read on our side
}

// within is the answer if it ends in that time, else nil.
func (c *conversation) within(most time.Duration) *Answer {
	select {
	case <-c.done:
		return c.answer
	case <-time.After(most):
		return nil
	}
}

// complaints is what standard error held. It may lag behind the answer; what
// still holds it open after a moment is not waited for.
func (c *conversation) complaints() string {
	select {
	case <-c.silent:
	case <-time.After(time.Second):
	}
	return c.stderr.text()
}

// end is how the command line ended. One that closed its output and goes on
// is not waited for.
func (c *conversation) end() error {
	how := make(chan error, 1)
	go func() { how <- c.wait() }()
	select {
	case err := <-how:
		return err
	case <-time.After(5 * time.Second):
		return errors.New("it closed its output and did not end")
	}
}

func (s *Shell) converse(stream *Stream, j Job, nonce, line string) *conversation {
	quiet, hush := context.WithCancel(context.Background())
	c := &conversation{
		done:   make(chan struct{}),
		hush:   hush,
		quiet:  quiet.Done(),
		stderr: &tail{after: nonce},
		silent: make(chan struct{}),
		wait:   stream.Wait,
	}
	limits := map[string]int64{"stdout": j.Fetch, "stderr": j.Fetch}
	maps.Copy(limits, j.Limits)
	go func() {
		defer close(c.silent)
		_, _ = io.Copy(c.stderr, stream.Stderr)
	}()
	go func() {
		defer close(c.done)
		c.answer, c.err = reading{nonce: nonce, limits: limits, notice: j.Notice}.read(stream.Stdout)
	}()
	if j.Sent != nil {
		j.Sent.Store(true)
	}
	go c.speak(stream.Stdin, line, j.Payload, s.Tempo.Heartbeat)
	return c
}

// speak sends the script and the input, and then signs of life. When writing
// fails it goes silent: the answer, or its absence, tells why. It alone uses
// the stream, which may block for as long as the connection is frozen.
func (c *conversation) speak(stdin io.WriteCloser, line string, input io.Reader, beat time.Duration) {
	defer func() { _ = stdin.Close() }()
	if _, err := io.WriteString(stdin, line); err != nil {
		return
	}
	read, written := c.sendChunks(stdin, input)
	if written != nil {
		return
	}
	if read != nil {
		c.input.Store(&read)
		c.hush()
		return
	}
	ticks := time.NewTicker(beat)
	defer ticks.Stop()
	for {
		if _, err := io.WriteString(stdin, "\n"); err != nil {
			return
		}
		select {
		case <-c.quiet:
			return
		case <-ticks.C:
		}
	}
}

// chunkLength is how much input is sent in one piece. Each piece costs the host
// a process and is a sign of life, so that even a slow line must get one through
// within the time that feeding gives.
const chunkLength = 1 << 20

var errHushed = errors.New("nothing more is to be sent")

// sendChunks sends the input as lines with a length and that many bytes each.
// The two errors are those of our side and of the connection.
func (c *conversation) sendChunks(to io.Writer, input io.Reader) (read, written error) {
	if input == nil {
		_, err := io.WriteString(to, "0\n")
		return nil, err
	}
	chunk := make([]byte, chunkLength)
	for {
		n, err := io.ReadFull(input, chunk)
		select {
		case <-c.quiet:
			return nil, errHushed
		default:
		}
		if n > 0 {
			if _, err := fmt.Fprintf(to, "%d\n", n); err != nil {
				return nil, err
			}
			if _, err := to.Write(chunk[:n]); err != nil {
				return nil, err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			_, err := io.WriteString(to, "0\n")
			return nil, err
		case err != nil:
			return err, nil
		}
	}
}

// judge turns an answer that ended into a value or an error.
func (s *Shell) judge(j Job, c *conversation) (*Answer, error) {
	a, err := c.answer, c.err
	if input := c.input.Load(); input != nil {
		return nil, fmt.Errorf("%s on %s: reading what to send: %w", j.Doing, s.Name, *input)
	}
	if err == nil && a.whole {
		if a.Has("fail") {
			return nil, s.failure(j.Doing, a, c.complaints())
		}
		return a, s.ending(j, a, c)
	}
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrAnswer) {
		return nil, fmt.Errorf("%s on %s: %w", j.Doing, s.Name, err)
	}
	// The stream ended early: by the connection, or because something else
	// than our script ran.
	how := c.end()
	detail := Tail([]byte(c.complaints()))
	code, exited := exitCode(how)
	if exited && !a.began && IsProcessLimit(detail) {
		return nil, s.NoProcesses(j.Doing, fmt.Errorf("%w: %s", ErrAnswer, TellingLine(detail)))
	}
	if exited && !a.began {
		return nil, fault.Mark(fault.Failed, fault.WithFix(
			fmt.Errorf("%s on %s: %w: the account did not run our script (exit code %d: %s)", j.Doing, s.Name, ErrAnswer, code, TellingLine(detail)),
			"it needs a login shell that runs sh, and no forced command"))
	}
	if how != nil {
		detail = how.Error() + " " + detail
	}
	return a, s.gone(j, c, text.Line(detail, 300))
}

// gone is the error of a conversation that broke off, for what the host said of
// processes that it could not start, or else for the reason that shows here.
func (s *Shell) gone(j Job, c *conversation, detail string) error {
	if said := Tail([]byte(c.complaints())); IsProcessLimit(said) {
		return s.NoProcesses(j.Doing, errors.New(TellingLine(said)))
	}
	if detail != "" {
		detail = ": " + detail
	}
	return fault.Mark(fault.Temporary, fmt.Errorf("%s on %s: %w before the answer was complete%s", j.Doing, s.Name, ErrLost, detail))
}

// ending is the error of a task that was ended, or died without a word. Jobs
// with a watched folder are judged by whoever asked for them.
func (s *Shell) ending(j Job, a *Answer, c *conversation) error {
	e := a.Ended()
	switch {
	case e.Reason == Unheard:
		return s.gone(j, c, "it heard nothing from here any more")
	case e.Reason == "" && !a.Has("task-code"):
		return s.gone(j, c, "what watched it there was killed, or did not start")
	case e.Reason == "" && e.Code != 0 && !a.Has("code") && IsProcessLimit(c.complaints()):
		return s.gone(j, c, "")
	case j.Watch != "":
		return nil
	case e.Reason != "":
		return fault.Mark(fault.Failed, fmt.Errorf("%s on %s: %w: it took longer than %s (step %s)", j.Doing, s.Name, errTimeout, j.Timeout, a.Step))
	case e.Code != 0:
		return fault.Mark(fault.Failed, fmt.Errorf("%s on %s: %w: the script died with exit code %d: %s",
			j.Doing, s.Name, ErrAnswer, e.Code, TellingLine(Tail([]byte(c.complaints())))))
	}
	return nil
}

// tail keeps the end of a stream, after the mark where it occurs.
type tail struct {
	mu    sync.Mutex
	after string
	kept  []byte
}

// Write keeps what fits.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - 4*tailLength; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// text is what the stream held after our mark: what came before is a greeting.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, after, found := strings.Cut(string(t.kept), t.after+"\n"); found {
		return after
	}
	return string(t.kept)
}

// exitCode tells the end of a command from the end of a connection.
func exitCode(err error) (code int, exited bool) {
	if err == nil {
		return 0, true
	}
	var remote interface{ ExitStatus() int } // of an SSH server
	if errors.As(err, &remote) {
		return remote.ExitStatus(), true
	}
	var local *exec.ExitError
	if errors.As(err, &local) && local.Exited() {
		return local.ExitCode(), true
	}
	return 0, false
}
