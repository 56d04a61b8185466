package usage

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

func helpCommand() *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show the help of a command, or of the settings",
		UsageText: "pm-todos help [--format text|json] [COMMAND | settings [GROUP | NAME]...]",
		Flags:     []cli.Flag{formatFlag()},
		Action:    helpAction,
	}
}

// formatFlag is for what is short as text.
func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "text", Usage: "text or json"}
}

// format is the value of formatFlag, also where it stands behind an argument, and
// the arguments without it.
func format(ctx *cli.Context) (asJSON bool, args []string, err error) {
	given := ctx.String("format")
	args = ctx.Args().Slice()
	for i := 0; i < len(args); i++ {
		value, joined := strings.CutPrefix(args[i], "--format=")
		if args[i] == "--format" && i+1 < len(args) {
			value, joined = args[i+1], true
			args = append(args[:i:i], args[i+1:]...)
		}
		if joined {
			given, args = value, append(args[:i:i], args[i+1:]...)
			i--
		}
	}
	switch given {
	case "text", "json":
		return given == "json", args, nil
	default:
		return false, nil, usageError("--format: %s is not one of text or json", text.Quote(given))
	}
}

func helpAction(ctx *cli.Context) error {
	asJSON, args, err := format(ctx)
	switch {
	case err != nil:
		return err
	case len(args) == 0:
		return show(ctx, overview(ctx.App))
	case args[0] == "settings":
		return settingsAction(ctx, asJSON, args[1:])
	}
	for _, c := range ctx.App.Commands {
		if c.Name == args[0] {
			return show(ctx, commandHelp(c))
		}
	}
	if _, err := chosen(args); err == nil {
		return settingsAction(ctx, asJSON, args)
	}
	known := append(append(commandNames(ctx.App), "settings"), settingNames()...)
	return notKnown(text.Quote(args[0]), "neither a command nor a setting", known, "pm-todos help lists them")
}

// settingsAction explains the settings of groups, or single ones. Without either it
// names all.
func settingsAction(ctx *cli.Context, asJSON bool, wanted []string) error {
	groups, err := chosen(wanted)
	switch {
	case err != nil:
		return err
	case asJSON:
		return printJSON(ctx, groups)
	case len(wanted) > 0:
		return show(ctx, explained(groups))
	}
	var b strings.Builder
	for _, g := range groups {
		fmt.Fprintf(&b, "%s\n", strings.ToUpper(g.Title))
		var all []string
		for _, e := range g.Entries {
			all = append(all, e.Name)
		}
		paragraph(&b, strings.Join(all, ", "), 3)
	}
	b.WriteString("\n")
	paragraph(&b, "`pm-todos help settings vault` explains a group, `pm-todos help settings vault_addr` one setting. "+
		"As flags they are written with dashes (--vault-addr), as variables PLUGIN_VAULT_ADDR.", 0)
	return show(ctx, b.String())
}

// chosen are the groups with these titles and the settings with these names, or all.
func chosen(wanted []string) (groups []settings.Group, err error) {
	if len(wanted) == 0 {
		return settings.Groups(), nil
	}
	for _, word := range wanted {
		word = strings.ReplaceAll(strings.TrimLeft(strings.ToLower(word), "-"), "-", "_")
		found := false
		for _, g := range settings.Groups() {
			if strings.EqualFold(g.Title, word) {
				groups, found = append(groups, g), true
			}
			for _, e := range g.Entries {
				if e.Name == word && !found {
					groups, found = append(groups, settings.Group{Title: g.Title, Entries: []settings.Entry{e}}), true
				}
			}
		}
		if !found {
			return nil, notKnown(text.Quote(word), "neither a setting nor a group of them", settingNames(), "pm-todos help settings lists them")
		}
	}
	return groups, nil
}

// settingNames are the names of the settings and of their groups.
func settingNames() (names []string) {
	for _, g := range settings.Groups() {
		names = append(names, strings.ToLower(g.Title))
		for _, e := range g.Entries {
			names = append(names, e.Name)
		}
	}
	return names
}

func explained(groups []settings.Group) string {
	var b strings.Builder
	for i, g := range groups {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", strings.ToUpper(g.Title))
		for _, e := range g.Entries {
			fmt.Fprintf(&b, "   %s\n", e.Name)
			paragraph(&b, strings.ReplaceAll(aboutSetting(e), "`", ""), 10)
		}
	}
	return b.String()
}

// aboutSetting is the usage of a setting with its default.
func aboutSetting(e settings.Entry) string {
	usage := e.Usage
	if e.Secret() {
		usage += " Secret: give it by its variable."
	}
	if standard := e.DefaultText(); standard != "" {
		usage += " (default: " + standard + ")"
	}
	return usage
}

func printJSON(ctx *cli.Context, groups []settings.Group) error {
	type setting struct {
		Name     string `json:"name"`
		Group    string `json:"group"`
		Flag     string `json:"flag"`
		Variable string `json:"variable"`
		Default  string `json:"default,omitempty"`
		Secret   bool   `json:"secret"`
		Usage    string `json:"usage"`
	}
	all := []setting{}
	for _, g := range groups {
		for _, e := range g.Entries {
			all = append(all, setting{e.Name, g.Title, "--" + strings.ReplaceAll(e.Name, "_", "-"), e.Variable(), e.DefaultText(), e.Secret(), e.Usage})
		}
	}
	content, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the settings: %w", err)
	}
	return show(ctx, string(content)+"\n")
}
