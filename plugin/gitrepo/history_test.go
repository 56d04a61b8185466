package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

func TestChanged_BetweenAnyTwoCommits(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"docs/a.md": "a", "docs/b.md": "b", "docs/c.md": strings.Repeat("long enough to be found again\n", 20), "x.tf": "1"})
	first := s.head()
	gittest.Git(t, s.work, "checkout", "-q", "-b", "side")
	side := s.commit("on the side", map[string]string{"docs/side.md": "s", "docs/b.md": "b2"})
	gittest.Git(t, s.work, "checkout", "-q", branchName)
	straight := s.commit("removes one", map[string]string{"docs/a.md": "-", "x.tf": "2"})
	gittest.Git(t, s.work, "merge", "-q", "--no-ff", "-m", "merge", "side")
	merge := s.head()
	gittest.Git(t, s.work, "mv", "docs/c.md", "docs/renamed.md")
	if err := os.Chmod(filepath.Join(s.work, "x.tf"), 0o755); err != nil {
		t.Fatal(err)
	}
	last := s.commit("renames one", nil)
	s.push()
	r := clone(t, s.origin)

	tests := []struct{ what, base, tip, want string }{
		{"the whole way", first, last, "docs/b.md docs/renamed.md docs/side.md x.tf"},
		{"over the merge", straight, merge, "docs/b.md docs/side.md"},
		{"from the side branch", side, merge, "x.tf"},
		{"mode and rename", merge, last, "docs/renamed.md x.tf"},
		{"backwards", last, first, "docs/a.md docs/b.md docs/c.md x.tf"},
		{"nothing", last, last, ""},
	}
	for _, test := range tests {
		if got := strings.Join(must(r.Changed(test.base, test.tip))(t), " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}
	for _, base := range []string{"", strings.Repeat("0", 40), strings.Repeat("a", 40), first[:12], "HEAD", "--all", strings.ToUpper(first)} {
		if _, err := r.Changed(base, last); !errors.Is(err, ErrUnknownBase) {
			t.Errorf("base %q: %v", base, err)
		}
	}
	if _, err := r.Changed(first, strings.Repeat("a", 40)); errors.Is(err, ErrUnknownBase) || err == nil {
		t.Errorf("unknown tip: %v", err)
	}
}

func TestTouched_FoldersAndFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"stacks/a/main.tf": "1", "stacks/b/main.tf": "1", "stacks/ab/x": "1"})
	first := s.head()
	second := s.commit("b", map[string]string{"stacks/b/main.tf": "2", "stacks/ab/x": "2", "stacks/c/new": "1"})
	s.push()
	r := clone(t, s.origin)
	for folder, want := range map[string]bool{
		"stacks/a": false, "stacks/b": true, "stacks/c": true, "stacks": true, "": true, "none": false, "stacks/a/main.tf": false, "stacks/b/main.tf": true,
	} {
		if got := must(r.Touched(first, second, folder))(t); got != want {
			t.Errorf("%q: %v", folder, got)
		}
	}
}

func TestLookupLogContains(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	root := s.head()
	gittest.Git(t, s.work, "checkout", "-q", "-b", "side")
	side := s.commit("side", map[string]string{"b": "1"})
	gittest.Git(t, s.work, "checkout", "-q", branchName)
	gittest.Git(t, s.work, "merge", "-q", "--no-ff", "-m", "merge\n\nTrailer: yes", "side")
	s.push()
	r := clone(t, s.origin)
	tip := must(r.Lookup(r.Tip()))(t)
	if !tip.Merge || tip.Parent != root || !strings.Contains(tip.Message, "Trailer: yes") || tip.Author.Name != "Ann" || tip.Time.Location() != time.UTC {
		t.Errorf("tip %+v", tip)
	}
	if parent := must(r.Lookup(root))(t).Parent; parent != "" {
		t.Errorf("the root has the parent %s", parent)
	}
	for commit, want := range map[string]bool{root: true, side: true, r.Tip(): true, strings.Repeat("a", 40): false} {
		if got := must(r.Contains(r.Tip(), commit))(t); got != want {
			t.Errorf("contains %s: %v", commit, got)
		}
	}
	if got := must(r.Contains(root, side))(t); got {
		t.Error("the root contains its child")
	}
	n := 0
	if err := r.Log(r.Tip(), func(Commit) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("log went on: %d, %v", n, err)
	}
}

func TestWithFiles_KeepsModesAndRefusesOddPlaces(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"run.sh": "1", "d/f": "1"})
	if err := os.Chmod(filepath.Join(s.work, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("d/f", filepath.Join(s.work, "link")); err != nil {
		t.Fatal(err)
	}
	s.commit("modes", nil)
	s.push()
	r := clone(t, s.origin)
	at := time.Date(2026, 4, 14, 1, 2, 3, 0, time.UTC)
	r.now = func() time.Time { return at }
	c := must(r.WithFiles(r.Tip(), map[string][]byte{"run.sh": []byte("2"), "d/g/h": []byte("x"), "d/f": {}}, "subject\n\nbody\n"))(t)
	must(r.Publish(t.Context(), func(string) (string, error) { return c, nil }))(t)
	want := "100644 d/f 100644 d/g/h 120000 link 100755 run.sh"
	got := strings.Join(strings.Fields(gittest.Git(t, s.origin, "ls-tree", "-r", "--format=%(objectmode) %(path)", branchName)), " ")
	if got != want {
		t.Errorf("tree %q, want %q", got, want)
	}
	if out := gittest.Git(t, s.origin, "log", "-1", "--format=%an <%ae> %cn <%ce> %aI %B", branchName); out != "pm-todos <pm-todos@localhost> pm-todos <pm-todos@localhost> 2026-04-14T01:02:03+00:00 subject\n\nbody" {
		t.Errorf("commit %q", out)
	}
	gittest.Git(t, s.origin, "fsck", "--strict")
	for _, path := range []string{"link", "d", "link/x", "run.sh/x", "", "/etc/passwd", "../x", "d/../x", ".git/config", "d/.GIT/x", "a//b", "a\nb", "d/g/"} {
		if _, err := r.WithFiles(r.Tip(), map[string][]byte{path: []byte("x")}, "m\n"); err == nil {
			t.Errorf("%q was written", path)
		}
	}
	if _, err := r.WithFiles(r.Tip(), map[string][]byte{"x": nil}, "a\x00b"); err == nil {
		t.Error("a message with NUL was taken")
	}
}

func TestReplay_TheGuard(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"stacks/a/main.tf": "1", "stacks/a/gone.tf": "1", "stacks/a/swap/x": "1", "stacks/b/x": "1", "docs/d": "1"})
	base := s.head()
	s.commit("fix", map[string]string{"stacks/a/main.tf": "2", "stacks/a/gone.tf": "-", "stacks/a/new/deep.tf": "n", "stacks/a/swap/x": "-"})
	if err := os.WriteFile(filepath.Join(s.work, "stacks/a/swap"), []byte("file"), 0o600); err != nil {
		t.Fatal(err)
	}
	gittest.Git(t, s.work, "add", "-A")
	gittest.Git(t, s.work, "commit", "-q", "--amend", "-m", "fix\n\nItem: x")
	fix := s.head()
	s.push()
	reset := func(files map[string]string) string {
		gittest.Git(t, s.work, "reset", "-q", "--hard", base)
		h := s.commit("human", files)
		gittest.Git(t, s.work, "push", "-q", "origin", "HEAD:refs/pm-todos/journal/h", "--force")
		return h
	}
	tests := map[string]struct {
		human map[string]string
		guard string
		moved bool
	}{
		"elsewhere":                    {map[string]string{"docs/d": "2", "stacks/b/x": "2"}, "stacks/a", false},
		"in the guarded folder":        {map[string]string{"stacks/a/other": "2"}, "stacks/a", true},
		"beside the paths, no guard":   {map[string]string{"stacks/a/other": "2"}, "", false},
		"one of the paths, no guard":   {map[string]string{"stacks/a/main.tf": "9"}, "", true},
		"a removed path is gone":       {map[string]string{"stacks/a/gone.tf": "-"}, "", true},
		"an added path exists":         {map[string]string{"stacks/a/new/deep.tf": "n"}, "", true},
		"a file where a folder must":   {map[string]string{"stacks/a/new": "f"}, "", true},
		"another folder is the guard":  {map[string]string{"docs/d": "2"}, "docs", true},
		"a guard with a slash":         {map[string]string{"stacks/a/other": "2"}, "stacks/a/", true},
		"a folder of a similar prefix": {map[string]string{"stacks/ab/x": "2"}, "stacks/a", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			onto := reset(test.human)
			r := clone(t, s.origin)
			made, err := r.Replay(fix, onto, test.guard)
			if test.moved {
				if !errors.Is(err, ErrMoved) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := r.PushBranch(t.Context(), "pm-todos/x", made); err != nil {
				t.Fatal(err)
			}
			gittest.Git(t, s.origin, "fsck", "--strict")
			want := gittest.Git(t, s.origin, "diff-tree", "-r", base, fix)
			if got := gittest.Git(t, s.origin, "diff-tree", "-r", onto, "pm-todos/x"); got != want {
				t.Errorf("the replay changes\n%s\nwant\n%s", got, want)
			}
			if m := gittest.Git(t, s.origin, "log", "-1", "--format=%B", "pm-todos/x"); m != "fix\n\nItem: x" {
				t.Errorf("message %q", m)
			}
		})
	}
	r := clone(t, s.origin)
	if got := must(r.Replay(fix, base, "stacks/a"))(t); got != fix {
		t.Errorf("a replay on its own parent made %s", got)
	}
}

func TestPack_IsExactlyOneCommit(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1", "d/b": "2", "d/same": "1"})
	s.commit("second", map[string]string{"a": "changed", "c": strings.Repeat("line\n", 100000)})
	gittest.Git(t, s.work, "update-index", "--add", "--cacheinfo", "160000,"+s.head()+",module")
	gittest.Git(t, s.work, "commit", "-q", "-m", "with a module")
	s.push()
	r := clone(t, s.origin)
	var pack bytes.Buffer
	_, write := must(r.Pack(r.Tip()))(t)("")
	if err := write(&pack); err != nil {
		t.Fatal(err)
	}
	host := t.TempDir()
	gittest.Git(t, host, "init", "-q", "--bare")
	if err := os.WriteFile(filepath.Join(host, "shallow"), []byte(r.Tip()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := must(gittest.Input(host, pack.Bytes(), "index-pack", "--stdin", "--strict"))(t)
	name := strings.Fields(string(out))[1]
	idx := must(os.ReadFile(filepath.Join(host, "objects", "pack", "pack-"+name+".idx")))(t)
	lines := strings.Split(strings.TrimSpace(string(must(gittest.Input(host, idx, "show-index"))(t))), "\n")
	if len(lines) != 7 { // commit, two trees, four different blobs
		t.Errorf("%d objects: %v", len(lines), lines)
	}
	gittest.Git(t, host, "update-ref", "refs/heads/x", r.Tip())
	gittest.Git(t, host, "fsck", "--strict", "--full")
	if got := gittest.Git(t, host, "rev-list", "--count", "refs/heads/x"); got != "1" {
		t.Errorf("%s commits", got)
	}
}

// TestPack_IsTheRestOfWhatIsHeld has a receiver with all of another commit, which is
// complete afterwards.
func TestPack_IsTheRestOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a": "1"}
	for i := range 60 {
		files[fmt.Sprintf("d%d/f%d", i%7, i)] = strings.Repeat(fmt.Sprint(i), 50)
	}
	s := newSite(t, files)
	first := s.head()
	tip := s.commit("second", map[string]string{"a": "changed", "d1/e/new": "new"})
	for path := range files {
		files[path] += " and more"
	}
	far := s.commit("third", files)
	s.push()
	var requests atomic.Int64
	for name, url := range map[string]string{"filtered": s.serve(counting(&requests)), "full": s.unfiltered().origin} {
		r := clone(t, url)
		snapshot := must(r.Pack(tip))(t)
		before := requests.Load()
		for held, want := range map[string]int{
			"": 72, tip: 1, first: 6, far: 72, "x": 72, strings.Repeat("ab", 20): 72, gittest.Git(t, s.work, "rev-parse", tip+"^{tree}"): 72,
		} {
			base, write := snapshot(held)
			var pack bytes.Buffer
			if err := write(&pack); err != nil {
				t.Fatal(err)
			}
			host := t.TempDir()
			gittest.Git(t, host, "init", "-q", "--bare")
			if base != "" {
				all := gittest.Git(t, s.work, "rev-list", "--objects", "--no-object-names", "--max-count=1", base)
				must(gittest.Input(host, must(gittest.Input(s.work, []byte(all+"\n"), "pack-objects", "--stdout", "-q"))(t), "index-pack", "--stdin"))(t)
			}
			must(gittest.Input(host, pack.Bytes(), "index-pack", "--stdin", "--fix-thin"))(t)
			if err := os.WriteFile(filepath.Join(host, "shallow"), []byte(tip+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			gittest.Git(t, host, "rev-list", "--objects", tip)
			count := int(binary.BigEndian.Uint32(pack.Bytes()[8:]))
			if count != want || (base != "") != (want < 60) || base != "" && base != held {
				t.Errorf("%s: on %.12s it has %d objects, not %d, on %q", name, held, count, want, base)
			}
		}
		if n := requests.Load() - before; name == "filtered" && n > 2 {
			t.Errorf("%d requests for the folders of two commits", n)
		}
	}
}
