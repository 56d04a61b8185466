package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pm-todos/plugin/change"
	"pm-todos/plugin/fault"
	"pm-todos/plugin/gitrepo"
)

// Left is an item that an earlier run left for a person to settle.
type Left struct {
	Ref      Ref
	Fix      string // the journaled commit
	Evidence Evidence
	Action   string // as the fix commit has it
}

// Unchecked are the items that earlier runs applied, or may have applied, of
// which a run that could not settle them learned: their journals stood on the
// remote when the branch was fetched, stand there still, and no other run is at
// work. known are the items of the documents that were read, by reference.
func Unchecked(ctx context.Context, repo *gitrepo.Repo, known map[Ref]change.Item) ([]change.Outcome, error) {
	seen := JournalsSeen(repo)
	if len(seen) == 0 {
		return nil, nil
	}
	busy, err := repo.LockHeld(ctx)
	if busy || err != nil {
		return nil, err
	}
	now, err := repo.Refs(ctx, JournalPrefix)
	if err != nil {
		return nil, fmt.Errorf("list the journals: %w", err)
	}
	var outcomes []change.Outcome
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if now[name] != seen[name] {
			continue
		}
		out := change.Outcome{
			Item:  change.Item{ID: name, Action: "a journal that cannot be read"},
			State: change.NeedsPerson, Reason: ReasonUnconfirmed, Settled: true,
		}
		if commit, err := repo.Lookup(seen[name]); err == nil {
			e, _ := ParseEvidence(commit.Message)
			out.Stack, out.PlanHash, out.Counts = e.Stack, e.PlanHash, e.Counts
			if item, found := known[e.Ref()]; found {
				out.Item = item
			} else if e.Item != "" {
				out.Item = change.Item{Document: e.Document, ID: e.Item, Action: actionOf(commit.Message)}
			}
		}
		outcomes = append(outcomes, out)
	}
	return outcomes, nil
}

// Unsettled finds the journal of an item by its id, or by the beginning of it.
// It is an error when there is none or when several documents have one.
func Unsettled(ctx context.Context, repo *gitrepo.Repo, item string) (Left, error) {
	refs, err := Journals(ctx, repo)
	if err != nil {
		return Left{}, fmt.Errorf("list the journals: %w", err)
	}
	var found []Left
	var others []string
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		commit, err := repo.Lookup(refs[name])
		if err != nil {
			return Left{}, fmt.Errorf("read the journal %s: %w", name, err)
		}
		e, ok := ParseEvidence(commit.Message)
		if !ok {
			continue
		}
		others = append(others, e.Item+" of "+e.Document)
		if item != "" && strings.HasPrefix(e.Item, item) {
			found = append(found, Left{Ref: e.Ref(), Fix: refs[name], Evidence: e, Action: actionOf(commit.Message)})
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
// sure that the fix is on the branch. The caller marks the row and then calls
// Settled.
func (l Left) Landed(ctx context.Context, repo *gitrepo.Repo) (change.Outcome, error) {
	out := change.Outcome{
		Item: change.Item{Document: l.Ref.Document, ID: l.Ref.Item, Action: l.Action}, State: change.Done, Settled: true,
		Stack: l.Evidence.Stack, PlanHash: l.Evidence.PlanHash, Counts: l.Evidence.Counts, CostUSD: l.Evidence.CostUSD,
	}
	err := repo.Log(repo.Tip(), func(c gitrepo.Commit) bool {
		if e, ok := ParseEvidence(c.Message); ok && e == l.Evidence {
			out.Commit = c.Hash
		}
		return out.Commit == ""
	})
	if err != nil || out.Commit != "" {
		return out, err
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

// Settled writes into the ledger how a person settled the item, and removes its
// journal. landed is false for an item that was given up.
func (l Left) Settled(ctx context.Context, repo *gitrepo.Repo, run, commit string, landed bool) error {
	entry := Entry{Time: time.Now().UTC(), Run: run, Kind: kindResult, Ref: l.Ref, State: string(change.Failed), Reason: "abandoned", Commit: commit}
	if landed {
		entry.State, entry.Reason = string(change.Done), ""
	}
	lines, err := Encode(entry)
	if err != nil {
		return err
	}
	if err := repo.AppendLog(ctx, LedgerRef, lines); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	if err := clearJournal(ctx, repo, l.Ref, l.Fix); err != nil {
		return fmt.Errorf("remove the journal: %w", err)
	}
	return nil
}
