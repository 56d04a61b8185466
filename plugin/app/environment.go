package app

import (
	"fmt"
	"os"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

// CleanEnvironment unsets the empty variables among PLUGIN_* and CI_*. Call it
// before the app runs: Woodpecker sets a variable for a setting whose value is
// empty, and the flags would take that for a value and not look at the next
// variable or the default.
func CleanEnvironment() error {
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		ours := strings.HasPrefix(name, settings.Prefix) || strings.HasPrefix(name, "CI_")
		if !ours || strings.TrimSpace(value) != "" {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset the empty variable %s: %w", name, err)
		}
	}
	return nil
}

// forgetSecrets unsets the variables that hold secrets once they are read, so
// that no child process inherits them.
func forgetSecrets() error {
	names := []string{"CI_NETRC_USERNAME", "CI_NETRC_PASSWORD"}
	for _, e := range settings.All() {
		if e.Secret() {
			names = append(names, e.Variable())
		}
	}
	for _, name := range names {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset %s after reading it: %w", name, err)
		}
	}
	return nil
}
