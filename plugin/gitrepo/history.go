package gitrepo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// Commit is one commit of the clone.
type Commit struct {
	Hash      string
	Parent    string // first parent, empty for a root commit
	Merge     bool   // it has more than one parent
	Tree      string
	Author    Signature
	Committer Signature
	Message   string    // as written, trailers included
	Time      time.Time // when it was committed, UTC
}

func newCommit(h plumbing.Hash, c *object.Commit) Commit {
	out := Commit{
		Hash: h.String(), Merge: len(c.ParentHashes) > 1, Tree: c.TreeHash.String(),
		Author:    Signature{Name: c.Author.Name, Email: c.Author.Email},
		Committer: Signature{Name: c.Committer.Name, Email: c.Committer.Email}, Message: c.Message, Time: c.Committer.When.UTC(),
	}
	if len(c.ParentHashes) > 0 {
		out.Parent = c.ParentHashes[0].String()
	}
	return out
}

// Lookup reads one commit. ErrNotFound when the clone does not have it.
func (r *Repo) Lookup(commit string) (Commit, error) {
	h, c, err := r.commit(commit)
	if err != nil {
		return Commit{}, err
	}
	return newCommit(h, c), nil
}

// commit reads the commit that a full hash names.
func (r *Repo) commit(hash string) (plumbing.Hash, *object.Commit, error) {
	h, err := parseHash(hash)
	if err == nil && h.IsZero() {
		err = fmt.Errorf("%w: the zero hash is no commit", wire.ErrNotFound)
	}
	if err != nil {
		return h, nil, fmt.Errorf("commit: %w", err)
	}
	c, err := r.store.Commit(h)
	return h, c, err
}

// Log calls fn for every commit in the history of from, itself included, the
// latest first, until fn returns false.
func (r *Repo) Log(from string, fn func(Commit) bool) error {
	return r.walk(from, plumbing.ZeroHash, fn)
}

// walk is Log without the commit to skip and what is only in its history.
func (r *Repo) walk(from string, skip plumbing.Hash, fn func(Commit) bool) error {
	h, c, err := r.commit(from)
	if err != nil {
		return fmt.Errorf("read the history: %w", err)
	}
	type dated struct {
		hash   plumbing.Hash
		commit *object.Commit
	}
	queue := []dated{{h, c}} // the latest last
	met := map[plumbing.Hash]bool{h: true, skip: true}
	for len(queue) > 0 {
		next := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !fn(newCommit(next.hash, next.commit)) {
			return nil
		}
		for _, p := range next.commit.ParentHashes {
			if met[p] {
				continue
			}
			met[p] = true
			c, err := r.store.Commit(p)
			if err != nil {
				return fmt.Errorf("read the history: %w", err)
			}
			at, _ := slices.BinarySearchFunc(queue, c.Committer.When, func(d dated, when time.Time) int { return d.commit.Committer.When.Compare(when) })
			queue = slices.Insert(queue, at, dated{p, c})
		}
	}
	return nil
}

// Contains reports whether the history of tip holds the commit, tip itself
// included. A commit that the clone does not have is in no history.
func (r *Repo) Contains(tip, commit string) (bool, error) {
	if _, _, err := r.commit(commit); errors.Is(err, wire.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	found := false
	err := r.Log(tip, func(c Commit) bool {
		found = c.Hash == commit
		return !found
	})
	return found, err
}

// Changed lists the files that exist in tip and differ from base, sorted: new
// and changed ones, renamed ones under their new name, removed ones not. With
// folders given, only what is below these is compared, which costs less. The two
// commits need not be related. ErrUnknownBase when base is not in the
// clone, empty or zeros: then nothing is known and all files must be looked at.
func (r *Repo) Changed(base, tip string, below ...string) ([]string, error) {
	_, to, err := r.commit(tip)
	if err != nil {
		return nil, fmt.Errorf("changed files: %w", err)
	}
	if !fullHash().MatchString(base) {
		return nil, fmt.Errorf("%w: %q", ErrUnknownBase, wire.Printable(base))
	}
	_, from, err := r.commit(base)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrUnknownBase, base)
	}
	found, err := r.compare(from.TreeHash, to.TreeHash, below)
	if errors.Is(err, objects.ErrMissing) {
		// The remote gave its files up after the branch was rewritten.
		return nil, fmt.Errorf("%w: of %s: %w", ErrUnknownBase, base, err)
	}
	if err != nil {
		return nil, fmt.Errorf("changed files between %s and %s: %w", base, tip, err)
	}
	var paths []string
	for _, d := range found {
		if d.New != nil && d.New.IsBlob() {
			paths = append(paths, d.Path)
		}
	}
	return paths, nil
}

// compare is the difference between two trees, of all or only below some
// folders.
func (r *Repo) compare(before, after plumbing.Hash, below []string) ([]objects.Difference, error) {
	if err := errors.Join(r.store.NeedTop(before), r.store.NeedTop(after)); err != nil {
		return nil, err
	}
	if len(below) == 0 {
		return r.store.Diff(before, after, objects.MaxFiles)
	}
	var all []objects.Difference
	for _, folder := range outermost(below) {
		var trees [2]plumbing.Hash
		for i, root := range []plumbing.Hash{before, after} {
			e, err := r.place(root, folder)
			if err != nil {
				return nil, err
			}
			if e.IsTree() {
				trees[i] = e.Hash
			}
		}
		found, err := r.store.Diff(trees[0], trees[1], objects.MaxFiles)
		if err != nil {
			return nil, err
		}
		for i := range found {
			found[i].Path = strings.TrimPrefix(folder+"/"+found[i].Path, "/")
		}
		all = append(all, found...)
	}
	slices.SortFunc(all, func(a, b objects.Difference) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// outermost are those folders that are in no other of them; "." is the whole
// tree.
func outermost(folders []string) []string {
	var out []string
	for _, folder := range slices.Sorted(slices.Values(folders)) {
		folder = strings.Trim(folder, "/")
		if folder == "." || folder == "" {
			return []string{""}
		}
		if !slices.ContainsFunc(out, func(o string) bool { return folder == o || strings.HasPrefix(folder, o+"/") }) {
			out = append(out, folder)
		}
	}
	return out
}

// Touched reports whether anything below the folder differs between two commits.
// The folder may be the path of a file as well; "" is the whole tree.
func (r *Repo) Touched(a, b, folder string) (bool, error) {
	var at [2]objects.Entry
	for i, hash := range []string{a, b} {
		_, c, err := r.commit(hash)
		if err != nil {
			return false, fmt.Errorf("compare %s: %w", wire.Printable(folder), err)
		}
		if at[i], err = r.place(c.TreeHash, folder); err != nil {
			return false, fmt.Errorf("compare %s: %w", wire.Printable(folder), err)
		}
	}
	return at[0].Hash != at[1].Hash || at[0].Mode != at[1].Mode, nil
}

// place is the entry at a path, the zero entry when there is none.
func (r *Repo) place(root plumbing.Hash, path string) (objects.Entry, error) {
	if path == "" || path == "." {
		return objects.Entry{Mode: objects.ModeTree, Hash: root}, nil
	}
	e, err := r.store.Find(root, path)
	if errors.Is(err, wire.ErrNotFound) {
		return objects.Entry{}, nil
	}
	e.Name = ""
	return e, err
}

// Files lists the paths of all files of a commit, sorted, symbolic links
// included, submodules not. With folders given it lists only what is below
// these, which costs less.
func (r *Repo) Files(commit string, below ...string) ([]string, error) {
	_, c, err := r.commit(commit)
	if err != nil {
		return nil, fmt.Errorf("list the files: %w", err)
	}
	found, err := r.compare(plumbing.ZeroHash, c.TreeHash, below)
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", commit, err)
	}
	paths := make([]string, 0, len(found))
	for _, d := range found {
		if d.New.IsBlob() {
			paths = append(paths, d.Path)
		}
	}
	return paths, nil
}

// Prefetch makes sure that the files of a commit are in the clone, all of them in
// one request to the remote. That is only faster: reading them does the same,
// one by one. Paths that do not exist, and files over MaxFileSize, are left for
// ReadFile to refuse.
func (r *Repo) Prefetch(commit string, paths []string) error {
	_, c, err := r.commit(commit)
	if err != nil {
		return fmt.Errorf("fetch files: %w", err)
	}
	blobs := make([]plumbing.Hash, 0, len(paths))
	for _, path := range paths {
		e, err := r.place(c.TreeHash, path)
		if err != nil {
			return fmt.Errorf("fetch files of %s: %w", commit, err)
		}
		if e.IsBlob() && !e.Hash.IsZero() {
			blobs = append(blobs, e.Hash)
		}
	}
	if err := r.store.NeedFiles(blobs...); err != nil {
		return fmt.Errorf("fetch files of %s: %w", commit, err)
	}
	return nil
}

// ReadFile is the content of a file in a commit. ErrNotFound when there is
// none, ErrNotRegular for links, folders and submodules, ErrMissing when the
// remote did not send it, ErrTooLarge for files over MaxFileSize.
func (r *Repo) ReadFile(commit, path string) ([]byte, error) {
	_, c, err := r.commit(commit)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", wire.Printable(path), err)
	}
	data, err := r.readFile(c.TreeHash, path)
	if err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", wire.Printable(path), commit, err)
	}
	return data, nil
}

func (r *Repo) readFile(root plumbing.Hash, path string) ([]byte, error) {
	e, err := r.store.Find(root, path)
	if err != nil {
		return nil, err
	}
	if e.Mode != objects.ModeFile && e.Mode != objects.ModeProgram && e.Mode != 0o100664 {
		return nil, fmt.Errorf("%w (mode %06o)", objects.ErrNotRegular, e.Mode)
	}
	return r.store.File(e.Hash)
}
