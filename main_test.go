package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pm-todos/pm-todos/plugin/standin"
)

func TestMain(m *testing.M) {
	if handled, code := standin.Dispatch(os.Args); handled {
		os.Exit(code)
	}
	testscript.Main(m, map[string]func(){"pm-todos": main})
}

// TestScript runs the scripts of testdata/script against the real command line.
// Their environment is testscript's own: nothing of the caller's comes through,
// and HOME does not exist.
func TestScript(t *testing.T) {
	shortIsForRaces(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
		},
	})
}

// shortIsForRaces leaves out a test when the tests are to be short, as for the race
// detector: what the commands of a script do at the same time the tests of plugin/app
// do too.
func shortIsForRaces(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("short: plugin/app leads through the same code")
	}
}

// exits is the script command `exits CODE PROGRAM ARGS...`: it runs the program
// and wants that exit code, where testscript's own exec tells only success from
// failure.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	got := "exit status 0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		got = err.Error()
	}
	if want := "exit status " + args[0]; got != want {
		ts.Fatalf("%v: %s, want %s", args[1:], got, want)
	}
}
