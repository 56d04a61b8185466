package app

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

// CleanEnvironment unsets the empty variables among PLUGIN_* and CI_*, and names
// those of Drone as Woodpecker does. Call it before the app runs: Woodpecker sets a
// variable for a setting whose value is empty, and the flags would take that for a
// value and not look at the next variable or the default.
func CleanEnvironment() error {
	if err := fromDrone(os.Getenv, os.Setenv, os.Unsetenv); err != nil {
		return fmt.Errorf("read the variables of Drone: %w", err)
	}
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

// drone is what Drone calls the variables of a pipeline, by the name that
// Woodpecker gives them. See https://docs.drone.io/pipeline/environment/reference/.
var drone = map[string]string{ //nolint:gosec // names of variables
	"CI_PIPELINE_EVENT":      "DRONE_BUILD_EVENT",
	"CI_PIPELINE_NUMBER":     "DRONE_BUILD_NUMBER",
	"CI_PIPELINE_URL":        "DRONE_BUILD_LINK",
	"CI_COMMIT_SHA":          "DRONE_COMMIT_SHA",
	"CI_COMMIT_REF":          "DRONE_COMMIT_REF",
	"CI_COMMIT_BRANCH":       "DRONE_COMMIT_BRANCH",
	"CI_PREV_COMMIT_SHA":     "DRONE_COMMIT_BEFORE",
	"CI_REPO":                "DRONE_REPO",
	"CI_REPO_URL":            "DRONE_REPO_LINK",
	"CI_REPO_CLONE_URL":      "DRONE_GIT_HTTP_URL",
	"CI_REPO_DEFAULT_BRANCH": "DRONE_REPO_BRANCH",
	"CI_WORKSPACE":           "DRONE_WORKSPACE",
	"CI_NETRC_MACHINE":       "DRONE_NETRC_MACHINE",
	"CI_NETRC_USERNAME":      "DRONE_NETRC_USERNAME",
	"CI_NETRC_PASSWORD":      "DRONE_NETRC_PASSWORD",
}

// droneEvents are the events that have another name there.
var droneEvents = map[string]string{"custom": "manual", "promote": "deployment", "rollback": "deployment"}

// fromDrone gives the variables of Drone the names of Woodpecker's, where those are
// missing. It is for pipelines of Drone alone, which sets DRONE there. Its secrets
// are not left behind under their old names.
func fromDrone(get func(string) string, set func(name, value string) error, unset func(string) error) error {
	if get("DRONE") != "true" {
		return nil
	}
	for ours, theirs := range drone {
		value := get(theirs)
		if ours == "CI_PIPELINE_EVENT" {
			value = cmp.Or(droneEvents[value], value)
		}
		if strings.Trim(value, " 0") == "" { // of the first commit of a branch, Drone says zeros
			continue
		}
		if strings.TrimSpace(get(ours)) == "" {
			if err := set(ours, value); err != nil {
				return err
			}
		}
		if strings.HasPrefix(theirs, "DRONE_NETRC_") {
			if err := unset(theirs); err != nil {
				return err
			}
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
