package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshConnection runs command lines over one SSH connection.
type sshConnection struct {
	name   string
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

func (c *sshConnection) close() error {
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
func (c *sshConnection) keepAlive(every time.Duration, most int) {
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
			_ = c.close()
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

// start opens a session and starts the command line. Every step of it can
// block on a frozen connection, hence the goroutine.
func (c *sshConnection) start(ctx context.Context) (*stream, error) {
	type result struct {
		s   *stream
		err error
	}
	results := make(chan result, 1)
	go func() {
		s, err := c.session()
		results <- result{s, err}
	}()
	select {
	case r := <-results:
		return r.s, r.err
	case <-ctx.Done():
		go func() {
			if r := <-results; r.s != nil {
				r.s.kill()
			}
		}()
		return nil, context.Cause(ctx)
	case <-c.dead:
		return nil, errors.New("the connection is closed")
	}
}

// openPatience is how long a server that has no session to spare is asked
// again: OpenSSH allows ten at a time (MaxSessions), and one that answered
// still counts until its shells have ended.
const openPatience = 5 * time.Second

// open opens a session, as soon as the server has one to spare.
func (c *sshConnection) open() (*ssh.Session, error) {
	for until := time.Now().Add(openPatience); ; {
		session, err := c.client.NewSession()
		var full *ssh.OpenChannelError
		if !errors.As(err, &full) || time.Now().After(until) {
			return session, err
		}
		select {
		case <-c.dead:
			return nil, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *sshConnection) session() (*stream, error) {
	session, err := c.open()
	if err != nil {
		return nil, fmt.Errorf("opening a session: %w", err)
	}
	s := &stream{kill: func() { go func() { _ = session.Close() }() }, wait: session.Wait}
	stdin, err := session.StdinPipe()
	if err == nil {
		s.stdin = stdin
		s.stdout, err = session.StdoutPipe()
	}
	if err == nil {
		s.stderr, err = session.StderrPipe()
	}
	if err == nil {
		err = session.Start(commandLine)
	}
	if err != nil {
		s.kill()
		return nil, fmt.Errorf("starting the command line: %w", err)
	}
	return s, nil
}
