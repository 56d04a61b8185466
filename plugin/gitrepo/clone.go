package gitrepo

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/objects"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// Cost is what a clone has taken from its remote so far.
type Cost struct {
	Filtered bool   // folders and files come when they are read
	Why      string // why they do not
	Packs    int    // answers
	Objects  int    // in these
	Bytes    int64  // of these
}

// Cost tells which way the clone was made, and what it cost.
func (r *Repo) Cost() Cost {
	r.mu.Lock()
	defer r.mu.Unlock()
	cost := r.cost
	cost.Filtered = r.store.Filtered()
	return cost
}

// keep stores a pack that arrives.
func (r *Repo) keep(ctx context.Context, from io.Reader) error {
	return r.keepWithin(pack.Bounds{})(ctx, from)
}

// keepWithin stores a pack that arrives and stays within bounds.
func (r *Repo) keepWithin(b pack.Bounds) func(context.Context, io.Reader) error {
	return func(ctx context.Context, from io.Reader) error {
		counted := &counter{r: from}
		n, err := r.store.AddPack(ctx, counted, b)
		r.count(n, counted.n)
		if err == nil && r.remote.Progress != nil {
			r.remote.Progress(fmt.Sprintf("received %d objects, %d KiB", n, (counted.n+1023)/1024))
		}
		return err
	}
}

// fetchMore gets objects that the first fetch left out.
func (r *Repo) fetchMore(ctx context.Context, plan wire.Plan, b pack.Bounds) error {
	return r.remote.FetchMore(ctx, plan, r.keepWithin(b))
}

// count adds an answer to the cost, one that was refused as well.
func (r *Repo) count(objects int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cost.Packs++
	r.cost.Objects += objects
	r.cost.Bytes += bytes
}

// begin fetches for the first time: filtered where the remote offers it, else,
// or when it refuses after all, everything.
func (r *Repo) begin(ctx context.Context) error {
	r.store.FetchFrom(objects.Source{
		Life: ctx, Levels: r.levels,
		Room: func() int64 { return objects.MaxArrived - r.Cost().Bytes },
		Ask:  r.fetchMore,
		All:  func(ctx context.Context) error { _, err := r.fetchFirst(ctx, false); return err },
		Tell: r.why,
	})
	filtered, err := r.fetchFirst(ctx, true)
	if err == nil || !filtered || wire.IsFinal(err) {
		return err
	}
	r.why("the remote offers filters and refuses them: %v", err)
	_, again := r.fetchFirst(ctx, false)
	return again
}

// why notes why the clone is not a filtered one.
func (r *Repo) why(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.mu.Lock()
	r.cost.Why = text
	r.mu.Unlock()
	if r.remote.Progress != nil {
		r.remote.Progress(wire.Printable(text))
	}
}

// fetchFirst fetches as if nothing were here, and reports whether it asked for a
// filtered clone: all commits, and beside them what every run reads first.
func (r *Repo) fetchFirst(ctx context.Context, filter bool) (filtered bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var found, shown wire.Refs
	var beside sync.WaitGroup
	asked := 0
	err = r.remote.Fetch(ctx, func(all wire.Refs, offered *capability.List) (wire.Plan, error) {
		var err error
		shown = all
		if found, err = r.pick(all); err != nil {
			return wire.Plan{}, err
		}
		r.mu.Lock()
		for name := range r.more {
			if !all[name].IsZero() {
				found[name] = all[name]
			}
		}
		r.mu.Unlock()
		plan := wire.Plan{Wants: slices.Collect(maps.Keys(wire.Heads(found)))}
		switch {
		case !filter:
		case wire.CanFilter(offered) && asked == maxFiltered:
			filtered = false
			r.why("the remote offers filters and refuses them, or fails at them")
		case wire.CanFilter(offered):
			filtered, plan.Filter = true, wire.NoTrees
			if asked++; asked == 1 {
				first := found
				beside.Go(func() { r.lookAhead(ctx, first) })
			}
		default:
			r.why("the remote does not offer filters")
		}
		return plan, nil
	}, r.keep)
	if err != nil || !filtered {
		cancel() // what is looked at ahead does not come, or came with everything
	}
	beside.Wait()
	if err != nil {
		return filtered, err
	}
	r.remember(found, shown)
	r.store.SetFiltered(filtered)
	return filtered, nil
}

// maxFiltered is how often the first fetch is asked for with a filter before
// everything is: some remotes fail where they should refuse. It is less than
// maxDoubts, so that one try is left.
const maxFiltered = 3

// pick chooses the refs of a clone.
func (r *Repo) pick(all wire.Refs) (wire.Refs, error) {
	switch {
	case len(all) == 0:
		return nil, fault.WithFix(fmt.Errorf("%w: the remote has no commit yet", wire.ErrNotFound), "commit first, or name a branch that has one with the setting branch")
	case all[r.branch].IsZero():
		return nil, fmt.Errorf("%w: the remote has no branch %q", wire.ErrNotFound, r.Branch())
	}
	found := wire.Refs{}
	for name, h := range all {
		if r.fetches(name) {
			found[name] = h
		}
		if isLock(name) { // whoever waits for it knows then since when it stands
			r.sight(h)
		}
	}
	return found, nil
}

// fetches reports whether a ref belongs to the clone: the branch, RowsRef, and those
// below OwnRefs. Locks do not, since they move all the time: who wants what one was
// a moment ago is told that there is no such commit. Names that could not have
// been made here are nobody's business.
func (r *Repo) fetches(ref string) bool {
	return ref == r.branch || ref == RowsRef || strings.HasPrefix(ref, OwnRefs) && !isLock(ref) && refname.Check(ref) == nil
}

// counter counts the bytes that are read through it.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
