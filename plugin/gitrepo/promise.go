package gitrepo

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
)

// promise is what the remote owes a filtered clone: every object that is
// reachable from what was fetched and is not here.
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
// A remote that does not keep its promise is asked once for everything it has,
// and the clone is an ordinary one from then on; so it is when maxAsks requests
// were not enough. In a clone that was never filtered all of this does nothing.
//
// How large a file is shows only when it arrives: its length stands in front of
// it. needFiles ends the answer there and then when that is too much.
type promise struct {
	open atomic.Bool // something may be missing
	mu   sync.Mutex  // one request at a time
	ask  func(context.Context, fetchPlan) error
	all  func(context.Context) error // fetches everything
	life context.Context             //nolint:containedctx // of the clone, see limit
	full map[plumbing.Hash]extent    // by tree
	end  time.Time                   // of all requests, once life has ended

	large map[plumbing.Hash]bool // files that are known to be too large for needFiles
	asks  int                    // requests so far
	room  func() int64           // bytes that may still arrive
	tell  func(format string, args ...any)

	levels int // of folders that come together, see Options
}

// extent is how much of what a tree names is known to be here.
type extent int

const (
	someOfIt extent = iota
	itsFolders
	allOfIt
)

const (
	filterAll   = packp.Filter("tree:0")    // nothing but what is asked for by hash, and commits
	filterFiles = packp.Filter("blob:none") // folders come, files do not
)

const (
	maxWants    = 4000             // hashes in one request
	manyWants   = 256              // from here on a tree is asked for as a whole
	maxAsks     = 4096             // requests; then all that is missing comes in one
	maxArrived  = 16 << 30         // bytes that a filtered clone takes in all
	afterTheEnd = 30 * time.Second // for all requests after the clone's own context was cancelled
)

// absent are those hashes whose objects are not here, each once.
func (s *store) absent(hashes []plumbing.Hash) []plumbing.Hash {
	var out []plumbing.Hash
	met := map[plumbing.Hash]bool{plumbing.ZeroHash: true}
	for _, h := range hashes {
		if !met[h] && !s.has(h) {
			out = append(out, h)
		}
		met[h] = true
	}
	return out
}

// need makes sure that the objects are here: trees without what is in them, and
// files. ErrMissing when the remote does not send them.
func (s *store) need(hashes ...plumbing.Hash) error { return s.needWithin(bounds{}, hashes) }

// needFiles makes sure that the files are here, except for those over
// MaxFileSize: of these, tooLarge tells.
func (s *store) needFiles(hashes ...plumbing.Hash) error {
	if !s.promise.open.Load() {
		return nil
	}
	return s.needWithin(bounds{object: MaxFileSize}, hashes)
}

// tooLarge tells whether needFiles met a file and left it where it is.
func (s *store) tooLarge(h plumbing.Hash) bool {
	if s.has(h) {
		return false
	}
	s.promise.mu.Lock()
	defer s.promise.mu.Unlock()
	return s.promise.large[h]
}

func (s *store) needWithin(b bounds, hashes []plumbing.Hash) error {
	if len(s.absent(hashes)) == 0 {
		return nil
	}
	p := s.promise
	if !p.open.Load() {
		return ErrMissing
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	missing := func(of []plumbing.Hash) []plumbing.Hash {
		return slices.DeleteFunc(s.absent(of), func(h plumbing.Hash) bool { return b.object > 0 && p.large[h] })
	}
	// Of a folder and what is in it, git may send the folder alone, so what is
	// left is asked for again as long as something comes.
	left := missing(hashes)
	for before := len(left) + 1; len(left) > 0 && len(left) < before; {
		before = len(left)
		for wants := range slices.Chunk(left, maxWants) {
			if err := p.bringEach(b, wants); err != nil {
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
func (p *promise) bringEach(b bounds, wants []plumbing.Hash) error {
	err := p.bring(fetchPlan{wants: wants, filter: filterAll, bounds: b})
	if !errors.Is(err, errLarge) {
		return err
	}
	if len(wants) == 1 {
		p.large[wants[0]] = true
		return nil
	}
	half := len(wants) / 2
	if err := p.bringEach(b, wants[:half]); err != nil {
		return err
	}
	return p.bringEach(b, wants[half:])
}

// probe asks for an object of which nobody knows whether the remote has it. That
// it has not breaks no promise; the error is that it could not be asked.
func (s *store) probe(h plumbing.Hash) (here bool, err error) {
	p := s.promise
	if !p.open.Load() {
		return false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := p.limit()
	defer cancel()
	err = p.ask(ctx, fetchPlan{wants: []plumbing.Hash{h}, filter: filterAll})
	if err != nil && !isFinal(err) {
		return false, nil // its answer is no
	}
	return err == nil && s.has(h), err
}

// needTop makes sure that the tree of a commit is here, and brings its upper
// folders along.
func (s *store) needTop(tree plumbing.Hash) error {
	if s.has(tree) {
		return nil
	}
	return s.needTree(tree, someOfIt, s.promise.top())
}

// top is the filter that lets the upper folders of a commit through.
func (p *promise) top() packp.Filter {
	if p.levels <= 0 {
		return filterFiles
	}
	return packp.FilterCombine(filterFiles, packp.FilterTreeDepth(uint64(p.levels)))
}

// needFolders makes sure that a tree is here with all folders below it.
func (s *store) needFolders(tree plumbing.Hash) error {
	return s.needTree(tree, itsFolders, filterFiles)
}

// needAll makes sure that a tree is here with everything below it.
func (s *store) needAll(tree plumbing.Hash) error { return s.needTree(tree, allOfIt, "") }

func (s *store) needTree(tree plumbing.Hash, much extent, filter packp.Filter) error {
	if !s.promise.open.Load() || tree.IsZero() || s.isMade(tree) {
		return nil
	}
	p := s.promise
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full[tree] >= much && much > someOfIt || much == itsFolders && s.foldersHere(tree, 0) {
		return nil
	}
	err := p.bring(fetchPlan{wants: []plumbing.Hash{tree}, filter: filter})
	if err == nil && s.has(tree) {
		p.full[tree] = much
	}
	return err
}

// foldersHere tells whether a tree is here with all folders below it, and
// remembers where that is so.
func (s *store) foldersHere(tree plumbing.Hash, depth int) bool {
	if s.promise.full[tree] >= itsFolders {
		return true
	}
	o, err := s.read(tree)
	if err != nil || depth > maxDepth {
		return false
	}
	entries, err := parseTree(o.data)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.isTree() && !s.foldersHere(e.hash, depth+1) {
			return false
		}
	}
	s.promise.full[tree] = itsFolders
	return true
}

// needListed makes sure that the listed objects, all of one tree, are here.
func (s *store) needListed(tree plumbing.Hash, list []plumbing.Hash) error {
	if s.promise.open.Load() && !s.isMade(tree) && len(s.absent(list)) > manyWants {
		if err := s.needAll(tree); err != nil {
			return err
		}
	}
	return s.need(list...)
}

// isMade tells whether an object was made here: the remote never had it.
func (s *store) isMade(h plumbing.Hash) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, made := s.made[h]
	return made
}

// bring asks for missing objects, with mu held.
func (p *promise) bring(plan fetchPlan) error {
	if !p.open.Load() {
		return nil
	}
	ctx, cancel := p.limit()
	defer cancel()
	if p.asks++; p.asks > maxAsks {
		return p.giveUp(ctx, fmt.Errorf("%d requests were not enough", maxAsks))
	}
	if plan.bounds.bytes = p.room(); plan.bounds.bytes <= 0 {
		return errTooMuch
	}
	err := p.ask(ctx, plan)
	switch {
	case err == nil, isFinal(err), errors.Is(err, errLarge):
		return err
	case errors.Is(err, errTooLong):
		return errTooMuch
	}
	return p.giveUp(ctx, err)
}

// errTooMuch ends a filtered clone that would take no end of disk.
var errTooMuch = fault.WithFix(fmt.Errorf("the remote has sent more than %d GiB piece by piece", maxArrived>>30),
	"turn uploadpack.allowFilter off for the repository, so that it is fetched as a whole")

// giveUp makes an ordinary clone out of a filtered one.
func (p *promise) giveUp(ctx context.Context, why error) error {
	p.tell("the remote does not send what it left out, so the whole branch is fetched now: %v", why)
	if err := p.all(ctx); err != nil {
		return fmt.Errorf("%w (and before: %w)", err, why)
	}
	p.open.Store(false)
	return nil
}

// limit is the context of one request, made with mu held. It ends with that of
// the clone. What is read after that is for the cleanup of a run that was
// stopped, or brings what was applied to the branch after the run's deadline;
// all of it together has a time limit, whatever waits for it.
func (p *promise) limit() (context.Context, context.CancelFunc) {
	if p.life.Err() == nil {
		return context.WithCancel(p.life)
	}
	if p.end.IsZero() {
		p.end = time.Now().Add(afterTheEnd)
		if errors.Is(p.life.Err(), context.DeadlineExceeded) {
			p.end = time.Now().Add(insistTime)
		}
	}
	return context.WithDeadlineCause(context.WithoutCancel(p.life), p.end, errAfterTheEnd)
}

// errAfterTheEnd is why a request ends that a run makes long after its own end.
var errAfterTheEnd = errors.New("the run has ended a while ago")
