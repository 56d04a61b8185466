package gitrepo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
)

func TestThreat7_AFileOverTheLimitIsNotDownloaded(t *testing.T) {
	t.Parallel()
	noise := make([]byte, largest+1)
	_, _ = rand.Read(noise)
	files := map[string]string{"docs/big.md": string(noise)}
	for i := range 3 {
		files[fmt.Sprintf("docs/%d.md", i)] = fmt.Sprint("document ", i)
	}
	s := newSite(t, files)
	gittest.Git(t, s.origin, "repack", "-q", "-a", "-d")
	for name, ahead := range map[string]func(string) bool{
		"when asked for": nil, "ahead": func(path string) bool { return strings.HasSuffix(path, ".md") },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, s.serve(nil))
			o.Ahead.Files = ahead
			r := must(Clone(t.Context(), o))(t)
			defer func() { _ = r.Close() }()
			paths := must(r.Files(r.Tip(), "docs"))(t)
			if err := r.Prefetch(r.Tip(), paths); err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				got, err := r.ReadFile(r.Tip(), path)
				large := path == "docs/big.md"
				if large != (err != nil) || !large && string(got) != files[path] {
					t.Errorf("%s: %.40q, %v", path, got, err)
				}
				if large && (!errors.Is(err, objects.ErrTooLarge) || !strings.Contains(err.Error(), fmt.Sprintf("more than %d bytes", largest))) {
					t.Errorf("error %v", err)
				}
			}
			if cost := r.Cost(); !cost.Filtered || cost.Bytes > int64(largest/2) {
				t.Errorf("cost %+v", cost)
			}
		})
	}
}

func TestAhead_SavesTheRequestsOfARun(t *testing.T) {
	t.Parallel()
	files := map[string]string{"stacks/a/main.tf": "x"}
	for i := range maxAhead {
		files[fmt.Sprintf("docs/pm/%03d.md", i)] = fmt.Sprint("document ", i)
	}
	s := newSite(t, files)
	if err := clone(t, s.origin).AppendLog(t.Context(), OwnRefs+"ledger", []byte("one\n")); err != nil {
		t.Fatal(err)
	}
	base := s.head()
	run := func(name string, requests int64) {
		var n atomic.Int64
		o := options(t, s.serve(counting(&n)))
		o.Levels = 3
		o.Ahead = Ahead{Files: func(path string) bool { return strings.HasPrefix(path, "docs/") }, Logs: []string{OwnRefs + "ledger", OwnRefs + "none"}}
		r := must(Clone(context.Background(), o))(t)
		defer func() { _ = r.Close() }()
		documents := must(r.Files(r.Tip(), "docs/pm"))(t)
		if got := must(r.ReadLog(OwnRefs + "ledger"))(t).Lines; string(got) != "one\n" {
			t.Errorf("%s: ledger %q", name, got)
		}
		if err := r.Prefetch(r.Tip(), documents); err != nil {
			t.Fatal(err)
		}
		for _, path := range documents {
			must(r.ReadFile(r.Tip(), path))(t)
		}
		must(r.Changed(base, r.Tip(), "docs/pm"))(t)
		if n.Load() != requests {
			t.Errorf("%s: %d requests, want %d", name, n.Load(), requests)
		}
		must(r.Pack(r.Tip()))(t)
		if n.Load() != requests+1 {
			t.Errorf("%s: %d requests for a first pack, want 1", name, n.Load()-requests)
		}
	}
	run("commits, folders, and what is read", 3)
	s.commit("one more", map[string]string{"docs/pm/more.md": "x"})
	s.push()
	run("too many to fetch unseen", 4)
}
