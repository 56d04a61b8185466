package gitrepo

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/linelog"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
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

// aheadCommits is of how many of the latest commits the upper folders come: a run
// compares the tip with what the branch was at the last one.
const aheadCommits = 16

// lookAhead fetches what every run reads of the tip: the upper folders, and
// with one more request what o.Ahead names. That something of it fails is no
// harm: what is missing is asked for again when it is read.
func (r *Repo) lookAhead(ctx context.Context, found wire.Refs) {
	tip := wire.Plan{Wants: []plumbing.Hash{found[r.branch]}, Filter: r.store.TopFilter(), Depth: aheadCommits}
	var logs []plumbing.Hash
	for _, ref := range r.ahead.Logs {
		if h := found[ref]; !h.IsZero() {
			logs = append(logs, h)
		}
	}
	tip.Wants = append(tip.Wants, logs...)
	if r.fetchMore(ctx, tip, pack.Bounds{}) != nil {
		return
	}
	wanted := r.filesAhead(found[r.branch])
	for _, h := range logs {
		wanted = append(wanted, linelog.Files(r.store, h)...)
	}
	if wanted = r.store.Absent(wanted); len(wanted) > 0 {
		_ = r.fetchMore(ctx, wire.Plan{Wants: wanted, Filter: wire.NoTrees}, r.store.FileBounds())
	}
}

// filesAhead are the files of a commit that r.ahead names, as far as their
// folders are here; none when they are too many.
func (r *Repo) filesAhead(commit plumbing.Hash) []plumbing.Hash {
	if r.ahead.Files == nil || !r.store.Has(commit) {
		return nil
	}
	c, err := r.store.Commit(commit)
	if err != nil {
		return nil
	}
	return r.store.FilesHere(c.TreeHash, r.ahead.Files, maxAhead)
}
