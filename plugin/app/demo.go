package app

import (
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/demo"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

func demoCommand() *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "whole runs on this machine, against built-in stand-ins for the git remote and its forge, Vault, SSH host, agent, Terraform, Prometheus and Slack",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "new or empty folder in which everything is kept", DefaultText: "a temporary one, deleted at the end"},
		},
		Action: func(c *cli.Context) error {
			err := demo.Run(c.String("dir"), c.App.Writer, func(environment map[string]string) error { return demoRun(c, environment) })
			if errors.Is(err, demo.ErrNotEmpty) {
				return usageError("--dir: %w, and what is in it would be overwritten; name another, which is made, or empty it yourself", err)
			}
			return err
		},
	}
}

// demoRun is one run of the plugin, with the settings of the demo's world.
func demoRun(c *cli.Context, environment map[string]string) (err error) {
	s, err := settings.FromEnvironment(environment)
	if err != nil {
		return err
	}
	console, closeConsole := console.New(c.App.Version, s, c.App.Writer, console.MayColour(c.App.Writer, os.Getenv))
	defer func() { err = errors.Join(err, closeConsole()) }()
	return alreadyReported(run.Run(c.Context, s, console))
}
