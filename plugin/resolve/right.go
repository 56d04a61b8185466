package resolve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
)

// mayPush asks the remote whether it takes what a run of this mode ends with,
// before anything is paid for and again before anything is applied.
func (r *Resolver) mayPush(ctx context.Context) error {
	if r.opts.Mode == Propose {
		if err := Trial(ctx, r.repo, r.opts.Run); err != nil {
			return fmt.Errorf("the remote takes no proposal, so no agent is paid; let the account of git_username make and delete branches below %s: %w", proposePrefix, err)
		}
		return nil
	}
	err := r.repo.CanPush(ctx)
	switch {
	case err == nil:
		return nil
	case fault.Of(err) == fault.Temporary:
		return fmt.Errorf("ask for the right to push to %s: %w", r.opts.Branch, err)
	}
	return fmt.Errorf("the remote lets nobody of this run push to %s, so nothing is applied; let the account of git_username push there (where the branch is protected, by an exception for it), or set mode: propose: %w", r.opts.Branch, err)
}

// Trial puts a commit that is made as fixes are on a branch of its own, and
// takes it away again: whatever the remote demands of all commits and branches
// refuses it. What it demands of one branch alone is not met so.
func Trial(ctx context.Context, repo Remote, run string) (err error) {
	tip, err := repo.Lookup(repo.Tip())
	if err != nil {
		return fmt.Errorf("read the branch's tip: %w", err)
	}
	item := change.Item{Document: "trial", ID: "trial", Action: "Try whether commits are taken; this one is taken away again"}
	trial, err := repo.Commit(tip.Hash, tip.Tree, record.Message(item, time.Now().UTC().Format(time.DateOnly), record.Evidence{}, true))
	if err != nil {
		return fmt.Errorf("make a commit to try: %w", err)
	}
	name := "refs/heads/" + proposePrefix + "trial-" + run
	err = repo.SetRef(ctx, name, "", trial)
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	// Also after an error: the remote may have taken it all the same.
	if left := repo.SetRef(cleanup, name, trial, ""); left != nil && err == nil {
		err = fmt.Errorf("take the branch of the trial away again: %w", left)
	}
	return err
}

// refusedByRemote tells whether an error says that the remote takes nothing of
// this run, whichever item it is for.
func refusedByRemote(err error) bool {
	return errors.Is(err, gitrepo.ErrPushRefused) || errors.Is(err, gitrepo.ErrDenied) || errors.Is(err, gitrepo.ErrHostKey)
}

// refusedRun notes that the remote's trouble with this run ends it, and is the
// reason of the items that it does not come to.
func (r *Resolver) refusedRun(err error) reason.Code {
	if fault.Of(err) == fault.Temporary {
		return reason.NotAttemptedHost
	}
	r.failure = err
	return reason.PushRefused
}

// Refused tells whether the remote takes nothing of this run.
func (r *Resolver) Refused() bool { return r.failure != nil }
