// Package ssh stands in for a host that is reached by SSH.
package ssh

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Options say what the SSH server lets in and where commands run.
type Options struct {
	User string // the one user name that may log in; "wizard" when empty
	Home string // HOME and first folder of every command; created when absent
	// Bin is a folder that comes first on the PATH of every command, when set.
	Bin string
	// Key is the private key, in PEM form, that may log in. A new one is made
	// when it is empty.
	Key string
	// MaxSessions is how many sessions one connection gets at a time; 0 for any
	// number.
	MaxSessions int64
}

// Server runs commands for one key, as OpenSSH's server does: each in a
// session of its own with a clean environment; and when the connection is lost
// the command keeps running, with its standard input at its end.
type Server struct {
	options  Options
	listener net.Listener
	config   *ssh.ServerConfig
	hostKey  ssh.Signer
	key      string // PEM of the private key that may log in

	sessions, logins atomic.Int64

	mu       sync.Mutex
	closed   bool
	conns    map[net.Conn]bool
	children map[int]chan struct{} // process group to "it has ended"
}

// Start starts an SSH server on a free port of the loopback interface.
func Start(o Options) (*Server, error) {
	if o.User == "" {
		o.User = "wizard"
	}
	home, err := filepath.Abs(o.Home)
	if err != nil {
		return nil, fmt.Errorf("home of the stand-in SSH host: %w", err)
	}
	o.Home = home
	if err := os.MkdirAll(home, 0o750); err != nil {
		return nil, fmt.Errorf("home of the stand-in SSH host: %w", err)
	}
	hostKey, _, err := newSSHKey()
	if err != nil {
		return nil, err
	}
	var allowed ssh.Signer
	if o.Key == "" {
		allowed, o.Key, err = newSSHKey()
	} else {
		allowed, err = ssh.ParsePrivateKey([]byte(o.Key))
	}
	if err != nil {
		return nil, fmt.Errorf("key that may log in to the stand-in SSH host: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port for the stand-in SSH host: %w", err)
	}
	s := &Server{
		options: o, listener: listener, hostKey: hostKey, key: o.Key,
		conns: map[net.Conn]bool{}, children: map[int]chan struct{}{},
	}
	s.config = &ssh.ServerConfig{ServerVersion: "SSH-2.0-OpenSSH_9.2p1-standin", PublicKeyCallback: s.authorise(allowed.PublicKey())}
	s.config.AddHostKey(hostKey)
	go s.accept()
	return s, nil
}

// newSSHKey makes an ed25519 key, and its PEM text in OpenSSH's form.
func newSSHKey() (ssh.Signer, string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("key for the stand-in SSH host: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "stand-in")
	if err != nil {
		return nil, "", fmt.Errorf("key for the stand-in SSH host: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, "", fmt.Errorf("key for the stand-in SSH host: %w", err)
	}
	return signer, string(pem.EncodeToMemory(block)), nil
}

func (s *Server) authorise(allowed ssh.PublicKey) func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
	return func(meta ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
		if meta.User() != s.options.User || string(offered.Marshal()) != string(allowed.Marshal()) {
			return nil, fmt.Errorf("user %q with key %s may not log in", meta.User(), ssh.FingerprintSHA256(offered))
		}
		return &ssh.Permissions{}, nil
	}
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Target is user@host:port, as the hosts setting wants it.
func (s *Server) Target() string { return s.options.User + "@" + s.Addr() }

// Home is the folder in which commands start.
func (s *Server) Home() string { return s.options.Home }

// PrivateKey is the key that may log in, in OpenSSH's PEM form.
func (s *Server) PrivateKey() string { return s.key }

// KnownHosts is the known_hosts line of the server, without a final newline.
func (s *Server) KnownHosts() string {
	return knownhosts.Line([]string{s.Addr()}, s.hostKey.PublicKey())
}

// Fingerprint is the host key's, as SHA256:….
func (s *Server) Fingerprint() string { return ssh.FingerprintSHA256(s.hostKey.PublicKey()) }

// Sessions counts the commands so far: the round trips of a client.
func (s *Server) Sessions() int { return int(s.sessions.Load()) }

// Logins counts the connections that passed authentication.
func (s *Server) Logins() int { return int(s.logins.Load()) }

// Cut drops every connection, as a failing network does; new ones are let in.
func (s *Server) Cut() {
	s.mu.Lock()
	conns := s.conns
	s.conns = map[net.Conn]bool{}
	s.mu.Unlock()
	for conn := range conns {
		_ = conn.Close()
	}
}

// Close stops the server, drops the connections, and ends the commands that
// still run after two seconds.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	err := s.listener.Close()
	s.Cut()
	deadline := time.After(2 * time.Second)
	s.mu.Lock()
	children := maps.Clone(s.children)
	s.mu.Unlock()
	for group, ended := range children {
		select {
		case <-ended:
		case <-deadline:
			_ = syscall.Kill(-group, syscall.SIGKILL)
			<-ended
			deadline = time.After(0)
		}
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			_ = conn.Close()
			return
		}
		s.conns[conn] = true
		s.mu.Unlock()
		go s.serve(conn)
	}
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	server, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	s.logins.Add(1)
	go s.answerGlobal(requests)
	var open atomic.Int64
	for channel := range channels {
		switch channel.ChannelType() {
		case "session":
			if most := s.options.MaxSessions; most > 0 && open.Load() >= most {
				_ = channel.Reject(ssh.ConnectionFailed, "open failed")
				continue
			}
			open.Add(1)
			go func() {
				defer open.Add(-1)
				s.session(channel)
			}()
		case "direct-tcpip":
			go s.forward(channel)
		default:
			_ = channel.Reject(ssh.UnknownChannelType, "only session and direct-tcpip")
		}
	}
	_ = server.Close()
}

// answerGlobal refuses every request, keepalive@openssh.com too: that is how
// OpenSSH answers it, and any answer shows that the server lives.
func (s *Server) answerGlobal(requests <-chan *ssh.Request) {
	for request := range requests {
		if request.WantReply {
			_ = request.Reply(false, nil)
		}
	}
}

// environment is what OpenSSH gives a command: nothing of the server's own.
func (s *Server) environment() []string {
	search := []string{"/usr/local/bin", "/usr/bin", "/bin", "/usr/games"}
	// The tools that this machine keeps elsewhere.
	for _, tool := range []string{"git", "sh"} {
		if found, err := exec.LookPath(tool); err == nil && !slices.Contains(search, filepath.Dir(found)) {
			search = append(search, filepath.Dir(found))
		}
	}
	if s.options.Bin != "" {
		search = append([]string{s.options.Bin}, search...)
	}
	return []string{
		"HOME=" + s.options.Home, "USER=" + s.options.User, "LOGNAME=" + s.options.User,
		"SHELL=/bin/sh", "PATH=" + strings.Join(search, ":"), "SSH_CONNECTION=127.0.0.1 0 127.0.0.1 0",
	}
}
