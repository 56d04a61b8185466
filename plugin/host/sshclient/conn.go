package sshclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/crypto/ssh"
)

// Client starts command lines over one SSH connection. It is safe for
// concurrent use.
type Client struct {
	client *ssh.Client
	raw    net.Conn // the outermost TCP connection: closing it cannot block
	reads  atomic.Int64
	once   sync.Once
	dead   chan struct{} // closed with the connection
}

// countingConn counts reads, the sign that the other side lives.
type countingConn struct {
	net.Conn
	reads *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.reads.Add(1)
	}
	return n, err
}

// Close lets go of the connection.
func (c *Client) Close() error {
	var err error
	c.once.Do(func() {
		close(c.dead)
		err = c.raw.Close()
	})
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// keepAlive asks the host for an answer and closes the connection after too
// many intervals in which nothing at all arrived: a frozen one gives no error
// by itself, and every call on it would wait for ever.
func (c *Client) keepAlive(every time.Duration, most int) {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	var asking atomic.Bool
	before, misses := int64(-1), 0
	for {
		select {
		case <-c.dead:
			return
		case <-ticks.C:
		}
		if now := c.reads.Load(); now != before {
			before, misses = now, 0
		} else if misses++; misses >= most {
			_ = c.Close()
			return
		}
		if asking.CompareAndSwap(false, true) {
			go func() {
				defer asking.Store(false)
				_, _, _ = c.client.SendRequest("keepalive@openssh.com", true, nil)
			}()
		}
	}
}

// Session is one command line under way.
type Session struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Stderr io.Reader

	session *ssh.Session
}

// Wait waits for its end, a *ssh.ExitError for another exit code than 0.
func (s *Session) Wait() error { return s.session.Wait() }

// Kill lets go of everything at once, without waiting.
func (s *Session) Kill() { go func() { _ = s.session.Close() }() }

// Start opens a session and starts the command line. Every step of it can
// block on a frozen connection, hence the goroutine.
func (c *Client) Start(ctx context.Context, commandLine string) (*Session, error) {
	type result struct {
		s   *Session
		err error
	}
	results := make(chan result, 1)
	go func() {
		s, err := c.session(ctx, commandLine)
		results <- result{s, err}
	}()
	select {
	case r := <-results:
		return r.s, r.err
	case <-ctx.Done():
		go func() {
			if r := <-results; r.s != nil {
				r.s.Kill()
			}
		}()
		return nil, context.Cause(ctx)
	case <-c.dead:
		return nil, errors.New("the connection is closed")
	}
}

// openTimeout is how long a server that has no session to spare is asked
// again: OpenSSH allows ten at a time (MaxSessions), and one that answered
// still counts until its shells have ended.
const openTimeout = 5 * time.Second

// open opens a session, as soon as the server has one to spare.
func (c *Client) open(ctx context.Context) (*ssh.Session, error) {
	return backoff.Retry(ctx, func() (*ssh.Session, error) {
		session, err := c.client.NewSession()
		var full *ssh.OpenChannelError
		if err != nil && !errors.As(err, &full) {
			return nil, backoff.Permanent(err)
		}
		return session, err
	}, backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)), backoff.WithMaxElapsedTime(openTimeout))
}

func (c *Client) session(ctx context.Context, commandLine string) (*Session, error) {
	session, err := c.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	s := &Session{session: session}
	s.Stdin, err = session.StdinPipe()
	if err == nil {
		s.Stdout, err = session.StdoutPipe()
	}
	if err == nil {
		s.Stderr, err = session.StderrPipe()
	}
	if err == nil {
		err = session.Start(commandLine)
	}
	if err != nil {
		s.Kill()
		return nil, fmt.Errorf("starting the command line: %w", err)
	}
	return s, nil
}
