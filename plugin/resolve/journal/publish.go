package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Publish pushes a fix commit and says what it is called on the branch. Once applied
// it belongs there whatever else happened: the next plan of a branch without it would
// destroy what exists. moved tells that the branch touched the stack since the fix
// was made.
func Publish(ctx context.Context, repo seam.Remote, fix, stack string) (published string, moved bool, err error) {
	commit, err := repo.Lookup(fix)
	if err != nil {
		return "", false, fmt.Errorf("read the fix commit: %w", err)
	}
	_, err = repo.Publish(ctx, func(tip string) (string, error) {
		published, moved = fix, false
		if commit.Parent == tip {
			return fix, nil
		}
		if moved, err = repo.Touched(commit.Parent, tip, stack); err != nil {
			return "", err
		}
		if published, err = repo.Replay(fix, tip, ""); !errors.Is(err, gitrepo.ErrMoved) {
			return published, err
		}
		// Another run may have settled it while this one was cut off or frozen.
		if there, lookErr := publishedBefore(repo, commit, tip); there != "" || lookErr != nil {
			published = there
			return tip, lookErr
		}
		return "", fmt.Errorf("the branch changed the same files: %w", err)
	})
	return published, moved, err
}

// publishedBefore is the commit of a branch that holds the evidence of a fix, ""
// when none does.
func publishedBefore(repo seam.Remote, fix gitrepo.Commit, tip string) (found string, err error) {
	want, ok := record.ParseEvidence(fix.Message)
	if !ok {
		return "", nil
	}
	err = repo.Log(tip, func(c gitrepo.Commit) bool {
		if e, ok := record.ParseEvidence(c.Message); ok && e == want {
			found = c.Hash
		}
		return found == "" && c.Hash != fix.Parent
	})
	if err != nil {
		return "", fmt.Errorf("read the history of the branch: %w", err)
	}
	return found, nil
}
