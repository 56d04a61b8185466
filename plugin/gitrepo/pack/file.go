package pack

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
)

// File is one pack, which Index has checked.
type File struct {
	file  *os.File
	index *packIndex

	mu     sync.Mutex
	recent map[int64]Object // by offset: trees that others may be deltas of
	kept   int              // bytes in recent
}

// What a pack keeps of the trees that it has read, since chains of deltas share
// their bases. A large one is not kept, and what is kept goes all at once. The
// content of files is handed out, to whoever may write into it.
const (
	maxKept    = 6 << 20
	maxKeptOne = 1 << 20
)

// Read reads the object of the entry at an offset that the index gave.
func (p *File) Read(offset int64) (Object, error) {
	var deltas []int64 // the object first, what it is made of after it
	for at := offset; ; {
		if o, ok := p.recall(at); ok {
			return p.rebuild(o, deltas)
		}
		h, data, err := readEntry(p.file, at)
		if err != nil {
			return Object{}, fmt.Errorf("pack entry at %d: %w", at, err)
		}
		if isWhole(h.kind) {
			o := Object{h.kind, data}
			p.keep(at, o)
			return p.rebuild(o, deltas)
		}
		if len(deltas) > maxChain {
			return Object{}, badPack("a chain of more than %d deltas", maxChain)
		}
		deltas = append(deltas, at)
		if at, err = p.base(at, h); err != nil {
			return Object{}, err
		}
	}
}

// base is the offset of what a delta builds on.
func (p *File) base(at int64, h entryHeader) (int64, error) {
	if h.kind == plumbing.OFSDeltaObject {
		return at - h.back, nil
	}
	offset, ok := p.index.find(h.base)
	if !ok {
		return 0, badPack("a delta on %s, which is not in the pack", h.base)
	}
	return offset, nil
}

// rebuild applies deltas, the last one first.
func (p *File) rebuild(o Object, deltas []int64) (Object, error) {
	for i := len(deltas) - 1; i >= 0; i-- {
		_, delta, err := readEntry(p.file, deltas[i])
		if err != nil {
			return Object{}, fmt.Errorf("pack entry at %d: %w", deltas[i], err)
		}
		if o.Data, err = patch(o.Data, delta); err != nil {
			return Object{}, fmt.Errorf("pack entry at %d: %w", deltas[i], err)
		}
		p.keep(deltas[i], o)
	}
	return o, nil
}

func (p *File) recall(offset int64) (Object, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o, ok := p.recent[offset]
	return o, ok
}

func (p *File) keep(offset int64, o Object) {
	if o.Kind == plumbing.BlobObject || len(o.Data) > maxKeptOne {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.recent == nil || p.kept+len(o.Data) > maxKept {
		p.recent, p.kept = map[int64]Object{}, 0
	}
	if _, known := p.recent[offset]; !known {
		p.recent[offset] = o
		p.kept += len(o.Data)
	}
}

// Size is the length of an object, without reading all of it.
func (p *File) Size(offset int64) (int64, error) {
	var size int64
	_, _, err := withEntry(p.file, offset, func(f *inflater, h entryHeader) ([]byte, error) {
		if size = h.size; isWhole(h.kind) {
			return nil, nil
		}
		if err := f.reset(f.in); err != nil {
			return nil, err
		}
		start, err := bufio.NewReaderSize(f.z, 32).Peek(int(min(h.size, 20)))
		if err != nil && len(start) == 0 {
			return nil, err
		}
		_, size, _, err = deltaSizes(bytes.Clone(start))
		return nil, err
	})
	if err != nil {
		return 0, fmt.Errorf("pack entry at %d: %w", offset, err)
	}
	return size, nil
}

// Find is where the object is.
func (p *File) Find(h plumbing.Hash) (offset int64, ok bool) { return p.index.find(h) }

// Count is how many objects there are.
func (p *File) Count() int { return len(p.index.hashes) }

// Close frees the file.
func (p *File) Close() error { return p.file.Close() }
