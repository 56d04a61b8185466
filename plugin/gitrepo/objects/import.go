package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// Limits of Import, besides the length of the pack.
const (
	maxImported  = 200_000 // objects in one pack
	inflateRatio = 12      // bytes of objects per byte of pack, about what text compresses to
	inflateFloor = 8 << 20 // bytes of objects that are always allowed
	maxImportDir = 64      // nesting of folders
)

// Import takes the objects of one tree out of a pack that nobody vouches for and
// that is at most so many bytes long. It may build on objects of the clone. Only
// after every object of the tree is known to be there, and every name in it is a
// plain one, are the objects that the tree needs written to the clone; nothing
// else is. What base, a tree of the clone or zero, has unchanged at the same
// place may have any name.
func (s *Store) Import(base, root plumbing.Hash, from io.Reader, most int64) error {
	q := quarantine{store: s, objects: map[plumbing.Hash]pack.Object{}}
	if err := q.read(from, most); err != nil {
		return fmt.Errorf("the pack: %w", err)
	}
	needed, err := q.inspect(base, root)
	if err != nil {
		return err
	}
	for _, h := range needed {
		o := q.objects[h]
		if _, err := s.Put(o.Kind, o.Data); err != nil {
			return err
		}
	}
	return nil
}

// quarantine holds the objects of a pack in memory until they are judged.
type quarantine struct {
	store   *Store
	objects map[plumbing.Hash]pack.Object
	refused bool // the remote did not have what the pack builds on
}

func (q *quarantine) read(from io.Reader, most int64) error {
	if most <= 0 {
		return pack.ErrTooLong
	}
	bounds := pack.Bounds{Bytes: most, Count: maxImported, Total: most*inflateRatio + inflateFloor}
	return pack.Unpack(context.Background(), q.store.dir, from, bounds, pack.Thin{
		Base: q.base, Keep: func(h plumbing.Hash, o pack.Object) { q.objects[h] = o },
	})
}

// base is an object of the clone that a delta builds on.
func (q *quarantine) base(h plumbing.Hash) (o pack.Object, found bool, err error) {
	if found, err = q.here(h); found {
		o.Kind, o.Data, err = q.store.Get(plumbing.AnyObject, h)
	}
	return o, found, err
}

// here reports whether an object is in the clone, or arrives there now. A pack
// may name what it likes: after the first object that nobody has, the remote is
// not asked again.
func (q *quarantine) here(h plumbing.Hash) (bool, error) {
	if q.store.Has(h) || q.refused {
		return q.store.Has(h), nil
	}
	here, err := q.store.probe(h)
	q.refused = !here && err == nil
	return here, err
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
	entries, err := ParseTree(data)
	if err != nil {
		return fmt.Errorf("folder %q: %w", wire.Printable(path), err)
	}
	if err := w.checkEntries(path, entries); err != nil {
		return fmt.Errorf("folder %q: %w", wire.Printable(path), err)
	}
	if !bytes.Equal(EncodeTree(entries), data) {
		return fmt.Errorf("folder %q: the tree object is not in the form that git writes", wire.Printable(path))
	}
	for _, e := range entries {
		at := strings.TrimPrefix(path+"/"+e.Name, "/")
		switch {
		case e.IsTree():
			err = w.tree(e.Hash, at, depth+1)
		case e.IsBlob():
			var skip bool
			if _, skip, err = w.object(e.Hash, plumbing.BlobObject, at); err == nil && !skip {
				w.needed = append(w.needed, e.Hash)
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
	wrong := fmt.Errorf("%q is no %s", wire.Printable(path), want)
	if t, ok := w.met[h]; ok {
		if t != want {
			return nil, false, wrong
		}
		return nil, true, nil
	}
	w.met[h] = want
	o, ok := w.objects[h]
	here := w.store.Has(h)
	if !here && !ok {
		if here, err = w.here(h); err != nil {
			return nil, false, err
		}
	}
	if here {
		if _, _, err := w.store.Get(want, h); err != nil {
			return nil, false, wrong
		}
		return nil, true, nil
	}
	if !ok {
		return nil, false, fmt.Errorf("the object of %q is missing: %w", wire.Printable(path), wire.ErrNotFound)
	}
	if o.Kind != want {
		return nil, false, wrong
	}
	return o.Data, false, nil
}

// unchanged reports whether the base has the entry just so in the same folder.
func (w *inspection) unchanged(folder string, e Entry) (bool, error) {
	at := Entry{Mode: ModeTree, Hash: w.base}
	if folder != "" {
		var err error
		if at, err = w.store.Find(w.base, folder); errors.Is(err, wire.ErrNotFound) || err == nil && !at.IsTree() {
			return false, nil
		} else if err != nil {
			return false, err
		}
	}
	entries, err := w.store.Tree(at.Hash)
	return slices.Contains(entries, e), err
}

// checkEntries refuses what no honest tree holds.
func (w *inspection) checkEntries(folder string, entries []Entry) error {
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		if wrong := checkName(e.Name); wrong != nil {
			same, err := w.unchanged(folder, e)
			if err != nil {
				return err
			}
			if !same {
				return fmt.Errorf("it has %w", wrong)
			}
		}
		if names[e.Name] {
			return fmt.Errorf("it has the name %q twice", wire.Printable(e.Name))
		}
		names[e.Name] = true
		switch e.Mode {
		case ModeFile, ModeProgram, modeLink, ModeTree, modeModule, 0o100664:
		default:
			return fmt.Errorf("%q has the mode %o", wire.Printable(e.Name), e.Mode)
		}
		if e.Hash.IsZero() {
			return fmt.Errorf("%q has the hash zero", wire.Printable(e.Name))
		}
	}
	return nil
}
