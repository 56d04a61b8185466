package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// store is the one door to the objects. Everything else asks it by hash and
// sees an ordinary repository, whether all of it is here or not: what is
// missing arrives as promise says. Nobody else writes into its directory.
type store struct {
	dir     string
	promise *promise
	folders folders

	mu      sync.RWMutex
	storage *filesystem.Storage      // what was made here, one file for each object
	made    map[plumbing.Hash]parcel // the same; without data where that would be too much
	room    int                      // bytes of data that may still be kept
	packs   []*pack                  // what the remote sent
}

// What is made here is small and read again soon.
const (
	maxMade    = 8 << 20
	maxMadeOne = 64 << 10
)

// openStore makes an empty bare repository in the directory, whose HEAD names
// the branch.
func openStore(dir, branch string) (*store, error) {
	storage := filesystem.NewStorageWithOptions(osfs.New(dir), cache.NewObjectLRU(cache.MiByte), filesystem.Options{})
	err := storage.Init()
	if err == nil {
		err = storage.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.ReferenceName(branch)))
	}
	if err != nil {
		return nil, fmt.Errorf("make a bare repository in %s: %w", dir, err)
	}
	return &store{dir: dir, storage: storage, made: map[plumbing.Hash]parcel{}, room: maxMade, promise: &promise{}}, nil
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.storage.Close()}
	for _, p := range s.packs {
		errs = append(errs, p.close())
	}
	s.packs = nil
	return errors.Join(errs...)
}

// has tells whether an object is here, in the clone itself.
func (s *store) has(h plumbing.Hash) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, _, packed := s.locate(h)
	_, made := s.made[h]
	return packed || made
}

// locate finds an object in the packs, the latest first.
func (s *store) locate(h plumbing.Hash) (*pack, int64, bool) {
	for _, p := range slices.Backward(s.packs) {
		if offset, ok := p.index.find(h); ok {
			return p, offset, true
		}
	}
	return nil, 0, false
}

// size is the object's length in bytes.
func (s *store) size(h plumbing.Hash) (int64, error) {
	if err := s.need(h); err != nil {
		return 0, fmt.Errorf("object %s: %w", h, err)
	}
	n, err := s.stat(h)
	if err != nil {
		return 0, fmt.Errorf("object %s: %w", h, missing(err, ErrMissing))
	}
	return n, nil
}

func (s *store) stat(h plumbing.Hash) (int64, error) {
	s.mu.RLock()
	p, offset, ok := s.locate(h)
	s.mu.RUnlock()
	if ok {
		return p.size(offset)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storage.EncodedObjectSize(h)
}

// get reads an object of the type, or of any type for plumbing.AnyObject.
func (s *store) get(t plumbing.ObjectType, h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	// Commits are never missing: a clone has its whole history, and what is not
	// in it is no commit of it. Trees and files are named by what is here.
	absent := ErrNotFound
	if t != plumbing.CommitObject {
		absent = ErrMissing
		if err := s.need(h); err != nil {
			return 0, nil, fmt.Errorf("object %s: %w", h, err)
		}
	}
	o, err := s.read(h)
	if err == nil && t != plumbing.AnyObject && t != o.kind {
		err = absent
	}
	if err != nil {
		return 0, nil, fmt.Errorf("object %s: %w", h, missing(err, absent))
	}
	return o.kind, o.data, nil
}

func (s *store) read(h plumbing.Hash) (parcel, error) {
	s.mu.RLock()
	p, offset, ok := s.locate(h)
	s.mu.RUnlock()
	if ok {
		return p.read(offset)
	}
	s.mu.Lock() // go-git's storage is not made for several readers
	defer s.mu.Unlock()
	kept, ok := s.made[h]
	if !ok {
		return parcel{}, ErrNotFound
	}
	if kept.data != nil {
		return parcel{kept.kind, bytes.Clone(kept.data)}, nil
	}
	o, err := s.storage.EncodedObject(plumbing.AnyObject, h)
	if err != nil {
		return parcel{}, err
	}
	r, err := o.Reader()
	if err != nil {
		return parcel{}, err
	}
	defer func() { _ = r.Close() }()
	data := make([]byte, o.Size())
	_, err = io.ReadFull(r, data)
	return parcel{o.Type(), data}, err
}

// missing is absent where err says that an object is not here.
func missing(err, absent error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) || errors.Is(err, ErrNotFound) {
		return absent
	}
	return err
}

// put writes an object unless it is there already.
func (s *store) put(t plumbing.ObjectType, data []byte) (plumbing.Hash, error) {
	o := newObject(t, data)
	h := o.Hash()
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _, packed := s.locate(h)
	if _, made := s.made[h]; packed || made {
		return h, nil
	}
	if _, err := s.storage.SetEncodedObject(o); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write a %s to the clone: %w", t, err)
	}
	kept := parcel{kind: t}
	if len(data) <= min(maxMadeOne, s.room) {
		kept.data = append(make([]byte, 0, len(data)), data...)
		s.room -= len(data)
	}
	s.made[h] = kept
	return h, nil
}

func newObject(t plumbing.ObjectType, data []byte) *plumbing.MemoryObject {
	o := &plumbing.MemoryObject{}
	o.SetType(t)
	_, _ = o.Write(data) // cannot fail in memory
	return o
}

// addPack keeps the objects of a pack that the remote sends, and tells how many
// they are. Reading goes on meanwhile.
func (s *store) addPack(ctx context.Context, r io.Reader, b bounds) (int, error) {
	p, err := indexPack(ctx, filepath.Join(s.dir, "objects", "pack"), r, b)
	if err != nil || p == nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packs = append(s.packs, p)
	return len(p.index.hashes), nil
}

// commit reads a commit.
func (s *store) commit(h plumbing.Hash) (*object.Commit, error) {
	_, data, err := s.get(plumbing.CommitObject, h)
	if err != nil {
		return nil, err
	}
	c := &object.Commit{}
	if err := c.Decode(newObject(plumbing.CommitObject, data)); err != nil {
		return nil, fmt.Errorf("commit %s: %w", h, err)
	}
	return c, nil
}
