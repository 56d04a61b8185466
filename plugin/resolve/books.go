package resolve

import (
	"context"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// flush writes entries, and those that waited for it, to the ledger.
func (r *Resolver) flush(ctx context.Context, entries ...record.Entry) error {
	return r.flushSettling(ctx, nil, entries...)
}

// flushSettling does that, and deletes refs that are settled then.
func (r *Resolver) flushSettling(ctx context.Context, settled []gitrepo.Standing, entries ...record.Entry) error {
	all := append(r.pending, entries...)
	if len(all) == 0 {
		return nil
	}
	if err := journal.Append(ctx, r.repo, settled, all...); err != nil {
		return err
	}
	r.ledger.Add(all...)
	r.pending, r.stale = nil, true
	return nil
}

// WriteResults writes into the ledger what became of attempts, for a run that
// cannot close its books: what is not there counts as an attempt.
func (r *Resolver) WriteResults(ctx context.Context) error { return r.flush(ctx) }

// Unfinished are the items that earlier runs left to do.
func (r *Resolver) Unfinished() []record.Ref { return r.ledger.Unfinished() }

// Finish closes the books of a run whose documents are published: results go
// into the ledger, the journals of the items that are on the branch are
// removed. tip is the branch as the run leaves it; unfinished are the safe
// items that are still to do.
//
// Journals go with the results or after them. A run that is killed before this point
// finds them again, sees the fix on the branch, and marks the row that this one could not.
func (r *Resolver) Finish(ctx context.Context, tip string, outcomes []item.Outcome, unfinished []record.Ref) error {
	r.noteLoaded(outcomes)
	// Journals of what is locked here are as they were fetched and written here.
	journals := journal.Seen(r.repo)
	records, _ := proposal.Records(r.repo)
	var through []item.Outcome // with a journal
	var settled []gitrepo.Standing
	for _, out := range outcomes {
		ref := record.RefOf(out.Item)
		// Failed with a commit: on the branch, and only verify_command said no.
		if fix := journals[record.JournalRef(ref)]; fix != "" && (out.State == item.Done || out.State == item.Failed && out.Commit != "") {
			through = append(through, out)
			settled = append(settled, gitrepo.Standing{Ref: record.JournalRef(ref), Commit: fix})
		}
		if standing := records[ref]; standing != nil && (out.State == item.Done || out.Reason == reason.MergedWithdrawn) {
			settled = append(settled, standing.Standing())
		}
	}
	done := r.ledger.Finishing(record.Entry{Time: r.now().UTC(), Run: r.opts.Run, Shard: r.opts.Shard.String(), Commit: tip}, unfinished)
	if r.ledger.Completed(r.opts.Shard.String()) != tip || len(r.pending) > 0 || len(done[0].Added)+len(done[0].Removed) > 0 {
		if err := r.flushSettling(ctx, settled, done...); err != nil {
			return err
		}
	}
	for _, s := range settled {
		if r.repo.Seen(s.Ref)[s.Ref] != s.Commit {
			continue // it went with the ledger's push
		}
		if err := journal.Clear(ctx, r.repo, s.Ref, s.Commit); err != nil {
			return fmt.Errorf("remove %s, which is settled: %w", s.Ref, err)
		}
	}
	proved := false
	for _, out := range through {
		ref := record.RefOf(out.Item)
		if err := r.settledOnHosts(ctx, ref, journals[record.JournalRef(ref)]); err != nil {
			return err
		}
		proved = proved || out.Settled
	}
	if proved { // the run directory that proved it has no more use
		now, err := journal.List(ctx, r.repo)
		if err != nil {
			return fmt.Errorf("list the journals: %w", err)
		}
		r.reclaim(ctx, now)
	}
	return nil
}

// dropJournal looks for an item's journal on the remote and removes it if it
// holds one of the fixes.
func (r *Resolver) dropJournal(ctx context.Context, ref record.Ref, fixes []string) error {
	journals, err := journal.List(ctx, r.repo)
	if err != nil {
		return fmt.Errorf("list the journals: %w", err)
	}
	if fix := journals[record.JournalRef(ref)]; slices.Contains(fixes, fix) {
		return r.removeJournal(ctx, ref, fix)
	}
	return nil
}

// removeJournal removes the journal that holds a fix, and lets the hosts clean up
// after its apply.
func (r *Resolver) removeJournal(ctx context.Context, ref record.Ref, fix string) error {
	if err := journal.Clear(ctx, r.repo, record.JournalRef(ref), fix); err != nil {
		return fmt.Errorf("remove the journal of %s: %w", ref.Item, err)
	}
	return r.settledOnHosts(ctx, ref, fix)
}

// settledOnHosts lets the hosts clean up after the apply of a fix that no journal holds.
func (r *Resolver) settledOnHosts(ctx context.Context, ref record.Ref, fix string) error {
	commit, err := r.repo.Lookup(fix)
	if err != nil {
		return fmt.Errorf("read the journal of %s: %w", ref.Item, err)
	}
	evidence, _ := record.ParseEvidence(commit.Message)
	attempt, _ := r.ledger.LastAttempt(ref)
	err = r.directories.Settled(ctx, attempt.Host, evidence)
	if err != nil {
		r.log.Warn().Str("stage", "settle").Err(err).Msg("the run directory could not be marked as settled")
	}
	return nil
}
