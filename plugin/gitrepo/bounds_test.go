package gitrepo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
)

// allocated is how many bytes an act takes from the heap, freed ones included.
func allocated(act func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	act()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestThreat7_AnAnnouncedNumberTakesNoMemory(t *testing.T) {
	pack := newRawPack(maxObjects).whole("x").signed()
	var err error
	if n := allocated(func() { _, _, err = index(t, bytes.NewReader(pack)) }); n > 8<<20 {
		t.Errorf("%d bytes for a pack of %d", n, len(pack))
	}
	if err == nil {
		t.Error("a pack of one object passes for many")
	}
}

func TestThreat7_LengthsCountBeforeThereIsMemoryForThem(t *testing.T) {
	const large = 8 << 20
	zeros := make([]byte, large)
	ten := "0123456789"
	head := func(base, result uint64) []byte {
		return binary.AppendUvarint(binary.AppendUvarint(nil, base), result)
	}
	for name, pack := range map[string]*rawPack{
		"base":   newRawPack(2).entry(plumbing.BlobObject, large, nil, zeros).delta(0, append(head(large, 1), 1, 'x')),
		"delta":  newRawPack(2).whole(ten).delta(0, append(head(10, 1), zeros...)),
		"result": newRawPack(2).whole(ten).delta(0, append(head(10, large), 1, 'x')),
	} {
		t.Run(name, func(t *testing.T) {
			dir, data := t.TempDir(), pack.signed()
			var err error
			n := allocated(func() { _, err = indexPack(t.Context(), dir, bytes.NewReader(data), bounds{held: 1 << 20}) })
			if !errors.Is(err, errHeld) || !errors.Is(err, errPack) || n > large/2 {
				t.Errorf("error %v after %d bytes of memory", err, n)
			}
			if left := must(os.ReadDir(dir))(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestIndexer_WhatDoesNotFitTogetherIsDoneInTurn(t *testing.T) {
	const objects, size = 16, 300 << 10
	pack := newRawPack(2 * objects)
	for i := range objects {
		base := bytes.Repeat([]byte{byte(i)}, size)
		pack.entry(plumbing.BlobObject, size, nil, base)
		change := binary.AppendUvarint(binary.AppendUvarint(nil, size), size)
		change = append(change, 1, 'x', 0xb1, 1, 0xff, 0xff, 0xb1, 0, 0xff, 0xff, 0xb1, 0, 0xff, 0xff, 0xb1, 0, 0xff, 0xff)
		rest := size - 1 - 4*0xffff
		change = append(change, 0xb0, byte(rest&0xff), byte(rest>>8))
		pack.entry(plumbing.REFDeltaObject, len(change), hashOf(base), change)
	}
	p, err := indexPack(t.Context(), t.TempDir(), bytes.NewReader(pack.signed()), bounds{held: 2*size + 1<<10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.close() }()
	readAll(t, p)
}

func hashOf(content []byte) []byte {
	h := plumbing.ComputeHash(plumbing.BlobObject, content)
	return h[:]
}

func TestThreat7_AnObjectBeyondTheBoundEndsTheAnswer(t *testing.T) {
	noise := make([]byte, 8<<20)
	_, _ = rand.Read(noise)
	ten := "0123456789"
	grow := append(binary.AppendUvarint([]byte{10}, 101), bytes.Repeat([]byte{0x90, 10}, 10)...)
	for name, pack := range map[string]*rawPack{
		"whole": newRawPack(2).entry(plumbing.BlobObject, 101, nil, noise[:101]).entry(plumbing.BlobObject, len(noise), nil, noise),
		"huge":  newRawPack(1).entry(plumbing.BlobObject, len(noise), nil, noise),
		"delta": newRawPack(3).whole(ten).delta(0, append(grow, 1, 'x')).entry(plumbing.BlobObject, len(noise), nil, noise),
	} {
		t.Run(name, func(t *testing.T) {
			in := &counter{r: bytes.NewReader(pack.signed())}
			_, err := indexPack(t.Context(), t.TempDir(), in, bounds{object: 100})
			if !errors.Is(err, errLarge) || in.n > 1<<20 {
				t.Errorf("error %v after %d bytes", err, in.n)
			}
		})
	}
	fits := newRawPack(2).whole(ten).delta(0, append(binary.AppendUvarint([]byte{10}, 100), bytes.Repeat([]byte{0x90, 10}, 10)...))
	p, err := indexPack(t.Context(), t.TempDir(), bytes.NewReader(fits.signed()), bounds{object: 100})
	if err != nil {
		t.Fatal(err)
	}
	_ = p.close()
}

func TestThreat7_AFileOverTheLimitIsNotDownloaded(t *testing.T) {
	noise := make([]byte, MaxFileSize+1)
	_, _ = rand.Read(noise)
	files := map[string]string{"docs/big.md": string(noise)}
	for i := range 3 {
		files[fmt.Sprintf("docs/%d.md", i)] = fmt.Sprint("document ", i)
	}
	s := newSite(t, files)
	git(t, s.origin, "repack", "-q", "-a", "-d")
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
				if large && (!errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "more than 16777216 bytes")) {
					t.Errorf("error %v", err)
				}
			}
			if cost := r.Cost(); !cost.Filtered || cost.Bytes > 2<<20 {
				t.Errorf("cost %+v", cost)
			}
		})
	}
}

func TestFiltered_RequestsWithoutEndMakeAnOrdinaryClone(t *testing.T) {
	s := historySite(t)
	r := clone(t, s.serve(nil))
	r.store.promise.asks = maxAsks
	if got := must(r.ReadFile(r.Tip(), "docs/pm/a.md"))(t); string(got) != "# a\n\nmore\n" {
		t.Errorf("content %q", got)
	}
	if cost := r.Cost(); cost.Filtered || !strings.Contains(cost.Why, "requests were not enough") {
		t.Errorf("cost %+v", cost)
	}
}

func TestThreat7_WhatComesOnDemandIsBounded(t *testing.T) {
	s := historySite(t)
	for _, room := range []int64{0, 20} {
		r := clone(t, s.serve(nil))
		before := r.Cost().Bytes
		all := r.store.promise.room
		r.store.promise.room = func() int64 { return room }
		_, err := r.ReadFile(r.Tip(), "docs/pm/a.md")
		if !errors.Is(err, errTooMuch) || errors.Is(err, ErrNotFound) || r.Cost().Bytes > before+room+1 {
			t.Errorf("room for %d bytes: %v, cost %+v after %d", room, err, r.Cost(), before)
		}
		r.store.promise.room = all
		if got := must(r.ReadFile(r.Tip(), "docs/pm/a.md"))(t); len(got) == 0 || !r.Cost().Filtered {
			t.Errorf("content %q, cost %+v", got, r.Cost())
		}
	}
}

func TestAhead_SavesTheRequestsOfARun(t *testing.T) {
	files := map[string]string{"stacks/a/main.tf": "x"}
	for i := range maxAhead {
		files[fmt.Sprintf("docs/pm/%03d.md", i)] = fmt.Sprint("document ", i)
	}
	s := newSite(t, files)
	if err := clone(t, s.origin).AppendLog(t.Context(), OwnRefs+"ledger", []byte("one\n")); err != nil {
		t.Fatal(err)
	}
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
		if n.Load() != requests {
			t.Errorf("%s: %d requests, want %d", name, n.Load(), requests)
		}
	}
	run("commits, folders, and what is read", 3)
	s.commit("one more", map[string]string{"docs/pm/more.md": "x"})
	s.push()
	run("too many to fetch unseen", 4)
}
