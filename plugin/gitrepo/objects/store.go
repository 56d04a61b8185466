package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// Store is the one door to the objects. Everything else asks it by hash and
// sees an ordinary repository, whether all of it is here or not: what is
// missing arrives as lazyFetcher says.
type Store struct {
	dir     string
	maxFile int64
	lazy    *lazyFetcher
	folders folders

	mu      sync.RWMutex
	packs   []*pack.File           // what the remote sent
	made    map[plumbing.Hash]made // what was made here
	room    int                    // bytes of data that may still be kept in memory
	scratch *os.File               // holds what does not fit
	end     int64                  // of scratch
}

// made is an object that was made here. Its data is in memory, or in scratch.
type made struct {
	pack.Object
	at, size int64
}

// What is made here is small and read again soon.
const (
	maxMade    = 8 << 20
	maxMadeOne = 64 << 10
)

// Open makes an empty store, whose files have no name in the directory. Files of
// more than maxFile bytes are not read.
func Open(dir string, maxFile int64) (*Store, error) {
	scratch, err := os.CreateTemp(dir, "made-")
	if err == nil {
		err = os.Remove(scratch.Name())
	}
	if err != nil {
		return nil, fmt.Errorf("make a repository in %s: %w", dir, err)
	}
	return &Store{dir: dir, maxFile: maxFile, scratch: scratch, made: map[plumbing.Hash]made{}, room: maxMade, lazy: &lazyFetcher{}}, nil
}

// Close frees the files.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := []error{s.scratch.Close()}
	for _, p := range s.packs {
		errs = append(errs, p.Close())
	}
	s.packs = nil
	return errors.Join(errs...)
}

// Has reports whether an object is here, in the clone itself.
func (s *Store) Has(h plumbing.Hash) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.has(h)
}

func (s *Store) has(h plumbing.Hash) bool {
	_, _, packed := s.locate(h)
	_, made := s.made[h]
	return packed || made
}

// locate finds an object in the packs, the latest first.
func (s *Store) locate(h plumbing.Hash) (*pack.File, int64, bool) {
	for _, p := range slices.Backward(s.packs) {
		if offset, ok := p.Find(h); ok {
			return p, offset, true
		}
	}
	return nil, 0, false
}

// Size is the object's length in bytes.
func (s *Store) Size(h plumbing.Hash) (int64, error) {
	if err := s.Need(h); err != nil {
		return 0, fmt.Errorf("object %s: %w", h, err)
	}
	n, err := s.stat(h)
	if err != nil {
		return 0, fmt.Errorf("object %s: %w", h, missing(err, ErrMissing))
	}
	return n, nil
}

func (s *Store) stat(h plumbing.Hash) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p, offset, ok := s.locate(h); ok {
		return p.Size(offset)
	}
	if m, ok := s.made[h]; ok {
		return m.size, nil
	}
	return 0, wire.ErrNotFound
}

// Get reads an object of the type, or of any type for plumbing.AnyObject.
func (s *Store) Get(t plumbing.ObjectType, h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	// Commits are never missing: a clone has its whole history, and what is not
	// in it is no commit of it. Trees and files are named by what is here.
	absent := wire.ErrNotFound
	if t != plumbing.CommitObject {
		absent = ErrMissing
		if err := s.Need(h); err != nil {
			return 0, nil, fmt.Errorf("object %s: %w", h, err)
		}
	}
	o, err := s.read(h)
	if err == nil && t != plumbing.AnyObject && t != o.Kind {
		err = absent
	}
	if err != nil {
		return 0, nil, fmt.Errorf("object %s: %w", h, missing(err, absent))
	}
	return o.Kind, o.Data, nil
}

func (s *Store) read(h plumbing.Hash) (pack.Object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p, offset, ok := s.locate(h); ok {
		return p.Read(offset)
	}
	m, ok := s.made[h]
	switch {
	case !ok:
		return m.Object, wire.ErrNotFound
	case m.Data != nil:
		return pack.Object{Kind: m.Kind, Data: bytes.Clone(m.Data)}, nil
	}
	m.Data = make([]byte, m.size)
	_, err := s.scratch.ReadAt(m.Data, m.at)
	return m.Object, err
}

// missing is absent where err says that an object is not here.
func missing(err, absent error) error {
	if errors.Is(err, wire.ErrNotFound) {
		return absent
	}
	return err
}

// Put writes an object unless it is there already.
func (s *Store) Put(kind plumbing.ObjectType, data []byte) (plumbing.Hash, error) {
	h := plumbing.ComputeHash(kind, data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.has(h) {
		return h, nil
	}
	m := made{Object: pack.Object{Kind: kind}, at: s.end, size: int64(len(data))}
	if len(data) <= min(maxMadeOne, s.room) {
		m.Data = append(make([]byte, 0, len(data)), data...)
		s.room -= len(data)
	} else if _, err := s.scratch.WriteAt(data, s.end); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write a %s to the clone: %w", kind, err)
	} else {
		s.end += m.size
	}
	s.made[h] = m
	return h, nil
}

// AddPack keeps the objects of a pack that the remote sends, and tells how many
// they are. Reading goes on meanwhile.
func (s *Store) AddPack(ctx context.Context, r io.Reader, b pack.Bounds) (int, error) {
	p, err := pack.Index(ctx, s.dir, r, b)
	if err != nil || p == nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packs = append(s.packs, p)
	return p.Count(), nil
}

// Commit reads a commit.
func (s *Store) Commit(h plumbing.Hash) (*object.Commit, error) {
	_, data, err := s.Get(plumbing.CommitObject, h)
	if err != nil {
		return nil, err
	}
	c := &object.Commit{}
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.CommitObject)
	_, _ = o.Write(data) // cannot fail in memory
	if err := c.Decode(o); err != nil {
		return nil, fmt.Errorf("commit %s: %w", h, err)
	}
	return c, nil
}

// FileBounds are those of an answer that brings files to be read.
func (s *Store) FileBounds() pack.Bounds { return pack.Bounds{Object: s.maxFile} }

// File is the content of a file, unless that is too large.
func (s *Store) File(h plumbing.Hash) ([]byte, error) {
	if err := s.NeedFiles(h); err != nil {
		return nil, err
	}
	if s.tooLarge(h) {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, s.maxFile)
	}
	size, err := s.Size(h)
	if err != nil {
		return nil, err
	}
	if size > s.maxFile {
		return nil, fmt.Errorf("%w: it has %d bytes; at most %d are read", ErrTooLarge, size, s.maxFile)
	}
	_, data, err := s.Get(plumbing.BlobObject, h)
	return data, err
}
