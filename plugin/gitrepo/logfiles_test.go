package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
)

const logRef = OwnRefs + "ledger"

// logLine is a line that begins with an id and is as long as one of several
// dozen runs.
func logLine(id string) string { return id + " " + strings.Repeat("x", 20<<10) + "\n" }

// shorten is a summary: of each line its id.
func shorten(lines []byte) ([]byte, error) {
	var b bytes.Buffer
	for line := range bytes.Lines(lines) {
		id, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		b.Write(append(id, '\n'))
	}
	return b.Bytes(), nil
}

// logIDs are the ids of the lines of a log, in order.
func logIDs(t *testing.T, r *Repo) []string {
	t.Helper()
	log := must(r.ReadLog(logRef))(t)
	if log.Unread != 0 {
		t.Errorf("%d files cannot be read", log.Unread)
	}
	ids, _ := shorten(log.Lines)
	return strings.Fields(string(ids))
}

// logNames are the files of the log in the origin.
func (s *site) logNames() []string {
	return strings.Fields(gittest.Git(s.tb, s.origin, "ls-tree", "--name-only", logRef))
}

func TestLog_CompactingAmongRivalsLosesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	repos := []*Repo{clone(t, s.origin), clone(t, s.serve(nil)), clone(t, s.origin)}
	var want []string
	for _, r := range repos {
		r.sleep = func(context.Context, time.Duration) error { return nil }
	}
	for i := range 30 {
		r := repos[random.IntN(len(repos))] // which has seen what others did, or not
		if random.IntN(6) == 0 {
			if err := r.CompactLog(t.Context(), logRef, shorten); err != nil {
				t.Fatal(err)
			}
			continue
		}
		id := fmt.Sprint("line", i)
		want = append(want, id)
		if err := r.AppendLog(t.Context(), logRef, []byte(logLine(id))); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range append(repos, clone(t, s.origin)) {
		must(r.Fetch(t.Context()))(t)
		if got := logIDs(t, r); !slices.Equal(got, want) {
			t.Errorf("the log has\n%v, want\n%v", got, want)
		}
	}
	if err := repos[0].CompactLog(t.Context(), logRef, shorten); err != nil {
		t.Fatal(err)
	}
	if commits := gittest.Git(t, s.origin, "rev-list", "--count", logRef); commits != "1" && !slices.Equal(s.logNames(), []string{"ledger.jsonl", "summary-00000001.jsonl"}) {
		t.Errorf("after compacting there are %s commits with %v", commits, s.logNames())
	}
	gittest.Git(t, s.origin, "fsck", "--strict", "--no-dangling")
}

func TestLog_WhatAnAppendWritesDoesNotGrowWithTheLog(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	r := clone(t, s.origin)
	for i := range 12 {
		if err := r.AppendLog(t.Context(), logRef, []byte(logLine(fmt.Sprint("line", i)))); err != nil {
			t.Fatal(err)
		}
		made := must(r.store.Commit(r.seen(logRef)))(t)
		sent := 0
		for _, e := range must(r.store.Tree(made.TreeHash))(t) {
			if len(made.ParentHashes) > 0 {
				before := must(r.store.Commit(made.ParentHashes[0]))(t)
				if old, err := r.store.Find(before.TreeHash, e.Name); err == nil && old.Hash == e.Hash {
					continue
				}
			}
			sent += int(must(r.store.Size(e.Hash))(t))
		}
		if sent > 2*(64<<10+20<<10) {
			t.Errorf("append %d wrote %d bytes", i, sent)
		}
	}
	var n atomic.Int64
	o := options(t, s.serve(counting(&n)))
	o.Ahead.Logs = []string{logRef}
	again := must(Clone(t.Context(), o))(t)
	defer func() { _ = again.Close() }()
	requests := n.Load()
	if got := logIDs(t, again); len(got) != 12 || n.Load() != requests {
		t.Errorf("read %d lines with %d requests more than the clone's", len(got), n.Load()-requests)
	}
	if names := s.logNames(); len(names) < 3 {
		t.Errorf("the log is in %v", names)
	}
}

func TestLog_LostReplyBeforeACompactionAppendsOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	rival := clone(t, s.origin)
	for i := range 4 {
		if err := rival.AppendLog(t.Context(), logRef, []byte(logLine(fmt.Sprint("line", i)))); err != nil {
			t.Fatal(err)
		}
	}
	r := clone(t, s.serve(afterPush(1, func() {
		_, err := rival.Fetch(t.Context())
		if err = errors.Join(err, rival.CompactLog(t.Context(), logRef, shorten)); err != nil {
			t.Error(err)
		}
	})))
	if err := r.AppendLog(t.Context(), logRef, []byte("ours\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := logIDs(t, r), []string{"line0", "line1", "line2", "line3", "ours"}; !slices.Equal(got, want) {
		t.Errorf("the log has %v, want %v", got, want)
	}
}

func TestLog_CompactingWhereTheRemoteRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hook    string
		commits string // of the log afterwards
		refused bool
	}{
		"rewritten refs": {`test -z "$(git rev-list $3..$2)" || exit 1`, "5", false},
		"every update":   {`exit 1`, "4", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]string{"a": "1"})
			r := clone(t, s.origin)
			r.sleep = func(context.Context, time.Duration) error { return nil }
			for i := range 4 {
				if err := r.AppendLog(t.Context(), logRef, []byte(logLine(fmt.Sprint("line", i)))); err != nil {
					t.Fatal(err)
				}
			}
			s.hook("update", test.hook)
			if err := r.CompactLog(t.Context(), logRef, shorten); errors.Is(err, ErrPushRefused) != test.refused {
				t.Errorf("error %v", err)
			}
			if commits := gittest.Git(t, s.origin, "rev-list", "--count", logRef); commits != test.commits {
				t.Errorf("%s commits, want %s", commits, test.commits)
			}
			if got := logIDs(t, clone(t, s.origin)); len(got) != 4 {
				t.Errorf("the log has %v", got)
			}
		})
	}
}

// plant puts a commit with these entries of ls-tree's form where the log is.
func (s *site) plant(entries string) {
	s.tb.Helper()
	tree := must(gittest.Input(s.origin, []byte(entries), "mktree"))(s.tb)
	commit := gittest.Git(s.tb, s.origin, "commit-tree", "-m", "planted", strings.TrimSpace(string(tree)))
	gittest.Git(s.tb, s.origin, "update-ref", logRef, commit)
}

func (s *site) blob(content string) string {
	s.tb.Helper()
	return strings.TrimSpace(string(must(gittest.Input(s.origin, []byte(content), "hash-object", "-w", "--stdin"))(s.tb)))
}

func TestLog_DamageStopsNoRun(t *testing.T) {
	t.Parallel()
	file := func(name, hash string) string { return "100644 blob " + hash + "\t" + name + "\n" }
	for name, test := range map[string]struct {
		plant  func(s *site)
		want   []string
		unread int
	}{
		"nothing damaged, as former versions wrote it": {func(s *site) {
			s.plant(file("ledger.jsonl", s.blob(strings.Repeat(logLine("old"), 4))))
		}, []string{"old", "old", "old", "old"}, 0},
		"no line feed at the end": {func(s *site) { s.plant(file("ledger.jsonl", s.blob("one\ntwo"))) }, []string{"one", "two"}, 0},
		"a ref to a file":         {func(s *site) { gittest.Git(s.tb, s.origin, "update-ref", logRef, s.blob("x")) }, nil, 1},
		"a link instead of the newest": {func(s *site) {
			s.plant("120000 blob " + s.blob("/etc/passwd") + "\tledger.jsonl\n" + file("ledger-00000001.jsonl", s.blob("one\n")))
		}, []string{"one"}, 1},
		"a folder and a stranger": {func(s *site) {
			tree := gittest.Git(s.tb, s.origin, "rev-parse", branchName+"^{tree}")
			s.plant("040000 tree " + tree + "\tledger-00000001.jsonl\n" + file("ledger-one.jsonl", s.blob("x")) + file("ledger.jsonl", s.blob("one\n")))
		}, []string{"one"}, 2},
		"too large a file": {func(s *site) {
			s.plant(file("ledger-00000001.jsonl", s.blob("one\n")) + file("ledger-00000002.jsonl", s.blob(strings.Repeat("x", largest+1))) + file("ledger.jsonl", s.blob("two\n")))
		}, []string{"one", "two"}, 1},
		"too large a newest file": {func(s *site) {
			s.plant(file("ledger-00000001.jsonl", s.blob("one\n")) + file("ledger.jsonl", s.blob(strings.Repeat("x", largest+1))))
		}, []string{"one"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, map[string]string{"a": "1"})
			test.plant(s)
			r := clone(t, s.serve(nil))
			log := must(r.ReadLog(logRef))(t)
			ids, _ := shorten(log.Lines)
			if got := strings.Fields(string(ids)); !slices.Equal(got, test.want) || log.Unread != test.unread || log.Overgrown != (test.unread > 0) {
				t.Errorf("the log has %v, %d files unread, overgrown %v", got, log.Unread, log.Overgrown)
			}
			if err := r.AppendLog(t.Context(), logRef, []byte("ours\n")); err != nil {
				t.Fatal(err)
			}
			if err := r.CompactLog(t.Context(), logRef, shorten); err != nil {
				t.Fatal(err)
			}
			if got, want := logIDs(t, clone(t, s.origin)), append(test.want, "ours"); !slices.Equal(got, want) {
				t.Errorf("after an append and a compaction the log has %v, want %v", got, want)
			}
		})
	}
}

func TestLog_OverTheSizeOfAFileIsAppendedTo(t *testing.T) {
	t.Parallel()
	s := newSite(t, map[string]string{"a": "1"})
	s.plant("100644 blob " + s.blob(strings.Repeat(strings.Repeat("x", largest/16-1)+"\n", 16)) + "\tledger.jsonl\n")
	r := clone(t, s.origin)
	if err := r.AppendLog(t.Context(), logRef, []byte("ours\n")); err != nil {
		t.Fatal(err)
	}
	log := must(clone(t, s.origin).ReadLog(logRef))(t)
	if len(log.Lines) != largest+5 || log.Unread != 0 || !log.Overgrown {
		t.Errorf("%d bytes, %d files unread, overgrown %v", len(log.Lines), log.Unread, log.Overgrown)
	}
}
