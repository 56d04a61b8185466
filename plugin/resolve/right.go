package resolve

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// mayPush asks the remote whether it takes what a run of this mode ends with,
// before anything is paid for and again before anything is applied.
func (r *Resolver) mayPush(ctx context.Context) error {
	if r.opts.Mode == Propose {
		if err := proposal.Trial(ctx, r.repo, r.opts.Run); err != nil {
			return fmt.Errorf("the remote takes no proposal, so no agent is paid; let the account of git_username make and delete branches below %s: %w", proposal.Prefix, err)
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

// refusedByRemote reports whether an error says that the remote takes nothing of
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

// Refused reports whether the remote takes nothing of this run.
func (r *Resolver) Refused() bool { return r.failure != nil }
