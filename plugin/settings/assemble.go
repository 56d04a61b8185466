package settings

import (
	"slices"
	"strings"
)

// Lookup is the text of a setting by its name, blank when it is not set.
type Lookup func(setting string) string

// given reports whether a setting is set, as opposed to its default.
func (l Lookup) given(setting string) bool { return strings.TrimSpace(l(setting)) != "" }

// Read reads and checks the settings of a whole run. environ is every variable
// there is, in which unknown PLUGIN_* ones are looked for. The error is of kind
// fault.Settings and holds everything that is wrong, see Error.
func Read(text Lookup, ci CI, environ []string) (Settings, error) {
	s, problems := readEntries(func(string) bool { return true }, text)
	s.CI = ci
	s.complete(text.given)
	problems = append(problems, s.conflicts(text.given)...)
	problems = append(problems, unknownSettings(environ)...)
	return s, Wrong(problems)
}

// ReadSome reads the settings with these names, and no others.
func ReadSome(names []string, text Lookup) (Settings, []Problem) {
	return readEntries(func(name string) bool { return slices.Contains(names, name) }, text)
}

// ReadRepository reads the settings with these names for a command that needs
// the repository alone.
func ReadRepository(names []string, text Lookup, ci CI) (Settings, error) {
	s, problems := ReadSome(names, text)
	if len(problems) > 0 {
		return s, Wrong(problems)
	}
	s.CI = ci
	s.completeLogin()
	f := finder{s: s, given: text.given}
	f.repository()
	return s, Wrong(f.problems)
}

// readEntries sets the defaults of the wanted settings, then what is given.
func readEntries(wanted func(name string) bool, text Lookup) (Settings, []Problem) {
	var s Settings
	var problems []Problem
	for _, e := range s.entries() {
		if !wanted(e.Name) {
			continue
		}
		if e.Default != "" {
			problems = append(problems, Problems(e.Name, e.set(e.Default))...)
		}
		if text.given(e.Name) {
			problems = append(problems, Problems(e.Name, e.set(text(e.Name)))...)
		}
	}
	if s.Terraform.Stacks != nil && text.given("stacks") && !text.given("allow_paths") {
		s.Terraform.AllowPaths = stackPaths(s.Terraform.Stacks)
	}
	return s, problems
}
