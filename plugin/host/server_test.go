package host

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/relay"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// newKey is a fresh ed25519 key as a signer and as PEM.
func newKey(t testing.TB) (ssh.Signer, string) {
	t.Helper()
	private := sshdtest.Key(t)
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	return signer, private
}

// sshServer is an SSH server on loopback that hands every command line to a
// shell and, as sshd does, leaves the command alone when the client goes.
type sshServer struct {
	config  *ssh.ServerConfig
	env     []string
	wrap    string // shell text around the command line, "$0"
	address string

	mu          sync.Mutex
	sessions    int
	connections []net.Conn
}

// serve starts a server that accepts the client's key and shows the host keys.
func serve(t testing.TB, client ssh.PublicKey, hostKeys ...ssh.Signer) *sshServer {
	t.Helper()
	return serveTo(t, func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(client.Marshal()) {
			return nil, errors.New("not this key")
		}
		return &ssh.Permissions{}, nil
	}, hostKeys...)
}

// serveTo is serve with a decision of its own about who may enter.
func serveTo(t testing.TB, enter func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error), hostKeys ...ssh.Signer) *sshServer {
	t.Helper()
	home := t.TempDir()
	s := &sshServer{env: []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "USER=tester", "SHELL=/bin/sh"}}
	s.config = &ssh.ServerConfig{PublicKeyCallback: enter}
	for _, key := range hostKeys {
		s.config.AddHostKey(key)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	t.Cleanup(func() {
		_ = listener.Close()
		s.cut()
	})
	go func() {
		for {
			raw, err := listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.connections = append(s.connections, raw)
			s.mu.Unlock()
			go s.handle(raw)
		}
	}()
	return s
}

// cut ends all connections.
func (s *sshServer) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.connections {
		_ = c.Close()
	}
}

func (s *sshServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

func (s *sshServer) target(t testing.TB) sshclient.Target {
	t.Helper()
	target, err := sshclient.ParseTarget("tester@" + s.address)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func (s *sshServer) handle(raw net.Conn) {
	conn, channels, requests, err := ssh.NewServerConn(raw, s.config)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	go ssh.DiscardRequests(requests)
	for offer := range channels {
		switch {
		case offer.ChannelType() == "session":
			channel, asked, err := offer.Accept()
			if err == nil {
				s.mu.Lock()
				s.sessions++
				s.mu.Unlock()
				go s.session(channel, asked)
			}
		default:
			_ = offer.Reject(ssh.Prohibited, "forwarding is off")
		}
	}
}

func (s *sshServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	for request := range requests {
		if request.Type != "exec" {
			_ = request.Reply(false, nil)
			continue
		}
		var payload struct{ Command string }
		err := ssh.Unmarshal(request.Payload, &payload)
		_ = request.Reply(err == nil, nil)
		if err == nil {
			go s.run(channel, payload.Command)
		}
	}
}

func (s *sshServer) run(channel ssh.Channel, command string) {
	cmd := exec.Command("sh", "-c", command)
	if s.wrap != "" {
		cmd = exec.Command("sh", "-c", s.wrap, command)
	}
	cmd.Env = s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	if err := cmd.Start(); err != nil {
		_ = channel.Close()
		return
	}
	go func() { _, _ = io.Copy(stdin, channel); _ = stdin.Close() }()
	code := 0
	if err := cmd.Wait(); err != nil {
		code = cmd.ProcessState.ExitCode()
	}
	_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)}))
	_ = channel.Close()
}

// proxy is a relay that can cut its connections or stop forwarding.
type proxy struct {
	address string
	frozen  chan struct{}
	cut     func()
}

func openProxy(t testing.TB, to string) *proxy {
	t.Helper()
	p := &proxy{frozen: make(chan struct{})}
	p.address, p.cut = relay.Open(t, to, p.pump)
	return p
}

func (p *proxy) pump(to, from net.Conn, _ bool) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-p.frozen:
			return // both sides stay open and hear nothing
		default:
		}
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			_ = from.Close()
			return
		}
	}
}

func (p *proxy) freeze() { close(p.frozen) }

// knownHosts is a known_hosts line for the address.
func knownHosts(address string, key ssh.PublicKey) []byte {
	host, port, _ := net.SplitHostPort(address)
	return fmt.Appendf(nil, "[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(key))
}

// secretOf wraps a key for SSH.
func secretOf(key string) secret.String { return secret.New(key) }

func authorized(signer ssh.Signer) []byte { return ssh.MarshalAuthorizedKey(signer.PublicKey()) }

func fingerprint(signer ssh.Signer) string { return ssh.FingerprintSHA256(signer.PublicKey()) }
