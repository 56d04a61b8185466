package objects

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/pack"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/wire"
)

// lazyFetcher brings the objects that a filtered clone left out: every object
// that is reachable from what was fetched and is not here.
//
// A filtered clone has all commits, and at first the upper folders of the tip. A
// missing object arrives like this: whoever reads it calls store.get, as in any
// clone; get calls need; need finds that the object is not here and asks the
// remote for exactly that hash, in a request of its own; the pack that comes
// back is indexed and added to the store; and get reads on. One request for
// each object would be slow, so whoever knows what will be read says so before:
// need takes any number of hashes, needFolders a tree with all folders below
// it, needAll a tree with its files too, one request each.
//
// A remote that does not send them is asked once for everything it has,
// and the clone is an ordinary one from then on; so it is when maxAsks requests
// were not enough. In a clone that was never filtered all of this does nothing.
//
// How large a file is shows only when it arrives: its length stands in front of
// it. needFiles ends the answer there and then when that is too much.
type lazyFetcher struct {
	from Source
	open atomic.Bool              // something may be missing
	mu   sync.Mutex               // one request at a time
	full map[plumbing.Hash]extent // by tree
	end  time.Time                // of all requests, once the clone's context has ended

	large map[plumbing.Hash]bool // files that are known to be too large for needFiles
	asks  int                    // requests so far
}

// Source is the remote that missing objects come from.
type Source struct {
	Life   context.Context                                     //nolint:containedctx // of the clone, see limit
	Levels int                                                 // of folders that come together; all when zero
	Room   func() int64                                        // bytes that may still arrive
	Ask    func(context.Context, wire.Plan, pack.Bounds) error // fetches some objects
	All    func(context.Context) error                         // fetches everything
	Tell   func(format string, args ...any)                    // hears why the clone becomes an ordinary one
}

// FetchFrom names the source of what is missing, once filtered says that
// something may be.
func (s *Store) FetchFrom(from Source) {
	s.lazy = &lazyFetcher{from: from, full: map[plumbing.Hash]extent{}, large: map[plumbing.Hash]bool{}}
}

// Filtered reports whether objects may be missing.
func (s *Store) Filtered() bool { return s.lazy.open.Load() }

// SetFiltered says whether objects may be missing.
func (s *Store) SetFiltered(may bool) { s.lazy.open.Store(may) }

// extent is how much of what a tree names is known to be here.
type extent int

const (
	someOfIt extent = iota
	itsFolders
	allOfIt
)

const (
	maxWants    = 4000             // hashes in one request
	manyWants   = 256              // from here on a tree is asked for as a whole
	maxAsks     = 4096             // requests; then all that is missing comes in one
	MaxArrived  = 16 << 30         // bytes that a filtered clone takes in all
	afterTheEnd = 30 * time.Second // for all requests after the clone's own context was cancelled
)

// Absent are those hashes whose objects are not here, each once.
func (s *Store) Absent(hashes []plumbing.Hash) []plumbing.Hash {
	var out []plumbing.Hash
	met := map[plumbing.Hash]bool{plumbing.ZeroHash: true}
	for _, h := range hashes {
		if !met[h] && !s.Has(h) {
			out = append(out, h)
		}
		met[h] = true
	}
	return out
}

// Need makes sure that the objects are here: trees without what is in them, and
// files. ErrMissing when the remote does not send them.
func (s *Store) Need(hashes ...plumbing.Hash) error { return s.needWithin(pack.Bounds{}, hashes) }

// NeedFiles makes sure that the files are here, except for those that are
// too large to be read: of these, tooLarge tells.
func (s *Store) NeedFiles(hashes ...plumbing.Hash) error {
	if !s.Filtered() {
		return nil
	}
	return s.needWithin(s.FileBounds(), hashes)
}

// tooLarge reports whether needFiles met a file and left it where it is.
func (s *Store) tooLarge(h plumbing.Hash) bool {
	if s.Has(h) {
		return false
	}
	s.lazy.mu.Lock()
	defer s.lazy.mu.Unlock()
	return s.lazy.large[h]
}

func (s *Store) needWithin(b pack.Bounds, hashes []plumbing.Hash) error {
	if len(s.Absent(hashes)) == 0 {
		return nil
	}
	l := s.lazy
	if !l.open.Load() {
		return ErrMissing
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := func(of []plumbing.Hash) []plumbing.Hash {
		return slices.DeleteFunc(s.Absent(of), func(h plumbing.Hash) bool { return b.Object > 0 && l.large[h] })
	}
	// Of a folder and what is in it, git may send the folder alone, so what is
	// left is asked for again as long as something comes.
	left := missing(hashes)
	for before := len(left) + 1; len(left) > 0 && len(left) < before; {
		before = len(left)
		for wants := range slices.Chunk(left, maxWants) {
			if err := l.bringEach(b, wants); err != nil {
				return err
			}
		}
		left = missing(left)
	}
	if len(left) > 0 {
		return fmt.Errorf("%s: %w", left[0], ErrMissing)
	}
	return nil
}

// bringEach asks for objects by their hashes, in one request unless one of them
// is too large: halving finds out which.
func (l *lazyFetcher) bringEach(b pack.Bounds, wants []plumbing.Hash) error {
	err := l.bring(wire.Plan{Wants: wants, Filter: wire.NoTrees}, b)
	if !errors.Is(err, pack.ErrLarge) {
		return err
	}
	if len(wants) == 1 {
		l.large[wants[0]] = true
		return nil
	}
	half := len(wants) / 2
	if err := l.bringEach(b, wants[:half]); err != nil {
		return err
	}
	return l.bringEach(b, wants[half:])
}

// probe asks for an object of which nobody knows whether the remote has it. That
// it has not is no fault of its; the error is that it could not be asked.
func (s *Store) probe(h plumbing.Hash) (here bool, err error) {
	l := s.lazy
	if !l.open.Load() {
		return false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := l.limit()
	defer cancel()
	err = l.from.Ask(ctx, wire.Plan{Wants: []plumbing.Hash{h}, Filter: wire.NoTrees}, pack.Bounds{})
	if err != nil && !wire.IsFinal(err) {
		return false, nil // its answer is no
	}
	return err == nil && s.Has(h), err
}

// NeedTop makes sure that the tree of a commit is here, and brings its upper
// folders along.
func (s *Store) NeedTop(tree plumbing.Hash) error {
	if s.Has(tree) {
		return nil
	}
	return s.needTree(tree, someOfIt, s.TopFilter())
}

// TopFilter lets the upper folders of a commit through.
func (s *Store) TopFilter() packp.Filter {
	if s.lazy.from.Levels <= 0 {
		return wire.NoFiles
	}
	return packp.FilterCombine(wire.NoFiles, packp.FilterTreeDepth(uint64(s.lazy.from.Levels)))
}

// needFolders makes sure that a tree is here with all folders below it.
func (s *Store) needFolders(tree plumbing.Hash) error {
	return s.needTree(tree, itsFolders, wire.NoFiles)
}

// NeedAll makes sure that a tree is here with everything below it.
func (s *Store) NeedAll(tree plumbing.Hash) error { return s.needTree(tree, allOfIt, "") }

func (s *Store) needTree(tree plumbing.Hash, much extent, filter packp.Filter) error {
	if !s.Filtered() || tree.IsZero() || s.isMade(tree) {
		return nil
	}
	l := s.lazy
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full[tree] >= much && much > someOfIt || much == itsFolders && s.foldersHere(tree, 0) {
		return nil
	}
	err := l.bring(wire.Plan{Wants: []plumbing.Hash{tree}, Filter: filter}, pack.Bounds{})
	if err == nil && s.Has(tree) {
		l.full[tree] = much
	}
	return err
}

// hasWhole reports whether some tree came with everything below it.
func (s *Store) hasWhole() bool {
	s.lazy.mu.Lock()
	defer s.lazy.mu.Unlock()
	for _, much := range s.lazy.full {
		if much == allOfIt {
			return true
		}
	}
	return false
}

// foldersHere reports whether a tree is here with all folders below it, and
// remembers where that is so.
func (s *Store) foldersHere(tree plumbing.Hash, depth int) bool {
	if s.lazy.full[tree] >= itsFolders {
		return true
	}
	o, err := s.read(tree)
	if err != nil || depth > maxDepth {
		return false
	}
	entries, err := ParseTree(o.Data)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.IsTree() && !s.foldersHere(e.Hash, depth+1) {
			return false
		}
	}
	s.lazy.full[tree] = itsFolders
	return true
}

// needListed makes sure that the listed objects, all of one tree, are here.
func (s *Store) needListed(tree plumbing.Hash, list []plumbing.Hash) error {
	if s.Filtered() && !s.isMade(tree) && len(s.Absent(list)) > manyWants {
		if err := s.NeedAll(tree); err != nil {
			return err
		}
	}
	return s.Need(list...)
}

// isMade reports whether an object was made here: the remote never had it.
func (s *Store) isMade(h plumbing.Hash) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, made := s.made[h]
	return made
}

// bring asks for missing objects, with mu held.
func (l *lazyFetcher) bring(plan wire.Plan, b pack.Bounds) error {
	if !l.open.Load() {
		return nil
	}
	ctx, cancel := l.limit()
	defer cancel()
	if l.asks++; l.asks > maxAsks {
		return l.giveUp(ctx, fmt.Errorf("%d requests were not enough", maxAsks))
	}
	if b.Bytes = l.from.Room(); b.Bytes <= 0 {
		return errTooMuch
	}
	err := l.from.Ask(ctx, plan, b)
	switch {
	case err == nil, wire.IsFinal(err), errors.Is(err, pack.ErrLarge):
		return err
	case errors.Is(err, pack.ErrTooLong):
		return errTooMuch
	}
	return l.giveUp(ctx, err)
}

// errTooMuch ends a filtered clone that would take no end of disk.
var errTooMuch = fault.WithFix(fmt.Errorf("the remote has sent more than %d GiB piece by piece", MaxArrived>>30),
	"turn uploadpack.allowFilter off for the repository, so that it is fetched as a whole")

// giveUp makes an ordinary clone out of a filtered one.
func (l *lazyFetcher) giveUp(ctx context.Context, why error) error {
	l.from.Tell("the remote does not send what it left out, so the whole branch is fetched now: %v", why)
	if err := l.from.All(ctx); err != nil {
		return fmt.Errorf("%w (and before: %w)", err, why)
	}
	l.open.Store(false)
	return nil
}

// limit is the context of one request, made with mu held. It ends with that of
// the clone. What is read after that is for the cleanup of a run that was
// stopped, or brings what was applied to the branch after the run's deadline;
// all of it together has a time limit, whatever waits for it.
func (l *lazyFetcher) limit() (context.Context, context.CancelFunc) {
	if l.from.Life.Err() == nil {
		return context.WithCancel(l.from.Life)
	}
	if l.end.IsZero() {
		l.end = time.Now().Add(afterTheEnd)
		if errors.Is(l.from.Life.Err(), context.DeadlineExceeded) {
			l.end = time.Now().Add(wire.InsistTime)
		}
	}
	return context.WithDeadlineCause(context.WithoutCancel(l.from.Life), l.end, errAfterTheEnd)
}

// errAfterTheEnd is why a request ends that a run makes long after its own end.
var errAfterTheEnd = errors.New("the run has ended a while ago")
