package gitrepo

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

func TestBlame_AgreesWithGit(t *testing.T) {
	const file = "docs/pm/a.md"
	s := newSite(t, map[string]string{file: "one\ntwo\nthree\nfour\nfive\n", "other": "x\n"})
	s.commit("unrelated", map[string]string{"other": "y\n"})
	s.commit("second line", map[string]string{file: "one\nTWO\nthree\nfour\nfive\n"})
	s.commit("on top", map[string]string{file: "zero\none\nTWO\nthree\nfour\nfive\n"})
	git(t, s.work, "checkout", "-q", "-b", "side", "HEAD~1")
	s.commit("on the side", map[string]string{file: "one\nTWO\nthree\nfour\nFIVE\n"})
	git(t, s.work, "checkout", "-q", branchName)
	git(t, s.work, "merge", "-q", "-m", "merge", "side")
	git(t, s.work, "mv", file, "docs/moved.md")
	s.commit("move", nil)
	s.commit("last", map[string]string{"docs/moved.md": "zero\none\nTWO\nthree\n4\nFIVE\nsix"})
	s.push()
	plain := s.unfiltered()
	for name, r := range map[string]*Repo{"filtered": clone(t, s.serve(nil)), "full": clone(t, plain.origin)} {
		for line := 1; line <= 7; line++ {
			want := strings.Fields(git(t, s.work, "blame", "-l", "--root", "-s", "-L", fmt.Sprintf("%d,%d", line, line), "docs/moved.md"))[0]
			got, err := r.Blame(r.Tip(), "docs/moved.md", line)
			if err != nil || got.Hash != want {
				t.Errorf("%s: line %d is of %.8s (%s), git says %.8s: %v", name, line, got.Hash, strings.TrimSpace(got.Message), want, err)
			}
			if got.Author.Name != "Ann" || got.Time.IsZero() {
				t.Errorf("%s: line %d: by %q at %s", name, line, got.Author.Name, got.Time)
			}
		}
		for _, bad := range []struct {
			file string
			line int
		}{{file, 1}, {"docs", 1}, {"docs/moved.md", 0}, {"docs/moved.md", 8}} {
			if _, err := r.Blame(r.Tip(), bad.file, bad.line); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %s:%d: %v", name, bad.file, bad.line, err)
			}
		}
	}
}

func TestBlame_ALongHistoryTakesFewRequests(t *testing.T) {
	s := newSite(t, map[string]string{"docs/pm/a.md": "one\ntwo\n"})
	first := s.head()
	var stream strings.Builder
	for i := range 300 {
		fmt.Fprintf(&stream, "commit refs/heads/%s\ncommitter Ann <ann@example.org> %d +0000\ndata 2\nc\n", branchName, 1_900_000_000+i)
		if i == 0 {
			fmt.Fprintf(&stream, "from %s\n", first)
		}
		fmt.Fprintf(&stream, "M 100644 inline stacks/s%d/main.tf\ndata 3\n%03d\n", i%9, i)
	}
	must(gitInput(s.work, []byte(stream.String()), "fast-import", "--quiet", "--force"))(t)
	git(t, s.work, "push", "-q", "--force", "origin", "refs/heads/"+branchName)
	var requests atomic.Int64
	r := clone(t, s.serve(counting(&requests)))
	before := requests.Load()
	got, err := r.Blame(r.Tip(), "docs/pm/a.md", 2)
	if err != nil || got.Hash != first {
		t.Errorf("%+v, %v", got, err)
	}
	if n := requests.Load() - before; n > 6 {
		t.Errorf("%d requests", n)
	}
}
