package localgit_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/dashboard/localgit"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
)

const name = "docs/pm/2026-01-02-nfs.md"

func write(t *testing.T, dir, status string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("# NFS\n\n## Action items\n\n| Action | Type | Status |\n|---|---|---|\n| Add alert A | Alert | "+status+" |\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// closed is when the history of a folder says that the item was done.
func closed(t *testing.T, dir string) string {
	t.Helper()
	here := localgit.At(t.Context(), dir)
	history, err := here.History(t.Context(), []string{name}, classify.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	read := dashboard.Known{History: history}.Read(postmortem.Parse(name, src, classify.Policy{}), name)
	return read.Items[0].Closed
}

func TestHistorySaysWhenItemsWereDone(t *testing.T) {
	dir := t.TempDir()
	on := func(day string, args ...string) {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = dir, append(gittest.Env(), "GIT_AUTHOR_DATE="+day+"T12:00:00Z", "GIT_COMMITTER_DATE="+day+"T12:00:00Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	commit := func(day, status string) {
		write(t, dir, status)
		gittest.Git(t, dir, "add", "-A")
		on(day, "commit", "-q", "-m", "it is "+status)
	}
	gittest.Git(t, dir, "init", "-q", "--template=", "-b", "main")
	commit("2026-01-03", "TODO")
	gittest.Git(t, dir, "checkout", "-q", "-b", "side")
	commit("2026-01-05", "Done")
	gittest.Git(t, dir, "checkout", "-q", "main")
	on("2026-01-09", "merge", "-q", "--no-ff", "-m", "merge", "side")
	// What counts is when it came to the branch.
	if got := closed(t, dir); got != "2026-01-09" {
		t.Errorf("closed %q", got)
	}
	commit("2026-01-10", "TODO")
	commit("2026-01-11", "Done")
	if got := closed(t, dir); got != "2026-01-11" {
		t.Errorf("closed %q after it was opened again", got)
	}
}

func TestWithoutAHistoryNothingIsKnown(t *testing.T) {
	outside, empty := t.TempDir(), t.TempDir()
	gittest.Git(t, empty, "init", "-q", "--template=")
	for what, dir := range map[string]string{"outside of a repository": outside, "no commit": empty} {
		write(t, dir, "Done")
		if got := closed(t, dir); got != "" {
			t.Errorf("%s: closed %q", what, got)
		}
	}
}

func TestFilesAreNamedFromTheRoot(t *testing.T) {
	dir := t.TempDir()
	gittest.Git(t, dir, "init", "-q", "--template=")
	write(t, dir, "TODO")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir, filepath.Join(dir, "docs"), link} {
		if got := localgit.At(t.Context(), from).Name(filepath.Join(link, filepath.FromSlash(name))); got != name {
			t.Errorf("from %s: %s", from, got)
		}
	}
	outside := t.TempDir()
	if got := localgit.At(t.Context(), outside).Name(filepath.Join(outside, "a", "b.md")); got != "a/b.md" {
		t.Errorf("outside of a repository: %s", got)
	}
}
