package usage

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

func manCommand() *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		UsageText:   "pm-todos man >/usr/local/share/man/man1/pm-todos.1",
		Description: "It is the help of all commands and settings. `pm-todos man | man -l -` shows it at once.",
		Action: func(ctx *cli.Context) error {
			if ctx.Args().Present() {
				return usageError("man takes no argument")
			}
			return show(ctx, manual(ctx.App))
		},
	}
}

// manual is the manual page, for section 1, in the macros of man(7).
func manual(app *cli.App) string {
	var b strings.Builder
	b.WriteString(".TH PM-TODOS 1\n.nh\n.ad l\n")
	section(&b, "NAME", fmt.Sprintf("%s \\- %s", roff(app.Name), roff(app.Usage)))
	section(&b, "SYNOPSIS", ".B pm\\-todos\n.RI [ settings ]\n.br\n.B pm\\-todos\n.I command\n.RI [ flags ]\n.RI [ arguments ]")
	section(&b, "DESCRIPTION", "Without a command it is the run of a Woodpecker plugin: it reads post\\-mortems, implements the follow\\-up items that are safe, and records what became of them.")
	section(&b, "COMMANDS", "")
	for _, c := range visible(app.Commands) {
		fmt.Fprintf(&b, ".SS %s\n%s.\n", roff(c.Name), roff(c.Usage))
		for _, one := range pieces(c.Description) {
			if one.term == "" {
				fmt.Fprintf(&b, ".PP\n%s\n", roff(one.text))
			} else {
				fmt.Fprintf(&b, ".TP\n.I %s\n%s\n", roff(one.term), roff(one.text))
			}
		}
		own, _ := flagsOf(c.Flags)
		for _, f := range own {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(f.heading()), roff(f.usage()))
		}
	}
	section(&b, "SETTINGS", "Each is a flag, and is also read from the variable PLUGIN_\\fINAME\\fR.")
	for _, g := range settings.Groups() {
		fmt.Fprintf(&b, ".SS %s\n", roff(g.Title))
		for _, e := range g.Entries {
			fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff("--"+strings.ReplaceAll(e.Name, "_", "-")), roff(aboutSetting(e)))
		}
	}
	section(&b, "EXIT STATUS", "")
	for _, code := range [][2]string{
		{"0", "everything that was attempted ended well"},
		{"1", "something failed; what was completed is recorded"},
		{"2", "settings or command line are wrong; nothing was contacted"},
		{"3", "a person must look now: something was applied, or may have been, and could not be confirmed"},
		{"75", "temporary: the same run may be started again"},
	} {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", code[0], roff(code[1]))
	}
	return b.String()
}

func section(b *strings.Builder, title, content string) {
	fmt.Fprintf(b, ".SH %s\n", title)
	if content != "" {
		b.WriteString(content + "\n")
	}
}

// roff is a text on one line without requests and escapes.
func roff(s string) string {
	s = strings.NewReplacer("`", "", `\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	s = b.String()
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
