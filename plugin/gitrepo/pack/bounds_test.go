package pack

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
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
			n := allocated(func() { _, err = Index(t.Context(), dir, bytes.NewReader(data), Bounds{held: 1 << 20}) })
			if !errors.Is(err, ErrHeld) || !errors.Is(err, ErrDamaged) || n > large/2 {
				t.Errorf("error %v after %d bytes of memory", err, n)
			}
			if left := must(os.ReadDir(dir))(t); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestIndexer_WhatDoesNotFitTogetherIsDoneInTurn(t *testing.T) {
	t.Parallel()
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
	p, err := Index(t.Context(), t.TempDir(), bytes.NewReader(pack.signed()), Bounds{held: 2*size + 1<<10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	readAll(t, p)
}

func hashOf(content []byte) []byte {
	h := plumbing.ComputeHash(plumbing.BlobObject, content)
	return h[:]
}

func TestThreat7_AnObjectBeyondTheBoundEndsTheAnswer(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 8<<20)
	_, _ = rand.Read(noise)
	ten := "0123456789"
	grow := append(binary.AppendUvarint([]byte{10}, 101), bytes.Repeat([]byte{0x90, 10}, 10)...)
	for name, pack := range map[string]*rawPack{
		"whole":       newRawPack(2).entry(plumbing.BlobObject, 101, nil, noise[:101]).entry(plumbing.BlobObject, len(noise), nil, noise),
		"huge":        newRawPack(1).entry(plumbing.BlobObject, len(noise), nil, noise),
		"delta":       newRawPack(3).whole(ten).delta(0, append(grow, 1, 'x')).entry(plumbing.BlobObject, len(noise), nil, noise),
		"small delta": newRawPack(2).whole(ten).delta(0, append(bytes.Clone(grow), 1, 'x')),
	} {
		t.Run(name, func(t *testing.T) {
			data := pack.signed()
			in := bytes.NewReader(data)
			_, err := Index(t.Context(), t.TempDir(), in, Bounds{Object: 100})
			if read := len(data) - in.Len(); !errors.Is(err, ErrLarge) || read > 1<<20 {
				t.Errorf("error %v after %d bytes", err, read)
			}
		})
	}
	fits := newRawPack(2).whole(ten).delta(0, append(binary.AppendUvarint([]byte{10}, 100), bytes.Repeat([]byte{0x90, 10}, 10)...))
	p, err := Index(t.Context(), t.TempDir(), bytes.NewReader(fits.signed()), Bounds{Object: 100})
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Close()
}
