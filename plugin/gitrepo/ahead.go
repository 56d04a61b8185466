package gitrepo

import (
	"context"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Ahead is what a run is known to read first. A filtered clone fetches it
// while the commits still arrive.
type Ahead struct {
	Files func(path string) bool // of the branch's tip, at most maxAhead of them; may be nil
	Logs  []string               // refs for ReadLog
}

// maxAhead is up to how many files are fetched without knowing that they are
// wanted: more of them cost more than the request that is saved.
const maxAhead = 256

// lookAhead fetches what every run reads of the tip: the upper folders, and
// with one more request what o.Ahead names. That something of it fails is no
// harm: what is missing is asked for again when it is read.
func (r *Repo) lookAhead(ctx context.Context, found refs) {
	tip := fetchPlan{wants: []plumbing.Hash{found[r.branch]}, filter: r.store.promise.top(), depth: 1}
	var logs []plumbing.Hash
	for _, ref := range r.ahead.Logs {
		if h := found[ref]; !h.IsZero() {
			logs = append(logs, h)
		}
	}
	tip.wants = append(tip.wants, logs...)
	if r.store.promise.ask(ctx, tip) != nil {
		return
	}
	wanted := r.filesAhead(found[r.branch])
	for _, h := range logs {
		wanted = append(wanted, r.logAhead(h)...)
	}
	if wanted = r.store.absent(wanted); len(wanted) > 0 {
		_ = r.store.promise.ask(ctx, fetchPlan{wants: wanted, filter: filterAll, bounds: bounds{object: MaxFileSize}})
	}
}

// filesAhead are the files of a commit that r.ahead names, as far as their
// folders are here; none when they are too many.
func (r *Repo) filesAhead(commit plumbing.Hash) []plumbing.Hash {
	if r.ahead.Files == nil || !r.store.has(commit) {
		return nil
	}
	c, err := r.store.commit(commit)
	if err != nil {
		return nil
	}
	g := foresight{store: r.store, wanted: r.ahead.Files}
	if g.folder(c.TreeHash, "", 0) != nil {
		return nil
	}
	return g.found
}

// foresight collects files by their paths, in those folders that are here.
type foresight struct {
	store  *store
	wanted func(path string) bool
	found  []plumbing.Hash
	steps  int
}

func (g *foresight) folder(tree plumbing.Hash, prefix string, depth int) error {
	// A tree can name one folder many times over on many levels.
	if g.steps++; g.steps > maxDifferences || depth > maxDepth || len(prefix) > maxPath {
		return errTooMany
	}
	o, err := g.store.read(tree)
	if err != nil {
		return nil //nolint:nilerr // a folder that is not here is looked into later
	}
	entries, err := parseTree(o.data)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := strings.TrimPrefix(prefix+"/"+e.name, "/")
		switch {
		case e.isTree():
			if err := g.folder(e.hash, path, depth+1); err != nil {
				return err
			}
		case e.isBlob() && g.wanted(path):
			if len(g.found) == maxAhead {
				return errTooMany
			}
			g.found = append(g.found, e.hash)
		}
	}
	return nil
}

// logAhead are the files of a log.
func (r *Repo) logAhead(commit plumbing.Hash) (files []plumbing.Hash) {
	if !r.store.has(commit) {
		return nil
	}
	c, err := r.store.commit(commit)
	if err != nil || !r.store.has(c.TreeHash) {
		return nil
	}
	found, _, err := r.logParts(commit)
	if err != nil {
		return nil
	}
	for _, p := range found {
		files = append(files, p.hash)
	}
	return files
}
