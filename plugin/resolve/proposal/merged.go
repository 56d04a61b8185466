package proposal

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// A squash merge may drop the evidence, and the proposal's branch may be gone by
// the time a run looks. The ledger still knows what was proposed, file by file:
// a commit of the branch that takes every file from and to the same contents has
// brought it there.

// PatchOf is what a proposed commit changes, for the ledger; nil when that cannot
// be said in a few sums. An empty base is the commit's own.
func PatchOf(repo seam.Remote, fix, base string, e record.Evidence) (*record.Patch, error) {
	commit, err := repo.Lookup(fix)
	if err != nil {
		return nil, err
	}
	diff, err := repo.Diff(commit.Parent, commit.Tree)
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

// Bringer is the latest commit of the branch, after the base of a patch, that
// brings it there; "" when none does.
func Bringer(repo seam.Remote, ledger record.Ledger, p record.Patch) (found string, err error) {
	looked := 0
	logErr := repo.Log(repo.Tip(), func(c gitrepo.Commit) bool {
		if looked++; c.Hash == p.Base || looked > mostSearched {
			return false
		}
		var here bool
		if here, err = brings(repo, ledger, c, p); here {
			found = c.Hash
		}
		return err == nil && found == ""
	})
	return found, cmp.Or(err, logErr)
}

// brings reports whether a commit brings a patch to the branch. Contents are read
// only when it touches every file of the patch.
func brings(repo seam.Remote, ledger record.Ledger, c gitrepo.Commit, p record.Patch) (bool, error) {
	if c.Parent == "" {
		return false, nil
	}
	for _, path := range p.Paths() {
		if touched, err := repo.Touched(c.Parent, c.Hash, path); err != nil || !touched {
			return false, err
		}
	}
	diff, err := repo.Diff(c.Parent, c.Tree)
	return err == nil && ledger.Brings(diff, p), err
}

// ContentOf is the commit that brought the content of a proposed one to the
// branch, and the files of it; "" when the branch does not hold it.
func ContentOf(repo seam.Remote, proposed string) (commit string, files []string, err error) {
	fix, err := repo.Lookup(proposed)
	if err != nil {
		return "", nil, err
	}
	diff, err := repo.Diff(fix.Parent, fix.Tree)
	if err != nil || len(diff.Files) == 0 {
		return "", nil, err
	}
	for _, file := range diff.Files {
		files = append(files, file.Path)
		if touched, err := repo.Touched(proposed, repo.Tip(), file.Path); touched || err != nil {
			return "", nil, err
		}
	}
	found := repo.Tip()
	var failed error
	err = repo.Log(found, func(c gitrepo.Commit) bool {
		touched, err := repo.Touched(c.Hash, repo.Tip(), diff.Files[0].Path)
		if failed = err; touched || err != nil {
			return false
		}
		found = c.Hash
		return true
	})
	return found, files, errors.Join(failed, err)
}

// RevertedAt reports whether a file of a fix on the branch is as it was before the
// fix: then an empty plan says nothing of the fix.
func RevertedAt(repo seam.Remote, fix string) (bool, error) {
	commit, err := repo.Lookup(fix)
	if err != nil {
		return false, fmt.Errorf("read the fix commit: %w", err)
	}
	diff, err := repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return false, fmt.Errorf("read the fix commit: %w", err)
	}
	for _, file := range diff.Files {
		touched, err := repo.Touched(commit.Parent, repo.Tip(), file.Path)
		if err != nil {
			return false, fmt.Errorf("compare %s with the branch: %w", file.Path, err)
		}
		if !touched {
			return true, nil
		}
	}
	return false, nil
}
