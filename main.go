// Command pm-todos is a Woodpecker CI plugin that closes the follow-up items
// of post-mortems.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/pm-todos/pm-todos/plugin/app"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

//go:generate go run . docs --output docs/settings.md
//go:generate go run . docs --page reasons --output docs/reasons.md
//go:generate go run . docs --page automatic --output docs/what-is-automatic.md
//go:generate go run . docs --page summary --output docs/summary.schema.json
//go:generate go run . docs --page index --output docs/index.schema.json

// version is set by the linker.
var version = "devel"

func main() {
	if handled, code := standin.Dispatch(os.Args); handled {
		os.Exit(code)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		cancel(app.Cancelled(<-signals))
		signal.Stop(signals) // a second one ends the program at once
	}()
	err := app.CleanEnvironment()
	if err == nil {
		err = app.App(version, os.Stdin, os.Stdout, os.Stderr).RunContext(ctx, os.Args)
	}
	app.PrintError(os.Stderr, err)
	os.Exit(fault.Of(err).ExitCode())
}
