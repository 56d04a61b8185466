package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// stream is a conversation over the standard streams of a remote program.
type stream struct {
	stdin  io.WriteCloser
	stdout io.Reader
	stderr *tail
	kill   func()       // ends the program at once
	wait   func() error // waits for the program and frees everything
	asked  bool
}

func (s *stream) greeting() io.Reader { return s.stdout }

func (s *stream) said() string { return s.stderr.String() }

func (s *stream) ask(request []byte) (io.Reader, error) {
	s.asked = true
	// The service may answer before it has read everything, so writing must
	// not hold up reading. A failed write shows as a failed read.
	go func() {
		_, _ = s.stdin.Write(request)
		_ = s.stdin.Close()
	}()
	return s.stdout, nil
}

func (s *stream) close() error {
	if !s.asked {
		// A flush packet tells the service that nothing is wanted.
		_, _ = s.stdin.Write([]byte("0000"))
		_ = s.stdin.Close()
	}
	if !drain(s.stdout) {
		s.kill()
	}
	return s.wait()
}

// quietTime is how long a remote may say nothing while it is waited for. It is
// less than retryTime, so that one that has gone without a word is asked again;
// git sends something every few seconds, also while it works or a hook runs.
const quietTime = 90 * time.Second

// silence ends an act when it has lasted too long.
type silence struct {
	timer *time.Timer
	limit time.Duration
	end   context.CancelCauseFunc
}

// endSilence is a context that ends when the remote says nothing for so long
// while it is waited for, which begins now.
func endSilence(ctx context.Context, limit time.Duration) (context.Context, *silence) {
	ctx, end := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { end(fmt.Errorf("not a word for %s", limit)) })
	return ctx, &silence{timer, limit, end}
}

// wait runs what waits for the remote.
func (s *silence) wait(act func()) {
	s.timer.Reset(s.limit)
	act()
	s.timer.Stop()
}

// unsilenced is a conversation whose silences end it.
type unsilenced struct {
	conversation
	silence *silence
}

func (c unsilenced) greeting() io.Reader {
	if r := c.conversation.greeting(); r != nil {
		return heard{r, c.silence}
	}
	return nil
}

func (c unsilenced) ask(request []byte) (answer io.Reader, err error) {
	c.silence.wait(func() { answer, err = c.conversation.ask(request) })
	return heard{answer, c.silence}, err
}

func (c unsilenced) close() (err error) {
	c.silence.wait(func() { err = c.conversation.close() })
	return err
}

// heard is what the remote says.
type heard struct {
	io.Reader
	silence *silence
}

func (h heard) Read(p []byte) (n int, err error) {
	h.silence.wait(func() { n, err = h.Reader.Read(p) })
	return n, err
}

// maxDrain is how much unwanted output is read so that a service can end.
const maxDrain = 1 << 20

// drain reads what is left, if it is not much, and reports whether that was all:
// a hook that runs after the report must not die of a closed pipe.
func drain(r io.Reader) bool {
	n, err := io.CopyN(io.Discard, r, maxDrain)
	return err != nil || n < maxDrain
}

// tail is a writer that keeps the first few kilobytes of what it is given and
// counts the rest away.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

const maxTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := maxTail - t.buf.Len(); room > 0 {
		t.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// String is what was kept.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
