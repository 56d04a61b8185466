// Package sshdtest runs OpenSSH's own server for tests, on loopback, for the
// account that runs the test. It uses no code that is under test.
package sshdtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/freeport"
)

// Program is the server. Tests are skipped where it is not installed.
const Program = "/usr/sbin/sshd"

// Config says how a server differs from the usual. In all texts {dir} stands for
// the folder of its configuration.
type Config struct {
	Authorized []string // lines of authorized_keys
	// Home is the HOME of every session, the server's own folder when empty.
	// The home of whoever runs the test is neither read nor written to: its
	// .bashrc may take a second each time.
	Home  string
	Env   []string // further variables of every session, NAME=value without spaces
	Lines []string // further lines of configuration; SetEnv is none, since sshd counts the first one alone
}

// Server is one server.
type Server struct {
	Address string     // host:port
	User    string     // the account that it lets in
	Dir     string     // of its configuration: config, host, authorized_keys
	Log     string     // file of its log
	HostKey ssh.Signer // that it shows
	Pid     int        // of its process, once started
}

// New configures a server and does not start it yet. The test is skipped where
// there is no sshd, or where it does not let this account in.
func New(t testing.TB, c Config) *Server {
	t.Helper()
	s := &Server{User: account(t), Dir: t.TempDir()}
	s.Log = filepath.Join(s.Dir, "log")
	private := Key(t)
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	s.HostKey = signer
	s.Write(t, "host", private)
	s.Write(t, "authorized_keys", strings.Join(append(c.Authorized, ""), "\n"))
	s.Address = freeport.Address(t)
	_, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	if c.Home == "" {
		c.Home = s.Dir
	}
	lines := append([]string{
		"ListenAddress 127.0.0.1", "Port " + port, "HostKey {dir}/host", "PidFile none", "AuthorizedKeysFile {dir}/authorized_keys",
		"StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"PermitRootLogin prohibit-password", "LogLevel VERBOSE",
		"SetEnv " + strings.Join(append([]string{"HOME=" + c.Home}, c.Env...), " "),
	}, c.Lines...)
	s.Write(t, "config", strings.Join(append(lines, ""), "\n"))
	return s
}

// Start configures a server and starts it.
func Start(t testing.TB, c Config) *Server {
	t.Helper()
	s := New(t, c)
	s.Start(t)
	return s
}

// Start starts the server; the test stops it when it ends, and shows its log
// when it fails.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	log, err := os.Create(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(Program, "-D", "-e", "-f", filepath.Join(s.Dir, "config")) //nolint:gosec // a constant program
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Skip("sshd does not start: ", err)
	}
	s.Pid = cmd.Process.Pid
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // killed on purpose
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
		_ = log.Close()
		if t.Failed() {
			t.Logf("sshd: %s", s.Logged(t))
		}
	})
	for !s.greets() {
		select {
		case <-ended:
			t.Fatalf("sshd ended: %s", s.Logged(t))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// greets reports whether the server answers, and not somebody else at its address.
func (s *Server) greets() bool {
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	greeting := make([]byte, len("SSH-2.0-"))
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return false
	}
	_, err = io.ReadFull(conn, greeting)
	return err == nil && string(greeting) == "SSH-2.0-"
}

// Write puts a file into the server's folder. What stands for that folder cannot
// be a part of a key.
func (s *Server) Write(t testing.TB, name, text string) {
	t.Helper()
	file := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "{dir}", s.Dir)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Logged is what the server has logged so far.
func (s *Server) Logged(t testing.TB) string {
	t.Helper()
	log, err := os.ReadFile(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// Known is the line of known_hosts for the server.
func (s *Server) Known() string {
	host, port, _ := net.SplitHostPort(s.Address) // it was made from both
	return fmt.Sprintf("[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(s.HostKey.PublicKey()))
}

// Key is a new private key in PEM.
func Key(t testing.TB) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// Authorized is the line of authorized_keys for a private key in PEM.
func Authorized(t testing.TB, private string) string {
	t.Helper()
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// account is the name of the account of this test, which sshd must be able to
// let in.
func account(t testing.TB) string {
	t.Helper()
	if _, err := os.Stat(Program); err != nil {
		t.Skip("needs a real sshd: install openssh-server")
	}
	me, err := user.Current()
	if err != nil {
		t.Skip("sshd lets in only accounts with a name: ", err)
	}
	accounts, err := os.ReadFile("/etc/passwd")
	closed := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(me.Username) + `:.*(nologin|false)$`)
	if err != nil || closed.Match(accounts) {
		t.Skip("sshd lets in only accounts with a login shell")
	}
	if me.Uid == "0" {
		// It drops its privileges in this folder and refuses to start without it.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { //nolint:gosec // as the system's own scripts make it
			t.Skip("sshd needs /run/sshd when run as root: ", err)
		}
	}
	return me.Username
}
