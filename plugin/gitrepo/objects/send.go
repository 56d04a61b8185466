package objects

import (
	"bytes"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// WritePack writes the objects as one pack.
func (s *Store) WritePack(w io.Writer, hashes []plumbing.Hash) error {
	p, err := pack.NewWriter(w, len(hashes))
	if err != nil {
		return err
	}
	for _, h := range hashes {
		t, data, err := s.Get(plumbing.AnyObject, h)
		if err != nil {
			return err
		}
		if err := p.Add(t, data); err != nil {
			return err
		}
	}
	return p.Finish()
}

// gatherer collects hashes, each once.
type gatherer struct {
	store *Store
	met   map[plumbing.Hash]bool
	list  []plumbing.Hash
}

func (g *gatherer) add(h plumbing.Hash) bool {
	if g.met[h] {
		return false
	}
	g.met[h] = true
	g.list = append(g.list, h)
	return true
}

// tree collects a tree and everything in it that the other tree does not have
// at the same place.
func (g *gatherer) tree(base, root plumbing.Hash, depth int) error {
	if base == root || !g.add(root) {
		return nil
	}
	if depth > maxDepth {
		return errTooMany
	}
	olds, err := g.store.Tree(base)
	if err != nil {
		return err
	}
	had := make(map[string]Entry, len(olds))
	for _, e := range olds {
		had[e.Name] = e
	}
	entries, err := g.store.Tree(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		old := had[e.Name]
		switch {
		case e.Hash == old.Hash:
		case e.IsTree():
			if !old.IsTree() {
				old.Hash = plumbing.ZeroHash
			}
			if err := g.tree(old.Hash, e.Hash, depth+1); err != nil {
				return err
			}
		case e.IsBlob():
			g.add(e.Hash)
		}
	}
	return nil
}

// Snapshot tells how one commit, its trees and its blobs, gets to a receiver who
// has everything of the commit held, "" for nothing. base is held when what is
// written is all that the receiver lacks then, and "" when it is everything: of a
// commit that nobody here knows, or that has little in common with this one.
//
// What is written is a pack of version 2 without deltas, so that it can be written
// as it is read, with nothing of the commit's parents and no submodules. The remote
// is asked before: who reads the pack never waits for it.
type Snapshot func(held string) (base string, write func(io.Writer) error)

// Snapshot gets everything of a commit.
func (s *Store) Snapshot(h, tree plumbing.Hash) (Snapshot, error) {
	need := s.NeedAll // one request; of a later commit most is here
	if s.hasWhole() {
		need = s.needFolders
	}
	err := need(tree)
	var whole []plumbing.Hash
	if err == nil {
		whole, err = s.beyond(plumbing.ZeroHash, h, tree)
	}
	if err == nil {
		err = s.needListed(tree, whole)
	}
	if err != nil {
		return nil, fmt.Errorf("pack of commit %s: %w", h, err)
	}
	return func(held string) (base string, write func(io.Writer) error) {
		list := whole
		if rest, err := s.beside(plumbing.NewHash(held), h, tree); err == nil && s.isFraction(rest, whole) {
			list, base = rest, held
		}
		return base, func(w io.Writer) error {
			if err := s.WritePack(w, list); err != nil {
				return fmt.Errorf("pack of commit %s: %w", h, err)
			}
			return nil
		}
	}, nil
}

// beside lists what a commit has beside another one that is here.
func (s *Store) beside(held, h, tree plumbing.Hash) ([]plumbing.Hash, error) {
	if !s.Has(held) {
		return nil, wire.ErrNotFound
	}
	c, err := s.Commit(held)
	if err != nil {
		return nil, err
	}
	if c.TreeHash != tree {
		if err := s.needFolders(c.TreeHash); err != nil {
			return nil, err
		}
	}
	return s.beyond(c.TreeHash, h, tree)
}

// beyond lists a commit, and what its tree has that a base does not have at the same
// place.
func (s *Store) beyond(base, h, tree plumbing.Hash) ([]plumbing.Hash, error) {
	g := gatherer{store: s, met: map[plumbing.Hash]bool{h: true}, list: []plumbing.Hash{h}}
	err := g.tree(base, tree, 0)
	return g.list, err
}

// fraction is what part of a snapshot may be sent beside one that a receiver has.
// With more, the receiver had better have this one for the next time.
const fraction = 8

// isFraction reports whether objects have few of the bytes of a snapshot.
func (s *Store) isFraction(part, whole []plumbing.Hash) bool {
	sum := func(list []plumbing.Hash) (bytes int64) {
		for _, h := range list {
			size, _ := s.stat(h) // all are here
			bytes += size
		}
		return bytes
	}
	return sum(part)*fraction <= sum(whole)
}

// PackFor makes the pack that takes a commit to a remote which has the given
// commits. Commits that were fetched are on the remote already; of those made
// here, each brings what it adds to its first parent.
func (s *Store) PackFor(target plumbing.Hash, has map[plumbing.Hash]bool) ([]byte, error) {
	g := gatherer{store: s, met: map[plumbing.Hash]bool{}}
	todo := []plumbing.Hash{target}
	for len(todo) > 0 {
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if has[h] || !s.isMade(h) || !g.add(h) {
			continue
		}
		c, err := s.Commit(h)
		if err != nil {
			return nil, err
		}
		var base plumbing.Hash
		if len(c.ParentHashes) > 0 {
			parent, err := s.Commit(c.ParentHashes[0])
			if err != nil {
				return nil, err
			}
			base = parent.TreeHash
		}
		if err := g.tree(base, c.TreeHash, 0); err != nil {
			return nil, err
		}
		todo = append(todo, c.ParentHashes...)
	}
	// A file that was moved is sent again, so it must be here.
	if err := s.Need(g.list...); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := s.WritePack(&b, g.list)
	return b.Bytes(), err
}
