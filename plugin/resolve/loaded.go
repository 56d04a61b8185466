package resolve

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// observe asks Prometheus about the rules of a judged change, and notes what it must
// have loaded once that is applied. The findings are what a person must decide on.
func (a *attempt) observe(ctx context.Context, j gate.Judgement, c *gate.Changeset) []item.Finding {
	said := a.observer.Ask(ctx, a.log, j.Rules, a.item.Incident, c.Mentions)
	a.out.Observed, a.out.Briefly = said.Observed, said.Briefly
	a.out.Watched = a.observer.Watched(j.Rules, j.Pools, c.Mentions)
	return said.Findings
}

// waitsForPrometheus reports whether a fix on the branch was not loaded when the
// last run asked: then later ones ask again, and nothing else.
func (r *Resolver) waitsForPrometheus(fix landed, ref record.Ref) bool {
	if !r.ledger.LastResult(ref).Unloaded || fix.evidence.Watched == "" {
		return false
	}
	reverted, err := proposal.RevertedAt(r.repo, fix.commit)
	return err == nil && !reverted
}

// Loaded reports whether all that the outcomes are done by is loaded already, so
// that nothing is to be waited for.
func (r *Resolver) Loaded(ctx context.Context, outcomes []item.Outcome) bool {
	return r.observer.Loaded(ctx, outcomes)
}

// AwaitLoaded waits until all that the outcomes are done by is loaded and healthy,
// and takes back what is not. It needs no lock.
func (r *Resolver) AwaitLoaded(ctx context.Context, outcomes []item.Outcome) []item.Outcome {
	for _, out := range r.observer.Await(ctx, outcomes) {
		r.pending = append(r.pending, r.asked(out))
	}
	return outcomes
}

// noteLoaded writes for the ledger that what earlier runs waited for is there. It is
// called once the rows are marked: until then, later runs must ask again.
func (r *Resolver) noteLoaded(outcomes []item.Outcome) {
	for _, out := range outcomes {
		if out.State == item.Done && r.ledger.LastResult(record.RefOf(out.Item)).Unloaded {
			r.pending = append(r.pending, r.asked(out))
		}
	}
}

// asked is the ledger's entry of an outcome that Prometheus decided.
func (r *Resolver) asked(out item.Outcome) record.Entry {
	ref := record.RefOf(out.Item)
	last, _ := r.ledger.LastAttempt(ref)
	return record.Entry{
		Time: r.now().UTC(), Run: r.opts.Run, Kind: record.KindResult, Ref: ref, Attempt: last.Attempt,
		State: string(out.State), Reason: out.Reason, Commit: out.Commit, Unloaded: out.Unloaded,
	}
}
