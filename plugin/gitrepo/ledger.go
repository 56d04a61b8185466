package gitrepo

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/linelog"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// Messages of the commits that a log's chain is made of. A log may be a branch, which
// starts no pipeline.
const (
	logAppend = "append to the ledger [ci skip]\n"
	logSum    = "compact the ledger [ci skip]\n"
)

// Log is a log as far as it can be read.
type Log = linelog.Log

// ReadLog is a log as of the last Fetch, AppendLog or CompactLog. A ref that does
// not exist is an empty log. Files that are damaged, or more than a log can have,
// are passed over and counted.
func (r *Repo) ReadLog(ref string) (Log, error) {
	if err := checkOwn(ref); err != nil {
		return Log{}, fmt.Errorf("read the log: %w", err)
	}
	log, err := linelog.Read(r.store, r.seen(ref))
	if err != nil {
		return Log{}, fmt.Errorf("read the log %s: %w", ref, err)
	}
	return log, nil
}

// AppendLog adds lines at the end of a log, in one commit. What others append at
// the same time is kept, in the order of arrival. A missing line feed at the end
// is added. No two appends may have the same lines: by them it is known that
// lines whose reply was lost are there already. In the same push it deletes the refs
// below OwnRefs that are at these commits, where the remote takes both or none: Seen
// tells whether they are gone.
func (r *Repo) AppendLog(ctx context.Context, ref string, lines []byte, settled ...Standing) error {
	if err := checkOwn(ref); err != nil {
		return fmt.Errorf("append to the log: %w", err)
	}
	if len(lines) == 0 {
		return nil
	}
	lines = linelog.EndLine(lines)
	return r.changeLog(ctx, ref, settled, func(old, sent plumbing.Hash) (plumbing.Hash, error) {
		if !sent.IsZero() {
			if there, err := r.logHas(old, sent, lines); there || err != nil {
				return old, err
			}
		}
		tree, err := linelog.Append(r.store, old, lines)
		if err != nil {
			return old, err
		}
		return r.logCommit(old, tree, logAppend)
	})
}

// CompactLog replaces a log by the summary of its lines, all but the newest: a
// chain of one commit, or, where the remote takes no such update, one commit more
// on the chain. Either is one compare-and-swap: what others append at the same
// time is kept, and at no moment is anything missing. Of the log, what cannot be
// read is left out.
func (r *Repo) CompactLog(ctx context.Context, ref string, summarise func(lines []byte) ([]byte, error)) error {
	if err := checkOwn(ref); err != nil {
		return fmt.Errorf("compact the log: %w", err)
	}
	compact := func(anew bool) error {
		return r.changeLog(ctx, ref, nil, func(old, _ plumbing.Hash) (plumbing.Hash, error) { return r.compacted(old, anew, summarise) })
	}
	err := compact(true)
	if errors.Is(err, ErrPushRefused) {
		err = compact(false)
	}
	return err
}

// Standing is a ref of ours that is at a commit.
type Standing struct{ Ref, Commit string }

// changeLog swaps a log for its next commit, which is made again whenever
// somebody else was faster, and deletes what is settled by it. next gets the commit
// that the log has and the one that was sent last, and returns the former when there
// is nothing to do.
func (r *Repo) changeLog(ctx context.Context, ref string, settled []Standing, next func(old, sent plumbing.Hash) (plumbing.Hash, error)) error {
	u := wire.Update{Ref: ref}
	return r.whileRivalsWin(ctx, func() (err error) {
		if !u.New.IsZero() {
			if _, err = r.Fetch(ctx); err != nil {
				return err
			}
		}
		u.Old = r.seen(ref)
		if u.New, err = next(u.Old, u.New); err != nil {
			return fmt.Errorf("write the log %s: %w", ref, err)
		}
		if u.New == u.Old {
			return nil
		}
		all := []wire.Update{u}
		for _, s := range settled {
			if at := r.seen(s.Ref); !at.IsZero() && at.String() == s.Commit && checkOwn(s.Ref) == nil {
				all = append(all, wire.Update{Ref: s.Ref, Old: at})
			}
		}
		if err = r.swapAll(ctx, all, true, r.packOf(u.New)); len(all) > 1 && errors.Is(err, ErrPushRefused) {
			apart := errors.Is(err, wire.ErrApart)
			if err = r.swap(ctx, u, r.packOf(u.New)); err == nil && !apart {
				r.keepsRefs.Store(true) // what was refused are the others
			}
		}
		return err
	})
}

// logHas reports whether a log has the lines that were sent as a commit: it stands
// on that commit, or was compacted since, which keeps its newest lines.
func (r *Repo) logHas(now, sent plumbing.Hash, lines []byte) (bool, error) {
	if now.IsZero() {
		return false, nil
	}
	if over, err := r.Contains(now.String(), sent.String()); over || err != nil {
		return over, err
	}
	return linelog.Has(r.store, now, lines)
}

// compacted makes the commit of a log that begins with a summary.
func (r *Repo) compacted(old plumbing.Hash, anew bool, summarise func([]byte) ([]byte, error)) (plumbing.Hash, error) {
	tree, err := linelog.Compact(r.store, old, summarise)
	if err != nil || tree.IsZero() {
		return old, err
	}
	parent := old
	if anew {
		parent = plumbing.ZeroHash
	}
	return r.logCommit(parent, tree, logSum)
}

// logCommit makes the next commit of a log.
func (r *Repo) logCommit(parent, tree plumbing.Hash, message string) (plumbing.Hash, error) {
	if _, err := r.store.Commit(parent); errors.Is(err, wire.ErrNotFound) {
		parent = plumbing.ZeroHash // nothing that a commit could stand on
	}
	return r.makeCommit(parent, tree, message)
}
