package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
)

// Local is this machine as a host. The scripts keep their folders under root;
// "" means ~/.cache/pm-todos. Children see only HOME, PATH, USER, LOGNAME,
// SHELL, LANG and TMPDIR of the environment.
func Local(root string) (*Host, error) {
	if root != "" {
		absolute, err := filepath.Abs(root)
		if err != nil {
			return nil, fmt.Errorf("folder %q for local runs: %w", root, err)
		}
		root = absolute
	}
	return &Host{name: "local", root: root, conn: local{env: cleanEnvironment()}, tempo: usualTempo()}, nil
}

// cleanEnvironment is what children may know: nothing of the settings, of
// Vault, git or Terraform.
func cleanEnvironment() []string {
	var env []string
	for _, name := range []string{"PATH", "USER", "LOGNAME", "SHELL", "LANG", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	home := os.Getenv("HOME")
	if home == "" {
		// A service or a container may start us without it.
		if me, err := user.Current(); err == nil {
			home = me.HomeDir
		}
	}
	if home != "" {
		env = append(env, "HOME="+home)
	}
	return env
}

type local struct{ env []string }

func (l local) start(context.Context) (*stream, error) {
	// #nosec G204 -- the command line is a constant.
	cmd := exec.Command("sh", "-c", commandLine)
	cmd.Env = l.env
	// A session of its own: Ctrl-C in a terminal reaches us, who end it in
	// order, and not the scripts.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting sh: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting sh: %w", err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting sh: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting sh: %w", err)
	}
	ended := make(chan struct{})
	var how error
	go func() {
		defer close(ended)
		state, err := cmd.Process.Wait()
		if how = err; err == nil && !state.Success() {
			how = &exec.ExitError{ProcessState: state}
		}
	}()
	return &stream{
		stdin: stdin, stdout: stdout, stderr: stderr,
		wait: func() error { <-ended; return how },
		kill: func() { _, _, _ = stdin.Close(), stdout.Close(), stderr.Close() },
	}, nil
}

func (l local) close() error { return nil }
