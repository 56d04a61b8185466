package resolve

import (
	"context"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
)

// landed is a fix commit found on the branch.
type landed struct {
	commit   string
	evidence record.Evidence
	proposed bool // a person merged it: this program applied nothing
}

// readHistory learns from the ledger and the branch what earlier runs did.
func (r *Resolver) readHistory(ctx context.Context) error {
	if err := r.readLedger(ctx); err != nil {
		return err
	}
	clear(r.landed)
	return r.findLanded(r.repo.Tip())
}

// readLedger reads the ledger as the clone has it. What is wrong with it stops no run:
// what can be read of it counts.
func (r *Resolver) readLedger(ctx context.Context) error {
	log, err := r.repo.ReadLog(record.LedgerRef)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	r.stale = false
	var damaged int
	if r.ledger, damaged = record.ReadLedger(log.Lines); damaged+log.Unread > 0 {
		r.log.Warn().Int("lines", damaged).Int("files", log.Unread).Msg("parts of the ledger cannot be read; they are skipped")
	}
	if log.Overgrown {
		if err := r.repo.CompactLog(ctx, record.LedgerRef, record.Compact); err != nil {
			r.log.Warn().Err(err).Msg("the ledger could not be compacted; it keeps growing, and a later run tries again")
		}
	}
	return nil
}

// findLanded collects the fix commits of a branch by their trailers.
func (r *Resolver) findLanded(tip string) error {
	err := r.repo.Log(tip, func(c gitrepo.Commit) bool {
		for _, e := range record.Evidences(c.Message) {
			if _, newer := r.landed[e.Ref()]; !newer {
				r.landed[e.Ref()] = landed{c.Hash, e, !record.SkipsPipeline(c.Message)}
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("read the history of %s: %w", r.opts.Branch, err)
	}
	return nil
}

// refresh learns what other runs did until now.
func (r *Resolver) refresh(ctx context.Context) error {
	if _, err := r.repo.Fetch(ctx); err != nil {
		return fmt.Errorf("fetch %s: %w", r.opts.Branch, err)
	}
	return r.readHistory(ctx)
}

// admit takes out the items that history decides: those with a landed fix,
// those that failed often enough, those that wait on a proposal.
func (r *Resolver) admit(items []item.Item) (queue []item.Item, outcomes []item.Outcome) {
	for _, todo := range items {
		ref := record.RefOf(todo)
		out := item.Outcome{Item: todo, State: item.Skipped}
		switch fix, isLanded := r.landed[ref]; {
		case isLanded && r.waitsForPrometheus(fix, ref):
			out = fix.evidence.Outcome(todo)
			out.State, out.Commit, out.Unloaded = item.Done, fix.commit, true
			r.log.Info().Str("stage", "items").Str("document", todo.Document).Str("item", todo.ID).Msg("it is on the branch, and was not loaded: Prometheus is asked again")
			outcomes = append(outcomes, out)
			continue
		case isLanded:
			out.State, out.Reason = r.openAgain(todo)
			if out.Reason == reason.Reopened {
				out.Commit = fix.commit
			}
		case r.board.Of(ref) != nil:
			out = r.board.Of(ref).Outcome(todo)
			r.remember(ref, out)
		case !r.asks(todo) && !r.opts.Doubtful && r.ledger.LastResult(ref).Unapproved(todo):
			out.Reason = reason.NeedsApproval
		case r.ledger.Attempts(ref) >= r.opts.MaxAttempts:
			out.Reason = reason.MaxAttempts
		default:
			queue = append(queue, todo)
			continue
		}
		if len(outcomes) < mostHeld {
			r.log.Info().Str("stage", "items").Str("document", todo.Document).Str("item", todo.ID).Str("reason", string(out.Reason)).Msg("not attempted")
		}
		outcomes = append(outcomes, out)
	}
	if more := len(outcomes) - mostHeld; more > 0 {
		r.log.Info().Str("stage", "items").Int("more", more).Msgf("%d more items are not attempted", more)
	}
	return queue, outcomes
}

// mostHeld is how many lines the log spends on items that history decides.
const mostHeld = 100

// openAgain is what to say of an item whose fix is on the branch while its row is open:
// another run may be about to mark it, or did so since the documents were read.
func (r *Resolver) openAgain(todo item.Item) (item.State, reason.Code) {
	if journal.Seen(r.repo)[record.JournalRef(record.RefOf(todo))] != "" {
		return item.NotAttempted, reason.StackBusy
	}
	if open, err := r.wanted(r.repo.Tip(), todo); err == nil && !open {
		return item.NotAttempted, reason.ChangedMeanwhile
	}
	return item.Skipped, reason.Reopened
}

// remember writes into the ledger what became of an item that has a proposal, where
// the run that made it was cut short before it could, or never learned that it was
// taken.
func (r *Resolver) remember(ref record.Ref, out item.Outcome) {
	attempt, made := r.ledger.LastAttempt(ref)
	result := r.ledger.LastResult(ref)
	cut := result.State == record.StateTemporary || result.State == string(item.NotAttempted)
	if out.State != item.Proposed || !made || result.Run == attempt.Run && result.Attempt == attempt.Attempt && !cut {
		return
	}
	r.pending = append(r.pending, record.Entry{
		Time: r.now().UTC(), Run: attempt.Run, Kind: record.KindResult, Ref: ref, Attempt: attempt.Attempt,
		State: string(item.Proposed), CostUSD: r.board.Of(ref).CostUSD, Commit: out.Commit,
	})
}
