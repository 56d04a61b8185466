// Package standin holds small servers and programs that take the place of
// everything a run talks to: the git remote, Vault, the SSH host, Slack, the
// coding agent and Terraform. The demo and the fast tests use them.
//
// They speak the real protocols on the loopback interface, so that the code
// under test cannot tell the difference, and they need nothing but Go, git and
// sh. The two programs are this very executable, started again by small shell
// wrappers; see Dispatch.
package standin

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// standinVerb is the first argument that turns this executable into one of the
// stand-in programs.
const standinVerb = "__standin"

// controlVariable names the folder from which a stand-in program takes what a
// test wants of it. The wrappers set it, because the environment in which a
// host runs them is somebody else's.
const controlVariable = "PM_TODOS_STANDIN_DIR"

// Dispatch runs one of the stand-in programs when args, in the form of
// os.Args, asks for it, and tells with which code to exit. The wrappers that
// Start and the Install functions write call the executable that wrote them,
// so main and every TestMain that uses this package call Dispatch first:
//
//	if handled, code := standin.Dispatch(os.Args); handled {
//		os.Exit(code)
//	}
func Dispatch(args []string) (handled bool, code int) {
	if len(args) < 3 || args[1] != standinVerb {
		return false, 0
	}
	control := os.Getenv(controlVariable)
	switch args[2] {
	case "claude":
		return true, runAgent(args[3:], control)
	case "terraform":
		dir, err := os.Getwd()
		if err != nil {
			return true, complain(os.Stderr, "the current folder cannot be found: %v", err)
		}
		run := terraformRun{dir: dir, control: control, out: os.Stdout, err: os.Stderr}
		return true, run.main(args[3:])
	}
	return true, complain(os.Stderr, "there is no stand-in called %q, only claude and terraform", args[2])
}

// complain prints one line and is the exit code 1.
func complain(w io.Writer, format string, args ...any) int {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
	return 1
}

// writeWrapper writes the shell wrapper by which a host finds a stand-in
// program under its usual name.
func writeWrapper(path, executable, program, control string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("folder of the stand-in program %s: %w", program, err)
	}
	// A program built with the race detector otherwise sleeps a second at its
	// end, which is long for something that is started hundreds of times.
	script := fmt.Sprintf("#!/bin/sh\nGORACE=\"atexit_sleep_ms=0 ${GORACE-}\" %s=%s exec %s %s %s \"$@\"\n",
		controlVariable, quote(control), quote(executable), standinVerb, program)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		return fmt.Errorf("wrapper of the stand-in program %s: %w", program, err)
	}
	return nil
}

// executable is the path of this program, for the wrappers.
func executable(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("path of this program, needed by the stand-in programs: %w", err)
	}
	return path, nil
}

// quote makes text one word of a POSIX shell.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// listenLoopback opens a port that only this machine reaches.
func listenLoopback(what string) (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("port for the stand-in %s: %w", what, err)
	}
	return listener, nil
}
