// Package app is the command line: the plugin's run and the commands beside it,
// a file each.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/usage"
)

// commands are the commands beside the plugin's run.
var commands = []func() *cli.Command{
	parseCommand,
	lintCommand,
	explainCommand,
	backtestCommand,
	indexCommand,
	initCommand,
	newCommand,
	settleCommand,
	doctorCommand,
	verifyCommand,
	judgeCommand,
	demoCommand,
	docsCommand,
}

// App is the program's command line: without a command it is the plugin's run.
// Call CleanEnvironment before it runs. Its errors carry the kind that decides
// the exit code (fault.Of); PrintError prints them.
func App(version string, stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:      "pm-todos",
		Usage:     "closes the follow-up items of post-mortems",
		Version:   usage.Version(version),
		Reader:    stdin,
		Writer:    stdout,
		ErrWriter: stderr,
		Flags:     settingFlags(),
		Action:    runAction,
		// The caller decides on the exit code, after everything is closed.
		ExitErrHandler: func(*cli.Context, error) {},
	}
	for _, command := range commands {
		app.Commands = append(app.Commands, command())
	}
	usage.Install(app)
	return app
}

// runAction is the plugin's run.
func runAction(c *cli.Context) error {
	if c.Args().Present() {
		return usage.NoCommand(c.App, c.Args().First())
	}
	return withConsole(c, func(s settings.Settings, console console.Console) error {
		for _, warning := range s.Warnings() {
			console.Log.Warn().Str("stage", "settings").Msg(warning)
		}
		return alreadyReported(run.Run(c.Context, s, console))
	})
}

// withConsole reads the settings of a run and opens the console for what the
// command does with them. Its run may not happen on this machine as root.
func withConsole(c *cli.Context, act func(settings.Settings, console.Console) error) error {
	s, err := readSettings(c)
	if err != nil {
		return err
	}
	return inConsole(c, s, func(s settings.Settings, console console.Console) error {
		if err := access.MayRunHere(s); err != nil {
			return err
		}
		return act(s, console)
	})
}

// inConsole keeps the secrets of the settings to this process and opens the
// console.
func inConsole(c *cli.Context, s settings.Settings, act func(settings.Settings, console.Console) error) (err error) {
	if err := errors.Join(forgetSecrets(), host.NotDumpable()); err != nil {
		return err
	}
	console, closeConsole := console.New(c.App.Version, s, c.App.Writer, console.MayColour(c.App.Writer, os.Getenv))
	defer func() { err = errors.Join(err, closeConsole()) }()
	return act(s, console)
}

// reportedError is an error that the reader of the log has seen already.
type reportedError struct{ err error }

func (t *reportedError) Error() string { return t.err.Error() }
func (t *reportedError) Unwrap() error { return t.err }

// alreadyReported marks an error that was printed where it was found.
func alreadyReported(err error) error {
	if err == nil {
		return nil
	}
	return &reportedError{err: err}
}

// PrintError prints the error of the app, unless that was done where it was
// found.
func PrintError(w io.Writer, err error) {
	var seen *reportedError
	if err == nil || errors.As(err, &seen) {
		return
	}
	_, _ = fmt.Fprintf(w, "pm-todos: %v\n", err)
}

// Cancelled is the cause of a context that a signal ended: nothing is wrong,
// and the same run may be started again.
func Cancelled(sig os.Signal) error {
	return fault.Mark(fault.Temporary, fmt.Errorf("cancelled by %v: %w", sig, context.Canceled))
}
