package app

import (
	"os"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/settings"
)

func TestEmptyVariablesAreUnset(t *testing.T) {
	t.Setenv("PLUGIN_HOSTS", "")
	t.Setenv("PLUGIN_MODE", " \n")
	t.Setenv("PLUGIN_MODEL", "opus")
	t.Setenv("CI_COMMIT_BRANCH", "")
	t.Setenv("OTHER", "")
	if err := CleanEnvironment(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"PLUGIN_HOSTS": false, "PLUGIN_MODE": false, "PLUGIN_MODEL": true, "CI_COMMIT_BRANCH": false, "OTHER": true} {
		if _, got := os.LookupEnv(name); got != want {
			t.Errorf("%s is set: %v, want %v", name, got, want)
		}
	}
}

func TestThreat9_SecretsLeaveTheEnvironment(t *testing.T) {
	names := []string{"CI_NETRC_PASSWORD", "CI_NETRC_USERNAME"}
	for _, e := range settings.All() {
		if e.Secret() {
			names = append(names, e.Variable())
		}
	}
	for _, name := range names {
		t.Setenv(name, "hunter2")
	}
	t.Setenv("PLUGIN_HOSTS", "local")
	if err := forgetSecrets(); err != nil {
		t.Fatal(err)
	}
	for _, pair := range os.Environ() {
		if strings.Contains(pair, "hunter2") {
			t.Errorf("%s is still there", pair)
		}
	}
	if os.Getenv("PLUGIN_HOSTS") != "local" {
		t.Error("a setting that is no secret was unset")
	}
}
