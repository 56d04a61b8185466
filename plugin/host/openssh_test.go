package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
)

// sshd is a real OpenSSH server that accepts one key.
type sshd struct {
	*sshdtest.Server
	key    string     // private key that it accepts, PEM
	client ssh.Signer // the same
}

func (d *sshd) target(t testing.TB) Target {
	t.Helper()
	target, err := ParseTarget(d.User + "@" + d.Address)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// startSSHD starts a server with further lines of configuration.
func startSSHD(t testing.TB, lines ...string) *sshd {
	t.Helper()
	d := newSSHD(t, sshdtest.Config{Lines: lines})
	d.Start(t)
	return d
}

// newSSHD is a server that is configured and does not run yet.
func newSSHD(t testing.TB, c sshdtest.Config) *sshd {
	t.Helper()
	client, key := newKey(t)
	c.Authorized = []string{string(authorized(client))}
	return &sshd{Server: sshdtest.New(t, c), key: key, client: client}
}

// certify is a certificate for a key in the format of OpenSSH's files.
func certify(t *testing.T, authority ssh.Signer, key ssh.PublicKey, kind uint32, principal string) string {
	t.Helper()
	certificate := &ssh.Certificate{
		Key: key, CertType: kind, ValidPrincipals: []string{principal},
		ValidAfter: uint64(time.Now().Add(-time.Hour).Unix()), ValidBefore: uint64(time.Now().Add(time.Hour).Unix()),
	}
	if err := certificate.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	return string(ssh.MarshalAuthorizedKey(certificate))
}

func TestThreat8_HostKeysOfARealServer(t *testing.T) {
	t.Parallel()
	d := startSSHD(t)
	s := SSH{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known())}
	skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
	other, otherPEM := newKey(t)
	hashed := func(key ssh.Signer) []byte {
		return []byte(xknownhosts.HashHostname(xknownhosts.Normalize(d.Address)) + " " + string(authorized(key)))
	}
	for name, c := range map[string]struct {
		known  []byte
		prints []string
		key    string
		want   error
	}{
		"known":             {known: s.KnownHosts},
		"hashed":            {known: hashed(d.HostKey)},
		"hashed, other key": {known: hashed(other), want: ErrHostKey},
		"other key":         {known: knownHosts(d.Address, other.PublicKey()), want: ErrHostKey},
		"unknown":           {known: knownHosts("10.1.1.1:22", other.PublicKey()), want: ErrHostKey},
		"fingerprint":       {prints: []string{fingerprint(d.HostKey)}},
		"other fingerprint": {prints: []string{fingerprint(other)}, want: ErrHostKey},
		"another login key": {known: s.KnownHosts, key: otherPEM, want: ErrAuth},
	} {
		one := SSH{Target: s.Target, Key: s.Key, KnownHosts: c.known, Fingerprints: c.prints}
		if c.key != "" {
			one.Key = secretOf(c.key)
		}
		h, err := Dial(t.Context(), one)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: got %v", name, err)
		}
		if err == nil {
			_ = h.Close()
		} else if fault.Of(err) != fault.Failed {
			t.Errorf("%s: %v is %s", name, err, fault.Of(err))
		}
	}
}

func TestThreat8_CertificatesOfRealServers(t *testing.T) {
	t.Parallel()
	hosts, users := authority(t), authority(t)
	d := newSSHD(t, sshdtest.Config{Lines: []string{"HostCertificate DIR/host-cert.pub", "TrustedUserCAKeys DIR/users.pub"}})
	d.Write(t, "authorized_keys", "") // certificates only
	d.Write(t, "host-cert.pub", certify(t, hosts, d.HostKey.PublicKey(), ssh.HostCert, "127.0.0.1"))
	d.Write(t, "users.pub", string(authorized(users)))
	d.Start(t)
	good := SSH{
		Target: d.target(t), Key: secretOf(d.key), Certificate: certify(t, users, d.client.PublicKey(), ssh.UserCert, d.User),
		KnownHosts: []byte("@cert-authority 127.0.0.1,[127.0.0.1]:* " + string(authorized(hosts))),
	}
	h, err := Dial(t.Context(), good)
	if err != nil && strings.Contains(read(t, d.Log), "account is locked") {
		t.Skip("the account of this test is locked, sshd lets nobody in: usermod -p '*' " + d.User)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, read(t, d.Log))
	}
	_ = h.Close()
	for name, c := range map[string]struct {
		change func(*SSH)
		want   error
	}{
		"authority of other hosts": {func(s *SSH) { s.KnownHosts = []byte("@cert-authority * " + string(authorized(users))) }, ErrHostKey},
		"user of another authority": {func(s *SSH) {
			s.Certificate = certify(t, hosts, d.client.PublicKey(), ssh.UserCert, d.User)
		}, ErrAuth},
		"certificate for another user": {func(s *SSH) {
			s.Certificate = certify(t, users, d.client.PublicKey(), ssh.UserCert, "somebody-else")
		}, ErrAuth},
		"no certificate": {func(s *SSH) { s.Certificate = "" }, ErrAuth},
	} {
		s := good
		c.change(&s)
		_, err := Dial(t.Context(), s)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
		// An ephemeral key belongs into no authorized_keys.
		if s.Certificate != "" && errors.Is(err, ErrAuth) && (!strings.Contains(err.Error(), "TrustedUserCAKeys") || strings.Contains(err.Error(), "authorized_keys")) {
			t.Errorf("%s: no way out of it in %v", name, err)
		}
	}
}

func authority(t *testing.T) ssh.Signer {
	t.Helper()
	signer, _ := newKey(t)
	return signer
}

func TestRealJumpHost(t *testing.T) {
	t.Parallel()
	end := startSSHD(t)
	jump, closed := startSSHD(t), startSSHD(t, "AllowTcpForwarding no")
	for _, d := range []*sshd{jump, closed} {
		d.Write(t, "authorized_keys", string(authorized(end.client)))
	}
	known := bytes.Join([][]byte{
		knownHosts(end.Address, end.HostKey.PublicKey()), knownHosts(jump.Address, jump.HostKey.PublicKey()), knownHosts(closed.Address, closed.HostKey.PublicKey()),
	}, nil)
	via := func(d *sshd) *Target { target := d.target(t); return &target }
	s := SSH{Target: end.target(t), Jump: via(jump), Key: secretOf(end.key), KnownHosts: known}
	skipWithoutShell(t, SSH{Key: s.Key, KnownHosts: known}, end.User+"@"+end.Address, end.Log)
	h, err := Dial(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	h.root = t.TempDir()
	if err := wholeItem(t.Context(), h, makeRepository(t, terraformFiles())); err != nil {
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	s.Jump = via(closed)
	if _, err := Dial(t.Context(), s); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "forward") {
		t.Errorf("a jump host without forwarding: %v", err)
	}
	s.Jump, s.KnownHosts = via(jump), knownHosts(end.Address, end.HostKey.PublicKey())
	if _, err := Dial(t.Context(), s); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), "jump host") {
		t.Errorf("a jump host that is not pinned: %v", err)
	}
}

// wholeItem does on a host what a run does for one item.
func wholeItem(ctx context.Context, h *Host, r repository) error {
	run, err := h.OpenRun(ctx, "", "item")
	if err != nil {
		return err
	}
	agent, err := run.Workspace(ctx, "agent", r.commit, bytes.NewReader(r.pack), AgentTree, Prepare{})
	if err != nil {
		return err
	}
	exit, err := agent.Supervise(ctx, Process{Argv: []string{"sh", "-c", "cat; echo y >>stacks/a/main.tf"}, Stdin: []byte("it's `the` item\n")})
	if err != nil || !exit.OK() || string(exit.Stdout) != "it's `the` item\n" {
		return fmt.Errorf("the agent ended with %+v, %w", exit, err)
	}
	if _, _, err := agent.Export(ctx, 1<<20); err != nil {
		return err
	}
	stack, err := run.Workspace(ctx, "plan", r.commit, bytes.NewReader(r.pack), Checkout, Prepare{})
	if err != nil {
		return err
	}
	plan, err := stack.Plan(ctx, planSpec())
	if err != nil {
		return err
	}
	status, err := stack.Apply(ctx, applySpec("a1", plan.SHA256))
	if err != nil || !status.Ended || status.Code != 0 {
		return fmt.Errorf("the apply ended with %+v, %w", status, err)
	}
	if err := h.Settled(ctx, "a1"); err != nil {
		return err
	}
	return run.Close(ctx)
}

// TestLoginShells goes through a real sshd whose account has one of the shells
// that people use, with startup files that print.
func TestLoginShells(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, terraformFiles())
	noise := "echo Welcome back\nprintf '\\n0123456789abcdef end 1\\nno newline'\necho 'motd on stderr' >&2\n"
	for name, shell := range map[string]struct {
		program, command string
		env              []string
	}{
		"fish":              {"fish", `fish -c "$SSH_ORIGINAL_COMMAND"`, []string{"XDG_CONFIG_HOME=DIR/config.d", "XDG_DATA_HOME=DIR/data"}},
		"bash, noisy":       {"bash", `bash -c "$SSH_ORIGINAL_COMMAND"`, []string{"BASH_ENV=DIR/noise"}},
		"busybox sh":        {"busybox", `busybox sh -c "$SSH_ORIGINAL_COMMAND"`, nil},
		"busybox sh, noisy": {"busybox", `. DIR/noise; exec busybox sh -c "$SSH_ORIGINAL_COMMAND"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell.program); err != nil {
				t.Skip(shell.program + " is not installed")
			}
			d := newSSHD(t, sshdtest.Config{Env: shell.env, Lines: []string{"ForceCommand " + shell.command}})
			d.Start(t)
			d.Write(t, "noise", noise)
			d.Write(t, "config.d/fish/config.fish", "echo Welcome back\nprintf 'no newline'\n")
			s := SSH{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known())}
			skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
			h, err := Dial(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = h.Close() }()
			h.root = t.TempDir()
			if err := wholeItem(t.Context(), h, r); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFrozenSessionOfARealServer stops the server's process of the connection:
// nothing arrives any more, and nothing is closed.
func TestFrozenSessionOfARealServer(t *testing.T) {
	t.Parallel()
	d := startSSHD(t)
	s := SSH{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known()), KeepAlive: 500 * time.Millisecond}
	skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
	h, err := Dial(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	h.root, h.tempo = t.TempDir(), quick()
	_, ws := space(t, h, makeRepository(t, oneFile), AgentTree, Prepare{})
	file := filepath.Join(ws.Dir(), "pids")
	stopped := make(chan []int, 1)
	go func() {
		for !exists(file) {
			time.Sleep(20 * time.Millisecond)
		}
		sessions := sessionsOf(d.Pid)
		for _, pid := range sessions {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		stopped <- sessions
	}()
	exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", spinner}, Grace: time.Second})
	if !errors.Is(err, ErrLost) || exit.Reason != Lost || fault.Of(err) != fault.Temporary {
		t.Errorf("got %q, %v", exit.Reason, err)
	}
	sessions := <-stopped
	t.Cleanup(func() {
		for _, pid := range sessions {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	if len(sessions) == 0 {
		t.Fatal("no process of the server was found")
	}
	gone(t, pids(t, file, 2)) // while the session is still frozen
}

// sessionsOf is the server's processes for connections: its descendants that
// are sshd themselves.
func sessionsOf(server int) (found []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	parents := map[int]int{}
	for _, file := range all {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		head, rest, _ := strings.Cut(string(stat), ") ")
		number, name, _ := strings.Cut(head, " (")
		pid, _ := strconv.Atoi(number)
		fields := strings.Fields(rest)
		if strings.HasPrefix(name, "sshd") && len(fields) > 1 {
			parents[pid], _ = strconv.Atoi(fields[1])
		}
	}
	for pid := range parents {
		for above := parents[pid]; above > 1; above = parents[above] {
			if above == server {
				found = append(found, pid)
			}
		}
	}
	return found
}
