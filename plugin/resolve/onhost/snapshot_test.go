package onhost_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
)

// weighed adds up what is sent of a commit.
func weighed(pack host.Snapshot, sent *int) host.Snapshot {
	return func(held string) (string, func(io.Writer) error) {
		base, write := pack(held)
		return base, func(w io.Writer) error { return write(scale{w, sent}) }
	}
}

type scale struct {
	io.Writer
	sent *int
}

func (s scale) Write(p []byte) (int, error) {
	*s.sent += len(p)
	return s.Writer.Write(p)
}

// TestSecondItemAndSecondRunSendOnlyWhatIsNew has clones of a remote that moves on
// between runs, has another branch beside that shares nothing, and a host that outlives them.
func TestSecondItemAndSecondRunSendOnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	origin := t.TempDir()
	commit := func(path, content string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(origin, path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(origin, path), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	land := func() {
		gittest.Git(t, origin, "add", "-A")
		gittest.Git(t, origin, "commit", "-q", "-m", "change")
	}
	gittest.Git(t, origin, "init", "-q", "--template=", "-b", "main")
	for i := range 300 {
		commit(fmt.Sprintf("stacks/s%d/file%d.tf", i%20, i), strings.Repeat(fmt.Sprintln("# line", i), 50))
	}
	land()
	machine, err := host.Local(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var heard []error
	run := func(id, branch string) (bytes []int) {
		repo, err := gitrepo.Clone(t.Context(), gitrepo.Options{
			Access: gitrepo.Access{URL: origin}, Branch: branch, Dir: t.TempDir(), Author: gitrepo.Signature{Name: "pm-todos", Email: "pm-todos@localhost"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = repo.Close() }()
		on, err := onhost.Open(t.Context(), machine, repo, "", id, onhost.Programs{Unfit: func(err error) { heard = append(heard, err) }})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // items
			pack, err := repo.Pack(repo.Tip())
			if err != nil {
				t.Fatal(err)
			}
			sent := 0
			if _, err := on.Checkout(t.Context(), repo.Tip(), weighed(pack, &sent)); err != nil {
				t.Fatal(err)
			}
			if _, err := on.Workspace(t.Context(), repo.Tip(), weighed(pack, &sent)); err != nil {
				t.Fatal(err)
			}
			bytes = append(bytes, sent)
		}
		if err := on.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	first := run("one", "main")
	gittest.Git(t, origin, "branch", "pages", gittest.Git(t, origin, "commit-tree", "-m", "nothing", gittest.Git(t, origin, "mktree")))
	run("another", "pages")
	commit("stacks/s3/more.tf", "# more\n")
	land()
	second := run("two", "main")
	for i, sent := range []int{first[1], second[0], second[1]} {
		if sent > first[0]/5 {
			t.Errorf("%d: %d bytes, after %d of the first item", i, sent, first[0])
		}
	}
	if len(heard) > 0 {
		t.Error(heard)
	}
}
