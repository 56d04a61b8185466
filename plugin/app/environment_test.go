package app

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func TestDroneIsReadWhereWoodpeckerSaysNothing(t *testing.T) {
	for name, test := range map[string]struct{ environment, want map[string]string }{
		"a pipeline of Drone": {
			map[string]string{
				"DRONE": "true", "DRONE_BUILD_EVENT": "custom", "DRONE_COMMIT_BRANCH": "main", "DRONE_GIT_HTTP_URL": "https://git.example.org/a/b.git",
				"DRONE_COMMIT_BEFORE": strings.Repeat("0", 40), "DRONE_NETRC_PASSWORD": "hunter2", "DRONE_WORKSPACE": " ",
			},
			map[string]string{
				"DRONE": "true", "DRONE_BUILD_EVENT": "custom", "DRONE_COMMIT_BRANCH": "main", "DRONE_GIT_HTTP_URL": "https://git.example.org/a/b.git",
				"DRONE_COMMIT_BEFORE": strings.Repeat("0", 40), "CI_PIPELINE_EVENT": "manual", "CI_COMMIT_BRANCH": "main",
				"CI_REPO_CLONE_URL": "https://git.example.org/a/b.git", "CI_NETRC_PASSWORD": "hunter2", "DRONE_WORKSPACE": " ",
			},
		},
		"both": {
			map[string]string{"DRONE": "true", "DRONE_BUILD_EVENT": "cron", "CI_PIPELINE_EVENT": "push"},
			map[string]string{"DRONE": "true", "DRONE_BUILD_EVENT": "cron", "CI_PIPELINE_EVENT": "push"},
		},
		"a pipeline of Woodpecker, and a variable of that name": {
			map[string]string{"DRONE_COMMIT_BEFORE": "abc", "CI_PIPELINE_EVENT": "push"},
			map[string]string{"DRONE_COMMIT_BEFORE": "abc", "CI_PIPELINE_EVENT": "push"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := maps.Clone(test.environment)
			err := fromDrone(func(name string) string { return got[name] },
				func(name, value string) error { got[name] = value; return nil },
				func(name string) error { delete(got, name); return nil })
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
