package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// sender is a repository of which commits are sent, and what of them was.
type sender struct {
	repository
	t     testing.TB
	files map[string]string
	first string // commit before the last
	sent  atomic.Int64
	mu    sync.Mutex
	packs map[string][]byte // by what they hold and what they build on
	built []string          // what each was built on
	unfit []error
	root  string // of the host
}

// changed is the file in which the commits differ.
const changed = "modules/m0/file0.tf"

// newSender has two commits of some fifty files.
func newSender(t testing.TB) *sender {
	t.Helper()
	files := terraformFiles()
	for i := range 50 {
		files[fmt.Sprintf("modules/m%d/file%d.tf", i%9, i)] = noise(2000)
	}
	s := &sender{repository: makeRepository(t, files), t: t, files: files, packs: map[string][]byte{}}
	s.first = s.commit
	s.commit = s.change(changed, "changed\n")
	return s
}

// change makes a commit on the last one.
func (s *sender) change(path, content string) string {
	s.t.Helper()
	write(s.t, filepath.Join(s.dir, path), content, 0o644)
	git(s.t, s.dir, nil, "add", "-A")
	git(s.t, s.dir, nil, "commit", "-q", "-m", "change")
	return strings.TrimSpace(string(git(s.t, s.dir, nil, "rev-parse", "HEAD")))
}

// everything is a commit as one pack.
func (s *sender) everything(commit string, without ...string) []byte {
	s.t.Helper()
	list := git(s.t, s.dir, nil, append([]string{"rev-list", "--objects", "--max-count=1", commit}, without...)...)
	return git(s.t, s.dir, list, "pack-objects", "--stdout", "-q")
}

func (s *sender) snapshot(commit string) Snapshot {
	return func(held string) (base string, write func(io.Writer) error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if held == s.first || held == s.commit {
			base = held
		}
		pack := s.packs[commit+base]
		switch {
		case pack != nil:
		case base != "":
			pack = s.everything(commit, "^"+base+"^{tree}")
		default:
			pack = s.everything(commit)
		}
		s.packs[commit+base] = pack
		s.built = append(s.built, base)
		return base, func(w io.Writer) error {
			n, err := w.Write(pack)
			s.sent.Add(int64(n))
			return err
		}
	}
}

// open is a run on a host that keeps snapshots of the repository.
func (s *sender) open(h *Host, id string) *Run {
	s.t.Helper()
	run, err := h.Keeping("repository", func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.unfit = append(s.unfit, err)
	}).OpenRun(s.t.Context(), "", id, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.root = filepath.Dir(filepath.Dir(run.dir))
	return run
}

// space makes a workspace, expects all of its commit there, and tells how much was sent.
func (s *sender) space(run *Run, name, commit string, kind Kind) (sent int64) {
	s.t.Helper()
	before := s.sent.Load()
	ws, err := run.Workspace(s.t.Context(), name, commit, s.snapshot(commit), kind, Prepare{})
	if err != nil {
		s.t.Fatal(err)
	}
	for path, want := range s.files {
		if path == changed && commit != s.first {
			want = "changed\n"
		}
		if read(s.t, filepath.Join(ws.tree(), strings.TrimSuffix(path, "*"))) != want {
			s.t.Errorf("%s holds something else", path)
		}
	}
	if kind == Checkout {
		git(s.t, ws.tree(), nil, "fsck", "--full", "--strict")
	}
	return s.sent.Load() - before
}

// kept are the names of what the host has of the repository.
func (s *sender) kept() (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.root, "snapshots/repository"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestOnlyWhatIsNewIsSent has two runs, each with workspaces for agent and plans.
func TestOnlyWhatIsNewIsSent(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := newSender(t)
		whole := int64(len(s.everything(s.first)))
		run := s.open(w.Host, "one")
		if sent := s.space(run, "base", s.first, Checkout); sent < whole {
			t.Errorf("%d bytes of %d were sent at first", sent, whole)
		}
		for i, commit := range []string{s.first, s.commit, s.first} {
			for _, kind := range []Kind{AgentTree, Checkout} {
				if sent := s.space(run, fmt.Sprintf("%s-%d", kind, i), commit, kind); sent > whole/10 {
					t.Errorf("%d bytes of %d were sent for %s %d", sent, whole, kind, i)
				}
			}
		}
		if err := run.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if sent := s.space(s.open(w.Host, "two"), "base", s.commit, AgentTree); sent > whole/10 {
			t.Errorf("%d bytes of %d were sent by the second run", sent, whole)
		}
		if got := s.kept(); !slices.Equal(got, []string{s.first + ".pack"}) || len(s.unfit) > 0 {
			t.Errorf("it keeps %v: %v", got, s.unfit)
		}
	})
}

func TestThreat26_ATamperedSnapshotIsFoundAndNeverPlanned(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	forged := s.change("stacks/a/main.tf", "locals { forged = 1 }\n")
	for name, tamper := range sample(t, map[string]func(t *testing.T, pack string) error{
		"content":             func(_ *testing.T, pack string) error { return flip(pack, 2) },
		"sum of the pack":     func(_ *testing.T, pack string) error { return flip(pack, 1<<20) },
		"of another commit":   func(t *testing.T, pack string) error { return replace(pack, s.everything(forged)) },
		"with another file":   func(t *testing.T, pack string) error { return replace(pack, s.swapped("stacks/a/main.tf")) },
		"with another folder": func(t *testing.T, pack string) error { return replace(pack, s.swapped("stacks/a")) },
		"cut short":           func(_ *testing.T, pack string) error { return os.Truncate(pack, 1000) },
		"empty":               func(_ *testing.T, pack string) error { return os.Truncate(pack, 0) },
		"no pack":             func(_ *testing.T, pack string) error { return replace(pack, []byte("echo no pack\n")) },
		"gone":                func(_ *testing.T, pack string) error { return os.Remove(pack) },
		"all gone":            func(_ *testing.T, pack string) error { return os.RemoveAll(filepath.Dir(filepath.Dir(pack))) },
		"a link": func(t *testing.T, pack string) error {
			elsewhere := filepath.Join(t.TempDir(), "pack")
			return errors.Join(os.Rename(pack, elsewhere), os.Symlink(elsewhere, pack))
		},
		"a pipe": func(_ *testing.T, pack string) error {
			return errors.Join(os.Remove(pack), syscall.Mkfifo(pack, 0o600))
		},
		"a folder": func(_ *testing.T, pack string) error { return errors.Join(os.Remove(pack), os.Mkdir(pack, 0o700)) },
	}, "of another commit", "with another file", "cut short", "all gone", "a link") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := localWorld(t).Host
			own := &sender{repository: s.repository, t: t, files: s.files, first: s.first, packs: map[string][]byte{}}
			run := own.open(h, "one")
			kinds := []Kind{Checkout}
			if everyCase() || name == "with another file" {
				kinds = append(kinds, AgentTree)
			}
			for _, kind := range kinds {
				own.space(run, "before-"+string(kind), s.first, Checkout)
				if err := tamper(t, filepath.Join(own.root, "snapshots/repository", s.first+".pack")); err != nil {
					t.Fatal(err)
				}
				own.space(run, "after-"+string(kind), s.commit, kind)
				if got := own.kept(); len(own.unfit) == 0 || !slices.Equal(got, []string{s.commit + ".pack"}) {
					t.Errorf("%s: it keeps %v: %v", kind, got, own.unfit)
				}
				own.unfit = nil
				if err := os.RemoveAll(filepath.Join(own.root, "snapshots")); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestAFolderInPlaceOfASnapshotGivesWay(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	h := localWorld(t).Host
	s.space(s.open(h, "one"), "before", s.first, Checkout)
	pack := filepath.Join(s.root, "snapshots/repository", s.first+".pack")
	if err := errors.Join(os.Remove(pack), os.Mkdir(pack, 0o700)); err != nil {
		t.Fatal(err)
	}
	s.space(s.open(h, "two"), "after", s.first, Checkout)
	if found, err := os.Lstat(pack); err != nil || !found.Mode().IsRegular() {
		t.Errorf("it keeps %v: %v", found, err)
	}
}

// swapped is the first commit as a pack that has something else in place of the object
// at a path, with all sums right.
func (s *sender) swapped(path string) []byte {
	s.t.Helper()
	other := strings.TrimSpace(string(git(s.t, s.dir, []byte("forged\n"), "hash-object", "-w", "--stdin")))
	object := strings.TrimSpace(string(git(s.t, s.dir, nil, "rev-parse", s.first+":"+path)))
	list := string(git(s.t, s.dir, nil, "rev-list", "--objects", "--max-count=1", s.first))
	if !strings.Contains(list, object) {
		s.t.Fatalf("no %s in %s", object, list)
	}
	return git(s.t, s.dir, []byte(strings.ReplaceAll(list, object, other)), "pack-objects", "--stdout", "-q")
}

func replace(path string, content []byte) error {
	return errors.Join(os.Remove(path), os.WriteFile(path, content, 0o600))
}

// flip changes one bit of a file, at a part of its length.
func flip(path string, part int) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	content[len(content)-1-len(content)/part] ^= 1
	return replace(path, content)
}

// TestALieOfTheHostCostsOneMoreTry names a snapshot that is not there.
func TestALieOfTheHostCostsOneMoreTry(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	h := localWorld(t).Host
	run := s.open(h, "one")
	run.held.Store(s.first)
	s.space(run, "base", s.commit, Checkout)
	if !slices.Equal(s.built, []string{s.first, ""}) || len(s.unfit) != 1 {
		t.Errorf("sent on %q: %v", s.built, s.unfit)
	}
}

func TestSnapshotsOfOthersAreNotUsed(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	h := localWorld(t).Host
	elsewhere := t.TempDir()
	if err := errors.Join(os.MkdirAll(h.shell.Root, 0o700), os.Symlink(elsewhere, filepath.Join(h.shell.Root, "snapshots"))); err != nil {
		t.Fatal(err)
	}
	run := s.open(h, "one")
	s.space(run, "base", s.first, Checkout)
	s.space(run, "next", s.first, AgentTree)
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 || !slices.Equal(s.built, []string{"", ""}) {
		t.Errorf("%v was kept behind a link: %v; sent on %q", entries, err, s.built)
	}
}

// TestNoSnapshotIsKeptWhereItWouldTakeMuchOfTheDisk has room for the workspaces alone.
func TestNoSnapshotIsKeptWhereItWouldTakeMuchOfTheDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	h, err := Local(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := newSender(t)
	run := s.open(h, "one")
	write(t, filepath.Join(dir, "filler"), noise(2_000_000), 0o600)
	s.space(run, "base", s.first, Checkout)
	s.space(run, "agent", s.first, AgentTree)
	if got := s.kept(); len(got) > 0 || !slices.Equal(s.built, []string{"", ""}) || len(s.unfit) > 0 {
		t.Errorf("it keeps %v; sent on %q: %v", got, s.built, s.unfit)
	}
}

// TestSendingThatEndsInTheMiddleKeepsNothing ends it by the context.
func TestSendingThatEndsInTheMiddleKeepsNothing(t *testing.T) {
	anywhere(t, func(t *testing.T, w *world) {
		s := newSender(t)
		run := s.open(w.Host, "one")
		ctx, cancel := context.WithCancel(t.Context())
		pack := s.everything(s.first)
		_, err := run.Workspace(ctx, "base", s.first, func(string) (string, func(io.Writer) error) {
			return "", func(w io.Writer) error {
				_, err := io.Copy(w, bytes.NewReader(pack[:len(pack)/2]))
				cancel()
				<-ctx.Done()
				return errors.Join(err, ctx.Err())
			}
		}, Checkout, Prepare{})
		if err == nil {
			t.Fatal("it was made")
		}
		if got := s.kept(); len(got) > 0 {
			t.Errorf("it keeps %v", got)
		}
		s.space(s.open(w.Host, "two"), "base", s.first, Checkout)
	})
}

func TestRunsAtTheSameTimeShareASnapshot(t *testing.T) {
	t.Parallel()
	s := newSender(t)
	h := localWorld(t).Host
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			run, commit := s.open(h, fmt.Sprint("run-", i)), []string{s.first, s.commit}[i%2]
			for n, kind := range []Kind{Checkout, AgentTree} {
				ws, err := run.Workspace(t.Context(), fmt.Sprint("w-", n), commit, s.snapshot(commit), kind, Prepare{})
				if err != nil {
					t.Error(err)
				} else if got := read(t, ws.tree()+"/"+changed); (got == "changed\n") != (commit == s.commit) {
					t.Errorf("the workspace of %s has %q", commit, got)
				}
			}
		})
	}
	all.Wait()
	for _, name := range s.kept() {
		if name != s.first+".pack" && name != s.commit+".pack" {
			t.Errorf("%s is left", name)
		}
	}
}

func TestReclaimRemovesSnapshotsThatNobodyUses(t *testing.T) {
	anywhere(t, func(t *testing.T, w *world) {
		s := newSender(t)
		s.space(s.open(w.Host, "one"), "base", s.first, Checkout)
		for _, name := range []string{"another/a.pack", "repository/new-killed", "repository/new-at-work"} {
			write(t, filepath.Join(s.root, "snapshots", name), "x", 0o600)
		}
		month := time.Now().Add(-(snapshotDays + 1) * 24 * time.Hour)
		for _, name := range []string{"another/a.pack", "another", "repository/" + s.first + ".pack", "repository/new-killed"} {
			if err := os.Chtimes(filepath.Join(s.root, "snapshots", name), month, month); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Reclaim(t.Context(), "lock", "mine", nil); err != nil {
			t.Fatal(err)
		}
		if got := s.kept(); exists(s.root+"/snapshots/another") || !slices.Equal(got, []string{s.first + ".pack", "new-at-work"}) {
			t.Errorf("left are %v", got)
		}
	})
}
