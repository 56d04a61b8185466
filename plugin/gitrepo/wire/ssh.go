package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// sshTransport starts the services over SSH with one key and pinned host keys.
// Neither ssh_config nor an agent nor the user's known_hosts is read. One
// connection serves many conversations.
type sshTransport struct {
	address string // host:port
	path    string
	config  *ssh.ClientConfig

	mu   sync.Mutex
	live *sshConnection   // the latest
	all  []*sshConnection // every one, since others may still be in use
}

// sshConnection is a connection that was used not long ago.
type sshConnection struct {
	conn   net.Conn
	client *ssh.Client
	used   time.Time
}

// maxIdle is how long a connection may have been idle to be used again: what is
// between may have forgotten an older one without a word.
const maxIdle = time.Minute

func newSSHTransport(a address, o Access) (*sshTransport, error) {
	if o.SSHKey.Empty() {
		return nil, errors.New("an ssh remote needs a private key: set git_ssh_key")
	}
	if len(strings.TrimSpace(string(o.KnownHosts))) == 0 {
		return nil, errors.New("an ssh remote needs its host key: set git_known_hosts, for instance to the output of ssh-keyscan after checking it")
	}
	signer, err := sshkey.Private(o.SSHKey)
	if err != nil {
		return nil, fmt.Errorf("git_ssh_key %w", err)
	}
	port := a.port
	if port == 0 {
		port = 22
	}
	target := net.JoinHostPort(a.host, strconv.Itoa(port))
	known, err := sshkey.ReadKnownHosts(string(o.KnownHosts))
	if err != nil {
		return nil, fmt.Errorf("git_known_hosts %w", err)
	}
	algorithms := known.HostKeyAlgorithms(target)
	if len(algorithms) == 0 {
		err := fmt.Errorf("%w: git_known_hosts has no line for %s", ErrHostKey, target)
		if warning := known.Warning(); warning != "" {
			err = fmt.Errorf("%w, and %s", err, warning)
		}
		return nil, err
	}
	user := a.user
	if user == "" {
		user = "git"
	}
	return &sshTransport{address: target, path: a.path, config: &ssh.ClientConfig{
		User:              user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   pinned(known.HostKeyCallback()),
		HostKeyAlgorithms: algorithms,
	}}, nil
}

// pinned marks the refusal of a host key, so that it can be told from other
// failures of the handshake.
func pinned(check ssh.HostKeyCallback) ssh.HostKeyCallback {
	return func(host string, from net.Addr, key ssh.PublicKey) error {
		if err := check(host, from, key); err != nil {
			return fmt.Errorf("%w: %s shows %s %s (%w)", ErrHostKey, host, key.Type(), ssh.FingerprintSHA256(key), err)
		}
		return nil
	}
}

func (t *sshTransport) open(ctx context.Context, s service, _ bool) (conversation, error) {
	if c := t.recent(); c != nil {
		if found, err := t.converse(ctx, c, s); err == nil {
			return found, nil
		}
		t.drop(c) // it broke while it was idle
	}
	c, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	found, err := t.converse(ctx, c, s)
	if err != nil {
		t.drop(c)
		return nil, err
	}
	return found, nil
}

// recent is the connection to use again, if there is one.
func (t *sshTransport) recent() *sshConnection {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == nil || time.Since(t.live.used) > maxIdle {
		return nil
	}
	return t.live
}

func (t *sshTransport) drop(c *sshConnection) {
	_ = c.conn.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.live == c {
		t.live = nil
	}
}

func (t *sshTransport) close() {
	t.mu.Lock()
	all := t.all
	t.mu.Unlock()
	for _, c := range all {
		t.drop(c)
	}
}

func (t *sshTransport) connect(ctx context.Context) (*sshConnection, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	// x/crypto/ssh knows no contexts: closing the connection ends every call.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	err = conn.SetDeadline(time.Now().Add(dialTimeout))
	var secured ssh.Conn
	var channels <-chan ssh.NewChannel
	var requests <-chan *ssh.Request
	if err == nil {
		if secured, channels, requests, err = ssh.NewClientConn(conn, t.address, t.config); err != nil {
			err = handshakeFault(err)
		}
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	c := &sshConnection{conn: conn, used: time.Now(), client: ssh.NewClient(secured, channels, requests)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, c)
	t.live = c
	return c, nil
}

// converse starts a service over a connection. The end of ctx ends all that
// goes on over it.
func (t *sshTransport) converse(ctx context.Context, c *sshConnection, s service) (conversation, error) {
	stop := context.AfterFunc(ctx, func() { t.drop(c) })
	slow := time.AfterFunc(dialTimeout, func() { t.drop(c) })
	defer slow.Stop()
	found, err := t.start(c, s)
	if err != nil {
		stop()
		return nil, err
	}
	end := found.wait
	found.wait = func() error {
		defer stop()
		defer func() {
			t.mu.Lock()
			c.used = time.Now()
			t.mu.Unlock()
		}()
		return end()
	}
	return found, nil
}

func (t *sshTransport) start(c *sshConnection, s service) (*stream, error) {
	session, err := c.client.NewSession()
	if err != nil {
		var refused *ssh.OpenChannelError
		if errors.As(err, &refused) && refused.Reason == ssh.Prohibited {
			return nil, err
		}
		return nil, transientError{error: err} // a connection that broke, for which the library has no type, or too many
	}
	found := &stream{stderr: &tail{}, kill: func() { t.drop(c) }}
	found.wait = func() error {
		defer func() { _ = session.Close() }()
		return session.Wait()
	}
	session.Stderr = found.stderr
	if found.stdin, err = session.StdinPipe(); err != nil {
		return nil, err
	}
	if found.stdout, err = session.StdoutPipe(); err != nil {
		return nil, err
	}
	return found, session.Start(string(s) + " " + quotePath(t.path))
}

// handshakeFault tells a refused key from a failed connection.
func handshakeFault(err error) error {
	if sshkey.Refused(err) {
		return fmt.Errorf("%w: it refuses git_ssh_key (%w)", ErrDenied, err)
	}
	return err
}

// quotePath quotes a path exactly as git does, which is what the restricted
// shells of forges expect.
func quotePath(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}
