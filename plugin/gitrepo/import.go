package gitrepo

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// Limits of Import, besides the length of the pack.
const (
	maxImported  = 200_000 // objects in one pack
	inflateRatio = 12      // bytes of objects per byte of pack, about what text compresses to
	inflateFloor = 8 << 20 // bytes of objects that are always allowed
	maxImportDir = 64      // nesting of folders
	maxRounds    = 64      // passes over deltas; git's own packs need one or two
)

// Import takes the objects of one tree out of a pack that nobody vouches for.
// The pack may be max bytes long, and its objects about twelve times that. It
// may build on objects of the clone (a thin pack). Only after every object
// of the tree is known to be there, and every name in it is a plain one, are
// the objects that the tree needs written to the clone; nothing else is. What
// the base, a commit of the clone or "" for none, has unchanged at the same
// place may have any name.
func (r *Repo) Import(base, tree string, pack io.Reader, max int64) error {
	root, err := parseHash(tree)
	if err != nil || root.IsZero() {
		return fmt.Errorf("import a tree: %q is no full hash", printable(tree))
	}
	var before plumbing.Hash
	if base != "" {
		_, c, err := r.commit(base)
		if err != nil {
			return fmt.Errorf("import tree %s: its base: %w", tree, err)
		}
		before = c.TreeHash
	}
	q := &quarantine{
		store: r.store, objects: map[plumbing.Hash]parcel{}, bases: map[plumbing.Hash]parcel{},
		room: max*inflateRatio + inflateFloor,
	}
	if err := q.read(pack, max); err != nil {
		return fmt.Errorf("import tree %s: the pack: %w", tree, err)
	}
	needed, err := q.inspect(before, root)
	if err != nil {
		return fmt.Errorf("import tree %s: %w", tree, err)
	}
	for _, h := range needed {
		o := q.objects[h]
		if _, err := r.store.put(o.kind, o.data); err != nil {
			return fmt.Errorf("import tree %s: %w", tree, err)
		}
	}
	return nil
}

// parcel is one object of a quarantined pack, whole.
type parcel struct {
	kind plumbing.ObjectType
	data []byte
}

// quarantine holds the objects of a pack in memory until they are judged.
type quarantine struct {
	store   *store
	objects map[plumbing.Hash]parcel
	bases   map[plumbing.Hash]parcel // objects of the clone that deltas build on
	room    int64                    // bytes that objects may still take
	refused bool                     // the remote did not have what the pack builds on
}

// delta is an object of the pack that is described by another one.
type delta struct {
	offset int64
	from   int64         // offset of the other object, when byOffset
	ref    plumbing.Hash // else its hash
	byName bool
	data   []byte
}

// read reads the whole pack.
func (q *quarantine) read(pack io.Reader, max int64) error {
	limited := &capped{r: pack, left: max}
	scanner := packfile.NewScanner(limited)
	_, count, err := scanner.Header()
	if err != nil {
		return limited.explain(err)
	}
	if count > maxImported {
		return fmt.Errorf("it announces %d objects; at most %d are taken", count, maxImported)
	}
	at := map[int64]plumbing.Hash{}
	var deltas []delta
	for range count {
		d, err := q.next(scanner, at)
		if err != nil {
			return limited.explain(err)
		}
		if d != nil {
			deltas = append(deltas, *d)
		}
	}
	if _, err := scanner.Checksum(); err != nil && !errors.Is(err, io.EOF) {
		return limited.explain(err)
	}
	return q.resolve(deltas, at)
}

// next reads one object; a delta is returned for later.
func (q *quarantine) next(scanner *packfile.Scanner, at map[int64]plumbing.Hash) (*delta, error) {
	header, err := scanner.NextObjectHeader()
	if err != nil {
		return nil, err
	}
	if header.Length < 0 || header.Length > q.room {
		return nil, errInflates
	}
	// The scanner refuses content beyond the announced length.
	var b bytes.Buffer
	if _, _, err := scanner.NextObject(&b); err != nil {
		return nil, err
	}
	if int64(b.Len()) != header.Length {
		return nil, errors.New("an object is shorter than announced")
	}
	q.room -= header.Length
	switch header.Type {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		at[header.Offset] = q.add(header.Type, b.Bytes())
		return nil, nil
	case plumbing.OFSDeltaObject:
		return &delta{offset: header.Offset, from: header.OffsetReference, data: b.Bytes()}, nil
	case plumbing.REFDeltaObject:
		return &delta{offset: header.Offset, ref: header.Reference, byName: true, data: b.Bytes()}, nil
	default:
		return nil, errors.New("an object of no known type")
	}
}

func (q *quarantine) add(t plumbing.ObjectType, data []byte) plumbing.Hash {
	h := plumbing.ComputeHash(t, data)
	q.objects[h] = parcel{t, data}
	return h
}

// resolve works the deltas out. Each round settles those whose other object is
// known; a round that settles none has met a missing object or a circle.
func (q *quarantine) resolve(deltas []delta, at map[int64]plumbing.Hash) error {
	for round := 0; len(deltas) > 0; round++ {
		var open []delta
		for _, d := range deltas {
			ref, known := d.ref, d.byName
			if !known {
				ref, known = at[d.from]
			}
			if !known {
				open = append(open, d)
				continue
			}
			base, ok, err := q.base(ref)
			if err != nil {
				return err
			}
			if !ok {
				open = append(open, d)
				continue
			}
			data, err := q.apply(base.data, d.data)
			if err != nil {
				return err
			}
			at[d.offset] = q.add(base.kind, data)
		}
		if len(open) == len(deltas) || round == maxRounds {
			return fmt.Errorf("%d objects are described by others that are not there", len(open))
		}
		deltas = open
	}
	return nil
}

// base is an object that a delta builds on: of the pack, or of the clone.
func (q *quarantine) base(h plumbing.Hash) (parcel, bool, error) {
	if o, ok := q.objects[h]; ok {
		return o, true, nil
	}
	if here, err := q.here(h); !here {
		return parcel{}, false, err
	}
	if o, ok := q.bases[h]; ok {
		return o, true, nil
	}
	kind, data, err := q.store.get(plumbing.AnyObject, h)
	if err != nil {
		return parcel{}, false, err
	}
	if q.room -= int64(len(data)); q.room < 0 {
		return parcel{}, false, errInflates
	}
	q.bases[h] = parcel{kind, data}
	return q.bases[h], true, nil
}

// here tells whether an object is in the clone, or arrives there now. A pack may
// name what it likes: after the first object that nobody has, the remote is not
// asked again.
func (q *quarantine) here(h plumbing.Hash) (bool, error) {
	if q.store.has(h) || q.refused {
		return q.store.has(h), nil
	}
	here, err := q.store.probe(h)
	q.refused = !here && err == nil
	return here, err
}

var errInflates = errors.New("its objects are larger than allowed")

// apply works one delta out, after a look at the length that it announces.
func (q *quarantine) apply(base, d []byte) ([]byte, error) {
	_, n := binary.Uvarint(d)
	if n <= 0 {
		return nil, packfile.ErrInvalidDelta
	}
	size, m := binary.Uvarint(d[n:])
	if m <= 0 {
		return nil, packfile.ErrInvalidDelta
	}
	if q.room < 0 || size > uint64(q.room) {
		return nil, errInflates
	}
	data, err := packfile.PatchDelta(base, d)
	q.room -= int64(len(data))
	return data, err
}

// inspect walks a tree through the quarantine and returns what it needs of it,
// children before the trees that name them, so that an import that is cut
// short leaves no tree without its content. What the clone has already is
// complete and not walked.
func (q *quarantine) inspect(base, root plumbing.Hash) ([]plumbing.Hash, error) {
	w := inspection{quarantine: q, base: base, met: map[plumbing.Hash]plumbing.ObjectType{}}
	if err := w.tree(root, "", 0); err != nil {
		return nil, err
	}
	return w.needed, nil
}

type inspection struct {
	*quarantine
	base   plumbing.Hash // tree that was there before
	met    map[plumbing.Hash]plumbing.ObjectType
	needed []plumbing.Hash
}

func (w *inspection) tree(h plumbing.Hash, path string, depth int) error {
	if depth > maxImportDir || len(path) > maxPath {
		return errors.New("folders are nested too deep")
	}
	data, skip, err := w.object(h, plumbing.TreeObject, path)
	if err != nil || skip {
		return err
	}
	entries, err := parseTree(data)
	if err != nil {
		return fmt.Errorf("folder %q: %w", printable(path), err)
	}
	if err := w.checkEntries(path, entries); err != nil {
		return fmt.Errorf("folder %q: %w", printable(path), err)
	}
	if !bytes.Equal(encodeTree(entries), data) {
		return fmt.Errorf("folder %q: the tree object is not in the form that git writes", printable(path))
	}
	for _, e := range entries {
		at := strings.TrimPrefix(path+"/"+e.name, "/")
		switch {
		case e.isTree():
			err = w.tree(e.hash, at, depth+1)
		case e.isBlob():
			var skip bool
			if _, skip, err = w.object(e.hash, plumbing.BlobObject, at); err == nil && !skip {
				w.needed = append(w.needed, e.hash)
			}
		}
		if err != nil {
			return err
		}
	}
	w.needed = append(w.needed, h)
	return nil
}

// object finds an object of the type. skip tells that it needs no attention:
// it was met before, or the clone has it.
func (w *inspection) object(h plumbing.Hash, want plumbing.ObjectType, path string) (data []byte, skip bool, err error) {
	wrong := fmt.Errorf("%q is no %s", printable(path), want)
	if t, ok := w.met[h]; ok {
		if t != want {
			return nil, false, wrong
		}
		return nil, true, nil
	}
	w.met[h] = want
	o, ok := w.objects[h]
	here := w.store.has(h)
	if !here && !ok {
		if here, err = w.here(h); err != nil {
			return nil, false, err
		}
	}
	if here {
		if _, _, err := w.store.get(want, h); err != nil {
			return nil, false, wrong
		}
		return nil, true, nil
	}
	if !ok {
		return nil, false, fmt.Errorf("the object of %q is missing: %w", printable(path), ErrNotFound)
	}
	if o.kind != want {
		return nil, false, wrong
	}
	return o.data, false, nil
}

// unchanged reports whether the base has the entry just so in the same folder.
func (w *inspection) unchanged(folder string, e entry) (bool, error) {
	at := entry{mode: modeTree, hash: w.base}
	if folder != "" {
		var err error
		if at, err = w.store.find(w.base, folder); errors.Is(err, ErrNotFound) || err == nil && !at.isTree() {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	entries, err := w.store.tree(at.hash)
	return slices.Contains(entries, e), err
}

// checkEntries refuses what no honest tree holds.
func (w *inspection) checkEntries(folder string, entries []entry) error {
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		if wrong := checkName(e.name); wrong != nil {
			same, err := w.unchanged(folder, e)
			if err != nil {
				return err
			}
			if !same {
				return fmt.Errorf("it has %w", wrong)
			}
		}
		if names[e.name] {
			return fmt.Errorf("it has the name %q twice", printable(e.name))
		}
		names[e.name] = true
		switch e.mode {
		case modeFile, modeProgram, modeLink, modeTree, modeModule, 0o100664:
		default:
			return fmt.Errorf("%q has the mode %o", printable(e.name), e.mode)
		}
		if e.hash.IsZero() {
			return fmt.Errorf("%q has the hash zero", printable(e.name))
		}
	}
	return nil
}

// capped reads at most so many bytes and says so when there are more.
type capped struct {
	r    io.Reader
	left int64
	over bool
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		// One more byte decides between a full pack and one that is too long.
		var one [1]byte
		n, err := c.r.Read(one[:])
		c.over = c.over || n > 0
		if n > 0 {
			return 0, errTooLong
		}
		return 0, err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

var errTooLong = errors.New("it is longer than allowed")

// explain names the cap as the cause of an error that followed from it.
func (c *capped) explain(err error) error {
	if c.over {
		return errTooLong
	}
	return err
}
