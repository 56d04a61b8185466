package resolve

import (
	"cmp"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
)

// A squash merge may drop the evidence, and the proposal's branch may be gone by
// the time a run looks. The ledger still knows what was proposed, file by file:
// a commit of the branch that takes every file from and to the same contents has
// brought it there.

// patchOf is what a proposed commit changes, for the ledger; nil when that cannot
// be said in a few sums. An empty base is the commit's own.
func (r *Resolver) patchOf(fix, base string, e record.Evidence) (*record.Patch, error) {
	commit, err := r.repo.Lookup(fix)
	if err != nil {
		return nil, err
	}
	diff, err := r.repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return nil, err
	}
	steps, ok := record.StepsOf(diff)
	if !ok {
		return nil, nil
	}
	return &record.Patch{Base: cmp.Or(base, commit.Parent), Stack: e.Stack, Plan: e.PlanHash, Count: e.Counts, Files: steps}, nil
}

// mostSearched bounds how many commits are looked at for one proposal.
const mostSearched = 1000

// findSquashed recognises proposals whose evidence is neither on the branch nor
// on a branch of their own.
func (r *Resolver) findSquashed(items []change.Item) error {
	for _, item := range items {
		ref := record.RefOf(item)
		if _, found := r.landed[ref]; found {
			continue
		}
		for _, p := range r.ledger.Patches(ref) {
			commit, err := r.bringer(p)
			if err != nil {
				return fmt.Errorf("look for the proposal of %s on the branch: %w", ref.Item, err)
			}
			if commit == "" {
				continue
			}
			if err := r.claim(item, landed{commit, p.Evidence(ref), true}, p.Paths()); err != nil {
				return fmt.Errorf("look for the proposal of %s on the branch: %w", ref.Item, err)
			}
			if _, found := r.landed[ref]; found {
				break
			}
		}
	}
	return nil
}

// bringer is the latest commit of the branch, after the base of a patch, that
// brings it there; "" when none does.
func (r *Resolver) bringer(p record.Patch) (found string, err error) {
	looked := 0
	logErr := r.repo.Log(r.repo.Tip(), func(c gitrepo.Commit) bool {
		if looked++; c.Hash == p.Base || looked > mostSearched {
			return false
		}
		var brings bool
		if brings, err = r.brings(c, p); brings {
			found = c.Hash
		}
		return err == nil && found == ""
	})
	return found, cmp.Or(err, logErr)
}

// brings reports whether a commit brings a patch to the branch. Contents are read
// only when it touches every file of the patch.
func (r *Resolver) brings(c gitrepo.Commit, p record.Patch) (bool, error) {
	if c.Parent == "" {
		return false, nil
	}
	for _, path := range p.Paths() {
		if touched, err := r.repo.Touched(c.Parent, c.Hash, path); err != nil || !touched {
			return false, err
		}
	}
	diff, err := r.repo.Diff(c.Parent, c.Tree)
	return err == nil && r.ledger.Brings(diff, p), err
}
