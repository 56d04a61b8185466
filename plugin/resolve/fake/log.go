package fake

import (
	"context"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// ReadLog is a log as of the last look.
func (c *Clone) ReadLog(ref string) (gitrepo.Log, error) {
	return locked(c.w, func() (gitrepo.Log, error) {
		return gitrepo.Log{Lines: []byte(strings.Join(c.logs[ref], ""))}, nil
	})
}

// AppendLog adds lines to a log, after those that others added. Lines of which
// the reply was lost are not added again. What they settle goes where refs can be deleted.
func (c *Clone) AppendLog(ctx context.Context, ref string, lines []byte, settled ...gitrepo.Standing) error {
	if err := ended(ctx); err != nil {
		return err
	}
	added := false
	name := "write the ledger"
	for _, s := range settled {
		name += ", delete " + s.Ref
	}
	return c.w.call(changes(c.run, "%s", name), func(How) error {
		if !slices.Equal(c.logs[ref], c.w.logs[ref]) {
			c.look()
		}
		if !added {
			c.w.logs[ref] = append(slices.Clone(c.w.logs[ref]), string(lines))
			c.logs[ref], added = c.w.logs[ref], true
		}
		for _, s := range settled {
			if c.seen[s.Ref] == s.Commit && !c.w.KeepsRefs {
				_ = c.swap(s.Ref, s.Commit, "")
			}
		}
		return nil
	})
}

// CompactLog is not expected: no ledger here grows.
func (c *Clone) CompactLog(context.Context, string, func([]byte) ([]byte, error)) error {
	c.w.t.Errorf("unexpected: compact the ledger")
	return nil
}
