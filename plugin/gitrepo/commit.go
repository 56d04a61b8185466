package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
)

// Commit makes a commit of the tree on the parent, by our identity, now, signed
// where there is a key for that. The message is taken as it is. An empty parent makes a root commit.
func (r *Repo) Commit(parent, tree, message string) (string, error) {
	p, err := parseHash(parent)
	if err != nil {
		return "", fmt.Errorf("make a commit: %w", err)
	}
	t, err := parseHash(tree)
	if err != nil {
		return "", fmt.Errorf("make a commit: %w", err)
	}
	h, err := r.makeCommit(p, t, message)
	if err != nil {
		return "", fmt.Errorf("make a commit: %w", err)
	}
	return h.String(), nil
}

func (r *Repo) makeCommit(parent, tree plumbing.Hash, message string) (plumbing.Hash, error) {
	if _, err := r.store.Tree(tree); err != nil {
		return plumbing.ZeroHash, err
	}
	var parents []plumbing.Hash
	if !parent.IsZero() {
		if _, err := r.store.Commit(parent); err != nil {
			return plumbing.ZeroHash, err
		}
		parents = []plumbing.Hash{parent}
	}
	data, err := r.encodeCommit(parents, tree, message)
	if err != nil {
		return plumbing.ZeroHash, err
	}
	return r.store.Put(plumbing.CommitObject, data)
}

func (r *Repo) encodeCommit(parents []plumbing.Hash, tree plumbing.Hash, message string) ([]byte, error) {
	if strings.ContainsRune(message, 0) {
		return nil, errors.New("the message holds a NUL")
	}
	who := object.Signature{Name: r.author.Name, Email: r.author.Email, When: r.now().UTC()}
	c := object.Commit{Author: who, Committer: who, Message: message, TreeHash: tree, ParentHashes: parents}
	data, err := encoded(c)
	if err != nil || r.signer == nil {
		return data, err
	}
	// The header is named after what signed commits first; git takes every
	// format there.
	if c.PGPSignature, err = sshkey.Sign(r.signer, "git", data); err != nil {
		return nil, err
	}
	return encoded(c)
}

// encoded is the commit as an object's content.
func encoded(c object.Commit) ([]byte, error) {
	o := &plumbing.MemoryObject{}
	if err := c.Encode(o); err != nil {
		return nil, err
	}
	rd, err := o.Reader()
	if err != nil {
		return nil, err
	}
	data := make([]byte, o.Size())
	_, err = io.ReadFull(rd, data)
	return data, err
}

// WithFiles makes a commit on top of another one in which the given files have
// the given content. Files that exist keep their mode, new ones are plain; the
// path of a link, a submodule or a folder is an error. When nothing differs no
// commit is made and the given one is returned.
func (r *Repo) WithFiles(commit string, files map[string][]byte, message string) (string, error) {
	h, c, err := r.commit(commit)
	if err != nil {
		return "", fmt.Errorf("write files on a commit: %w", err)
	}
	changes := make(map[string]*objects.Entry, len(files))
	for path, content := range files {
		if err := objects.CheckPath(path); err != nil {
			return "", fmt.Errorf("write %s: %w", wire.Printable(path), err)
		}
		e, err := r.place(c.TreeHash, path)
		if err != nil {
			return "", fmt.Errorf("write %s: %w", path, err)
		}
		switch e.Mode {
		case 0:
			e.Mode = objects.ModeFile
		case objects.ModeFile, objects.ModeProgram:
		default:
			return "", fmt.Errorf("write %s: it is no regular file (mode %06o)", path, e.Mode)
		}
		if e.Hash, err = r.store.Put(plumbing.BlobObject, content); err != nil {
			return "", fmt.Errorf("write %s: %w", path, err)
		}
		changes[path] = &e
	}
	tree, err := r.store.Edit(c.TreeHash, changes)
	if err != nil {
		return "", fmt.Errorf("write files on %s: %w", commit, err)
	}
	if tree == c.TreeHash {
		return commit, nil
	}
	made, err := r.makeCommit(h, tree, message)
	if err != nil {
		return "", fmt.Errorf("write files on %s: %w", commit, err)
	}
	return made.String(), nil
}

// Replay makes the commit again on another one: the same files get the same
// content, mode or absence, with the same message. ErrMoved when one of its
// paths, or anything below the guard folder, differs between the commit's
// parent and onto: then what was planned and judged is no longer what would
// result. An empty guard guards only the commit's own paths.
func (r *Repo) Replay(commit, onto, guard string) (string, error) {
	_, c, err := r.commit(commit)
	if err != nil {
		return "", fmt.Errorf("replay: %w", err)
	}
	target, to, err := r.commit(onto)
	if err != nil {
		return "", fmt.Errorf("replay %s: %w", commit, err)
	}
	if len(c.ParentHashes) != 1 {
		return "", fmt.Errorf("replay %s: it has %d parents, not one", commit, len(c.ParentHashes))
	}
	if c.ParentHashes[0] == target {
		return commit, nil
	}
	parent, err := r.store.Commit(c.ParentHashes[0])
	if err != nil {
		return "", fmt.Errorf("replay %s: %w", commit, err)
	}
	changes, err := r.movable(parent.TreeHash, c.TreeHash, to.TreeHash, guard)
	if err != nil {
		return "", fmt.Errorf("replay %s on %s: %w", commit, onto, err)
	}
	tree, err := r.store.Edit(to.TreeHash, changes)
	if errors.Is(err, objects.ErrCollides) {
		err = fmt.Errorf("%w: %w", ErrMoved, err)
	}
	if err != nil {
		return "", fmt.Errorf("replay %s on %s: %w", commit, onto, err)
	}
	h, err := r.makeCommit(target, tree, c.Message)
	if err != nil {
		return "", fmt.Errorf("replay %s on %s: %w", commit, onto, err)
	}
	return h.String(), nil
}

// movable is what a commit changes, when all of it may be done to another tree
// as well.
func (r *Repo) movable(parent, own, onto plumbing.Hash, guard string) (map[string]*objects.Entry, error) {
	found, err := r.store.Diff(parent, own, maxDifferences)
	if err != nil {
		return nil, err
	}
	guarded := make([]string, 0, len(found)+1)
	if guard != "" {
		guarded = append(guarded, strings.Trim(guard, "/"))
	}
	changes := make(map[string]*objects.Entry, len(found))
	for _, d := range found {
		changes[d.Path] = d.New
		guarded = append(guarded, d.Path)
	}
	for _, path := range guarded {
		was, err := r.place(parent, path)
		if err != nil {
			return nil, err
		}
		is, err := r.place(onto, path)
		if err != nil {
			return nil, err
		}
		if was != is {
			return nil, fmt.Errorf("%w: %s", ErrMoved, wire.Printable(path))
		}
	}
	return changes, nil
}
