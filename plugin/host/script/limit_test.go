package script

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// limited is this machine for an account that may have only so many processes.
type limited struct{ processes int }

func (l limited) start(context.Context) (*Stream, error) {
	cmd := exec.Command("bash", "-c", fmt.Sprintf("ulimit -u %d && %s", l.processes, CommandLine))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: uint32(60000 + l.processes), Gid: 60000}} // one that runs nothing else
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	return &Stream{Stdin: stdin, Stdout: stdout, Stderr: stderr, Wait: cmd.Wait, Kill: func() { _ = stdin.Close() }}, err
}

// TestFailure_HostThatStartsNoMoreProcesses takes one process more at a time,
// until there are enough: wherever it fails, it is temporary.
func TestFailure_HostThatStartsNoMoreProcesses(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to start programs as an account that runs nothing else")
	}
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash, whose ulimit knows the limit of processes")
	}
	for processes := 1; processes <= 12; processes++ {
		t.Run(strconv.Itoa(processes), func(t *testing.T) {
			t.Parallel()
			dir := shared(t)
			if err := os.Chown(dir, 60000+processes, 60000); err != nil {
				t.Fatal(err)
			}
			shell := Shell{
				Name: "small", Root: filepath.Join(dir, "root"), Start: limited{processes}.start,
				Tempo: Tempo{Heartbeat: time.Second, Lease: 3 * time.Second, Slack: time.Second},
			}
			_, err := shell.Do(t.Context(), Job{Doing: "opening", Files: []string{"open"}, Variables: Variables{"id": "r", "owner": ""}, Timeout: 2 * time.Second})
			// How many are enough is the shell's to say; twelve are. Which of its parts
			// cannot be started, and whether it still tells, is left to chance.
			named := errors.Is(err, ErrProcesses) || errors.Is(err, ErrLost) && processes > 1
			if err == nil && processes > 3 || fault.Of(err) == fault.Temporary && named && processes < 12 {
				return
			}
			t.Errorf("%v (%s)", err, fault.Of(err))
		})
	}
}

// shared is an empty folder that other accounts can reach.
func shared(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
