package proposal

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Withdraw takes a proposal back whose item is not open as it was: its pull request
// is closed with a comment, its branch and its record go. A branch that holds
// anything but what was proposed stays, and so does its pull request, which is
// commented on. f is nil without a forge. Each step may have been done before, and
// none needs the lock.
func (r *Record) Withdraw(ctx context.Context, repo seam.Remote, f forge.Forge, base string) error {
	if f != nil {
		if err := r.closePull(ctx, f, base); err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	err := repo.SetRef(ctx, heads+Branch(r.Ref()), r.Fix, "")
	if err != nil && !errors.Is(err, gitrepo.ErrRefMoved) && !errors.Is(err, gitrepo.ErrPushRefused) {
		return fmt.Errorf("delete %s: %w", Branch(r.Ref()), err)
	}
	return r.Remove(ctx, repo)
}

// Why says of the item why its proposal is wanted no more.
func (r *Record) Why() string { return cmp.Or(r.why, "was not open as it had been proposed") }

func (r *Record) closePull(ctx context.Context, f forge.Forge, base string) error {
	pull, err := f.Find(ctx, Branch(r.Ref()), base, r.Pull)
	if err != nil || pull == nil || pull.State != forge.Open {
		return err
	}
	said := "The follow-up item of this pull request " + r.Why() + ", so pm-todos withdraws it."
	if pull.Commit != r.Fix {
		said += " The branch holds what pm-todos did not propose, so it stays as it is: close this pull request if nobody needs it."
	}
	if err := f.Comment(ctx, pull.Number, said); err != nil || pull.Commit != r.Fix {
		return err
	}
	return f.Close(ctx, pull.Number)
}
