package app

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

// readArgs reads settings the way the app does, from flags and variables.
func readArgs(t *testing.T, args ...string) (settings.Settings, error) {
	t.Helper()
	if err := CleanEnvironment(); err != nil {
		t.Fatal(err)
	}
	var s settings.Settings
	var err error
	app := &cli.App{Flags: settingFlags(), Action: func(c *cli.Context) error {
		s, err = readSettings(c)
		return nil
	}}
	if runErr := app.Run(append([]string{"pm-todos"}, args...)); runErr != nil {
		t.Fatal(runErr)
	}
	return s, err
}

// noPipeline takes away the variables of the pipeline that runs this test.
func noPipeline(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "CI_") || strings.HasPrefix(name, settings.Prefix) {
			t.Setenv(name, "") // empty counts as unset
		}
	}
}

func TestSettingsFromWoodpecker(t *testing.T) {
	noPipeline(t)
	for name, value := range map[string]string{
		"CI_PIPELINE_EVENT": "push", "CI_REPO_CLONE_URL": "https://forge.example/o/r.git", "CI_COMMIT_BRANCH": "", "CI_REPO_DEFAULT_BRANCH": "trunk",
		"CI_STEP_TYPE": "plugin", "CI_COMMIT_SHA": "abc", "CI_NETRC_MACHINE": "forge.example", "CI_NETRC_USERNAME": "ci", "CI_NETRC_PASSWORD": "pw",
		"PLUGIN_VAULT_ADDR": "http://vault-active.vault.svc.cluster.local:8200", "PLUGIN_HOSTS": `["wizard@10.0.10.10","local"]`,
		"PLUGIN_POST_MORTEMS": "", "PLUGIN_MAX_ITEMS": "007", "PLUGIN_BUDGET_USD": "1.5", "PLUGIN_TYPE_PATHS": `{"Alert":["a/**"],"Config":"b/**,c/**"}`,
		"VAULT_ADDR": "https://elsewhere.example", "VAULT_TOKEN": "hvs.elsewhere", "GIT_SSH_COMMAND": "false", "HTTPS_PROXY": "http://elsewhere.example",
	} {
		t.Setenv(name, value)
	}
	s, err := readArgs(t)
	if err != nil {
		t.Fatal(err)
	}
	same := map[string]string{
		"remote": "https://forge.example/o/r.git", "branch": "trunk", "vault_addr": "http://vault-active.vault.svc.cluster.local:8200",
		"hosts": "wizard@10.0.10.10,local", "max_items": "7", "budget_usd": "1.5", "type_paths": `{"Alert":["a/**"],"Config":["b/**","c/**"]}`,
	}
	want, err := settings.Read(func(setting string) string { return same[setting] }, s.CI, nil)
	if err != nil {
		t.Fatal(err)
	}
	showSecrets := cmp.Comparer(func(a, b secret.String) bool { return a.Reveal() == b.Reveal() })
	if diff := cmp.Diff(want, s, showSecrets, cmpopts.IgnoreUnexported(vault.Config{}, gitrepo.Options{})); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if s.Repository.Password.Reveal() != "pw" || s.CI.SHA != "abc" || s.Documents.Scope != settings.ScopeChanged {
		t.Errorf("the pipeline's variables were not read: %+v", s.CI)
	}
}

func TestFlagsWinOverVariables(t *testing.T) {
	noPipeline(t)
	t.Setenv("PLUGIN_MODE", "propose")
	t.Setenv("CI_COMMIT_BRANCH", "from-ci")
	t.Setenv("PLUGIN_BRANCH", "from-settings")
	s, err := readArgs(t, "--mode", "dry-run", "--remote", "/srv/r.git")
	if err != nil {
		t.Fatal(err)
	}
	if s.Mode != settings.ModeDryRun || s.Repository.Branch != "from-settings" {
		t.Errorf("mode %s, branch %s", s.Mode, s.Repository.Branch)
	}
}
