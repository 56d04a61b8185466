package proposal

import (
	"context"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Answers are what the forge said of proposals when a run began: it is asked
// before the lock is taken. Without a forge there are none, and a branch alone is
// a proposal.
type Answers struct {
	Pulls   map[string]forge.Pull // by branch
	Account string                // that the token belongs to, "" when the forge does not say
	Down    bool                  // it did not answer: what is not in Pulls is unknown
	Refuses bool                  // likewise, and it will not: the token may not ask
}

// mostAsked bounds how many pull requests are asked for.
const mostAsked = 50

// Ask asks for the pull requests of the proposals that the last Fetch saw. What
// was declined is asked for no more.
func Ask(ctx context.Context, f forge.Forge, repo seam.Remote, base string) (*Answers, error) {
	told := &Answers{Pulls: map[string]forge.Pull{}, Down: true}
	records, _ := Records(repo)
	refs := slices.DeleteFunc(sorted(records), func(ref record.Ref) bool { return records[ref].State != Offered })
	for _, ref := range refs[:min(len(refs), mostAsked)] {
		r := records[ref]
		pull, err := f.Find(ctx, Branch(ref), base, r.Pull)
		if err != nil {
			told.Refuses = fault.Of(err) != fault.Temporary
			return told, fmt.Errorf("ask %s for the pull request of %s: %w", f.Name(), Branch(ref), err)
		}
		if pull != nil && pull.Of(r.Pull, r.Fix) {
			told.Pulls[Branch(ref)] = *pull
		}
	}
	told.Down = len(refs) > mostAsked
	if len(refs) > 0 {
		told.Account, _ = f.Account(ctx) // a token may be none of an account
	}
	return told, nil
}

// Said is what the forge says of a merge.
type Said int

// What it may say.
const (
	Nothing  Said = iota // there is no pull request, or no forge that could be asked
	Later                // it does not answer now
	Unmerged             // the pull request was not merged into the branch
	Own                  // this program's own account merged it
	Approved             // somebody did
)

// Merged is what the forge says of the merge of proposals that came to a branch
// together, and who merged: the pull request of one of them is enough.
func (a *Answers) Merged(together []*Record, branch string) (by string, said Said) {
	for _, r := range together {
		pull := a.of(r)
		switch {
		case pull == nil && a != nil && a.Down && !a.Refuses:
			return "", Later
		case pull == nil:
		case pull.State != forge.Merged || pull.Base != branch:
			said = Unmerged
		case pull.MergedBy != "" && pull.MergedBy == a.Account:
			return text.Line(pull.MergedBy, 100), Own
		default:
			return text.Line(pull.MergedBy, 100), Approved
		}
	}
	return "", said
}

// of is the pull request of a proposal, nil when none is known.
func (a *Answers) of(r *Record) *forge.Pull {
	if a == nil {
		return nil
	}
	if pull, ok := a.Pulls[Branch(r.Ref())]; ok && pull.Of(r.Pull, r.Fix) {
		return &pull
	}
	return nil
}
