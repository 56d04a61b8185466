package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// A log is lines in the files of a small commit chain. Appending writes the
// newest file again and nothing else, and once that has grown the next one is
// begun: what an append sends does not grow with the log. CompactLog puts a
// summary in the place of the older files, and begins a new chain.

const (
	logPart   = 64 << 10                           // bytes from which on the next file is begun
	logFile   = 1 << 20                            // bytes up to which lines are written into one file
	logLoose  = 1 << 20                            // bytes after the last summary that make a new one worth while
	maxLog    = 64 << 20                           // bytes that are read of a log
	maxParts  = 1024                               // files that are read of a log
	logAppend = "append to the ledger [ci skip]\n" // a log may be a branch, which starts no pipeline
	logSum    = "compact the ledger [ci skip]\n"
)

// Log is a log as far as it can be read.
type Log struct {
	Lines     []byte // in the order in which they were appended, each with its line feed
	Unread    int    // files of the log that cannot be read
	Overgrown bool   // CompactLog would make it smaller
}

// ReadLog is a log as of the last Fetch, AppendLog or CompactLog. A ref that does
// not exist is an empty log. Files that are damaged, or more than a log can have,
// are passed over and counted.
func (r *Repo) ReadLog(ref string) (Log, error) {
	if err := checkOwn(ref); err != nil {
		return Log{}, fmt.Errorf("read the log: %w", err)
	}
	parts, unread, err := r.logParts(r.seen(ref))
	if err == nil {
		err = r.readParts(parts)
	}
	if err != nil {
		return Log{}, fmt.Errorf("read the log %s: %w", ref, err)
	}
	log, summary := Log{Unread: unread}, 0
	for _, p := range parts {
		if p.text == nil {
			log.Unread++
		}
		if p.kind == summaryPart {
			summary += len(p.text)
		}
		log.Lines = append(log.Lines, p.text...)
	}
	log.Overgrown = log.Unread > 0 || len(log.Lines)-summary > max(logLoose, summary)
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
	lines = endLine(lines)
	return r.changeLog(ctx, ref, settled, func(old, sent plumbing.Hash) (plumbing.Hash, error) {
		if !sent.IsZero() {
			if there, err := r.logHas(old, sent, lines); there || err != nil {
				return old, err
			}
		}
		return r.appended(old, lines)
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
// somebody else was faster, and deletes what is settled by it. next gets the commit that the log has and the one
// that was sent last, and returns the former when there is nothing to do.
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
			err = r.swap(ctx, u, r.packOf(u.New)) // what was refused may be the others
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
	parts, _, err := r.logParts(now)
	if err == nil {
		err = r.readParts(parts)
	}
	return slices.ContainsFunc(parts, func(p part) bool {
		return p.kind != summaryPart && (bytes.HasPrefix(p.text, lines) || bytes.Contains(p.text, append([]byte("\n"), lines...)))
	}), err
}

// appended makes the next commit of a log.
func (r *Repo) appended(old plumbing.Hash, lines []byte) (plumbing.Hash, error) {
	parts, _, err := r.logParts(old)
	if err != nil {
		return old, err
	}
	older, newest := parts.split()
	if len(newest) > 0 {
		if err := r.readParts(newest); err != nil {
			return old, err
		}
		switch text := newest[0].text; {
		case text == nil:
			// It cannot be read, and could not be sent under another name.
		case len(text) < logPart:
			lines = append(text, lines...)
		default:
			older = older.add(newest[0])
		}
	}
	if older, err = r.writeParts(older, newestPart, lines); err != nil {
		return old, err
	}
	return r.logCommit(old, older, logAppend)
}

// compacted makes the commit of a log that begins with a summary.
func (r *Repo) compacted(old plumbing.Hash, anew bool, summarise func([]byte) ([]byte, error)) (plumbing.Hash, error) {
	parts, unread, err := r.logParts(old)
	if err == nil {
		err = r.readParts(parts)
	}
	if err != nil {
		return old, err
	}
	older, newest := parts.split()
	if len(newest) > 0 && (newest[0].text == nil || len(newest[0].text) >= logPart) {
		older, newest = append(older, newest...), nil
	}
	var lines []byte
	loose := unread > 0
	for _, p := range older {
		lines = append(lines, p.text...)
		loose = loose || p.kind != summaryPart || p.text == nil
	}
	if !loose {
		return old, nil
	}
	summary, err := summarise(lines)
	if err != nil {
		return old, err
	}
	made, err := r.writeParts(nil, summaryPart, summary)
	if err != nil {
		return old, err
	}
	parent := old
	if anew {
		parent = plumbing.ZeroHash
	}
	return r.logCommit(parent, append(made, newest...), logSum)
}
