package app

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// runApp is the app's output and error for a command line.
func runApp(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, problems bytes.Buffer
	err = App("1.2.3", strings.NewReader(stdin), &out, &problems).RunContext(t.Context(), append([]string{"pm-todos"}, args...))
	return out.String(), problems.String(), err
}

func TestAppIsWhole(t *testing.T) {
	app := App("1.2.3", nil, nil, nil)
	var names []string
	for _, command := range app.Commands {
		names = append(names, command.Name)
		if command.Usage == "" || command.OnUsageError == nil {
			t.Errorf("%s is without usage or keeps urfave's own errors", command.Name)
		}
	}
	for _, want := range []string{"parse", "demo", "docs"} {
		if !slices.Contains(names, want) {
			t.Errorf("no command %s among %q", want, names)
		}
	}
}

func TestWrongUsageIsASettingsError(t *testing.T) {
	noPipeline(t)
	for _, args := range [][]string{{"--nonsense"}, {"nonsense"}, {"parse"}, {"parse", "--nonsense"}, {"parse", "--format", "xml", "f"}} {
		stdout, stderr, err := runApp(t, "", args...)
		if got := fault.Of(err).ExitCode(); got != 2 {
			t.Errorf("%q: error %v of exit code %d, want 2", args, err, got)
		}
		if stdout != "" || stderr != "" {
			t.Errorf("%q printed %q and %q; the error is told once, by the caller", args, stdout, stderr)
		}
	}
}

func TestErrorsArePrintedOnce(t *testing.T) {
	var out bytes.Buffer
	PrintError(&out, nil)
	PrintError(&out, alreadyReported(errors.New("seen")))
	PrintError(&out, fmt.Errorf("wrapped: %w", alreadyReported(errors.New("seen"))))
	if out.Len() != 0 {
		t.Errorf("printed again: %q", out.String())
	}
	PrintError(&out, errors.New("new"))
	if got, want := out.String(), "pm-todos: new\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if alreadyReported(nil) != nil {
		t.Error("no error became one")
	}
	if got := fault.Of(alreadyReported(fault.Mark(fault.Person, errors.New("x")))); got != fault.Person {
		t.Errorf("a told error lost its kind: %v", got)
	}
}

func TestSignalsAreTemporary(t *testing.T) {
	err := Cancelled(syscall.SIGTERM)
	if got := fault.Of(err).ExitCode(); got != 75 || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("%v ends with %d, want 75", err, got)
	}
}
