package app

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

// runVariable makes the test binary the program itself, for tests that kill it.
const runVariable = "PM_TODOS_TEST_RUN"

// everyCase asks for the tests, too, that longAndAlike leaves out.
const everyCase = "PM_TODOS_EVERY_CASE"

// longAndAlike leaves out a test of several seconds that leads through code that
// others go through: what it shows beside them is in real components, or in another
// place of the same way.
func longAndAlike(t *testing.T) {
	t.Helper()
	if os.Getenv(everyCase) == "" {
		t.Skipf("the tests of every day lead through the same code; it runs with %s=1", everyCase)
	}
	notShort(t)
}

// notShort leaves out a test for the race detector: nothing goes on at the same time
// in it that does not in TestRunOnTheSample too.
func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("short: TestRunOnTheSample leads through the same code")
	}
}

func TestMain(m *testing.M) {
	if handled, code := standin.Dispatch(os.Args); handled {
		os.Exit(code)
	}
	if os.Getenv(runVariable) != "" {
		ctx, cancel := context.WithCancelCause(context.Background())
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		go func() { cancel(Cancelled(<-signals)) }()
		err := App("test", os.Stdin, os.Stdout, os.Stderr).RunContext(ctx, os.Args[:1])
		PrintError(os.Stderr, err)
		os.Exit(fault.Of(err).ExitCode())
	}
	// A pipeline asks for colours; what tests look for has none.
	if err := os.Setenv("NO_COLOR", "1"); err != nil {
		panic(err)
	}
	// Runs mostly wait: for processes, connections and each other.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// defaultPolicy is the policy of a run with no settings given.
var defaultPolicy = classify.Policy{
	SafeTypes: []term.Type{term.Alert, term.Config, term.Monitor}, Inferred: classify.Tables,
	Protected: []string{"vault", "dbaas", "traefik", "authentik", "kyverno"}, AllowPaths: []string{"stacks/**"},
}
