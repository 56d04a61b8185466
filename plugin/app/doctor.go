package app

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/access"
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
		Description: "Prints one line per check and, where something is not well, the fix to paste. The settings are those of\n" +
			"the plugin's run (PLUGIN_*). Checks that depend on one that failed are skipped, the others go on.\n" +
			"To prove that the branch may be pushed it updates the branch to where it is, and it makes and\n" +
			"deletes a ref of its own below state_refs.\n\n" +
			"Exit code: 0 when nothing failed, 2 wrong settings, 75 temporary, 1 anything else.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "format", Value: "text", Usage: "text or json"},
			&cli.StringFlag{Name: "plan", Usage: "also initialise and plan this `STACK`, a folder of the repository, on the first host that is ready"},
		}, settingFlags()...),
		Action: doctorAction,
	}
}

func doctorAction(c *cli.Context) error {
	format := c.String("format")
	if format != "text" && format != "json" {
		return usageError("--format: %s is not one of text or json", text.Quote(format))
	}
	if c.Args().Present() {
		return usageError("doctor takes no arguments, %s is one", text.Quote(c.Args().First()))
	}
	s, err := readSettings(c)
	var wrong *settings.Error
	if err != nil && !errors.As(err, &wrong) {
		return err
	}
	return inConsole(c, s, func(s settings.Settings, console console.Console) error {
		return examine(c.Context, s, console, wrong, format, c.String("plan"))
	})
}

var errUnwell = errors.New("something is not well; see the lines above")

// examine runs the checks and prints what they find.
func examine(ctx context.Context, s settings.Settings, c console.Console, wrong *settings.Error, format, plan string) error {
	r := doctor.NewReport(c.Out, c.Look.Colour)
	if format == "json" {
		r = doctor.NewReport(nil, false)
	}
	c.Log = zerolog.Nop() // the findings say it all
	d := &checkup{s: s, c: c, report: r, plan: plan}
	if d.settings(wrong) {
		d.all(ctx)
	}
	finish := r.Close
	if format == "json" {
		finish = func() error { return r.JSON(c.Out) }
	}
	if err := finish(); err != nil {
		return err
	}
	if kind := r.Kind(); kind != fault.None {
		return told(fault.Mark(kind, errUnwell))
	}
	return nil
}

// checkup is one call of doctor.
type checkup struct {
	s      settings.Settings
	c      console.Console
	report *doctor.Report
	plan   string // stack to plan, "" for none

	source   *source // nil when the repository could not be read
	keys     access.Keys
	unusable string // why no SSH host can be logged in to
}

func (d *checkup) ok(check, about, text string) {
	d.report.Add(doctor.Finding{Check: check, About: about, Status: doctor.OK, Text: text})
}

func (d *checkup) warn(check, about, text, fix string) {
	d.report.Add(doctor.Finding{Check: check, About: about, Status: doctor.Warn, Text: text, Fix: fix})
}

func (d *checkup) skip(check, about, text string) {
	d.report.Add(doctor.Finding{Check: check, About: about, Status: doctor.Skipped, Text: text})
}

func (d *checkup) fail(check, about string, err error) {
	d.report.Add(doctor.Failure(check, about, err))
}

// failWith is fail with a fix of its own.
func (d *checkup) failWith(check, about, text, fix string, kind fault.Kind) {
	d.report.Add(doctor.Finding{Check: check, About: about, Status: doctor.Fail, Text: text, Fix: fix, Kind: kind})
}

// settings tells every problem of the settings, and whether the rest can be
// checked: with wrong settings nothing is contacted.
func (d *checkup) settings(wrong *settings.Error) bool {
	if wrong == nil && d.s.CI.PullRequest() {
		wrong = &settings.Error{Problems: []settings.Problem{{Text: "a pull request's pipeline uses no secret; run doctor by hand, or in a manual pipeline"}}}
	}
	if wrong == nil {
		if err := access.MayRunHere(d.s); err != nil {
			d.fail("settings", "hosts", err)
			wrong = &settings.Error{}
		}
	}
	if wrong == nil {
		d.ok("settings", "", "they go together; mode is "+string(d.s.Mode))
		for _, warning := range d.s.Warnings() {
			d.warn("settings", "", warning, "")
		}
		return true
	}
	for _, p := range wrong.Problems {
		text, fix, _ := strings.Cut(p.Text, "; ")
		f := doctor.Finding{Check: "settings", About: p.Setting, Status: doctor.Fail, Text: text, Fix: fix, Kind: fault.Settings}
		if p.Setting == "known_hosts" && d.s.Hosts.KnownHosts == "" {
			f.Fix += "\n" + scanCommand(d.s.Hosts.JumpHost, slices.Concat(d.s.Hosts.Hosts, d.s.Hosts.AgentHosts))
		}
		d.report.Add(f)
	}
	d.skip("everything", "", "with wrong settings nothing is contacted")
	return false
}

// all is every check that contacts something or looks at this machine.
func (d *checkup) all(ctx context.Context) {
	d.forge()
	closeRepository := d.repository(ctx)
	defer closeRepository()
	d.documents()
	d.stacks()
	d.skipHabit()
	d.workflow()
	d.definition()
	d.vault(ctx)
	d.separation()
	d.hosts(ctx)
	d.summaryDir()
	d.slack()
}
