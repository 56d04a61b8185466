package app

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// flagName is the flag of a setting: kebab case.
func flagName(setting string) string { return strings.ReplaceAll(setting, "_", "-") }

// settingFlags are the flags of the settings with these names, or of all.
// Every flag is a text: the settings' own readers know Woodpecker's spellings
// and collect every problem, where typed flags stop at the first.
func settingFlags(names ...string) []cli.Flag {
	var flags []cli.Flag
	for _, g := range settings.Groups() {
		for _, e := range g.Entries {
			if len(names) > 0 && !slices.Contains(names, e.Name) {
				continue
			}
			flags = append(flags, &cli.StringFlag{
				Name:        flagName(e.Name),
				Category:    g.Title,
				Usage:       strings.ReplaceAll(e.Usage, "`", ""),
				DefaultText: strings.ReplaceAll(e.DefaultText(), "`", ""),
				EnvVars:     append([]string{e.Variable()}, e.CI...),
			})
		}
	}
	return flags
}

// flagTexts is the texts of settings from their flags.
func flagTexts(c *cli.Context) settings.Lookup {
	return func(setting string) string { return c.String(flagName(setting)) }
}

// readSettings reads and checks the settings of a whole run.
func readSettings(c *cli.Context) (settings.Settings, error) {
	texts := flagTexts(c)
	s, err := settings.Read(texts, settings.ReadCI(os.Getenv), os.Environ())
	if err != nil && !slices.ContainsFunc(settings.All(), func(e settings.Entry) bool { return texts(e.Name) != "" }) {
		err = fmt.Errorf("%w\n\nNothing is set at all: pm-todos help says what this program does and how it is set up", err)
	}
	return s, err
}

// someSettings reads the settings with these names, and no others.
func someSettings(c *cli.Context, names []string) (settings.Settings, error) {
	s, problems := settings.ReadSome(names, flagTexts(c))
	return s, settings.Wrong(problems)
}

// usageError is the error of a command line that is wrong.
func usageError(format string, args ...any) error {
	return fault.Mark(fault.Settings, fmt.Errorf(format, args...))
}

// formatFlag is the flag --format, which takes one of the words; the first is
// the usual one.
func formatFlag(usage string, formats ...string) cli.Flag {
	return &cli.StringFlag{Name: "format", Value: formats[0], Usage: usage, Action: func(_ *cli.Context, given string) error {
		if slices.Contains(formats, given) {
			return nil
		}
		last := len(formats) - 1
		return usageError("--format: %s is not one of %s or %s", text.Quote(given), strings.Join(formats[:last], ", "), formats[last])
	}}
}
