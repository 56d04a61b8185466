// Package sshclient connects to hosts over SSH: it checks their keys, logs in,
// and notices when a connection is dead.
//
// Errors carry their fault kind.
package sshclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Login says how a host is reached and logged in to.
type Login struct {
	Target         Target
	Jump           *Target       // reached first, nil for none; same key, pinned in the same way
	Key            secret.String // private key in PEM, without passphrase
	Certificate    string        // of the key, one line; empty for none
	KnownHosts     []byte        // known_hosts lines; hashed names and @cert-authority are understood
	Fingerprints   []string      // "SHA256:..." of hosts that KnownHosts does not name
	ConnectTimeout time.Duration // of each connection with its handshake; 0 means ten seconds
	KeepAlive      time.Duration // between two questions whether the host is there; 0 means five seconds, after three without answer it is lost
}

// Causes that callers tell apart with errors.Is.
var (
	// ErrUnreachable: no connection came about.
	ErrUnreachable = errors.New("host unreachable")
	// ErrAuth: the host does not accept our key. Final for this host.
	ErrAuth = errors.New("key refused")

	errHostKey = errors.New("host key not accepted")
	errKey     = errors.New("unusable private key")
)

// keepAliveMisses is how many questions may go unanswered.
const keepAliveMisses = 3

// Dial connects and logs in. The host key must be pinned: any other is a
// *PinError, which is final.
func Dial(ctx context.Context, s Login) (*Client, error) {
	if s.Target.Local {
		return nil, errors.New("local is no SSH host")
	}
	if s.ConnectTimeout <= 0 {
		s.ConnectTimeout = 10 * time.Second
	}
	if s.KeepAlive <= 0 {
		s.KeepAlive = 5 * time.Second
	}
	signer, err := readKey(s.Key, s.Certificate)
	if err != nil {
		return nil, err
	}
	pinned, err := newPins(s.KnownHosts, s.Fingerprints)
	if err != nil {
		return nil, err
	}
	d := &dialer{
		pins: pinned, auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, fingerprint: sshkey.Describe(plainKey(signer.PublicKey())),
		certified: s.Certificate != "", timeout: s.ConnectTimeout,
	}
	conn, err := d.dial(ctx, s)
	if err != nil {
		return nil, err
	}
	go conn.keepAlive(s.KeepAlive, keepAliveMisses)
	return conn, nil
}

// dialer is what all connections of one Dial have in common.
type dialer struct {
	pins        *pins
	auth        []ssh.AuthMethod
	fingerprint string
	certified   bool // the key logs in by a certificate
	timeout     time.Duration
}

// reach opens a byte stream to an address: TCP, or through a jump host.
type reach func(ctx context.Context, network, address string) (net.Conn, error)

func (d *dialer) dial(ctx context.Context, s Login) (*Client, error) {
	conn := &Client{dead: make(chan struct{})}
	direct := func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conn.raw = &countingConn{Conn: raw, reads: &conn.reads}
		return conn.raw, nil
	}
	if s.Jump == nil {
		client, err := d.connect(ctx, direct, s.Target)
		conn.client = client
		return conn, err
	}
	jump, err := d.connect(ctx, direct, *s.Jump)
	if err != nil {
		return nil, fmt.Errorf("jump host: %w", err)
	}
	client, err := d.connect(ctx, jump.DialContext, s.Target)
	if err != nil {
		_ = conn.raw.Close()
		return nil, fmt.Errorf("through jump host %s: %w", s.Jump, err)
	}
	conn.client = client
	return conn, nil
}

// connect makes one handshake per list of host key algorithms until a key is
// accepted.
func (d *dialer) connect(ctx context.Context, via reach, target Target) (*ssh.Client, error) {
	address := target.Address()
	var last error
	var told *PinError // with a reason that says more than that a key is another one
	for _, offered := range d.pins.attempts(address) {
		client, err := d.handshake(ctx, via, target, offered, d.pins.check)
		if err == nil {
			return client, nil
		}
		last = err
		if pin, ok := errors.AsType[*PinError](err); ok && pin.Why != "" {
			told = pin
		}
		var none *ssh.AlgorithmNegotiationError
		if !errors.Is(err, errHostKey) && !errors.As(err, &none) {
			return nil, err
		}
	}
	if told != nil {
		return nil, fault.Mark(fault.Failed, told)
	}
	if !errors.Is(last, errHostKey) {
		return nil, d.mismatch(ctx, via, target, last)
	}
	return nil, last
}

// mismatch is for a server that has no key of the pinned kind: it is asked for
// any, only to name it.
func (d *dialer) mismatch(ctx context.Context, via reach, target Target, last error) error {
	refusal := &PinError{Host: target.Address(), Want: d.pins.want(target.Address())}
	var none *ssh.AlgorithmNegotiationError
	if errors.As(last, &none) && none.What != "host key" {
		return atTarget(fault.Failed, target, fmt.Errorf("%w: %w", ErrUnreachable, heard{last}))
	}
	_, _ = d.handshake(ctx, via, target, slices.Concat(groups...), func(_ string, _ net.Addr, key ssh.PublicKey) error {
		refusal.Got = sshkey.Describe(plainKey(key))
		return refusal
	})
	return fault.Mark(fault.Failed, refusal)
}

// handshake makes one connection within the timeout.
func (d *dialer) handshake(ctx context.Context, via reach, target Target, offered []string, check ssh.HostKeyCallback) (*ssh.Client, error) {
	limited, cancel := context.WithTimeoutCause(ctx, d.timeout, fmt.Errorf("no answer within %s", d.timeout))
	defer cancel()
	raw, err := via(limited, "tcp", target.Address())
	if err != nil {
		return nil, d.unreachable(limited, ctx, target, err)
	}
	var refused error
	config := &ssh.ClientConfig{
		User: target.User, Auth: d.auth, HostKeyAlgorithms: offered,
		ClientVersion: "SSH-2.0-pm-todos",
		HostKeyCallback: func(address string, remote net.Addr, key ssh.PublicKey) error {
			refused = check(address, remote, key)
			return refused
		},
	}
	// The library knows no contexts: closing is what ends a handshake.
	stop := context.AfterFunc(limited, func() { _ = raw.Close() })
	conn, channels, requests, err := ssh.NewClientConn(raw, target.Address(), config)
	switch {
	case !stop():
		_ = raw.Close()
		return nil, d.unreachable(limited, ctx, target, errors.New("the handshake did not end"))
	case err == nil:
		return ssh.NewClient(conn, channels, requests), nil
	}
	_ = raw.Close()
	return nil, d.classify(target, refused, err)
}

func (d *dialer) unreachable(limited, ctx context.Context, target Target, err error) error {
	var channel *ssh.OpenChannelError
	switch {
	case ctx.Err() != nil:
		return fault.Mark(fault.Temporary, fmt.Errorf("connecting to %s: %w", target, context.Cause(ctx)))
	case limited.Err() != nil:
		return atTarget(fault.Temporary, target, fault.WithFix(fmt.Errorf("%w: %w", ErrUnreachable, context.Cause(limited)), "check that it is up and that no firewall swallows packets"))
	case errors.As(err, &channel) && channel.Reason == ssh.Prohibited:
		return atTarget(fault.Failed, target, fault.WithFix(fmt.Errorf("%w: the jump host forbids it (%s)", ErrUnreachable, text.Line(channel.Message, 100)), "allow TCP forwarding there"))
	}
	return atTarget(fault.Temporary, target, fmt.Errorf("%w: %w", ErrUnreachable, heard{err}))
}

// classify says what a failed handshake means.
func (d *dialer) classify(target Target, refused, err error) error {
	var none *ssh.AlgorithmNegotiationError
	switch {
	case refused != nil:
		return fault.Mark(fault.Failed, refused)
	case errors.As(err, &none):
		return atTarget(fault.Failed, target, heard{err})
	case sshkey.Refused(err) && d.certified:
		return atTarget(fault.Failed, target, fault.WithFix(fmt.Errorf("%w: it does not accept the certificate of %s for user %s", ErrAuth, d.fingerprint, target.User),
			"let its sshd trust the authority that signed it (TrustedUserCAKeys), and check that the certificate names that user and that the clocks agree"))
	case sshkey.Refused(err):
		return atTarget(fault.Failed, target, fault.WithFix(fmt.Errorf("%w: it does not accept %s for user %s", ErrAuth, d.fingerprint, target.User),
			"put the public key into ~/.ssh/authorized_keys there, and check that the account is not locked"))
	}
	return atTarget(fault.Temporary, target, fmt.Errorf("%w: %w", ErrUnreachable, heard{err}))
}

// atTarget is the error of a connection to target.
func atTarget(kind fault.Kind, target Target, err error) error {
	return fault.Mark(kind, &fault.Error{Place: target.String(), Err: err})
}

// heard is an error that a server has a say in, in one short printable line.
type heard struct{ err error }

// Error is the line.
func (h heard) Error() string { return text.Line(h.err.Error(), 200) }

// Unwrap is the error as it came.
func (h heard) Unwrap() error { return h.err }
