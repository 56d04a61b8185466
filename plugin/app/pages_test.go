package app

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// pandocStandIn converts nothing, but takes the arguments of the real one.
const pandocStandIn = `#!/bin/sh
for last; do :; done
while [ $# -gt 1 ]; do
	case $1 in --output) out=$2 ;; esac
	shift
done
{ echo '<!doctype html>'; cat "$last"; } >"$out"
`

// TestPagesWorkflowPublishes runs the commands of the pages workflow that init
// writes: in a checkout with two post-mortems, against a remote of its own.
// pandoc is the real one where there is one.
func TestPagesWorkflowPublishes(t *testing.T) {
	noPipeline(t)
	work, remote, bin := t.TempDir(), filepath.Join(t.TempDir(), "remote.git"), t.TempDir()
	if _, err := exec.LookPath("pandoc"); err != nil {
		if err := os.WriteFile(filepath.Join(bin, "pandoc"), []byte(pandocStandIn), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	environment := append(os.Environ(),
		"PATH="+bin+":"+os.Getenv("PATH"), "HOME="+bin, "GIT_CONFIG_NOSYSTEM=1", "CI_REPO_CLONE_URL="+remote, "CI_COMMIT_SHA="+strings.Repeat("a", 40), "PAGES_TOKEN=hunter2-token")
	shell := func(script string) string {
		t.Helper()
		cmd := exec.Command("sh", "-e", "-c", script)
		cmd.Dir, cmd.Env = work, environment
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	shell("git init --quiet --bare " + remote)
	t.Chdir(work) // new writes into no other folder than its own or one of its repository
	for _, args := range [][]string{
		{"new", "--date", "2026-04-14", "--dir", work, "NFS hung"}, {"new", "--date", "2026-05-03", "--dir", work, "Registry full"},
	} {
		if _, _, err := runApp(t, "", args...); err != nil {
			t.Fatal(err)
		}
	}
	shell("mkdir -p docs/post-mortems && mv *.md docs/post-mortems/")
	if _, _, err := runApp(t, "", "init", "--branch", "main", "--pages-branch", "pages", work); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(work, ".woodpecker", "pages.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Steps []struct {
			Name     string
			Commands []string
		}
	}
	if err := yaml.Unmarshal(content, &workflow); err != nil || len(workflow.Steps) != 2 {
		t.Fatalf("%v, %+v", err, workflow)
	}
	for run := range 2 {
		for _, step := range workflow.Steps {
			// Every step begins at the top of the workspace, in one shell.
			if out := shell(strings.Join(step.Commands, "\n")); strings.Contains(out, "hunter2") {
				t.Errorf("%s prints the token: %s", step.Name, out)
			}
		}
		show := func(what string) string { return shell("git --git-dir " + remote + " " + what) }
		if got, want := show("ls-tree --name-only pages"), "2026-04-14-nfs-hung.html\n2026-05-03-registry-full.html\nindex.atom\nindex.html\nindex.json\n"; got != want {
			t.Errorf("run %d published %q, want %q", run, got, want)
		}
		index := show("show pages:index.html")
		if !strings.Contains(index, `href="2026-04-14-nfs-hung.html"`) || strings.Contains(index, `.md"`) {
			t.Error("the overview does not lead to the pages")
		}
		if data := show("show pages:index.json"); !strings.Contains(data, `"link": "2026-04-14-nfs-hung.html"`) {
			t.Errorf("its JSON does not lead to the pages:\n%s", data)
		}
		if page := show("show pages:2026-04-14-nfs-hung.html"); !strings.Contains(page, "NFS hung") || !strings.Contains(strings.ToLower(page), "<!doctype html>") {
			t.Errorf("the page is\n%s", page)
		}
		if n := strings.TrimSpace(show("rev-list --count pages")); n != "1" {
			t.Errorf("the branch of the pages has %s commits", n)
		}
		if out := shell("grep -r hunter2 . || true"); out != "" {
			t.Errorf("the token is in a file: %s", out)
		}
		shell("rm -r public")
	}
}
