package proposal

import (
	"cmp"
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
	Account string                // that the token belongs to, "" when the forge does not say: then it is who opened the pull request
	Down    bool                  // it did not answer: what is not in Pulls is unknown
	Refuses bool                  // likewise, and it will not: the token may not ask
}

// mostAsked bounds how many pull requests are asked for.
const mostAsked = 50

// Ask asks for the pull requests of the proposals that the last Fetch saw. Those that
// were declined come last: a person may have opened one again. A token may be none of
// an account; but while the forge is in trouble, nobody can say whose merges are this
// program's own.
func Ask(ctx context.Context, f forge.Forge, repo seam.Remote, base string) (told *Answers, err error) {
	told = &Answers{Pulls: map[string]forge.Pull{}, Down: true}
	records, _ := Records(repo)
	in := func(state State) []record.Ref {
		return slices.DeleteFunc(sorted(records), func(ref record.Ref) bool { return records[ref].State != state })
	}
	open := in(Offered)
	refs := slices.Concat(open, in(Declined))
	if len(refs) > 0 {
		if told.Account, err = f.Account(ctx); fault.Of(err) == fault.Temporary {
			return told, fmt.Errorf("ask %s for the account of the token: %w", f.Name(), err)
		}
	}
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
	told.Down = len(open) > mostAsked
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
		case pull.MergedBy != "" && pull.MergedBy == cmp.Or(a.Account, pull.OpenedBy):
			return text.Line(pull.MergedBy, 100), Own
		default:
			return text.Line(pull.MergedBy, 100), Approved
		}
	}
	return "", said
}

// MergedAs is the commit of a branch that the forge says a proposal was merged as, ""
// when it says none.
func (a *Answers) MergedAs(r *Record, branch string) string {
	if pull := a.of(r); pull != nil && pull.State == forge.Merged && pull.Base == branch {
		return pull.MergedAs
	}
	return ""
}

// Heads reports whether the forge says that the pull request of a proposal has, as
// it was merged or closed, exactly the commit that the record names.
func (a *Answers) Heads(r *Record) bool {
	pull := a.of(r)
	return pull != nil && pull.Commit == r.Fix
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
