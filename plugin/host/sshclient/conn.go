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

// Start opens a session and starts the command line.
func (c *Client) Start(ctx context.Context, commandLine string) (*Session, error) {
	return await(ctx, c, func() (*Session, error) { return c.session(ctx, commandLine) }, (*Session).Kill)
}

// ErrForwarding says that the server lets this key or account forward nothing.
var ErrForwarding = errors.New("the SSH server refuses to forward connections")

// ListenUnix has the host listen on a Unix socket, at a path that is free there
// and short enough for one.
func (c *Client) ListenUnix(ctx context.Context, path string) (net.Listener, error) {
	return await(ctx, c, func() (net.Listener, error) {
		listener, err := c.client.ListenUnix(path)
		if err == nil {
			return listener, nil
		}
		// A refusal has no type; a connection on which questions are answered tells it
		// from one that is lost.
		if _, _, lost := c.client.SendRequest("keepalive@openssh.com", true, nil); lost != nil {
			return nil, lost
		}
		return nil, ErrForwarding
	}, func(l net.Listener) { _ = l.Close() })
}

// DialContext has the host connect to an address.
func (c *Client) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.client.DialContext(ctx, network, address)
	if refused, ok := errors.AsType[*ssh.OpenChannelError](err); ok && refused.Reason == ssh.Prohibited {
		return nil, ErrForwarding
	}
	return conn, err
}

// await is what call returns, or an error when the context or the connection
// ends first: every step on a frozen connection can block. What comes too late is
// let go of.
func await[T any](ctx context.Context, c *Client, call func() (T, error), release func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	go func() {
		value, err := call()
		results <- result{value, err}
	}()
	var none T
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
		go func() {
			if r := <-results; r.err == nil {
				release(r.value)
			}
		}()
		return none, context.Cause(ctx)
	case <-c.dead:
		return none, errors.New("the connection is closed")
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

// Room is how many sessions the server gives at the same time, as far as most: it is
// asked for so many, and they are closed again.
func (c *Client) Room(ctx context.Context, most int) (int, error) {
	count := func() (int, error) {
		var sessions []*ssh.Session
		defer func() {
			for _, session := range sessions {
				_ = session.Close() // nothing runs in it
			}
		}()
		for len(sessions) < most {
			session, err := c.client.NewSession()
			if _, full := errors.AsType[*ssh.OpenChannelError](err); full {
				break
			}
			if err != nil {
				return 0, err
			}
			sessions = append(sessions, session)
		}
		return len(sessions), nil
	}
	return await(ctx, c, count, func(int) {})
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
