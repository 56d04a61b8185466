// Package program makes programs of this very executable: a small shell wrapper
// starts it again, under the name by which a host looks for the program.
package program

import (
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// verb is the first argument that turns this executable into one of its
// programs.
const verb = "__standin"

// controlVariable names the folder from which a program takes what a test wants
// of it. The wrappers set it, because the environment in which a host runs them
// is somebody else's.
const controlVariable = "PM_TODOS_STANDIN_DIR"

// Main is what a program does with its arguments and the folder of its settings.
type Main func(args []string, control string) (code int)

// Dispatch runs one of the programs when args, in the form of os.Args, asks for
// it, and tells with which code to exit.
func Dispatch(args []string, programs map[string]Main) (handled bool, code int) {
	if len(args) < 3 || args[1] != verb {
		return false, 0
	}
	main, ok := programs[args[2]]
	if !ok {
		return true, Complain(os.Stderr, "there is no stand-in called %q, only %s", args[2],
			strings.Join(slices.Sorted(maps.Keys(programs)), " and "))
	}
	control := os.Getenv(controlVariable)
	if control == "" {
		return true, Complain(os.Stderr, "the stand-in %s was not started by its wrapper: %s is not set", args[2], controlVariable)
	}
	return true, main(args[3:], control)
}

// Complain prints one line and is the exit code 1.
func Complain(w io.Writer, format string, args ...any) int {
	_, _ = fmt.Fprintf(w, format+"\n", args...)
	return 1
}

// Install makes the folder control and writes the wrapper at path, which starts
// the named program of executable. An empty executable is this one.
func Install(path, executable, name, control string) error {
	if executable == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("path of this program, which is the stand-in %s too: %w", name, err)
		}
		executable = self
	}
	for _, dir := range []string{control, filepath.Dir(path)} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return fmt.Errorf("folder of the stand-in %s: %w", name, err)
		}
	}
	// A program built with the race detector otherwise sleeps a second at its
	// end, which is long for something that is started hundreds of times.
	script := fmt.Sprintf("#!/bin/sh\nGORACE=\"atexit_sleep_ms=0 ${GORACE-}\" %s=%s exec %s %s %s \"$@\"\n",
		controlVariable, Quote(control), Quote(executable), verb, name)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		return fmt.Errorf("wrapper of the stand-in %s: %w", name, err)
	}
	return nil
}

// Quote makes text one word of a POSIX shell.
func Quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// NewID is a random identifier in the form of a UUID.
func NewID() string {
	id := strings.ToLower(rand.Text())
	return fmt.Sprintf("%s-%s-4%s-8%s-%s%s", id[:8], id[8:12], id[12:15], id[15:18], id[18:26], id[:4])
}
