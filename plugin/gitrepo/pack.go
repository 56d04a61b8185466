package gitrepo

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // git's pack format ends with it
	"encoding/binary"
	"fmt"
	"hash"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// packer writes a pack of whole objects, one at a time. go-git's encoder keeps
// all objects in memory at once, which is too much for a large snapshot.
type packer struct {
	w    *bufio.Writer
	sum  hash.Hash
	zw   *zlib.Writer
	left int
}

func newPacker(w io.Writer, objects int) (*packer, error) {
	sum := sha1.New() //nolint:gosec // see the import
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 64<<10)
	zw, err := zlib.NewWriterLevel(out, zlib.BestSpeed)
	if err != nil {
		return nil, err
	}
	header := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(objects))
	_, err = out.Write(header)
	return &packer{w: out, sum: sum, zw: zw, left: objects}, err
}

func (p *packer) add(t plumbing.ObjectType, data []byte) error {
	size := len(data)
	b := byte(t)<<4 | byte(size&0xf)
	for size >>= 4; size > 0; size >>= 7 {
		if err := p.w.WriteByte(b | 0x80); err != nil {
			return err
		}
		b = byte(size & 0x7f)
	}
	if err := p.w.WriteByte(b); err != nil {
		return err
	}
	p.zw.Reset(p.w)
	if _, err := p.zw.Write(data); err != nil {
		return err
	}
	p.left--
	return p.zw.Close()
}

func (p *packer) finish(w io.Writer) error {
	if p.left != 0 {
		return fmt.Errorf("pack: %d objects announced and not written", p.left)
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	_, err := w.Write(p.sum.Sum(nil))
	return err
}

// writePack writes the objects as one pack.
func (s *store) writePack(w io.Writer, hashes []plumbing.Hash) error {
	p, err := newPacker(w, len(hashes))
	if err != nil {
		return err
	}
	for _, h := range hashes {
		t, data, err := s.get(plumbing.AnyObject, h)
		if err != nil {
			return err
		}
		if err := p.add(t, data); err != nil {
			return err
		}
	}
	return p.finish(w)
}

// Pack gets everything of exactly one commit, its trees and its blobs, into the
// clone, and returns what writes it as a pack; of the commit's parents it holds
// nothing. Submodules are left out. The pack is version 2, without deltas, so
// that it can be written as it is read. The remote is asked before the first
// byte: who reads the pack never waits for it.
func (r *Repo) Pack(commit string) (write func(io.Writer) error, err error) {
	h, c, err := r.commit(commit)
	if err != nil {
		return nil, fmt.Errorf("pack of a commit: %w", err)
	}
	g := gatherer{store: r.store, met: map[plumbing.Hash]bool{h: true}, list: []plumbing.Hash{h}}
	err = r.store.needFolders(c.TreeHash)
	if err == nil {
		err = g.tree(plumbing.ZeroHash, c.TreeHash, 0)
	}
	if err == nil {
		err = r.store.needListed(c.TreeHash, g.list)
	}
	if err != nil {
		return nil, fmt.Errorf("pack of commit %s: %w", commit, err)
	}
	return func(w io.Writer) error {
		if err := r.store.writePack(w, g.list); err != nil {
			return fmt.Errorf("pack of commit %s: %w", commit, err)
		}
		return nil
	}, nil
}

// gatherer collects hashes, each once.
type gatherer struct {
	store *store
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
	olds, err := g.store.tree(base)
	if err != nil {
		return err
	}
	had := make(map[string]entry, len(olds))
	for _, e := range olds {
		had[e.name] = e
	}
	entries, err := g.store.tree(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		old := had[e.name]
		switch {
		case e.hash == old.hash:
		case e.isTree():
			if !old.isTree() {
				old.hash = plumbing.ZeroHash
			}
			if err := g.tree(old.hash, e.hash, depth+1); err != nil {
				return err
			}
		case e.isBlob():
			g.add(e.hash)
		}
	}
	return nil
}

// packFor makes the pack that takes a commit to a remote which has the given
// commits. Commits that were fetched are on the remote already; of those made
// here, each brings what it adds to its first parent.
func (r *Repo) packFor(target plumbing.Hash, has map[plumbing.Hash]bool) ([]byte, error) {
	g := gatherer{store: r.store, met: map[plumbing.Hash]bool{}}
	todo := []plumbing.Hash{target}
	for len(todo) > 0 {
		h := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if has[h] || !r.isMade(h) || !g.add(h) {
			continue
		}
		c, err := r.store.commit(h)
		if err != nil {
			return nil, err
		}
		var base plumbing.Hash
		if len(c.ParentHashes) > 0 {
			parent, err := r.store.commit(c.ParentHashes[0])
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
	if err := r.store.need(g.list...); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err := r.store.writePack(&b, g.list)
	return b.Bytes(), err
}
