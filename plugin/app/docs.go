package app

import (
	_ "embed" // of what pages begin with

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/dashboard"
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
		Usage:  "write a reference: of the settings, of the reason codes, of what is automatic, of summary.json or of index.json",
		Hidden: true,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "page", Value: "settings", Usage: "settings, reasons, automatic, summary or index"},
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
	case "index":
		return dashboard.Schema()
	default:
		return nil, usageError("%s is no page: use settings, reasons, automatic, summary or index", text.Quote(name))
	}
}

// automaticIntro is docs/what-is-automatic.md down to the first rule.
//
//go:embed automatic.md
var automaticIntro string
