package approval

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// Found are the proposals that the branch holds.
type Found struct {
	On       map[record.Ref]bool // all of them
	Approved []Approved          // of the items of this run
	Gone     []item.Outcome      // of items that nobody wants any more as they were proposed
}

// Finder looks for them.
type Finder struct {
	Repo   seam.Remote
	Log    zerolog.Logger
	Scope  policy.Scope
	Ledger record.Ledger
	Forge  *proposal.Answers // nil when there is none
	Branch string
	// Row is an item as it stands at a commit, see resolve.Options.
	Row func(commit string, ref record.Ref) (row item.Item, open, ok bool, err error)
	// Wanted reports whether an item was open at a commit, worded as it is.
	Wanted func(commit string, item item.Item) (bool, error)
	// Named is the commit of the branch whose trailers name an item, where a person
	// brought it there.
	Named func(ref record.Ref) (commit string, e record.Evidence, ok bool)
}

// Find recognises the proposals that a person merged.
func (r *Finder) Find(ctx context.Context, items []item.Item) (Found, error) {
	m := Found{On: map[record.Ref]bool{}}
	standing, _ := proposal.Records(r.Repo)
	found, unread, err := proposal.Merged(r.Repo, slices.Collect(maps.Values(standing)))
	if err != nil {
		return m, err
	}
	for one := range found {
		m.On[one.Ref()] = true
	}
	for _, todo := range items {
		ref := record.RefOf(todo)
		a := Approved{Item: todo, Record: standing[ref]}
		delete(standing, ref)
		if a.Record != nil && m.On[ref] && record.TextSum(todo) != a.Record.Text {
			m.Gone = append(m.Gone, r.goneOf(a.Record, todo, found))
			continue
		}
		there := false
		if err = unread[a.Record]; err == nil {
			if a.Merge, there = found[a.Record]; !there {
				there, err = r.byName(&a)
			}
		}
		if there && err == nil {
			if there, err = a.Credible(r.Repo, r.Scope, r.Wanted); !there && err == nil {
				delete(m.On, ref)
				r.Log.Warn().Str("stage", "items").Str("document", todo.Document).Str("item", todo.ID).Str("commit", a.Commit.Hash).
					Msg("a ref says that this commit merged the item's proposal, and nothing confirms that; the ref is ignored")
			}
		}
		if err := r.passOver(a, err); err != nil {
			return m, fmt.Errorf("compare the proposal of %s with the branch: %w", todo.ID, err)
		}
		if there && err == nil {
			m.On[ref] = true
			m.Approved = append(m.Approved, r.vouched(a))
		}
	}
	// What is left is of items that this run does not take up, that are done, or gone.
	for _, ref := range slices.SortedFunc(maps.Keys(standing), record.CompareRefs) {
		row, open, ok, err := r.Row(r.Repo.Tip(), ref)
		if err != nil {
			return m, err
		}
		if !m.On[ref] || ok && open && record.TextSum(row) == standing[ref].Text {
			continue
		}
		if r.Ledger.LastState(ref) == string(item.Done) {
			if err := standing[ref].Remove(ctx, r.Repo); err != nil {
				return m, err
			}
			continue
		}
		if !ok {
			row = item.Item{Document: ref.Document, ID: ref.Item, Action: standing[ref].Action}
		}
		m.Gone = append(m.Gone, r.goneOf(standing[ref], row, found))
	}
	return m, nil
}

// goneOf says of a proposal that was merged that its row is not as it was proposed.
// It is told once.
func (r *Finder) goneOf(one *proposal.Record, row item.Item, found map[*proposal.Record]proposal.Merge) item.Outcome {
	out := one.Evidence.Outcome(row)
	out.State, out.Reason, out.Commit = item.Skipped, reason.MergedWithdrawn, found[one].Commit.Hash
	r.Log.Warn().Str("stage", "items").Str("document", one.Document).Str("item", one.Item).Str("commit", out.Commit).
		Msg("its proposal was merged, and its row is gone, reworded or not open any more: it is not applied")
	return out
}

// vouched is what was merged with no more effects than somebody vouches for: the
// branch, by the trailers of the commit that was merged, or the forge, by the head
// of the pull request. A record alone may have been rewritten since.
func (r *Finder) vouched(a Approved) Approved {
	a.Named = a.Commit.Hash
	said := a.Record.Evidence.Facts
	commit, e, named := r.Named(record.RefOf(a.Item))
	if named {
		a.Named, said = commit, e.Facts
	}
	sum, err := proposal.FactsSum(a.Record.Facts, a.Record.Base)
	former, errFormer := proposal.FactsSum(a.Record.Facts, "")
	if errors.Join(err, errFormer) != nil || sum != said && former != said || !named && !r.Forge.Heads(a.Record) {
		r.Log.Warn().Str("stage", "items").Str("document", a.Item.Document).Str("item", a.Item.ID).Str("commit", a.Named).
			Msg("the record of its proposal is not the one that its commit was made with; nobody can say what was approved")
		unknown := *a.Record
		unknown.Facts, a.Record = nil, &unknown
	}
	return a
}

// byName recognises a proposal that was merged as something else, by what its merge
// left of its message, or by the commit that the forge says it was merged as. What
// was approved then is not known: nothing is applied for it.
func (r *Finder) byName(a *Approved) (there bool, err error) {
	ref := record.RefOf(a.Item)
	named, e, known := r.Named(ref)
	if !known && a.Record != nil {
		named, e = r.Forge.MergedAs(a.Record, r.Branch), a.Record.Evidence
		if known, err = r.Repo.Contains(r.Repo.Tip(), named); err != nil {
			return false, err
		}
	}
	if !known || a.Record == nil && r.Ledger.LastState(ref) == string(item.Done) {
		return false, nil
	}
	commit, err := r.Repo.Lookup(named)
	if err != nil || commit.Parent == "" {
		return false, err
	}
	pull := int64(0)
	if a.Record != nil {
		pull = a.Record.Pull
	}
	a.Record = &proposal.Record{
		Document: e.Document, Item: e.Item, Stacks: e.Stacks(), Counts: e.Counts, Plan: e.PlanHash, Fix: commit.Hash, Evidence: e, Pull: pull,
	}
	a.Merge, err = proposal.MergeOf(r.Repo, commit)
	a.With = []*proposal.Record{a.Record}
	return err == nil, err
}

// passOver makes the trouble with reading a proposal one of its own item, unless
// the remote is in trouble: whoever wrote the ref chose what is wrong with it, and
// it must not hold up other items.
func (r *Finder) passOver(a Approved, err error) error {
	if err == nil || fault.Of(err) == fault.Temporary {
		return err
	}
	r.Log.Warn().Str("stage", "items").Str("document", a.Item.Document).Str("item", a.Item.ID).Err(err).
		Msg("cannot find out whether its proposal was merged; it counts as open")
	return nil
}

// Approver is who merged a proposal. A merge by this program's own account approves
// nothing, and neither does one that only a ref tells of.
// named tells that a commit of the branch names the item in its trailers.
func (a Approved) Approver(told *proposal.Answers, branch, account string, named bool) (by string, why *stack.Refusal) {
	waits := func(text string) *stack.Refusal {
		return &stack.Refusal{State: item.Proposed, Reason: reason.ProposalMerged, Err: errors.New(text)}
	}
	own := &stack.Refusal{State: item.Proposed, Reason: reason.MergedByUs}
	by, said := told.Merged(a.With, branch)
	committer := a.Commit.Committer
	switch {
	case said == proposal.Approved:
		return by, nil
	case said == proposal.Own:
		return by, own
	case said == proposal.Later:
		return "", waits("the forge does not say who merged it; the next run asks again")
	case said == proposal.Unmerged || !named:
		return "", waits("neither a pull request nor the trailers of a commit on the branch say that its proposal was merged; apply it and mark the row yourself, or revert it")
	case a.Commit.Hash == a.Record.Fix:
		return "", nil // its branch became the branch: the commit is still of this program's making
	case committer.Email != "" && committer.Email == account:
		return committer.Name, own
	}
	return committer.Name, nil
}
