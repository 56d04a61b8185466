package journal

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Unchecked are the items that earlier runs applied, or may have applied, of
// which a run that could not settle them learned: their journals stood on the
// remote when the branch was fetched, stand there still, and no other run is at
// work, which busy tells. known are the items of the documents that were read, by reference.
func Unchecked(ctx context.Context, repo seam.Remote, busy func(context.Context) (bool, error), known map[record.Ref]item.Item) ([]item.Outcome, error) {
	seen := Seen(repo)
	if len(seen) == 0 {
		return nil, nil
	}
	if held, err := busy(ctx); held || err != nil {
		return nil, err
	}
	now, err := repo.FetchRefs(ctx, record.JournalPrefix)
	if err != nil {
		return nil, fmt.Errorf("list the journals: %w", err)
	}
	var outcomes []item.Outcome
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if now[name] != seen[name] {
			continue
		}
		// What it says is told and no more, whoever wrote it; so is one that cannot
		// be read.
		left, _ := Read(repo, name, seen[name], known)
		out := left.Evidence.Outcome(left.Item)
		out.State, out.Reason, out.Journal = item.NeedsPerson, reason.ApplyUnconfirmed, repo.OnRemote(name)
		outcomes = append(outcomes, out)
	}
	return outcomes, nil
}

// Unsettled finds a journal by the id of its item, or by the beginning of it; one
// that is of no known item goes by the hash in its ref. known are the items of
// all documents, by reference. It is an error when there is none or when several
// documents have one.
func Unsettled(ctx context.Context, repo seam.Remote, item string, known map[record.Ref]item.Item) (Left, error) {
	refs, err := List(ctx, repo)
	if err != nil {
		return Left{}, fmt.Errorf("list the journals: %w", err)
	}
	var found []Left
	var others []string
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		left, err := Read(repo, name, refs[name], known)
		if err != nil && !errors.As(err, &left.foreign) {
			return Left{}, err
		}
		title := left.Item.ID
		if left.Item.Document != "" {
			title += " of " + left.Item.Document
		}
		others = append(others, title)
		if item != "" && strings.HasPrefix(left.Item.ID, item) {
			found = append(found, left)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return Left{}, fmt.Errorf("%s names several items: %s", item, strings.Join(others, "; "))
	case len(others) == 0:
		return Left{}, fmt.Errorf("there is nothing to settle: no item waits for a person")
	}
	return Left{}, fmt.Errorf("no item %s waits for a person; these do: %s", item, strings.Join(others, "; "))
}

// Landed takes a person's word that production is as the fix says, and makes
// sure that the fix is on the branch. What no item may change is not brought
// there on anybody's word. The caller marks the row and then calls Settled.
func (l Left) Landed(ctx context.Context, repo seam.Remote, rules policy.Rules) (item.Outcome, error) {
	out := l.Evidence.Outcome(l.Item)
	out.State, out.CostUSD = item.Done, l.Evidence.CostUSD
	if l.foreign != nil {
		return out, l.unfit(l.foreign)
	}
	if merged := l.Merged(); len(merged) > 0 {
		out.Commit = merged[0]
		return out, l.Judge(repo, rules)
	}
	err := repo.Log(repo.Tip(), func(c gitrepo.Commit) bool {
		if e, ok := record.ParseEvidence(c.Message); ok && e == l.Evidence {
			out.Commit = c.Hash
		}
		return out.Commit == ""
	})
	if err != nil || out.Commit != "" {
		return out, err
	}
	if err := l.Judge(repo, rules); err != nil {
		return out, l.unfit(err)
	}
	_, err = repo.Publish(ctx, func(tip string) (string, error) {
		var err error
		out.Commit, err = repo.Replay(l.Fix, tip, "")
		return out.Commit, err
	})
	if fault.Of(err) == fault.Temporary {
		return out, err // to be said again, once the remote can be reached
	}
	if errors.Is(err, gitrepo.ErrMoved) {
		err = fmt.Errorf("the branch changed the same files meanwhile; bring %.12s to the branch by hand, then settle again: %w", l.Fix, err)
	}
	return out, fault.Mark(fault.Person, err)
}

// unfit says what a person can do about a journal that is not published.
func (l Left) unfit(err error) error {
	if fault.Of(err) == fault.Temporary {
		return err
	}
	return fault.Mark(fault.Person, fmt.Errorf(
		"%w; this journal is not published. If its change is real, bring it to the branch yourself and set the row; then: %s", err, AbandonCommand(l.Item.ID)))
}

// Settled writes into the ledger how a person settled the item, and removes its
// journal. landed is false for an item that was given up.
func (l Left) Settled(ctx context.Context, repo seam.Remote, run, commit string, landed bool) error {
	entry := record.Entry{Time: time.Now().UTC(), Run: run, Kind: record.KindResult, Ref: record.RefOf(l.Item), State: string(item.Failed), Reason: reason.Abandoned, Commit: commit}
	if landed {
		entry.State, entry.Reason = string(item.Done), ""
	}
	if err := Append(ctx, repo, nil, entry); err != nil {
		return err
	}
	if err := Clear(ctx, repo, l.Name, l.Fix); err != nil {
		return fmt.Errorf("remove the journal: %w", err)
	}
	return nil
}

// AbandonCommand closes an item whose journal is not believed.
func AbandonCommand(item string) string { return "pm-todos settle " + item + " --abandon" }

// SettleCommand is what a person runs, once they have looked, to close an item.
func SettleCommand(item string) string {
	return "pm-todos settle " + item + " --landed|--abandon"
}
