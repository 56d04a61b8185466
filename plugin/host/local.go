package host

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"

	"github.com/pm-todos/pm-todos/plugin/host/script"
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
	listen := func(ctx context.Context, path string) (net.Listener, error) {
		return (&net.ListenConfig{}).Listen(ctx, "unix", path)
	}
	return &Host{
		shell:   &script.Shell{Name: "local", Root: root, Start: starting(cleanEnvironment()), Tempo: script.UsualTempo()},
		network: network{listen: listen, dial: (&net.Dialer{}).DialContext},
		room:    func(_ context.Context, most int) (int, error) { return most, nil },
		close:   func() error { return nil },
	}, nil
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

// starting starts the command line on this machine.
func starting(env []string) func(context.Context) (*script.Stream, error) {
	return func(context.Context) (*script.Stream, error) {
		cmd := exec.Command("sh", "-c", script.CommandLine) // #nosec G204 -- the command line is a constant
		cmd.Env = env
		// A session of its own: Ctrl-C in a terminal reaches us, who end it in
		// order, and not the scripts.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		stream, err := start(cmd)
		if err != nil {
			return nil, fmt.Errorf("starting sh: %w", err)
		}
		return stream, nil
	}
}

func start(cmd *exec.Cmd) (*script.Stream, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
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
	return &script.Stream{
		Stdin: stdin, Stdout: stdout, Stderr: stderr,
		Wait: func() error { <-ended; return how },
		Kill: func() { _, _, _ = stdin.Close(), stdout.Close(), stderr.Close() },
	}, nil
}
