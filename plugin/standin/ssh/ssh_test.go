package ssh

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func startSSH(t *testing.T, o Options) *Server {
	t.Helper()
	o.Home = t.TempDir()
	s, err := Start(o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// clientConfig pins the server's key by its known_hosts line.
func clientConfig(t *testing.T, s *Server, user, key string) *ssh.ClientConfig {
	t.Helper()
	file := filepath.Join(t.TempDir(), "known_hosts")
	must(t, os.WriteFile(file, []byte(s.KnownHosts()+"\n"), 0o600))
	check, err := knownhosts.New(file)
	must(t, err)
	signer, err := ssh.ParsePrivateKey([]byte(key))
	must(t, err)
	return &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, HostKeyCallback: check, Timeout: 10 * time.Second}
}

func dial(t *testing.T, s *Server) *ssh.Client {
	t.Helper()
	client, err := ssh.Dial("tcp", s.Addr(), clientConfig(t, s, "wizard", s.PrivateKey()))
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newSession(t *testing.T, client *ssh.Client) *ssh.Session {
	t.Helper()
	session, err := client.NewSession()
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// wait polls until a condition holds.
func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s: not after ten seconds", what)
}

func TestRunsCommands(t *testing.T) {
	t.Setenv("STANDIN_LEAK", "must not be seen")
	s := startSSH(t, Options{})
	session := newSession(t, dial(t, s))
	var stdout, stderr bytes.Buffer
	session.Stdin, session.Stdout, session.Stderr = strings.NewReader("input"), &stdout, &stderr
	err := session.Run(`cat; echo " $HOME $(pwd) ${STANDIN_LEAK-none}"; echo problem >&2; exit 7`)
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 7 {
		t.Errorf("error is %v, want exit status 7", err)
	}
	home, err := filepath.EvalSymlinks(s.Home())
	must(t, err)
	if want := "input " + s.Home() + " " + home + " none\n"; stdout.String() != want {
		t.Errorf("standard output is %q, want %q", stdout.String(), want)
	}
	if stderr.String() != "problem\n" {
		t.Errorf("standard error is %q", stderr.String())
	}
	if s.Sessions() != 1 || s.Logins() != 1 {
		t.Errorf("%d sessions, %d logins; want one of each", s.Sessions(), s.Logins())
	}
}

func TestReportsSignals(t *testing.T) {
	s := startSSH(t, Options{})
	err := newSession(t, dial(t, s)).Run("kill -TERM $$")
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || exit.Signal() != "TERM" {
		t.Errorf("error is %v, want signal TERM", err)
	}
}

func TestLetsOneKeyIn(t *testing.T) {
	s := startSSH(t, Options{})
	_, other, err := newSSHKey()
	must(t, err)
	for name, config := range map[string]*ssh.ClientConfig{
		"another key":  clientConfig(t, s, "wizard", other),
		"another user": clientConfig(t, s, "root", s.PrivateKey()),
	} {
		if client, err := ssh.Dial("tcp", s.Addr(), config); err == nil {
			_ = client.Close()
			t.Errorf("%s was let in", name)
		}
	}
	second := startSSH(t, Options{Key: s.PrivateKey()})
	config := clientConfig(t, s, "wizard", s.PrivateKey())
	_, err = ssh.Dial("tcp", second.Addr(), config)
	var unknown *knownhosts.KeyError
	if !errors.As(err, &unknown) {
		t.Errorf("the second server passed as the first: %v", err)
	}
	config.HostKeyCallback = func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if got := ssh.FingerprintSHA256(key); got != second.Fingerprint() {
			t.Errorf("fingerprint is %s, want %s", got, second.Fingerprint())
		}
		return nil
	}
	client, err := ssh.Dial("tcp", second.Addr(), config)
	must(t, err)
	must(t, client.Close())
}

func TestAnswersKeepalives(t *testing.T) {
	s := startSSH(t, Options{})
	client := dial(t, s)
	_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
	must(t, err)
}

func TestLostConnectionEndsInputOnly(t *testing.T) {
	s := startSSH(t, Options{})
	session := newSession(t, dial(t, s))
	// Standard input stays open on our side: its end can only come from the cut.
	_, err := session.StdinPipe()
	must(t, err)
	stdout, err := session.StdoutPipe()
	must(t, err)
	must(t, session.Start("echo $$ >pid; echo ready; cat >/dev/null; echo ended >ended; sleep 0.2; echo on >survived"))
	_, err = io.ReadFull(stdout, make([]byte, 6))
	must(t, err)
	s.Cut()
	var missing *ssh.ExitMissingError
	if err := session.Wait(); !errors.As(err, &missing) {
		t.Errorf("the client's error is %v, want a missing exit status", err)
	}
	for _, name := range []string{"ended", "survived"} {
		wait(t, "file "+name+" of the command that was left alone", func() bool {
			_, err := os.Stat(filepath.Join(s.Home(), name))
			return err == nil
		})
	}
}

func TestLostConnectionBreaksOutput(t *testing.T) {
	s := startSSH(t, Options{})
	session := newSession(t, dial(t, s))
	stdout, err := session.StdoutPipe()
	must(t, err)
	must(t, session.Start("trap '' PIPE; echo ready; while echo more 2>/dev/null; do sleep 0.01; done; echo broken >broken"))
	_, err = io.ReadFull(stdout, make([]byte, 6))
	must(t, err)
	s.Cut()
	wait(t, "a failing write of the command", func() bool {
		_, err := os.Stat(filepath.Join(s.Home(), "broken"))
		return err == nil
	})
}

func TestBackgroundChildHoldsTheSession(t *testing.T) {
	s := startSSH(t, Options{})
	session := newSession(t, dial(t, s))
	out, err := session.Output("(while [ ! -e go ]; do sleep 0.01; done; echo late) & echo early; (sleep 0.2; : >go) >/dev/null 2>&1 &")
	must(t, err)
	if string(out) != "early\nlate\n" {
		t.Errorf("output is %q, want the late line of the background child too", out)
	}
}

func TestJumpHost(t *testing.T) {
	target := startSSH(t, Options{})
	jump := startSSH(t, Options{Key: target.PrivateKey()})
	conn, err := dial(t, jump).Dial("tcp", target.Addr())
	must(t, err)
	inner, channels, requests, err := ssh.NewClientConn(conn, target.Addr(), clientConfig(t, target, "wizard", target.PrivateKey()))
	must(t, err)
	out, err := newSession(t, ssh.NewClient(inner, channels, requests)).Output("echo through")
	must(t, err)
	if string(out) != "through\n" || jump.Sessions() != 0 {
		t.Errorf("output %q, %d sessions on the jump host", out, jump.Sessions())
	}
	if _, err := dial(t, jump).Dial("tcp", "192.0.2.1:22"); err == nil {
		t.Error("the jump host reached beyond this machine")
	}
}

func TestCloseEndsStubbornCommands(t *testing.T) {
	t.Parallel()
	s, err := Start(Options{Home: t.TempDir()})
	must(t, err)
	session := newSession(t, dial(t, s))
	stdout, err := session.StdoutPipe()
	must(t, err)
	must(t, session.Start("trap '' HUP TERM PIPE; echo $$; while :; do sleep 0.05; done"))
	line := make([]byte, 16)
	n, err := stdout.Read(line)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(line[:n])))
	must(t, err)
	must(t, s.Close())
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the command is still there: %v", err)
	}
}

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
