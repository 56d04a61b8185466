package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"

	"pm-todos/plugin/fault"
)

// ledgerFile is the one file in the commits of a log ref.
const ledgerFile = "ledger.jsonl"

// ReadLog is the whole text of a log ref as of the last Fetch or AppendLog:
// lines in the order in which they were appended. A ref that does not exist is
// an empty log.
func (r *Repo) ReadLog(ref string) ([]byte, error) {
	if err := checkOwn(ref); err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	text, err := r.logAt(r.seen(ref))
	if err != nil {
		return nil, fmt.Errorf("read the log %s: %w", ref, err)
	}
	return text, nil
}

func (r *Repo) logAt(h plumbing.Hash) ([]byte, error) {
	if h.IsZero() {
		return nil, nil
	}
	c, err := r.store.commit(h)
	if err != nil {
		return nil, err
	}
	if !r.store.has(c.TreeHash) {
		if err := r.store.needAll(c.TreeHash); err != nil {
			return nil, err
		}
	}
	return r.readFile(c.TreeHash, ledgerFile)
}

// AppendLog adds lines at the end of a log ref: one commit more on its chain,
// whose tree holds the file ledger.jsonl. What others append at the same time
// is kept, in the order of arrival. A missing line feed at the end is added.
func (r *Repo) AppendLog(ctx context.Context, ref string, lines []byte) error {
	if err := checkOwn(ref); err != nil {
		return fmt.Errorf("append to the log: %w", err)
	}
	if len(lines) == 0 {
		return nil
	}
	pauses := newBackOff()
	for i := 1; ; i++ {
		u, err := r.appended(ref, lines)
		if err != nil {
			return fmt.Errorf("append to the log %s: %w", ref, err)
		}
		err = r.swap(ctx, u, r.packOf(u.new))
		if !errors.Is(err, ErrRefMoved) {
			return err
		}
		if i == maxTries {
			return err
		}
		if err := r.sleep(ctx, pauses.NextBackOff()); err != nil {
			return fault.Mark(fault.Temporary, fmt.Errorf("append to the log %s: %w", ref, err))
		}
		if _, err := r.Fetch(ctx); err != nil {
			return err
		}
		// The reply to the last try may have been lost and others have
		// appended since: then the lines are there already.
		if now := r.seen(ref); !now.IsZero() {
			if done, err := r.Contains(now.String(), u.new.String()); done || err != nil {
				return err
			}
		}
	}
}

// appended makes the next commit of a log.
func (r *Repo) appended(ref string, lines []byte) (update, error) {
	u := update{ref: ref, old: r.seen(ref)}
	text, err := r.logAt(u.old)
	if err != nil {
		return u, err
	}
	text = bytes.Join([][]byte{text, lines}, nil)
	if text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	if len(text) > MaxFileSize {
		return u, fmt.Errorf("it would have %d bytes; at most %d are allowed, so delete the ref to start a new one", len(text), MaxFileSize)
	}
	blob, err := r.store.put(plumbing.BlobObject, text)
	if err != nil {
		return u, err
	}
	tree, err := r.store.put(plumbing.TreeObject, encodeTree([]entry{{name: ledgerFile, mode: modeFile, hash: blob}}))
	if err != nil {
		return u, err
	}
	u.new, err = r.makeCommit(u.old, tree, "append to the ledger\n")
	return u, err
}
