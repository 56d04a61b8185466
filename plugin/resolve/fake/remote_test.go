package fake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

var first = map[string]string{"stacks/a/main.tf": "a\n", "stacks/ab/main.tf": "ab\n", "README.md": "read\n"}

// place is a remote, with what others do there.
type place struct {
	clone func() seam.Remote                                       // as of now
	push  func(path, content string) string                        // of a person
	merge func(branch string) string                               // by a person
	lose  func()                                                   // the reply of the next Publish of the first clone, which happens
	left  func(files map[string]string) (tree string, pack []byte) // by an agent
	now   func(ref string) string                                  // what it is at
}

func fakePlace(t *testing.T) place {
	w, clones := New(t, first), 0
	t.Cleanup(w.Unused)
	return place{
		clone: func() seam.Remote { clones++; return w.Clone(fmt.Sprint(clones)) },
		push:  func(path, content string) string { return w.Push("theirs\n", map[string]string{path: content}) },
		merge: func(branch string) string { return w.Merge(branch, "") },
		lose:  func() { w.Fail(Fault{"1", len(w.Trail("1")) + 1, Lost}) },
		left: func(files map[string]string) (string, []byte) {
			pack, err := json.Marshal(files)
			if err != nil {
				t.Fatal(err)
			}
			return hashOf(files), pack
		},
		now: func(ref string) string { return w.Refs(ref)[ref] },
	}
}

// realPlace is a bare repository on this machine.
func realPlace(t *testing.T) place {
	origin := t.TempDir()
	gittest.Git(t, origin, "init", "-q", "--template=", "--bare", "-b", "main")
	made := 0
	commit := func(dir, from string, files map[string]string) string {
		made++
		stream := fmt.Sprintf("commit %s\ncommitter Ann <ann@example.org> %d +0000\ndata 7\ntheirs\n%s", Branch, time.Now().Unix()-3600+int64(made), from)
		for _, path := range slices.Sorted(maps.Keys(files)) {
			stream += fmt.Sprintf("M 100644 inline %s\ndata %d\n%s\n", path, len(files[path]), files[path])
		}
		if _, err := gittest.Input(dir, []byte(stream), "fast-import", "--quiet"); err != nil {
			t.Fatal(err)
		}
		return gittest.Git(t, dir, "rev-parse", Branch)
	}
	commit(origin, "", first)
	now := func(ref string) string { return gittest.Git(t, origin, "for-each-ref", "--format=%(objectname)", ref) }
	return place{
		now:   now,
		clone: func() seam.Remote { return realClone(t, origin) },
		push: func(path, content string) string {
			return commit(origin, "from "+Branch+"^0\n", map[string]string{path: content})
		},
		merge: func(branch string) string {
			hash := gittest.Git(t, origin, "commit-tree", "-m", "merge", "-p", "main", "-p", branch, branch+"^{tree}")
			gittest.Git(t, origin, "update-ref", Branch, hash)
			return hash
		},
		lose: func() {
			file, hook := origin+"/hooks/reference-transaction", "#!/bin/sh\n[ \"$1\" != committed ] || { rm \"$0\"; kill -9 $PPID; }\n"
			if err := errors.Join(os.MkdirAll(origin+"/hooks", 0o700), os.WriteFile(file, []byte(hook), 0o700)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if _, err := os.Stat(file); err == nil {
					t.Error("no reply was lost")
				}
			})
		},
		left: func(files map[string]string) (string, []byte) {
			dir := t.TempDir()
			gittest.Git(t, dir, "init", "-q", "--template=", "--bare")
			tree := gittest.Git(t, dir, "rev-parse", commit(dir, "", files)+"^{tree}")
			pack, err := gittest.Input(dir, []byte(tree+"\n"), "pack-objects", "--revs", "--stdout", "-q")
			if err != nil {
				t.Fatal(err)
			}
			return tree, pack
		},
	}
}

func realClone(t *testing.T, origin string) *gitrepo.Repo {
	r, err := gitrepo.Clone(t.Context(), gitrepo.Options{
		Access: gitrepo.Access{URL: filepath.ToSlash(origin), Pauses: func() backoff.BackOff { return backoff.NewConstantBackOff(time.Millisecond) }},
		Branch: "main", Dir: t.TempDir(), Author: gitrepo.Signature{Name: "pm-todos", Email: "pm-todos@localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// check compares what one says with what is expected of both.
func check(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// fails expects an error, of a cause unless that is nil.
func fails(t *testing.T, what string, err, cause error) {
	t.Helper()
	if err == nil || cause != nil && !errors.Is(err, cause) {
		t.Errorf("%s: got %v, want %v", what, err, cause)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// make is a commit in a clone in which one file is another, "" for none.
func (p place) make(t *testing.T, r seam.Remote, parent, path, content string) string {
	t.Helper()
	files := map[string]string{}
	for _, name := range must[[]string](t)(r.Files(parent)) {
		files[name] = string(must[[]byte](t)(r.ReadFile(parent, name)))
	}
	if delete(files, path); content != "" {
		files[path] = content
	}
	tree, pack := p.left(files)
	if err := r.Import(parent, tree, bytes.NewReader(pack), 1<<20); err != nil {
		t.Fatal(err)
	}
	return must[string](t)(r.Commit(parent, tree, "ours\n"))
}

const own, ledger = "refs/pm-todos/one", "refs/pm-todos/log"

var nowhere = strings.Repeat("5", 40)

// TestRemoteIsAsARealOne asks the same of the remote in memory and of git.
func TestRemoteIsAsARealOne(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*testing.T, place){
		"SetRef": askSetRef, "Reserve": askReserve, "what others set": askSeen, "Publish": askPublish, "Publish that is lost": askLost,
		"PushBranch": askPushBranch, "Replay": askReplay, "logs": askLogs, "what commits hold": askContent, "Import": askImport,
	} {
		t.Run(name+"/fake", func(t *testing.T) { t.Parallel(); ask(t, fakePlace(t)) })
		t.Run(name+"/git", func(t *testing.T) { t.Parallel(); ask(t, realPlace(t)) })
	}
}

func askSetRef(t *testing.T, p place) {
	r := p.clone()
	a := r.Tip()
	b := p.make(t, r, a, "new", "b\n")
	for i, step := range []struct {
		old, now string
		cause    error
		is       string
	}{
		{a, b, gitrepo.ErrRefMoved, ""},
		{b, "", nil, ""},
		{"", a, nil, a},
		{"", a, nil, a},
		{b, a, nil, a},
		{"", b, gitrepo.ErrRefMoved, a},
		{"", nowhere, gitrepo.ErrNotFound, a},
		{a, b, nil, b},
		{a, "", gitrepo.ErrRefMoved, b},
		{b, "", nil, ""},
	} {
		err := r.SetRef(t.Context(), own, step.old, step.now)
		if !errors.Is(err, step.cause) || errors.Is(step.cause, gitrepo.ErrRefMoved) && fault.Of(err) != fault.Temporary {
			t.Errorf("step %d: %v", i, err)
		}
		check(t, fmt.Sprint("on the remote after step ", i), p.now(own), step.is)
		check(t, fmt.Sprint("in the clone after step ", i), r.Seen(own)[own], step.is)
	}
}

func askReserve(t *testing.T, p place) {
	r := p.clone()
	a := r.Tip()
	b := p.make(t, r, a, "new", "b\n")
	for i, step := range []struct {
		old, now string
		cause    error
		is       string
	}{
		{"", b, nil, b},
		{"", b, nil, b},
		{b, a, nil, a},
		{b, nowhere, gitrepo.ErrNotFound, a},
		{"", b, gitrepo.ErrRefMoved, a},
	} {
		err := r.Reserve(t.Context(), own, step.old, step.now)
		if !errors.Is(err, step.cause) {
			t.Errorf("step %d: %v", i, err)
		}
		check(t, fmt.Sprint("on the remote after step ", i), p.now(own), step.is)
		check(t, fmt.Sprint("in the clone after step ", i), r.Seen(own)[own], step.is)
	}
	p.push("README.md", "theirs\n")
	fails(t, "a branch that has moved", r.Reserve(t.Context(), own, a, b), gitrepo.ErrRefMoved)
	check(t, "both or nothing", p.now(own), a)
	must[string](t)(r.Fetch(t.Context()))
	if err := r.Reserve(t.Context(), own, a, b); err != nil {
		t.Error(err)
	}
	check(t, "once it is known", p.now(own), b)
}

func askSeen(t *testing.T, p place) {
	r, other := p.clone(), p.clone()
	theirs := p.make(t, other, other.Tip(), "new", "theirs\n")
	if err := other.SetRef(t.Context(), own, "", theirs); err != nil {
		t.Fatal(err)
	}
	_, err := r.Lookup(theirs)
	fails(t, "a commit of another clone", err, gitrepo.ErrNotFound)
	check(t, "SetRef of what another set", errors.Is(r.SetRef(t.Context(), own, "", r.Tip()), gitrepo.ErrRefMoved), true)
	check(t, "FetchRefs", must[map[string]string](t)(r.FetchRefs(t.Context(), own)), map[string]string{own: theirs})
	must[gitrepo.Commit](t)(r.Lookup(theirs))
	check(t, "before a fetch", r.Seen(""), map[string]string{})
	pushed := p.push("README.md", "theirs\n")
	check(t, "the tip before a fetch", r.Tip() == pushed, false)
	check(t, "the tip", must[string](t)(r.Fetch(t.Context())), pushed)
	check(t, "after a fetch", r.Seen(""), map[string]string{own: theirs})
	branch := gitrepo.OwnBranches + "x"
	if err := other.SetRef(t.Context(), branch, "", other.Tip()); err != nil {
		t.Fatal(err)
	}
	check(t, "a branch of ours that another made", r.Seen(branch), map[string]string{})
	must[string](t)(r.Fetch(t.Context()))
	check(t, "after one more fetch", r.Seen(gitrepo.OwnBranches), map[string]string{branch: other.Tip()})
	if err := r.SetRef(t.Context(), branch, other.Tip(), ""); err != nil {
		t.Fatal(err)
	}
	check(t, "once we deleted it", r.Seen(gitrepo.OwnBranches), map[string]string{})
}

func askPublish(t *testing.T, p place) {
	r := p.clone()
	old := r.Tip()
	p.push("README.md", "one\n")
	tips := []string{old}
	var asked []string
	made := must[string](t)(r.Publish(t.Context(), func(tip string) (string, error) {
		if asked = append(asked, tip); len(asked) == 1 {
			tips = append(tips, p.push("README.md", "two\n"))
		}
		return p.make(t, r, tip, "ours", "ours\n"), nil
	}))
	check(t, "tips", asked, tips)
	check(t, "the branch", p.now(Branch), made)
	check(t, "the tip", r.Tip(), made)
	check(t, "its parent", must[gitrepo.Commit](t)(r.Lookup(made)).Parent, tips[1])
	check(t, "nothing to do", must[string](t)(r.Publish(t.Context(), func(tip string) (string, error) { return tip, nil })), made)
	wrong := errors.New("wrong")
	_, err := r.Publish(t.Context(), func(string) (string, error) { return "", wrong })
	fails(t, "the error of build", err, wrong)
	for _, one := range []string{p.make(t, r, old, "ours", "other\n"), nowhere} {
		_, err = r.Publish(t.Context(), func(string) (string, error) { return one, nil })
		fails(t, "what does not descend", err, nil)
	}
	check(t, "the branch at last", p.now(Branch), made)
}

func askLost(t *testing.T, p place) {
	r := p.clone()
	made := p.make(t, r, r.Tip(), "ours", "ours\n")
	p.lose()
	published, err := r.Publish(t.Context(), func(string) (string, error) { return made, nil })
	if err == nil && published != made || err != nil && (!errors.Is(err, gitrepo.ErrPushUnknown) || fault.Of(err) != fault.Temporary) {
		t.Errorf("got %s, %v", published, err)
	}
	check(t, "the branch", p.now(Branch), made)
	again := must[string](t)(r.Publish(t.Context(), func(tip string) (string, error) {
		there, err := r.Contains(tip, made)
		check(t, "it is there", there, true)
		return tip, err
	}))
	check(t, "once more", again, made)
}

func askPushBranch(t *testing.T, p place) {
	r, ref := p.clone(), gitrepo.OwnBranches+"x"
	a := p.make(t, r, r.Tip(), "new", "a\n")
	for _, hash := range []string{a, a, p.make(t, r, r.Tip(), "new", "b\n"), r.Tip()} {
		if err := r.PushBranch(t.Context(), "pm-todos/x", hash); err != nil {
			t.Error(err)
		}
		check(t, "the branch", p.now(ref), hash)
		check(t, "the branch as it is known", r.Seen(ref)[ref], hash)
	}
	fails(t, "an unknown commit", r.PushBranch(t.Context(), "pm-todos/x", nowhere), gitrepo.ErrNotFound)
	check(t, "no ref of its own", r.Seen(gitrepo.OwnRefs), map[string]string{})
}

func askReplay(t *testing.T, p place) {
	r := p.clone()
	base := r.Tip()
	fix := p.make(t, r, base, "stacks/a/main.tf", "fixed\n")
	check(t, "on its parent", must[string](t)(r.Replay(fix, base, "")), fix)
	p.push("README.md", "theirs\n")
	tip := must[string](t)(r.Fetch(t.Context()))
	made := must[string](t)(r.Replay(fix, tip, ""))
	commit := must[gitrepo.Commit](t)(r.Lookup(made))
	check(t, "parent and message", []string{commit.Parent, commit.Message}, []string{tip, "ours\n"})
	for path, want := range map[string]string{"README.md": "theirs\n", "stacks/a/main.tf": "fixed\n", "stacks/ab/main.tf": "ab\n"} {
		check(t, path, string(must[[]byte](t)(r.ReadFile(made, path))), want)
	}
	_, err := r.Replay(fix, made, "")
	fails(t, "what is there already", err, gitrepo.ErrMoved)
	_, err = r.Replay(p.make(t, r, base, "README.md", ""), tip, "")
	fails(t, "a conflict", err, gitrepo.ErrMoved)
	_, err = r.Replay(fix, nowhere, "")
	fails(t, "onto nothing", err, gitrepo.ErrNotFound)
	_, err = r.Replay(base, tip, "")
	fails(t, "the first commit", err, nil)
	if err := r.PushBranch(t.Context(), "pm-todos/x", fix); err != nil {
		t.Fatal(err)
	}
	merge := p.merge("pm-todos/x")
	must[string](t)(r.Fetch(t.Context()))
	check(t, "it is a merge", must[gitrepo.Commit](t)(r.Lookup(merge)).Merge, true)
	check(t, "it holds both", must[bool](t)(r.Contains(merge, fix)), true)
	_, err = r.Replay(merge, base, "")
	fails(t, "a merge", err, nil)
	check(t, "a merge is no conflict", errors.Is(err, gitrepo.ErrMoved), false)
}

func askLogs(t *testing.T, p place) {
	r, other := p.clone(), p.clone()
	reads := func(who seam.Remote, want string) {
		t.Helper()
		check(t, "the log", string(must[gitrepo.Log](t)(who.ReadLog(ledger)).Lines), want)
	}
	adds := func(who seam.Remote, lines string) {
		t.Helper()
		if err := who.AppendLog(t.Context(), ledger, []byte(lines)); err != nil {
			t.Fatal(err)
		}
	}
	reads(r, "")
	adds(r, "1\n")
	reads(r, "1\n")
	reads(other, "")
	tip := p.push("README.md", "theirs\n")
	adds(other, "2\n")
	reads(other, "1\n2\n")
	check(t, "who met a rival has fetched", other.Tip(), tip)
	reads(r, "1\n")
	must[string](t)(r.Fetch(t.Context()))
	reads(r, "1\n2\n")
	adds(r, "2\n")
	reads(r, "1\n2\n2\n")
	const other1, other2 = own + "/1", own + "/2"
	for _, ref := range []string{other1, other2} {
		if err := r.SetRef(t.Context(), ref, "", tip); err != nil {
			t.Fatal(err)
		}
	}
	moved := p.make(t, r, tip, "new", "moved\n")
	if err := r.AppendLog(t.Context(), ledger, []byte("3\n"), gitrepo.Standing{Ref: other1, Commit: tip}, gitrepo.Standing{Ref: other2, Commit: moved}); err != nil {
		t.Fatal(err)
	}
	reads(r, "1\n2\n2\n3\n")
	check(t, "refs that are settled, and that hold something else", r.Seen(own), map[string]string{other2: tip})
	check(t, "there", []string{p.now(other1), p.now(other2)}, []string{"", tip})
}

func askContent(t *testing.T, p place) {
	r := p.clone()
	a := r.Tip()
	b := p.make(t, r, a, "stacks/a/main.tf", "changed\n")
	c := p.make(t, r, p.make(t, r, b, "README.md", ""), "new", "new\n")
	for _, in := range []struct {
		tip, commit string
		want        bool
	}{{a, a, true}, {c, a, true}, {c, b, true}, {a, b, false}, {c, nowhere, false}, {nowhere, nowhere, false}} {
		check(t, "Contains", must[bool](t)(r.Contains(in.tip, in.commit)), in.want)
	}
	_, err := r.Contains(nowhere, a)
	fails(t, "Contains of no tip", err, gitrepo.ErrNotFound)
	for folder, want := range map[string]bool{"stacks/a": true, "stacks": true, "stacks/a/main.tf": true, "": true, "stacks/ab": false, "README.md": false, "none": false} {
		check(t, "touched: "+folder, must[bool](t)(r.Touched(a, b, folder)), want)
	}
	_, err = r.Touched(a, nowhere, "stacks")
	fails(t, "Touched of no commit", err, gitrepo.ErrNotFound)
	_, err = r.ReadFile(a, "none")
	fails(t, "no file", err, gitrepo.ErrNotFound)
	tree := must[gitrepo.Commit](t)(r.Lookup(c)).Tree
	check(t, "Diff", must[item.Change](t)(r.Diff(a, tree)).Files, []item.File{
		{Path: "README.md", Kind: item.Deleted, OldMode: fileMode, OldSize: 5, Old: []byte("read\n")},
		{Path: "new", Kind: item.Added, NewMode: fileMode, NewSize: 4, New: []byte("new\n")},
		{Path: "stacks/a/main.tf", Kind: item.Modified, OldMode: fileMode, OldSize: 2, Old: []byte("a\n"), NewMode: fileMode, NewSize: 8, New: []byte("changed\n")},
	})
	check(t, "Diff of nothing", len(must[item.Change](t)(r.Diff(c, tree)).Files), 0)
	_, err = r.Diff(a, nowhere)
	fails(t, "Diff with no tree", err, nil)
}

func askImport(t *testing.T, p place) {
	r, other := p.clone(), p.clone()
	tree, pack := p.left(map[string]string{"one": "1\n"})
	unrelated, wrong := p.left(map[string]string{"another": "2\n"})
	fails(t, "an unrelated pack", r.Import(r.Tip(), tree, bytes.NewReader(wrong), 1<<20), nil)
	fails(t, "no pack", r.Import(r.Tip(), tree, strings.NewReader("none"), 1<<20), nil)
	for _, one := range []string{tree, unrelated} {
		_, err := r.Commit(r.Tip(), one, "ours\n")
		fails(t, "a tree that was not taken in", err, nil)
	}
	if err := r.Import(r.Tip(), tree, bytes.NewReader(pack), 1<<20); err != nil {
		t.Fatal(err)
	}
	_, err := other.Diff(other.Tip(), tree)
	fails(t, "a tree of another clone", err, nil)
	made := must[string](t)(r.Commit(r.Tip(), tree, "ours\n"))
	check(t, "files", must[[]string](t)(r.Files(made)), []string{"one"})
}
