package app

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/outlet"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// docsCommand writes the pages of docs that come from tables of this program.
// It is for its authors and hidden from its users.
func docsCommand() *cli.Command {
	return &cli.Command{
		Name:   "docs",
		Usage:  "write a reference: of the settings, of the reason codes, of what is automatic, or of summary.json",
		Hidden: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "page", Value: "settings", Usage: "settings, reasons, automatic or summary"},
			&cli.StringFlag{Name: "output", Usage: "file to write; standard output when unset"},
		},
		Action: func(c *cli.Context) error {
			page, err := docsPage(c.String("page"))
			if err != nil {
				return err
			}
			if path := c.String("output"); path != "" {
				return outlet.Write(c.Context, path, page)
			}
			_, err = c.App.Writer.Write(page)
			return err
		},
	}
}

// docsPage is a page by its name.
func docsPage(name string) ([]byte, error) {
	switch name {
	case "settings":
		return []byte(settings.Page()), nil
	case "reasons":
		return []byte(reason.Page()), nil
	case "automatic":
		return []byte(automaticIntro + card.Page()), nil
	case "summary":
		return report.SummarySchema()
	default:
		return nil, usageError("%s is no page: use settings, reasons, automatic or summary", text.Quote(name))
	}
}

// helpWidth is the width of the help in characters.
const helpWidth = 100

// helpTemplate is the help of the app: urfave's, with the settings grouped and
// in the order of the docs, which its own list of flags cannot do.
func helpTemplate() string {
	var b strings.Builder
	b.WriteString(`NAME:
   {{.Name}} - {{.Usage}}

USAGE:
   {{.Name}} [settings]                   the plugin's run
   {{.Name}} COMMAND [flags] [arguments]

COMMANDS:{{range .VisibleCommands}}
   {{.Name}}{{"\t"}}{{.Usage}}{{end}}

OPTIONS:
   --help, -h     show this help; after a command, that command's
   --version, -v  print the version

SETTINGS:
   Each is also read from the variable PLUGIN_<NAME>, with underscores and in capitals, which is how a
   Woodpecker step's settings arrive. docs/settings.md says how lists, maps and durations are written.
`)
	plainText := strings.NewReplacer("`", "", "{{", "{ {") // no Markdown, no template
	for _, g := range settings.Groups() {
		fmt.Fprintf(&b, "\n   %s\n", g.Title)
		for _, e := range g.Entries {
			usage := e.Usage
			if e.Secret {
				usage += " Secret: give it by its variable."
			}
			if standard := e.DefaultText(); standard != "" {
				usage += " (default: " + standard + ")"
			}
			fmt.Fprintf(&b, "     --%s\n", flagName(e.Name))
			for _, line := range text.Wrap(plainText.Replace(usage), helpWidth-10) {
				fmt.Fprintf(&b, "          %s\n", line)
			}
		}
	}
	return b.String()
}

// automaticIntro is docs/what-is-automatic.md down to the first rule.
const automaticIntro = `# What is automatic

<!-- Written by ` + "`go generate`" + ` from the tables in plugin/gate/card. Change it there. -->

A change that an agent made for an item goes one of three ways.

| lane | when | what happens |
|---|---|---|
| *automatic* | no hard rule is broken, and every effect of the plan is proved by a rule of the item's type | it is applied, confirmed, pushed, and the row is Done |
| *approval* | no hard rule is broken, and something is not proved | the effects are reported with the reason each is not proved, the work is kept on a branch, and the item is not paid for again until its text changes |
| *forbidden* | a hard rule is broken: something would be deleted or replaced, or is out of scope | it is refused |

A change without any effect is its own outcome, ` + "`no-effect`" + `. The effects are read from the plan, where values are concrete: what templates and variables
became, and of a Helm release what all its values make together. Each is the smallest difference: one key, one rule, one element of a list.

**For authors: name the alert, and state the new value.** "Raise the threshold of ` + "`NFSErrors`" + ` to 5" is applied; "the NFS alert is too noisy" ends with a person. A
name of one word counts in backticks only. Values are compared with their unit: 2Gi, 2048Mi and "2 GiB" are the same, and so are 5m and "five minutes". A number inside a
date, a version, an address, a path or a link states nothing. "Do not touch ..." before a name takes it back.

` + "`pm-todos judge`" + ` tries all of this on commits of your repository, before you switch anything on.

Types other than Alert, Config and Monitor are never automatic. The rules are:

`
