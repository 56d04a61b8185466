package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// store is the one door to the objects. Everything else asks it by hash, so a
// store that fetches missing objects when they are asked for fits in its place.
// Objects that it holds are complete: whatever they name is there too.
type store struct {
	mu      sync.Mutex
	storage *filesystem.Storage
}

// cacheSize is how much of the inflated objects is kept in memory.
const cacheSize = 32 * cache.MiByte

// openStore makes an empty bare repository in the directory, whose HEAD names
// the branch.
func openStore(dir, branch string) (*store, error) {
	storage := filesystem.NewStorageWithOptions(osfs.New(dir), cache.NewObjectLRU(cacheSize), filesystem.Options{KeepDescriptors: true})
	err := storage.Init()
	if err == nil {
		err = storage.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, plumbing.ReferenceName(branch)))
	}
	if err != nil {
		return nil, fmt.Errorf("make a bare repository in %s: %w", dir, err)
	}
	return &store{storage: storage}, nil
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storage.Close()
}

func (s *store) has(h plumbing.Hash) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.storage.HasEncodedObject(h) == nil
}

// size is the object's length in bytes.
func (s *store) size(h plumbing.Hash) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.storage.EncodedObjectSize(h)
	if err != nil {
		return 0, fmt.Errorf("object %s: %w", h, missing(err))
	}
	return n, nil
}

// get reads an object of the type, or of any type for plumbing.AnyObject.
func (s *store) get(t plumbing.ObjectType, h plumbing.Hash) (plumbing.ObjectType, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.storage.EncodedObject(t, h)
	if err != nil {
		return 0, nil, fmt.Errorf("object %s: %w", h, missing(err))
	}
	r, err := o.Reader()
	if err != nil {
		return 0, nil, fmt.Errorf("object %s: %w", h, err)
	}
	defer func() { _ = r.Close() }()
	data := make([]byte, o.Size())
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, nil, fmt.Errorf("object %s: %w", h, err)
	}
	return o.Type(), data, nil
}

func missing(err error) error {
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return ErrNotFound
	}
	return err
}

// put writes an object unless it is there already.
func (s *store) put(t plumbing.ObjectType, data []byte) (plumbing.Hash, error) {
	o := newObject(t, data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.storage.HasEncodedObject(o.Hash()) == nil {
		return o.Hash(), nil
	}
	h, err := s.storage.SetEncodedObject(o)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("write a %s to the clone: %w", t, err)
	}
	return h, nil
}

func newObject(t plumbing.ObjectType, data []byte) *plumbing.MemoryObject {
	o := &plumbing.MemoryObject{}
	o.SetType(t)
	_, _ = o.Write(data) // cannot fail in memory
	return o
}

// addPack keeps the objects of a pack that the remote sent.
func (s *store) addPack(pack io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return packfile.WritePackfileToObjectStorage(s.storage, pack)
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
