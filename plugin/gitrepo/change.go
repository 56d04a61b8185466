package gitrepo

import (
	"fmt"
	"io"
	"path"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/attributes"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/item"
)

// Limits of Diff.
const (
	// MaxContent is the largest content that Diff fills in for one file, in
	// bytes. Larger ones have their size only.
	MaxContent = 1 << 20
	// maxContents bounds the contents of one Diff together.
	maxContents = 64 << 20
	// maxDifferences is how many files one change may touch at all.
	maxDifferences = 20000
)

// Diff is the difference between a base commit and a tree, both in the clone.
// Contents over MaxContent, and those after 64 MiB in all, are left nil.
// Filtered comes from the base's own .gitattributes files, of every folder.
func (r *Repo) Diff(base, tree string) (item.Change, error) {
	var out item.Change
	_, c, err := r.commit(base)
	if err != nil {
		return out, fmt.Errorf("compare with the base: %w", err)
	}
	after, err := parseHash(tree)
	if err != nil || after.IsZero() {
		return out, fmt.Errorf("compare with %s: %q is no full hash of a tree", base, wire.Printable(tree))
	}
	found, err := r.store.Diff(c.TreeHash, after, maxDifferences)
	if err != nil {
		return out, fmt.Errorf("compare %s with %s: %w", base, tree, err)
	}
	if err := r.store.Need(contents(found)...); err != nil {
		return out, fmt.Errorf("compare %s with %s: %w", base, tree, err)
	}
	d := describer{store: r.store, attributes: attributes.New(r.attributesOf(c.TreeHash)), room: maxContents}
	for _, one := range found {
		file, err := d.describe(one)
		if err != nil {
			return out, fmt.Errorf("compare %s with %s: %s: %w", base, tree, wire.Printable(one.Path), err)
		}
		out.Files = append(out.Files, file)
	}
	return out, nil
}

// attributesOf reads the .gitattributes below a tree. Links are not followed,
// as in git.
func (r *Repo) attributesOf(root plumbing.Hash) func(folder string) ([]byte, error) {
	return func(folder string) ([]byte, error) {
		e, err := r.place(root, path.Join(folder, ".gitattributes"))
		if err != nil || e.Mode&objects.ModeMask != objects.ModeFile&objects.ModeMask {
			return nil, err
		}
		_, data, err := r.store.Get(plumbing.BlobObject, e.Hash)
		return data, err
	}
}

// contents are the objects of both sides of all differences.
func contents(found []objects.Difference) []plumbing.Hash {
	var hashes []plumbing.Hash
	for _, d := range found {
		for _, side := range []*objects.Entry{d.Old, d.New} {
			if side != nil && side.IsBlob() {
				hashes = append(hashes, side.Hash)
			}
		}
	}
	return hashes
}

// describer turns differences into files of a change.
type describer struct {
	store      *objects.Store
	attributes *attributes.Files
	room       int64 // bytes of content that may still be filled in
}

func (d *describer) describe(one objects.Difference) (item.File, error) {
	f := item.File{Path: one.Path, Kind: item.Modified}
	var err error
	if one.Old == nil {
		f.Kind = item.Added
	} else if f.OldMode, f.OldSize, f.Old, err = d.side(*one.Old); err != nil {
		return f, err
	}
	if one.New == nil {
		f.Kind = item.Deleted
	} else if f.NewMode, f.NewSize, f.New, err = d.side(*one.New); err != nil {
		return f, err
	}
	f.Filtered, err = d.attributes.Filtered(one.Path)
	return f, err
}

func (d *describer) side(e objects.Entry) (mode uint32, size int64, content []byte, err error) {
	if !e.IsBlob() {
		return e.Mode, 0, nil, nil
	}
	if size, err = d.store.Size(e.Hash); err != nil {
		return e.Mode, 0, nil, err
	}
	if size > MaxContent || size > d.room {
		return e.Mode, size, nil, nil
	}
	d.room -= size
	_, content, err = d.store.Get(plumbing.BlobObject, e.Hash)
	return e.Mode, size, content, err
}

// Import takes the objects of a tree out of a pack, see objects.Store.Import.
// base is the commit that the tree is made on, "" for none.
func (r *Repo) Import(base, tree string, pack io.Reader, most int64) error {
	root, err := parseHash(tree)
	if err != nil || root.IsZero() {
		return fmt.Errorf("import a tree: %q is no full hash", wire.Printable(tree))
	}
	var before plumbing.Hash
	if base != "" {
		_, c, err := r.commit(base)
		if err != nil {
			return fmt.Errorf("import tree %s: its base: %w", tree, err)
		}
		before = c.TreeHash
	}
	if err := r.store.Import(before, root, pack, most); err != nil {
		return fmt.Errorf("import tree %s: %w", tree, err)
	}
	return nil
}

// Snapshot is one commit, ready to be sent as a pack.
type Snapshot = objects.Snapshot

// Pack gets everything of exactly one commit, its trees and its blobs, into the
// clone, and returns what writes it as a pack.
func (r *Repo) Pack(commit string) (Snapshot, error) {
	h, c, err := r.commit(commit)
	if err != nil {
		return nil, fmt.Errorf("pack of a commit: %w", err)
	}
	return r.store.Snapshot(h, c.TreeHash)
}
