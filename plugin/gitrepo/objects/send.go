package objects

import (
	"bytes"
	"io"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
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

// WholeCommit gets everything of a commit, its trees and its blobs, and lists
// it: nothing of its parents, and no submodules. The first one comes in one request;
// of a later one most is here.
func (s *Store) WholeCommit(h, tree plumbing.Hash) ([]plumbing.Hash, error) {
	g := gatherer{store: s, met: map[plumbing.Hash]bool{h: true}, list: []plumbing.Hash{h}}
	need := s.NeedAll
	if s.hasWhole() {
		need = s.needFolders
	}
	err := need(tree)
	if err == nil {
		err = g.tree(plumbing.ZeroHash, tree, 0)
	}
	if err == nil {
		err = s.needListed(tree, g.list)
	}
	return g.list, err
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
