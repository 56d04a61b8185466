package wire

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// localTransport runs the installed git on a repository of this machine, in an
// environment of our own making.
type localTransport struct {
	path string
	home string // private directory
}

func (t localTransport) close() {}

func (t localTransport) open(ctx context.Context, s service, _ bool) (conversation, error) {
	git, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("a local remote needs the program git on PATH: %w", err)
	}
	if _, err := os.Stat(t.path); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	// Whoever named the path in the settings trusts it, whoever owns it.
	ctx, kill := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, git, "-c", "safe.directory="+t.path, //nolint:gosec // the path is absolute and checked
		strings.TrimPrefix(string(s), "git-"), t.path)
	cmd.Dir = t.home
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.home, "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	}
	// Hooks are children of git: the whole group ends with the act.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	c := &stream{stderr: &tail{}, kill: kill}
	c.wait = func() error {
		defer kill()
		return cmd.Wait()
	}
	cmd.Stderr = c.stderr
	c.stdin, err = cmd.StdinPipe()
	if err == nil {
		c.stdout, err = cmd.StdoutPipe()
	}
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		kill()
		return nil, err
	}
	return c, nil
}
