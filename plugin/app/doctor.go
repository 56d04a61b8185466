package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/doctor"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "check everything that a run needs, without changing or spending anything",
		Description: "Prints one line per check and, for each problem, a fix to paste. The settings are those of\n" +
			"the plugin's run (PLUGIN_*), or with --pipeline those of a workflow file. If a check fails, those that depend on it are skipped; the others run.\n" +
			"To prove that it may push to the branch, it updates the branch to its own commit, and creates and\n" +
			"deletes a ref of its own below state_refs.\n\n" +
			"Exit code: 0 if nothing failed, 2 for wrong settings, 75 for a temporary problem, 1 for any other.",
		Flags: append([]cli.Flag{
			formatFlag("text or json", "text", "json"),
			&cli.StringFlag{Name: "pipeline", Usage: "take the settings from this workflow `FILE` of Woodpecker; the environment tells what only Woodpecker knows"},
			&cli.StringFlag{Name: "plan", Usage: "also initialise and plan this `STACK`, a folder of the repository, on the first host that is ready"},
		}, settingFlags()...),
		Action: doctorAction,
	}
}

func doctorAction(c *cli.Context) error {
	if c.Args().Present() {
		return usageError("doctor takes no arguments, %s is one", text.Quote(c.Args().First()))
	}
	pipeline, s, err := pipelineSettings(c)
	request := doctor.Request{Plan: c.String("plan"), Pipeline: pipeline}
	var wrong *settings.Error
	if errors.As(err, &wrong) {
		request.Wrong = wrong.Problems
	} else if err != nil {
		return err
	}
	return inConsole(c, s, func(s settings.Settings, console console.Console) error {
		return examine(c.Context, s, console, request, c.String("format"))
	})
}

// pipelineSettings is the settings from the environment, or from a workflow with
// the environment before it.
func pipelineSettings(c *cli.Context) (*doctor.Pipeline, settings.Settings, error) {
	file := c.String("pipeline")
	if file == "" {
		s, err := readSettings(c)
		return nil, s, err
	}
	pipeline, err := doctor.ReadPipeline(file, flagTexts(c), func(arguments ...string) string {
		return hereGit(c.Context, filepath.Dir(file), arguments...)
	})
	if err != nil {
		return nil, settings.Settings{}, usageError("--pipeline: %w", err)
	}
	s, err := settings.Read(pipeline.Lookup(flagTexts(c)), pipeline.CI(settings.ReadCI(os.Getenv)), slices.Concat(os.Environ(), pipeline.Environ()))
	return pipeline, s, err
}

var errUnwell = errors.New("a check failed; see the lines above")

// examine runs the checks and prints what they find.
func examine(ctx context.Context, s settings.Settings, c console.Console, request doctor.Request, format string) error {
	r := doctor.NewReport(c.Out, c.Look.Colour)
	if format == "json" {
		r = doctor.NewReport(nil, false)
	}
	c.Log = zerolog.Nop() // the findings say it all
	doctor.Examine(ctx, c.Opener(s), request, r)
	finish := r.Close
	if format == "json" {
		finish = func() error { return r.JSON(c.Out) }
	}
	if err := finish(); err != nil {
		return err
	}
	if kind := r.Kind(); kind != fault.None {
		return alreadyReported(fault.Mark(kind, errUnwell))
	}
	return nil
}
