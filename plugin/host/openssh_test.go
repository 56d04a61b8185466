package host

import (
	"context"
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

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
)

// sshd is a real OpenSSH server that accepts one key.
type sshd struct {
	*sshdtest.Server
	key    string     // private key that it accepts, PEM
	client ssh.Signer // the same
}

func (d *sshd) target(t testing.TB) sshclient.Target {
	t.Helper()
	target, err := sshclient.ParseTarget(d.User + "@" + d.Address)
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

// wholeItem does on a host what a run does for one item.
func wholeItem(ctx context.Context, h *Host, r repository, pins *Pins) error {
	run, err := h.OpenRun(ctx, "", "item", pins)
	if err != nil {
		return err
	}
	agent, err := run.Workspace(ctx, "agent", r.commit, sends(r.pack), AgentTree, Prepare{})
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
	stack, err := run.Workspace(ctx, "plan", r.commit, sends(r.pack), Checkout, Prepare{})
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
		"fish":              {"fish", `fish -c "$SSH_ORIGINAL_COMMAND"`, []string{"XDG_CONFIG_HOME={dir}/config.d", "XDG_DATA_HOME={dir}/data"}},
		"bash, noisy":       {"bash", `bash -c "$SSH_ORIGINAL_COMMAND"`, []string{"BASH_ENV={dir}/noise"}},
		"busybox sh":        {"busybox", `busybox sh -c "$SSH_ORIGINAL_COMMAND"`, nil},
		"busybox sh, noisy": {"busybox", `. {dir}/noise; exec busybox sh -c "$SSH_ORIGINAL_COMMAND"`, nil},
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
			s := sshclient.Login{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known())}
			skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
			h, err := Dial(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = h.Close() }()
			h.shell.Root = t.TempDir()
			if err := wholeItem(t.Context(), h, r, nil); err != nil {
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
	s := sshclient.Login{Target: d.target(t), Key: secretOf(d.key), KnownHosts: []byte(d.Known()), KeepAlive: 2 * time.Second}
	skipWithoutShell(t, s, d.User+"@"+d.Address, d.Log)
	h, err := Dial(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	h.shell.Root, h.shell.Tempo = t.TempDir(), quick()
	_, ws := space(t, h, makeRepository(t, oneFile), AgentTree, Prepare{})
	file := filepath.Join(ws.tree(), "pids")
	stopped := make(chan []int, 1)
	onceThere(t, file, func() {
		sessions := sessionsOf(d.Pid)
		for _, pid := range sessions {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		stopped <- sessions
	})
	exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", spinner}, Grace: time.Second})
	if !errors.Is(err, script.ErrLost) || exit.Reason != Lost || fault.Of(err) != fault.Temporary {
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
