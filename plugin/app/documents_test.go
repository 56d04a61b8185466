package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// inFolder makes files in a new folder and goes there.
func inFolder(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestFindDocuments(t *testing.T) {
	inFolder(t, map[string]string{
		"docs/b.md": "", "docs/a.MD": "", "docs/sub/c.mdx": "", "docs/README.md": "", "docs/index.md": "", "docs/x.html": "",
		"docs/.git/d.md": "", "pm/e.md": "", "other/f.md": "",
	})
	for link, target := range map[string]string{"docs/loop": ".", "docs/link.md": "../other/f.md", "linked": "other", "gone.md": "nowhere"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		paths, globs, want []string
		unread             int
	}{
		"globs":                   {globs: []string{"docs/*.md", "pm/**", "docs/b.md"}, want: []string{"docs/b.md", "pm/e.md"}},
		"globs that clean":        {globs: []string{"./docs//*.md"}, want: []string{"docs/b.md"}},
		"globs of any depth":      {globs: []string{"**/*.md*"}, want: []string{"docs/.git/d.md", "docs/b.md", "docs/sub/c.mdx", "other/f.md", "pm/e.md"}},
		"globs that match none":   {globs: []string{"nowhere/*.md"}},
		"a folder":                {paths: []string{"docs"}, want: []string{"docs/a.MD", "docs/b.md", "docs/sub/c.mdx"}},
		"a folder with a slash":   {paths: []string{"pm/"}, want: []string{"pm/e.md"}},
		"the current folder":      {paths: []string{"."}, want: []string{"docs/a.MD", "docs/b.md", "docs/sub/c.mdx", "other/f.md", "pm/e.md"}},
		"a hidden folder, named":  {paths: []string{"docs/.git"}, want: []string{"docs/.git/d.md"}},
		"a link to a folder":      {paths: []string{"linked"}, want: []string{"linked/f.md"}},
		"a link to a file":        {paths: []string{"docs/link.md"}, want: []string{"docs/link.md"}},
		"any file that is named":  {paths: []string{"docs/README.md", "docs/x.html", "-"}, want: []string{"docs/README.md", "docs/x.html", "-"}},
		"twice":                   {paths: []string{"pm/e.md", "./pm", "pm/../pm/e.md"}, want: []string{"pm/e.md"}},
		"missing beside present":  {paths: []string{"missing", "gone.md", "pm", ""}, want: []string{"pm/e.md"}, unread: 3},
		"paths win against globs": {paths: []string{"pm"}, globs: []string{"docs/*.md"}, want: []string{"pm/e.md"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, unread := findDocuments(test.paths, test.globs)
			if diff := cmp.Diff(test.want, got); diff != "" || len(unread) != test.unread {
				t.Errorf("unread %v, (-want +got):\n%s", unread, diff)
			}
		})
	}
}

// brokenFolder is a file system in which one folder cannot be read.
type brokenFolder struct{ fstest.MapFS }

func (b brokenFolder) Open(name string) (fs.File, error) {
	if name == "docs/broken" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.MapFS.Open(name)
}

func (b brokenFolder) ReadDir(name string) ([]fs.DirEntry, error) {
	if name == "docs/broken" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return b.MapFS.ReadDir(name)
}

func TestFolderThatCannotBeRead(t *testing.T) {
	files := brokenFolder{fstest.MapFS{"docs/broken/x.md": {}, "docs/a.md": {}}}
	got, unread := matchingDocuments(files, []string{"docs/a.md", "docs/**/*.md"})
	if len(unread) != 1 || !strings.Contains(unread[0].Error(), "docs/broken") {
		t.Errorf("unread: %v", unread)
	}
	if diff := cmp.Diff([]string{"docs/a.md"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLintOfHostileNames lints a file whose name and content would forge lines
// and colours in a log.
func TestLintOfHostileNames(t *testing.T) {
	noPipeline(t)
	name := "a\x1b[31m\nb.md:1:1: error: x.md"
	inFolder(t, map[string]string{"docs/" + name: document("| P1 | Migrate\x1b[31m Vault\u202e | Migration | | TODO |", "| a | b |")})
	stdout, stderr, err := runApp(t, "", "lint", "docs", "docs/\x1b[31mmissing.md")
	if got := fault.Of(err).ExitCode(); got != 1 {
		t.Errorf("%v ends with %d, want 1", err, got)
	}
	if lines := strings.Count(stdout, "\n"); lines != 3 || strings.ContainsAny(stdout+stderr, "\x1b\u202e") {
		t.Errorf("%d lines, want 3, of printable characters: %q %q", lines, stdout, stderr)
	}
	explained, _, err := runApp(t, "", "explain", "docs/"+name)
	if err != nil || strings.ContainsAny(explained, "\x1b\u202e") {
		t.Errorf("%v: %q", err, explained)
	}
}

// TestIndexPageOnDiskIsThatOfARun makes the page once by the command and once
// from paths of a repository: a run must not find the command's page stale.
func TestIndexPageOnDiskIsThatOfARun(t *testing.T) {
	noPipeline(t)
	src := "**Severity**: SEV2\n\n" + document(nfsRows)
	inFolder(t, map[string]string{nfsDocument: src})
	if _, _, err := runApp(t, "", "index"); err != nil {
		t.Fatal(err)
	}
	onDisk, err := os.ReadFile(settings.DefaultIndex)
	if err != nil {
		t.Fatal(err)
	}
	data, feed := dashboard.Beside(settings.DefaultIndex)
	present := dashboard.Files{Page: onDisk}
	for path, content := range map[string]*[]byte{data: &present.JSON, feed: &present.Feed} {
		if *content, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	read := dashboard.Known{Recorded: dashboard.Recall(present.JSON)}.Read(postmortem.Parse(nfsDocument, []byte(src), defaultPolicy), nfsDocument)
	want, err := dashboard.Write(settings.DefaultIndex, []dashboard.Document{read}, nil, present, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(present, want); diff != "" {
		t.Errorf("(-command +run):\n%s", diff)
	}
	if out, _, err := runApp(t, "", "index"); err != nil || !strings.Contains(out, "is up to date") {
		t.Errorf("the same again: %q, %v", out, err)
	}
}
