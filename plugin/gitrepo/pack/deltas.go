package pack

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/pjbgf/sha1cd"
)

// packDeltas works out the names of a pack's deltas. Objects and their offset
// deltas form trees, and every tree is walked by one of several workers, the
// base in hand. The child with the largest subtree comes last and takes the
// place of its base, so that at most log2(n) objects wait in one walk, however
// deep the chains are; what all of them hold together is bounded as well.
type packDeltas struct {
	*indexer
	child, sibling []int32 // first child and next one of an entry, or -1
	weight         []int32 // objects in an entry's tree
	held           atomic.Int64
	failed         atomic.Bool
}

// maxHeld bounds the objects that are in memory at one moment, in bytes.
const maxHeld = 1 << 30

// task is one tree to walk: from an object that is whole, or from a delta
// whose base is named by hash.
type task struct {
	entry int32
	base  int32 // of a named delta, else -1
}

// resolve names all deltas. Named deltas, which git sends only to those who
// understand no offsets, are settled in rounds, as their bases become known.
func (x *indexer) resolve() error {
	d := &packDeltas{indexer: x}
	tasks := d.plant()
	if err := d.run(tasks); err != nil {
		return err
	}
	for round := 0; len(x.named) > 0; round++ {
		tasks := d.ripe()
		if len(tasks) == 0 {
			if err := d.adopt(); err != nil {
				return err
			}
			tasks = d.ripe()
		}
		if len(tasks) == 0 || round > maxChain {
			return badPack("%d objects are described by others that are not in it", len(x.named))
		}
		if err := d.run(tasks); err != nil {
			return err
		}
	}
	return nil
}

// plant links the offset deltas into trees and returns those that start from
// whole objects.
func (d *packDeltas) plant() []task {
	n := len(d.entries)
	d.child, d.sibling, d.weight = make([]int32, n), make([]int32, n), make([]int32, n)
	for i := range d.child {
		d.child[i], d.sibling[i] = -1, -1
	}
	var tasks []task
	for i := n - 1; i >= 0; i-- { // a base stands before its deltas
		d.weight[i]++
		if base := d.entries[i].base; base >= 0 {
			d.weight[base] += d.weight[i]
			d.sibling[i], d.child[base] = d.child[base], int32(i)
		} else if isWhole(d.entries[i].kind) && d.child[i] >= 0 {
			tasks = append(tasks, task{int32(i), -1})
		}
	}
	return tasks
}

// ripe takes those named deltas out of the list whose bases have a name now.
func (d *packDeltas) ripe() []task {
	bases := make(map[plumbing.Hash]int32, len(d.named))
	for _, one := range d.named {
		bases[one.base] = -1
	}
	for i := range d.entries {
		h := d.entries[i].hash
		if _, wanted := bases[h]; wanted && !h.IsZero() {
			bases[h] = int32(i)
		}
	}
	var tasks []task
	d.named = slices.DeleteFunc(d.named, func(one namedDelta) bool {
		base := bases[one.base]
		if base >= 0 {
			tasks = append(tasks, task{one.entry, base})
			d.entries[one.entry].base = base
		}
		return base >= 0
	})
	return tasks
}

// adopt puts the bases that the pack lacks and Thin.Base finds behind the
// others in the file, as git's index-pack --fix-thin does.
func (d *packDeltas) adopt() error {
	if d.thin.Base == nil {
		return nil
	}
	met := map[plumbing.Hash]bool{}
	for _, one := range d.named {
		if met[one.base] {
			continue
		}
		met[one.base] = true
		o, found, err := d.thin.Base(one.base)
		if err == nil && found {
			err = d.add(one.base, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// add writes an object that has a name already.
func (d *packDeltas) add(h plumbing.Hash, o Object) error {
	if err := d.allow(int64(len(o.Data))); err != nil {
		return err
	}
	offset, err := d.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	w, err := newEntryWriter(d.file)
	if err == nil {
		err = w.add(o.Kind, o.Data)
	}
	if err != nil {
		return err
	}
	d.entries = append(d.entries, packEntry{offset: offset, hash: h, kind: o.Kind, base: -1})
	d.child, d.sibling, d.weight = append(d.child, -1), append(d.sibling, -1), append(d.weight, 1)
	return w.w.Flush()
}

// run walks the trees, as many at a time as there are processors. When these
// need too much memory together, one after the other: what has a name by then
// keeps it.
func (d *packDeltas) run(tasks []task) error {
	err := d.share(tasks, runtime.GOMAXPROCS(0))
	if errors.Is(err, ErrHeld) && runtime.GOMAXPROCS(0) > 1 {
		d.held.Store(0)
		d.failed.Store(false)
		err = d.share(tasks, 1)
	}
	return err
}

// share lets so many workers walk the trees.
func (d *packDeltas) share(tasks []task, workers int) error {
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, workers)
	for i := range errs {
		group.Go(func() {
			w := walker{packDeltas: d, sum: sha1cd.New()}
			for !d.failed.Load() {
				t := next.Add(1) - 1
				if t >= int64(len(tasks)) {
					return
				}
				if errs[i] = w.tree(tasks[t]); errs[i] != nil {
					d.failed.Store(true)
				}
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// walker is one worker.
type walker struct {
	*packDeltas
	sum hash.Hash
}

func (w *walker) tree(t task) error {
	root := t.entry
	if t.base >= 0 {
		root = t.base
	}
	base, err := w.rebuild(root)
	if err != nil {
		return err
	}
	if t.base >= 0 {
		o, err := w.apply(base, t.entry)
		w.release(base)
		if err != nil {
			return err
		}
		base = o
	}
	return w.walk(t.entry, base)
}

// walk names everything below an entry, whose object it is given to use up.
func (w *walker) walk(entry int32, o Object) error {
	for {
		heavy := int32(-1)
		for c := w.child[entry]; c >= 0; c = w.sibling[c] {
			if heavy < 0 || w.weight[c] > w.weight[heavy] {
				heavy = c
			}
		}
		if heavy < 0 {
			w.release(o)
			return nil
		}
		for c := w.child[entry]; c >= 0; c = w.sibling[c] {
			if c == heavy {
				continue
			}
			made, err := w.apply(o, c)
			if err != nil {
				return err
			}
			if err := w.walk(c, made); err != nil {
				return err
			}
		}
		made, err := w.apply(o, heavy)
		w.release(o)
		if err != nil {
			return err
		}
		entry, o = heavy, made
	}
}

// rebuild reads the object of an entry from the file.
func (w *walker) rebuild(entry int32) (Object, error) {
	chain := []int32{}
	at := entry
	for ; !isWhole(w.entries[at].kind); at = w.entries[at].base {
		if chain = append(chain, at); len(chain) > maxChain {
			return Object{}, badPack("a chain of more than %d deltas", maxChain)
		}
	}
	o, err := w.read(w.entries[at].offset)
	if err != nil {
		return o, err
	}
	for _, at := range slices.Backward(chain) {
		made, err := w.apply(o, at)
		w.release(o)
		if err != nil {
			return o, err
		}
		o = made
	}
	return o, nil
}

// read reads an entry from the file. Its length counts as held before there is
// memory for it.
func (w *walker) read(offset int64) (Object, error) {
	h, data, err := withEntry(w.file, offset, func(f *inflater, h entryHeader) ([]byte, error) {
		if err := w.hold(h.size); err != nil {
			return nil, err
		}
		return f.whole(h)
	})
	if err != nil {
		err = fmt.Errorf("pack entry at %d: %w", offset, err)
	}
	return Object{h.kind, data}, err
}

// apply makes the object of a delta and names it.
func (w *walker) apply(base Object, entry int32) (Object, error) {
	e := &w.entries[entry]
	o := Object{Kind: base.Kind}
	if err := w.ctx.Err(); err != nil {
		return o, err
	}
	delta, err := w.read(e.offset)
	if err != nil {
		return o, err
	}
	_, size, _, err := deltaSizes(delta.Data)
	if err == nil {
		err = w.hold(size)
	}
	if err == nil {
		o.Data, err = patch(base.Data, delta.Data)
		w.release(delta)
	}
	if err == nil && e.hash.IsZero() {
		if e.hash, err = hashObject(w.sum, o.Kind, o.Data); err == nil {
			w.keep(e.hash, o)
		}
	}
	if err != nil {
		return o, fmt.Errorf("pack entry at %d: %w", e.offset, err)
	}
	return o, nil
}

// ErrHeld says that objects would take too much memory at one moment.
var ErrHeld = errors.New("its deltas need too much memory at once")

func (w *walker) hold(size int64) error {
	most := int64(maxHeld)
	if w.bounds.held > 0 {
		most = w.bounds.held
	}
	if w.held.Add(size) > most {
		return badPack("%w: more than %d bytes", ErrHeld, most)
	}
	return nil
}

func (w *walker) release(o Object) { w.held.Add(-int64(len(o.Data))) }

// keep hands an object out.
func (x *indexer) keep(h plumbing.Hash, o Object) {
	if x.thin.Keep == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.thin.Keep(h, o)
}
