package script

import (
	"bytes"
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
	said   <-chan struct{} // closed when all of the task's standard error is in stderr
	over   chan struct{}   // closed to end our side for this task, and not for the session
	spoke  chan struct{}   // closed when nothing more is sent
	rested bool            // by over
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
	case <-c.said:
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

func (s *Shell) converse(on *session, j Job, nonce, line string) *conversation {
	quiet, hush := context.WithCancel(context.Background())
	c := &conversation{
		done:   make(chan struct{}),
		hush:   hush,
		quiet:  quiet.Done(),
		stderr: on.stderr,
		said:   on.stderr.begin(nonce),
		over:   make(chan struct{}),
		spoke:  make(chan struct{}),
		wait:   on.stream.Wait,
	}
	limits := map[string]int64{"stdout": j.Fetch, "stderr": j.Fetch}
	maps.Copy(limits, j.Limits)
	go func() {
		defer close(c.done)
		if on.woke != nil {
			<-on.woke
		}
		c.answer, c.err = reading{nonce: nonce, limits: limits, notice: j.Notice}.read(on.stdout)
	}()
	if j.Sent != nil {
		j.Sent.Store(true)
	}
	go c.speak(on.stream.Stdin, line, j.Payload, s.Tempo.Heartbeat)
	return c
}

// speak sends the script and the input, and then signs of life. When writing
// fails it goes silent: the answer, or its absence, tells why. It alone uses
// the stream, which may block for as long as the connection is frozen.
func (c *conversation) speak(stdin io.WriteCloser, line string, input io.Reader, beat time.Duration) {
	defer close(c.spoke)
	if c.rested = c.tell(stdin, line, input, beat); !c.rested {
		_ = stdin.Close()
	}
}

// tell reports whether over ended it, after all was sent.
func (c *conversation) tell(stdin io.Writer, line string, input io.Reader, beat time.Duration) bool {
	if _, err := io.WriteString(stdin, line); err != nil {
		return false
	}
	read, written := c.sendChunks(stdin, input)
	if written != nil {
		return false
	}
	if read != nil {
		c.input.Store(&read)
		c.hush()
		return false
	}
	ticks := time.NewTicker(beat)
	defer ticks.Stop()
	for {
		if _, err := io.WriteString(stdin, "\n"); err != nil {
			return false
		}
		select {
		case <-c.over:
			return true
		case <-c.quiet:
			return false
		case <-ticks.C:
		}
	}
}

// rests ends a conversation that came to its end, and reports whether its session can
// have another: nothing is left of the task, and nothing of its input under way.
func (c *conversation) rests() bool {
	a := c.answer
	if c.err != nil || !a.whole || a.Has("fail") || !a.Has("task-code") {
		return false
	}
	if e := a.Ended(); e.Reason != "" || e.Left {
		return false
	}
	close(c.over)
	select {
	case <-c.spoke:
		return c.rested
	case <-time.After(time.Second):
		return false
	}
}

// chunkLength is how much input is sent in one piece. Each piece costs the host
// a process and is a sign of life, so that even a slow line must get one through
// within the time that feeding gives.
const chunkLength = 1 << 20

// beginLength is how much input goes with the task. As text it is several times as long.
const beginLength = 16 << 10

// begin takes all of an input that is short, and nothing of another one.
func (j *Job) begin(ctx context.Context) ([]byte, error) {
	if j.Payload == nil {
		return nil, nil
	}
	type reading struct {
		input []byte
		err   error
	}
	ended := make(chan reading, 1)
	go func(from io.Reader) {
		input, err := io.ReadAll(io.LimitReader(from, beginLength+1))
		ended <- reading{input, err}
	}(j.Payload)
	select {
	case r := <-ended:
		if r.err != nil || len(r.input) <= beginLength {
			j.Payload = nil
			return r.input, r.err
		}
		j.Payload = io.MultiReader(bytes.NewReader(r.input), j.Payload)
		return nil, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(j.Timeout):
		return nil, errTimeout
	}
}

// unread is the error of an input that could not be read on our side.
func (s *Shell) unread(j Job, err error) error {
	return fmt.Errorf("%s on %s: reading what to send: %w", j.Doing, s.Name, err)
}

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
		return nil, s.unread(j, *input)
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

// tail keeps the end of what a session says on standard error for its last task.
type tail struct {
	mu    sync.Mutex
	nonce string // of that task: a line with it comes before, and one with "end" behind it after all else
	kept  []byte
	said  chan struct{} // closed when all of it came, nil when it is
	over  bool          // the stream ended
}

// begin forgets the task before, and nothing of a session that had none: an account
// that runs no shell complains at once. The channel is closed when all of this one came.
func (t *tail) begin(nonce string) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	said := make(chan struct{})
	if t.nonce != "" {
		t.kept = nil
	}
	t.nonce, t.said = nonce, said
	if t.over {
		t.close()
	}
	return said
}

func (t *tail) close() {
	if t.said != nil {
		close(t.said)
		t.said = nil
	}
}

// follow takes all of a stream.
func (t *tail) follow(stream io.Reader) {
	_, _ = io.Copy(t, stream)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.close()
}

func (t *tail) mark() string { return "\n" + t.nonce + " end\n" }

// Write keeps what fits.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - 4*tailLength; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	if fresh := min(len(t.kept), len(p)+len(t.mark())); bytes.Contains(t.kept[len(t.kept)-fresh:], []byte(t.mark())) {
		t.close()
	}
	return len(p), nil
}

// text is what the stream held after our mark: what came before is a greeting.
func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, _, _ := strings.Cut(string(t.kept), t.mark())
	if _, after, found := strings.Cut(text, t.nonce+"\n"); found {
		return after
	}
	return text
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
