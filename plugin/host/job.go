package host

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/plain"
)

// A job is one round trip: a task in a session that watches it.
type job struct {
	doing     string     // "building the workspace agent", for errors
	files     []string   // scripts after the prelude
	variables []variable // of the task
	payload   io.Reader  // the task's standard input, nil for none

	timeout time.Duration // of the task; 0 means a minute
	idle    time.Duration // without output in the watched files; 0 for none
	grace   time.Duration // after each signal; 0 means two seconds
	signals string        // tried before KILL; empty means TERM
	watch   string        // folder of output files on the host
	most    int64         // bytes these may hold, 0 for any number
	fetch   int64         // bytes of each that are brought back
	mark    bool          // also ends what left the process group
	final   string        // see Process
	linger  time.Duration // likewise

	limits map[string]int64        // most bytes per kind of block
	notice func(key, words string) // told of every line as it comes
	sent   *atomic.Bool            // set before the host may learn of the task
}

func (j *job) fill() {
	j.doing = plain.Line(j.doing, 0) // a folder of the repository may have any name
	if j.timeout <= 0 {
		j.timeout = time.Minute
	}
	if j.grace <= 0 {
		j.grace = 2 * time.Second
	}
	if j.signals == "" {
		j.signals = "TERM"
	}
}

// patience is how long the whole round trip may take.
func (j *job) patience() time.Duration { return j.timeout + j.ending() }

// ending is how long the host may take to end the task.
func (j *job) ending() time.Duration {
	signals := 1
	for _, c := range j.signals {
		if c == ' ' {
			signals++
		}
	}
	return time.Duration(signals)*j.grace + 5*time.Second
}

// seconds rounds up: 0 would mean no limit.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

func nonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// line is the whole script of the session, task included, ready to be sent.
func (h *Host) line(j job, mark string) (string, error) {
	task, err := compose(append([]variable{{"nonce", mark}, {"root", h.root}}, j.variables...), append([]string{"prelude"}, j.files...)...)
	if err != nil {
		return "", err
	}
	trace := ""
	if j.mark {
		trace = nonce()
	}
	session, err := compose([]variable{
		{"nonce", mark},
		{"root", ""},
		{"boot", bootScript},
		{"task", escape(task)},
		{"timeout", seconds(j.timeout)},
		{"idle", seconds(j.idle)},
		{"grace", seconds(j.grace)},
		{"lease", seconds(h.tempo.lease)},
		{"feeding", seconds(h.tempo.feeding())},
		{"signals", j.signals},
		{"watch", j.watch},
		{"most", strconv.FormatInt(j.most, 10)},
		{"fetch", strconv.FormatInt(j.fetch, 10)},
		{"mark", trace},
		{"final", j.final},
		{"linger", seconds(j.linger)},
	}, "environment", "prelude", "session")
	if err != nil {
		return "", err
	}
	return escape(session) + "\n", nil
}

// do makes one round trip. With an error the answer is nil, or what came until
// the context ended or the connection was lost.
func (h *Host) do(ctx context.Context, j job) (*answer, error) {
	j.fill()
	mark := nonce()
	line, err := h.line(j, mark)
	if err != nil {
		return nil, fmt.Errorf("%s on %s: %w", j.doing, h.name, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, h.cancelled(ctx, j.doing)
	}
	h.trips.Add(1)
	s, err := h.conn.start(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, h.cancelled(ctx, j.doing)
		}
		if isProcessLimit(err.Error()) {
			return nil, h.noProcesses(j.doing, err)
		}
		return nil, fault.Mark(fault.Temporary, fmt.Errorf("%s on %s: %w: %w", j.doing, h.name, ErrLost, err))
	}
	defer s.kill()

	talk := h.converse(s, j, mark, line)
	defer talk.hush()
	select {
	case <-talk.done:
	case <-ctx.Done():
		// End of file is what tells the host to stop; it answers once more.
		talk.hush()
		talk.await(j.ending() + h.tempo.slack/6)
		return talk.sofar(), h.cancelled(ctx, j.doing)
	case <-time.After(j.patience() + h.tempo.slack):
		return nil, h.gone(j, talk, "it is silent for longer than it may be")
	}
	return h.judge(j, talk)
}

// cancelled is the error of a context that ended.
func (h *Host) cancelled(ctx context.Context, doing string) error {
	return fault.Mark(fault.Temporary, fmt.Errorf("%s on %s: %w", doing, h.name, context.Cause(ctx)))
}

// conversation is one round trip under way.
type conversation struct {
	done   chan struct{} // closed when the answer ended
	quiet  chan struct{} // closed when nothing more is to be sent
	once   sync.Once
	answer *answer
	err    error
	stderr *tail
	silent chan struct{} // closed when standard error ended
	wait   func() error
	input  atomic.Pointer[error] // why the task's input could not be read on our side
}

// hush ends our side: speak makes it an end of file for the host.
func (c *conversation) hush() { c.once.Do(func() { close(c.quiet) }) }

// hushed tells whether nothing more is to be sent.
func (c *conversation) hushed() bool {
	select {
	case <-c.quiet:
		return true
	default:
		return false
	}
}

func (c *conversation) await(most time.Duration) {
	select {
	case <-c.done:
	case <-time.After(most):
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

func (c *conversation) sofar() *answer {
	select {
	case <-c.done:
		return c.answer
	default:
		return nil
	}
}

func (h *Host) converse(s *stream, j job, mark, line string) *conversation {
	c := &conversation{
		done:   make(chan struct{}),
		quiet:  make(chan struct{}),
		stderr: &tail{after: mark},
		silent: make(chan struct{}),
		wait:   s.wait,
	}
	limits := map[string]int64{"stdout": j.fetch, "stderr": j.fetch}
	for key, most := range j.limits {
		limits[key] = most
	}
	go func() {
		defer close(c.silent)
		_, _ = io.Copy(c.stderr, s.stderr)
	}()
	go func() {
		defer close(c.done)
		c.answer, c.err = reading{nonce: mark, limits: limits, notice: j.notice}.read(s.stdout)
	}()
	if j.sent != nil {
		j.sent.Store(true)
	}
	go c.speak(s.stdin, line, j.payload, h.tempo.beat)
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
		if c.hushed() {
			return nil, errHushed
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
func (h *Host) judge(j job, c *conversation) (*answer, error) {
	a, err := c.answer, c.err
	if input := c.input.Load(); input != nil {
		return nil, fmt.Errorf("%s on %s: reading what to send: %w", j.doing, h.name, *input)
	}
	if err == nil && a.whole {
		if a.has("fail") {
			return nil, h.failure(j, a, c.complaints())
		}
		return a, h.ending(j, a, c)
	}
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrAnswer) {
		return nil, fmt.Errorf("%s on %s: %w", j.doing, h.name, err)
	}
	// The stream ended early: by the connection, or because something else
	// than our script ran.
	how := c.end()
	detail := clean([]byte(c.complaints()))
	code, exited := exitCode(how)
	if exited && !a.began && isProcessLimit(detail) {
		return nil, h.noProcesses(j.doing, fmt.Errorf("%w: %s", ErrAnswer, tellingLine(detail)))
	}
	if exited && !a.began {
		return nil, fault.Mark(fault.Failed, fault.WithFix(
			fmt.Errorf("%s on %s: %w: the account did not run our script (exit code %d: %s)", j.doing, h.name, ErrAnswer, code, tellingLine(detail)),
			"it needs a login shell that runs sh, and no forced command"))
	}
	if how != nil {
		detail = how.Error() + " " + detail
	}
	return a, h.gone(j, c, cut(detail, 300))
}

// gone is the error of a conversation that broke off, for what the host said of
// processes that it could not start, or else for the reason that shows here.
func (h *Host) gone(j job, c *conversation, detail string) error {
	if said := clean([]byte(c.complaints())); isProcessLimit(said) {
		return h.noProcesses(j.doing, errors.New(tellingLine(said)))
	}
	return h.lost(j.doing, detail)
}

// ending is the error of a task that was ended, or died without a word. Jobs
// with a watched folder tell of that themselves, in an Exit.
func (h *Host) ending(j job, a *answer, c *conversation) error {
	e := a.ended()
	switch {
	case e.reason == Lost:
		return h.gone(j, c, "it heard nothing from here any more")
	case e.reason == "" && !a.has("task-code"):
		return h.gone(j, c, "what watched it there was killed, or did not start")
	case e.reason == "" && e.code != 0 && !a.has("code") && isProcessLimit(c.complaints()):
		return h.gone(j, c, "")
	case j.watch != "":
		return nil
	case e.reason != "":
		return fault.Mark(fault.Failed, fmt.Errorf("%s on %s: %w: it took longer than %s (step %s)", j.doing, h.name, ErrTimeout, j.timeout, a.step))
	case e.code != 0:
		return fault.Mark(fault.Failed, fmt.Errorf("%s on %s: %w: the script died with exit code %d: %s",
			j.doing, h.name, ErrAnswer, e.code, tellingLine(clean([]byte(c.complaints())))))
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
