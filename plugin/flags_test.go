package plugin

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// readArgs reads settings the way the app does, from flags and variables.
func readArgs(t *testing.T, args ...string) (Settings, error) {
	t.Helper()
	if err := CleanEnvironment(); err != nil {
		t.Fatal(err)
	}
	var s Settings
	var err error
	app := &cli.App{Flags: settingFlags(nil), Action: func(c *cli.Context) error {
		s, err = ReadSettings(c)
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
		if strings.HasPrefix(name, "CI_") || strings.HasPrefix(name, settingPrefix) {
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
	want := mustRead(t, block{
		"remote": "https://forge.example/o/r.git", "branch": "trunk", "vault_addr": "http://vault-active.vault.svc.cluster.local:8200",
		"hosts": "wizard@10.0.10.10,local", "max_items": "7", "budget_usd": "1.5", "type_paths": `{"Alert":["a/**"],"Config":["b/**","c/**"]}`,
	}, s.CI)
	if diff := cmp.Diff(want, s, showSecrets); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if s.Repository.Password.Reveal() != "pw" || s.CI.SHA != "abc" || s.Documents.Scope != ScopeChanged {
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
	if s.Mode != ModeDryRun || s.Repository.Branch != "from-settings" {
		t.Errorf("mode %s, branch %s", s.Mode, s.Repository.Branch)
	}
}

func TestTableIsSound(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range entries() {
		if seen[e.name] {
			t.Errorf("%s is there twice", e.name)
		}
		seen[e.name] = true
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(e.name) {
			t.Errorf("%s is not in snake case", e.name)
		}
		if e.usage == "" || !strings.HasSuffix(e.usage, ".") {
			t.Errorf("%s has no sentence that explains it", e.name)
		}
		if e.standard != "" {
			var s Settings
			if err := e.read(&s, e.standard); err != nil {
				t.Errorf("the default of %s is wrong: %v", e.name, err)
			}
		}
	}
}

func TestSettingsPageIsUpToDate(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "settings.md"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(settingsPage(), string(page)); diff != "" {
		t.Errorf("docs/settings.md is stale, run go generate (-want +got):\n%s", diff)
	}
	front, _, ok := strings.Cut(strings.TrimPrefix(string(page), "---\n"), "\n---\n")
	if !ok || strings.Contains(front, "---") {
		t.Error("the page does not begin with front matter")
	}
	for _, name := range settingNames() {
		if !strings.Contains(string(page), "| `"+name+"` |") {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestExamplesHoldRealSettings reads the settings blocks of the examples.
func TestExamplesHoldRealSettings(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "docs", "examples", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	line := regexp.MustCompile(`^      (?:# )?([a-z_]+):`)
	read := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, block, found := strings.Cut(string(text), "\n    settings:\n")
		if !found {
			continue // a pipeline without a step of ours
		}
		names := 0
		for text := range strings.Lines(block) {
			if m := line.FindStringSubmatch(text); m != nil {
				names++
				if !slices.Contains(settingNames(), m[1]) {
					t.Errorf("%s: %s is no setting", file, m[1])
				}
			}
		}
		if names == 0 {
			t.Errorf("%s has no settings", file)
		}
		read++
	}
	if read == 0 {
		t.Error("no example has a step of ours")
	}
}
