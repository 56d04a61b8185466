package plugin

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagName is the flag of a setting: kebab case.
func flagName(setting string) string { return strings.ReplaceAll(setting, "_", "-") }

// settingFlags are the flags of all settings, or of those that wanted picks.
// Every flag is a text: the settings' own readers know Woodpecker's spellings
// and collect every problem, where typed flags stop at the first.
func settingFlags(wanted func(entry) bool) []cli.Flag {
	var flags []cli.Flag
	for _, g := range groups {
		for _, e := range g.entries {
			if wanted != nil && !wanted(e) {
				continue
			}
			flags = append(flags, &cli.StringFlag{
				Name:        flagName(e.name),
				Category:    g.title,
				Usage:       strings.ReplaceAll(e.usage, "`", ""),
				DefaultText: strings.ReplaceAll(e.defaultText(), "`", ""),
				EnvVars:     append([]string{variable(e.name)}, e.fallback...),
			})
		}
	}
	return flags
}

// defaultText is the default as the help and the docs show it.
func (e entry) defaultText() string {
	switch {
	case e.told != "":
		return e.told
	case len(e.fallback) > 0:
		return "`" + strings.Join(e.fallback, "`, then `") + "`"
	case e.standard != "":
		return "`" + e.standard + "`"
	default:
		return ""
	}
}

// ReadSettings reads and checks the settings of a whole run. Its error is of
// kind fault.Settings and holds everything that is wrong, see SettingsError.
func ReadSettings(c *cli.Context) (Settings, error) {
	given := func(setting string) (string, bool) {
		text := c.String(flagName(setting))
		return text, strings.TrimSpace(text) != ""
	}
	return newSettings(given, readCI(os.Getenv), os.Environ())
}

// newSettings is ReadSettings on plain values: given has the text of every
// setting that is set.
func newSettings(given func(setting string) (string, bool), ci CI, environ []string) (Settings, error) {
	s, problems := readEntries(entries(), given)
	s.CI = ci
	isGiven := func(setting string) bool { _, ok := given(setting); return ok }
	s.complete(isGiven)
	problems = append(problems, s.conflicts(isGiven)...)
	problems = append(problems, unknownSettings(environ)...)
	return s, settingsError(problems)
}

// readEntries sets the defaults of entries, then what is given.
func readEntries(list []entry, given func(setting string) (string, bool)) (s Settings, problems []Problem) {
	for _, e := range list {
		if e.standard != "" {
			problems = append(problems, problemsOf(e.name, e.read(&s, e.standard))...)
		}
		if text, ok := given(e.name); ok {
			problems = append(problems, problemsOf(e.name, e.read(&s, text))...)
		}
	}
	return s, problems
}
