package gitrepo

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/utils/diff"
	"github.com/sergi/go-diff/diffmatchpatch"
)

// Blame finds the commit that last wrote a line of a file as it is in a commit.
// Lines count from 1. The search follows the line back through edits above it,
// through merges to the side it came from, and through a move of the unchanged
// file. ErrNotFound when there is no such file or line.
func (r *Repo) Blame(commit, file string, line int) (Commit, error) {
	h, c, err := r.commit(commit)
	if err == nil && (line < 1 || line > maxLine) {
		err = fmt.Errorf("%w: line %d", ErrNotFound, line)
	}
	if err != nil {
		return Commit{}, fmt.Errorf("blame %s: %w", printable(file), err)
	}
	b := blamer{repo: r, at: version{hash: h, commit: c, path: file}, line: line}
	err = b.open()
	for more := err == nil; more && err == nil; {
		more, err = b.back()
	}
	if err != nil {
		return Commit{}, fmt.Errorf("blame line %d of %s in %s: %w", line, printable(file), commit, err)
	}
	return newCommit(b.at.hash, b.at.commit), nil
}

const maxLine = 1 << 24

// version is a file in one commit.
type version struct {
	hash   plumbing.Hash
	commit *object.Commit
	path   string
	entry  entry // of the file; zero where it does not exist
}

// blamer walks back from version to version, as long as an earlier one has the
// line too.
type blamer struct {
	repo *Repo
	at   version
	line int // in that version
	text string
	seen map[plumbing.Hash]entry // by tree of a commit: what it has at path
}

func (b *blamer) open() error {
	var err error
	if b.at.entry, err = b.entry(b.at.commit, b.at.path); err != nil {
		return err
	}
	if !b.at.entry.isBlob() || b.at.entry.hash.IsZero() {
		return ErrNotFound
	}
	if b.text, err = b.content(b.at.entry); err != nil {
		return err
	}
	if b.line > lines(b.text) {
		return fmt.Errorf("%w: it has %d lines", ErrNotFound, lines(b.text))
	}
	return nil
}

// lines counts the lines of a text; the last may lack its line feed.
func lines(text string) int {
	n := strings.Count(text, "\n")
	if text != "" && !strings.HasSuffix(text, "\n") {
		n++
	}
	return n
}

func (b *blamer) content(e entry) (string, error) {
	size, err := b.repo.store.size(e.hash)
	if err == nil && size > MaxFileSize {
		err = fmt.Errorf("it has %d bytes; at most %d are read", size, MaxFileSize)
	}
	if err != nil {
		return "", err
	}
	_, data, err := b.repo.store.get(plumbing.BlobObject, e.hash)
	return string(data), err
}

// back goes to a parent that has the line, if one does.
func (b *blamer) back() (bool, error) {
	parents := make([]version, 0, len(b.at.commit.ParentHashes))
	for _, h := range b.at.commit.ParentHashes {
		c, err := b.repo.store.commit(h)
		if err != nil {
			return false, err
		}
		v := version{hash: h, commit: c, path: b.at.path}
		if v.entry, err = b.entry(c, v.path); err != nil {
			return false, err
		}
		if v.entry.hash.IsZero() {
			if v.path, v.entry, err = b.moved(c); err != nil {
				return false, err
			}
		}
		if v.entry.hash == b.at.entry.hash {
			b.move(v)
			return true, nil
		}
		if v.entry.isBlob() && !v.entry.hash.IsZero() {
			parents = append(parents, v)
		}
	}
	for _, v := range parents {
		text, err := b.content(v.entry)
		if err != nil {
			return false, err
		}
		if line, ok := lineBefore(text, b.text, b.line); ok {
			b.move(v)
			b.line, b.text = line, text
			return true, nil
		}
	}
	return false, nil
}

func (b *blamer) move(v version) {
	if v.path != b.at.path {
		b.seen = nil
	}
	b.at = v
}

// entry is what a commit has at a path. What the commits before it have there is
// fetched along with it, in a few requests for many commits.
func (b *blamer) entry(c *object.Commit, file string) (entry, error) {
	if e, ok := b.seen[c.TreeHash]; ok {
		return e, nil
	}
	if b.seen == nil {
		b.seen = map[plumbing.Hash]entry{}
	}
	if err := b.ahead(c, file); err != nil {
		return entry{}, err
	}
	e, err := b.repo.place(c.TreeHash, file)
	if err == nil {
		b.seen[c.TreeHash] = e
	}
	return e, err
}

// blameAhead is how many commits are looked at together.
const blameAhead = 256

// ahead fetches the folders on the way to a file for a commit and its first
// parents, level by level.
func (b *blamer) ahead(c *object.Commit, file string) error {
	s := b.repo.store
	if !s.promise.open.Load() || s.has(c.TreeHash) {
		return nil
	}
	var level []plumbing.Hash
	for range blameAhead {
		level = append(level, c.TreeHash)
		if len(c.ParentHashes) == 0 {
			break
		}
		var err error
		if c, err = s.commit(c.ParentHashes[0]); err != nil {
			return err
		}
	}
	for _, name := range strings.Split(file, "/") {
		if err := s.need(level...); err != nil {
			return err
		}
		var below []plumbing.Hash
		for _, h := range level {
			entries, err := s.tree(h)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.name == name && e.isTree() {
					below = append(below, e.hash)
				}
			}
		}
		level = below
	}
	return nil
}

// moved finds the place from which a commit took the file unchanged: one that
// the parent has and the commit has not.
func (b *blamer) moved(parent *object.Commit) (string, entry, error) {
	found, err := b.repo.store.diff(parent.TreeHash, b.at.commit.TreeHash, maxDifferences)
	if errors.Is(err, errTooMany) {
		return "", entry{}, nil
	}
	if err != nil {
		return "", entry{}, err
	}
	best := ""
	for _, d := range found {
		if d.new != nil || d.old == nil || d.old.hash != b.at.entry.hash {
			continue
		}
		// Of several, the one of the same name.
		if best == "" || path.Base(d.path) == path.Base(b.at.path) {
			best = d.path
		}
	}
	if best == "" {
		return b.at.path, entry{}, nil
	}
	return best, b.at.entry, nil
}

// lineBefore is the number that a line of a text has in an earlier text, if it
// is there.
func lineBefore(before, after string, line int) (int, bool) {
	old, now := 0, 0 // lines passed on each side
	for _, d := range diff.Do(before, after) {
		n := lines(d.Text)
		switch d.Type {
		case diffmatchpatch.DiffDelete:
			old += n
		case diffmatchpatch.DiffInsert:
			if now += n; line <= now {
				return 0, false
			}
		case diffmatchpatch.DiffEqual:
			if line <= now+n {
				return old + line - now, true
			}
			old, now = old+n, now+n
		}
	}
	return 0, false
}
