// Package usage is what the command line says of itself: help that fits a
// terminal, suggestions, completion for shells, and the manual page. All of it is
// made from the commands and the settings, so that none of it can be stale.
package usage

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// width is what a terminal has when nobody made it wider.
const width = 80

// Install gives an app and its commands their help, and the commands of this room.
func Install(app *cli.App) {
	app.Commands = append(app.Commands, helpCommand(), versionCommand(), completionCommand(), manCommand())
	app.HideHelpCommand, app.CustomAppHelpTemplate = true, literally(overview(app))
	app.Flags = append(app.Flags, cli.HelpFlag) // which an app with a help command of its own lacks
	app.OnUsageError = wrong(func(*cli.Context) []cli.Flag { return app.Flags })
	for _, c := range app.Commands {
		c.HideHelpCommand, c.CustomHelpTemplate = true, literally(commandHelp(c))
		c.OnUsageError = wrong(func(ctx *cli.Context) []cli.Flag { return ctx.Command.Flags })
	}
}

// literally is a text as a template.
func literally(s string) string { return strings.ReplaceAll(s, "{{", `{{"{{"}}`) }

// overview is the help of the app.
func overview(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n\n", app.Name, app.Usage)
	b.WriteString("USAGE:\n   pm-todos [settings]                    the plugin's run\n   pm-todos COMMAND [flags] [arguments]\n\nCOMMANDS:\n")
	for _, c := range visible(app.Commands) {
		for i, line := range text.Wrap(c.Usage, width-15) {
			name := c.Name
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(&b, "   %-11s %s\n", name, line)
		}
	}
	b.WriteString("\nOPTIONS:\n   --help, -h     show this help; after a command, that command's\n   --version, -v  print the version\n\nSETTINGS:\n")
	paragraph(&b, "Each is a flag, and is also read from the variable PLUGIN_<NAME>, which is how a Woodpecker step's settings arrive. "+
		"`pm-todos help settings` lists them; with the name of a group or of a setting it explains them.", 3)
	return b.String()
}

func visible(commands []*cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(commands), func(c *cli.Command) bool { return c.Hidden })
}

// commandHelp is the help of a command. Flags that are settings are only named.
func commandHelp(c *cli.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "pm-todos %s\n\n", c.Name)
	paragraph(&b, text.Capital(c.Usage)+".", 3)
	b.WriteString("\nUSAGE:\n")
	paragraph(&b, cmp.Or(c.UsageText, strings.TrimSpace("pm-todos "+c.Name+" [flags] "+c.ArgsUsage)), 3)
	if c.Description != "" {
		b.WriteString("\nDESCRIPTION:\n")
		for i, one := range pieces(c.Description) {
			if i > 0 && !one.follows {
				b.WriteByte('\n')
			}
			if one.term == "" {
				paragraph(&b, one.text, 3)
				continue
			}
			for n, line := range text.Wrap(one.text, width-14) {
				term := one.term
				if n > 0 {
					term = ""
				}
				fmt.Fprintf(&b, "   %-10s %s\n", term, line)
			}
		}
	}
	own, named := flagsOf(c.Flags)
	if len(own) > 0 {
		b.WriteString("\nOPTIONS:\n")
		for _, f := range own {
			fmt.Fprintf(&b, "   %s\n", f.heading())
			paragraph(&b, strings.ReplaceAll(f.usage(), "`", ""), 10)
		}
	}
	switch {
	case len(named) == len(settings.All()):
		b.WriteString("\nSETTINGS:\n")
		paragraph(&b, "Those of the plugin's run: `pm-todos help settings`.", 3)
	case len(named) > 0:
		b.WriteString("\nSETTINGS:\n")
		paragraph(&b, "--"+strings.Join(names(named), ", --"), 3)
		paragraph(&b, "`pm-todos help settings NAME` explains one.", 3)
	}
	return b.String()
}

// piece is a paragraph of a description, or a term that it explains.
type piece struct {
	term, text string
	follows    bool // another term, without a blank line between them
}

// termLine is a term with two or more blanks behind it.
var termLine = pattern.Lazy(`^(\S+) {2,}(\S.*)$`)

// pieces are the paragraphs and terms of a description, whose lines were broken for
// whoever reads the source.
func pieces(description string) (all []piece) {
	begins := true
	for line := range strings.SplitSeq(description, "\n") {
		switch m := termLine().FindStringSubmatch(line); {
		case line == "":
			begins = true
			continue
		case m != nil:
			all = append(all, piece{m[1], m[2], !begins})
		case begins:
			all = append(all, piece{text: line})
		default:
			all[len(all)-1].text += " " + strings.TrimSpace(line)
		}
		begins = false
	}
	return all
}

func paragraph(b *strings.Builder, about string, indent int) {
	for _, line := range text.Wrap(about, width-indent) {
		fmt.Fprintf(b, "%*s%s\n", indent, "", line)
	}
}

// flag is what all kinds of flags tell of themselves.
type flag struct{ cli.DocGenerationFlag }

// flagsOf are the flags of a command: its own, and settings.
func flagsOf(flags []cli.Flag) (own, named []flag) {
	for _, one := range flags {
		f, tells := one.(cli.DocGenerationFlag)
		if !tells || one.Names()[0] == "help" || one.Names()[0] == "version" {
			continue
		}
		if c, has := one.(cli.CategorizableFlag); has && c.GetCategory() != "" {
			named = append(named, flag{f})
		} else {
			own = append(own, flag{f})
		}
	}
	return own, named
}

func (f flag) name() string { return f.Names()[0] }

func names(flags []flag) (all []string) {
	for _, f := range flags {
		all = append(all, f.name())
	}
	return all
}

// placeholder is the word in quotes in a flag's usage, which stands for its value.
var placeholder = pattern.Lazy("`([A-Z_]+)`")

func (f flag) heading() string {
	if !f.TakesValue() {
		return "--" + f.name()
	}
	if word := placeholder().FindStringSubmatch(f.GetUsage()); word != nil {
		return "--" + f.name() + " " + word[1]
	}
	return "--" + f.name() + " VALUE"
}

func (f flag) usage() string {
	usage := f.GetUsage()
	if standard := f.GetDefaultText(); standard != "" && standard != `""` && f.TakesValue() {
		usage += " (default: " + strings.Trim(standard, `"`) + ")"
	}
	return usage
}

// undefined is what package flag says of a flag that it does not know. Nothing but
// a suggestion hangs on its wording.
const undefined = "flag provided but not defined: -"

// wrong makes the error of a command line that the flags do not understand.
func wrong(flags func(*cli.Context) []cli.Flag) cli.OnUsageErrorFunc {
	return func(ctx *cli.Context, err error, _ bool) error {
		help := "pm-todos help"
		if ctx.Command != nil && ctx.Command.Name != "" && ctx.Command.Name != ctx.App.Name {
			help += " " + ctx.Command.Name
		}
		given, unknown := strings.CutPrefix(err.Error(), undefined)
		if !unknown {
			return usageError("%w; %s lists the flags", err, help)
		}
		var known []string
		own, named := flagsOf(flags(ctx))
		for _, f := range append(own, named...) {
			known = append(known, "--"+f.name())
		}
		return notKnown("--"+text.Line(strings.TrimLeft(given, "-"), 80), "not a flag", known, help+" lists the flags")
	}
}

// NoCommand is the error of a word that is no command of an app.
func NoCommand(app *cli.App, word string) error {
	return notKnown(text.Quote(word), "not a command", commandNames(app), "pm-todos help lists them")
}

func commandNames(app *cli.App) (names []string) {
	for _, c := range visible(app.Commands) {
		names = append(names, c.Name)
	}
	return names
}

// notKnown is the error of a word that is none of those known, with the one that was
// most likely meant, and with what lists them.
func notKnown(word, what string, known []string, lists string) error {
	if near := text.Nearest(strings.Trim(word, `"`), known); near != "" {
		lists = "did you mean " + near + "? " + lists
	}
	return usageError("%s is %s; %s", word, what, lists)
}

func usageError(format string, args ...any) error {
	return fault.Mark(fault.Settings, fmt.Errorf(format, args...))
}

// show writes a text for the reader.
func show(ctx *cli.Context, s string) error {
	if _, err := fmt.Fprint(ctx.App.Writer, s); err != nil {
		return errors.Join(errors.New("print the help"), err)
	}
	return nil
}
