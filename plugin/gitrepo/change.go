package gitrepo

import (
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/change"
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
func (r *Repo) Diff(base, tree string) (change.Change, error) {
	out := change.Change{Base: base, Tree: tree}
	_, c, err := r.commit(base)
	if err != nil {
		return out, fmt.Errorf("compare with the base: %w", err)
	}
	after, err := parseHash(tree)
	if err != nil || after.IsZero() {
		return out, fmt.Errorf("compare with %s: %q is no full hash of a tree", base, printable(tree))
	}
	found, err := r.store.diff(c.TreeHash, after, maxDifferences)
	if err != nil {
		return out, fmt.Errorf("compare %s with %s: %w", base, tree, err)
	}
	if err := r.store.need(contents(found)...); err != nil {
		return out, fmt.Errorf("compare %s with %s: %w", base, tree, err)
	}
	d := describer{store: r.store, attributes: newAttributes(r.store, c.TreeHash), room: maxContents}
	for _, one := range found {
		file, err := d.describe(one)
		if err != nil {
			return out, fmt.Errorf("compare %s with %s: %s: %w", base, tree, printable(one.path), err)
		}
		out.Files = append(out.Files, file)
	}
	return out, nil
}

// contents are the objects of both sides of all differences.
func contents(found []difference) []plumbing.Hash {
	var hashes []plumbing.Hash
	for _, d := range found {
		for _, side := range []*entry{d.old, d.new} {
			if side != nil && side.isBlob() {
				hashes = append(hashes, side.hash)
			}
		}
	}
	return hashes
}

// describer turns differences into files of a change.
type describer struct {
	store      *store
	attributes *attributes
	room       int64 // bytes of content that may still be filled in
}

func (d *describer) describe(one difference) (change.File, error) {
	f := change.File{Path: one.path, Kind: change.Modified}
	var err error
	if one.old == nil {
		f.Kind = change.Added
	} else if f.OldMode, f.OldSize, f.Old, err = d.side(*one.old); err != nil {
		return f, err
	}
	if one.new == nil {
		f.Kind = change.Deleted
	} else if f.NewMode, f.NewSize, f.New, err = d.side(*one.new); err != nil {
		return f, err
	}
	f.Filtered, err = d.attributes.filtered(one.path)
	return f, err
}

func (d *describer) side(e entry) (mode uint32, size int64, content []byte, err error) {
	if !e.isBlob() {
		return e.mode, 0, nil, nil
	}
	if size, err = d.store.size(e.hash); err != nil {
		return e.mode, 0, nil, err
	}
	if size > MaxContent || size > d.room {
		return e.mode, size, nil, nil
	}
	d.room -= size
	_, content, err = d.store.get(plumbing.BlobObject, e.hash)
	return e.mode, size, content, err
}
