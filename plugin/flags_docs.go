package plugin

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/report"
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
				return writeFile(c.Context, path, page)
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
		return []byte(settingsPage()), nil
	case "reasons":
		return []byte(reasonsPage()), nil
	case "automatic":
		return []byte(automaticIntro + card.Page()), nil
	case "summary":
		return report.SummarySchema()
	default:
		return nil, usageError("%s is no page: use settings, reasons, automatic or summary", quoted(name))
	}
}

// pageIntro is docs/settings.md down to the first table. The front matter is
// what Woodpecker's plugin index reads.
const pageIntro = `---
name: pm-todos
description: Closes the follow-up items of post-mortems - safe ones are implemented by a coding agent, applied behind plan gates, and recorded in the document
author: pm-todos authors
tags: [post-mortem, terraform, terragrunt, vault, slack, agent]
containerImage: pm-todos
containerImageUrl: https://example.org/pm-todos
url: https://example.org/pm-todos
---

# Settings

<!-- Written by ` + "`go generate`" + ` from the table in plugin/settings_table*.go. Change it there. -->

The names are those of a step's ` + "`settings:`" + ` block. The plugin reads each from ` + "`PLUGIN_<NAME>`" + `; on the command line it is the flag
` + "`--<name>`" + ` with dashes. All problems are reported at once, and an unknown ` + "`PLUGIN_*`" + ` variable is one; the exit code is then 2 and nothing was
contacted.

` + "```yaml" + `
steps:
  - name: post-mortem-todos
    image: pm-todos
    settings:
      git_password: {from_secret: git_token}
      vault_addr: http://vault-active.vault.svc.cluster.local:8200
      hosts: wizard@10.0.10.10
` + "```" + `

- An **empty value** counts as unset.
- A **list** is a YAML list, CSV, or a JSON array. Woodpecker joins a YAML list by commas and escapes none, so a value that holds a comma needs a JSON
  array in quotes: ` + "`'[\"stacks/{a,b}/**\"]'`" + `.
- A **map** is a YAML map or JSON. Its keys are types, its values lists.
- A **duration** has a unit: ` + "`90s`, `30m`, `1h30m`" + `. A **number** is not negative.
- A **secret** comes by ` + "`from_secret`" + `, or from the one Vault secret that ` + "`vault_secret`" + ` names. It is never printed.
- What matters for safety comes only from ` + "`PLUGIN_*`" + ` and that secret: never from ` + "`VAULT_*`" + `, proxy or ` + "`GIT_*`" + ` variables of the
  environment, and never from the repository.
- On **pull-request** events the run ends after the documents were read. It needs neither hosts nor secrets then.
`

// settingsPage is docs/settings.md.
func settingsPage() string {
	var b strings.Builder
	b.WriteString(pageIntro)
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| Settings name | Default | Description |\n|---|---|---|\n", g.title)
		for _, e := range g.entries {
			usage := e.usage
			if e.secret {
				usage = "*Secret.* " + usage
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.name, cell.Replace(orNone(e.defaultText())), cell.Replace(usage))
		}
	}
	return b.String()
}

// reasonsIntro is docs/reasons.md down to the first table.
const reasonsIntro = `# Reason codes

<!-- Written by ` + "`go generate`" + ` from plugin/postmortem/reason.go and plugin/report/reason_table.go. Change it there. -->

Every item that was not simply done has a reason code: in the log's closing table, in ` + "`summary.json`" + ` (` + "`reason`" + `, and ` + "`code`" + ` of each
finding), in ` + "`summary.md`" + `, and in Slack. The codes are stable; the sentences may get better. Exit codes and how to recover stand in
[operations.md](operations.md). Work that the plan gate refused is kept on a branch, which the report names; of work that the diff gate
refused, the findings are all that is kept.
`

// reasonsPage is docs/reasons.md.
func reasonsPage() string {
	document := report.ReasonGroup{Title: "The document: read before anything is paid"}
	for _, code := range postmortem.Reasons() {
		document.Reasons = append(document.Reasons, report.Reason{Code: string(code), Sentence: code.Sentence(), Fix: code.Fix()})
	}
	return reasonsIntro + report.ReasonTables(append([]report.ReasonGroup{document}, report.Reasons()...))
}

func orNone(text string) string {
	if text == "" {
		return "*none*"
	}
	return text
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
	for _, g := range groups {
		fmt.Fprintf(&b, "\n   %s\n", g.title)
		for _, e := range g.entries {
			text := e.usage
			if e.secret {
				text += " Secret: give it by its variable."
			}
			if standard := e.defaultText(); standard != "" {
				text += " (default: " + standard + ")"
			}
			fmt.Fprintf(&b, "     --%s\n", flagName(e.name))
			for _, line := range wrap(plainText.Replace(text), helpWidth-10) {
				fmt.Fprintf(&b, "          %s\n", line)
			}
		}
	}
	return b.String()
}

// wrap breaks text at spaces into lines of at most width bytes.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
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
