package app

import (
	_ "embed" // of what pages begin with
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
			&cli.StringFlag{Name: "output", Usage: "file to write; standard output if unset"},
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
			if e.Secret() {
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
//
//go:embed automatic.md
var automaticIntro string
