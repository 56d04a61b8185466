package host

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"pm-todos/plugin/fault"
)

// sshd is a real OpenSSH server on loopback that lets in whoever runs the test.
type sshd struct {
	address string
	user    string
	log     string     // file
	dir     string     // of its configuration
	key     string     // private key that it accepts, PEM
	client  ssh.Signer // the same
	host    ssh.Signer // its host key
	process *os.Process
}

func (d *sshd) target(t testing.TB) Target {
	t.Helper()
	target, err := ParseTarget(d.user + "@" + d.address)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// startSSHD starts the server with further lines of configuration; DIR in them
// is its folder, and HOME=DIR belongs to a line that sets the environment. The
// home of whoever runs the test is neither read (its .bashrc may take a second
// each time) nor written to.
func startSSHD(t testing.TB, lines ...string) *sshd {
	t.Helper()
	d := newSSHD(t, lines...)
	d.start(t)
	return d
}

const sshdProgram = "/usr/sbin/sshd"

// newSSHD is a server that is configured and does not run yet.
func newSSHD(t testing.TB, lines ...string) *sshd {
	t.Helper()
	if _, err := os.Stat(sshdProgram); err != nil {
		t.Skip("no real sshd here: install openssh-server")
	}
	me, err := user.Current()
	if err != nil {
		t.Skip("the user of this test has no name: ", err)
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Skip("sshd needs /run/sshd when run as root: ", err)
		}
	}
	d := &sshd{user: me.Username, dir: t.TempDir()}
	hostKey, hostPEM := newKey(t)
	d.host = hostKey
	d.client, d.key = newKey(t)
	write(t, filepath.Join(d.dir, "host"), hostPEM, 0o600)
	write(t, filepath.Join(d.dir, "keys"), string(authorized(d.client)), 0o600)
	port := freePort(t)
	if !strings.Contains(strings.Join(lines, "\n"), "SetEnv") { // the first such line counts alone
		lines = append(lines, "SetEnv HOME=DIR")
	}
	config := strings.Join(append([]string{
		"ListenAddress 127.0.0.1", "Port " + strconv.Itoa(port), "HostKey DIR/host", "PidFile none",
		"AuthorizedKeysFile DIR/keys", "StrictModes no", "UsePAM no", "PasswordAuthentication no",
		"KbdInteractiveAuthentication no", "LogLevel VERBOSE",
	}, append(lines, "")...), "\n")
	write(t, filepath.Join(d.dir, "config"), strings.ReplaceAll(config, "DIR", d.dir), 0o600)
	d.log = filepath.Join(d.dir, "log")
	d.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	return d
}

func (d *sshd) start(t testing.TB) {
	t.Helper()
	log, err := os.Create(d.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(sshdProgram, "-D", "-e", "-f", d.dir+"/config")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Skip("sshd does not start: ", err)
	}
	d.process = cmd.Process
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait(); _ = log.Close() })
	eventually(t, "sshd listens", func() bool {
		c, err := net.Dial("tcp", d.address)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	})
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
	s := SSH{Target: d.target(t), Key: secretOf(d.key), KnownHosts: knownHosts(d.address, d.host.PublicKey())}
	skipWithoutShell(t, s, d.user+"@"+d.address, d.log)
	other, otherPEM := newKey(t)
	hashed := func(key ssh.Signer) []byte {
		return []byte(xknownhosts.HashHostname(xknownhosts.Normalize(d.address)) + " " + string(authorized(key)))
	}
	for name, c := range map[string]struct {
		known  []byte
		prints []string
		key    string
		want   error
	}{
		"known":             {known: s.KnownHosts},
		"hashed":            {known: hashed(d.host)},
		"hashed, other key": {known: hashed(other), want: ErrHostKey},
		"other key":         {known: knownHosts(d.address, other.PublicKey()), want: ErrHostKey},
		"unknown":           {known: knownHosts("10.1.1.1:22", other.PublicKey()), want: ErrHostKey},
		"fingerprint":       {prints: []string{fingerprint(d.host)}},
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
	d := newSSHD(t, "HostCertificate DIR/host-cert.pub", "TrustedUserCAKeys DIR/users.pub")
	write(t, filepath.Join(d.dir, "keys"), "", 0o600) // certificates only
	write(t, filepath.Join(d.dir, "host-cert.pub"), certify(t, hosts, d.host.PublicKey(), ssh.HostCert, "127.0.0.1"), 0o600)
	write(t, filepath.Join(d.dir, "users.pub"), string(authorized(users)), 0o600)
	d.start(t)
	good := SSH{
		Target: d.target(t), Key: secretOf(d.key), Certificate: certify(t, users, d.client.PublicKey(), ssh.UserCert, d.user),
		KnownHosts: []byte("@cert-authority 127.0.0.1,[127.0.0.1]:* " + string(authorized(hosts))),
	}
	h, err := Dial(t.Context(), good)
	if err != nil && strings.Contains(read(t, d.log), "account is locked") {
		t.Skip("the account of this test is locked, sshd lets nobody in: usermod -p '*' " + d.user)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, read(t, d.log))
	}
	_ = h.Close()
	for name, c := range map[string]struct {
		change func(*SSH)
		want   error
	}{
		"authority of other hosts": {func(s *SSH) { s.KnownHosts = []byte("@cert-authority * " + string(authorized(users))) }, ErrHostKey},
		"user of another authority": {func(s *SSH) {
			s.Certificate = certify(t, hosts, d.client.PublicKey(), ssh.UserCert, d.user)
		}, ErrAuth},
		"certificate for another user": {func(s *SSH) {
			s.Certificate = certify(t, users, d.client.PublicKey(), ssh.UserCert, "somebody-else")
		}, ErrAuth},
		"no certificate": {func(s *SSH) { s.Certificate = "" }, ErrAuth},
	} {
		s := good
		c.change(&s)
		if _, err := Dial(t.Context(), s); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
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
		write(t, filepath.Join(d.dir, "keys"), string(authorized(end.client)), 0o600)
	}
	known := bytes.Join([][]byte{
		knownHosts(end.address, end.host.PublicKey()), knownHosts(jump.address, jump.host.PublicKey()), knownHosts(closed.address, closed.host.PublicKey()),
	}, nil)
	via := func(d *sshd) *Target { target := d.target(t); return &target }
	s := SSH{Target: end.target(t), Jump: via(jump), Key: secretOf(end.key), KnownHosts: known}
	skipWithoutShell(t, SSH{Key: s.Key, KnownHosts: known}, end.user+"@"+end.address, end.log)
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
	s.Jump, s.KnownHosts = via(jump), knownHosts(end.address, end.host.PublicKey())
	if _, err := Dial(t.Context(), s); !errors.Is(err, ErrHostKey) || !strings.Contains(err.Error(), "jump host") {
		t.Errorf("a jump host that is not pinned: %v", err)
	}
}

// wholeItem does on a host what a run does for one item.
func wholeItem(ctx context.Context, h *Host, r repository) error {
	run, err := h.OpenRun(ctx, "item")
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
	if err := h.Settled(ctx, "item", "a1"); err != nil {
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
		lines            []string
	}{
		"fish":              {"fish", `fish -c "$SSH_ORIGINAL_COMMAND"`, []string{"SetEnv HOME=DIR XDG_CONFIG_HOME=DIR/config.d XDG_DATA_HOME=DIR/data"}},
		"bash, noisy":       {"bash", `bash -c "$SSH_ORIGINAL_COMMAND"`, []string{"SetEnv HOME=DIR BASH_ENV=DIR/noise"}},
		"busybox sh":        {"busybox", `busybox sh -c "$SSH_ORIGINAL_COMMAND"`, nil},
		"busybox sh, noisy": {"busybox", `. DIR/noise; exec busybox sh -c "$SSH_ORIGINAL_COMMAND"`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell.program); err != nil {
				t.Skip(shell.program + " is not installed")
			}
			d := startSSHD(t, append(shell.lines, "ForceCommand "+shell.command)...)
			write(t, filepath.Join(d.dir, "noise"), noise, 0o600)
			write(t, filepath.Join(d.dir, "config.d/fish/config.fish"), "echo Welcome back\nprintf 'no newline'\n", 0o600)
			s := SSH{Target: d.target(t), Key: secretOf(d.key), KnownHosts: knownHosts(d.address, d.host.PublicKey())}
			skipWithoutShell(t, s, d.user+"@"+d.address, d.log)
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
	s := SSH{Target: d.target(t), Key: secretOf(d.key), KnownHosts: knownHosts(d.address, d.host.PublicKey()), KeepAlive: 500 * time.Millisecond}
	skipWithoutShell(t, s, d.user+"@"+d.address, d.log)
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
		sessions := sessionsOf(d.process.Pid)
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
