package judge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// clone is a clone of a repository with some files.
func clone(t *testing.T, files map[string]string) *gitrepo.Repo {
	t.Helper()
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "--quiet", "--initial-branch=main")
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("main.tf", filepath.Join(dir, "stacks", "dns", "link.txt")); err != nil {
		t.Fatal(err)
	}
	gittest.Git(t, dir, "add", ".")
	gittest.Git(t, dir, "commit", "--quiet", "-m", "base")
	options := gitrepo.Options{Branch: "main", Author: gitrepo.Signature{Name: "x", Email: "x@localhost"}, Dir: t.TempDir()}
	options.URL = filepath.Join(dir, ".git")
	repo, err := gitrepo.Clone(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := repo.Close(); err != nil {
			t.Error(err)
		}
	})
	return repo
}

// TestOneMoreLineIsTriedInEveryKindOfFile goes through the diff gate as the work
// of an agent does.
func TestOneMoreLineIsTriedInEveryKindOfFile(t *testing.T) {
	repo := clone(t, map[string]string{
		"stacks/dns/main.tf": "locals { a = 1 }", "stacks/dns/other.tf": "", "stacks/dns/values.yaml": "a: 1\n", "stacks/dns/x.tfvars": "a = 1\n",
		"stacks/dns/.terraform.lock.hcl": "# lock\n", "stacks/vault/main.tf": "locals {}\n", "stacks/monitoring/main.tf": "locals {}\n",
		"stacks/shared/main.tf": "locals {}\n", "stacks/web/main.tf": "module \"m\" {\n  source = \"../shared\"\n}\n",
	})
	s, problems := settings.ReadSome([]string{"stacks", "protected", "allow_paths", "type_paths", "safe_types"}, func(string) string { return "" })
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	trials, err := Trials(repo, s, repo.Tip(), []string{"stacks/dns", "stacks/shared", "stacks/vault"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, trial := range trials {
		codes := ""
		for _, f := range trial.Findings {
			codes += " " + string(f.Code)
		}
		if trial.Type != "Monitor" { // as Alert
			got = append(got, strings.Join([]string{trial.Type, trial.Stack, trial.Kind, string(trial.Lane)}, " ")+codes)
		}
	}
	want := []string{
		"Alert stacks/dns .terraform.lock.hcl forbidden file-kind outside-type-paths path-denied",
		"Alert stacks/dns *.tf forbidden outside-type-paths",
		"Alert stacks/dns *.yaml forbidden outside-type-paths",
		"Alert stacks/dns *.tfvars forbidden file-kind outside-type-paths path-denied",
		"Alert stacks/shared *.tf forbidden outside-type-paths shared-module",
		"Alert stacks/vault *.tf forbidden protected-stack outside-type-paths",
		"Config stacks/dns .terraform.lock.hcl forbidden file-kind path-denied",
		"Config stacks/dns *.tf automatic",
		"Config stacks/dns *.yaml automatic",
		"Config stacks/dns *.tfvars forbidden file-kind path-denied",
		"Config stacks/shared *.tf approval shared-module",
		"Config stacks/vault *.tf forbidden protected-stack",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
