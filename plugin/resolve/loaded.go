package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
)

// watch notes what Prometheus must have loaded once the change is applied. Names
// are kept where the files of the change hold them.
func (a *attempt) watch(j gate.Judgement, c *gate.Changeset) {
	var list []item.Watch
	for _, r := range j.Rules {
		if w, ok := evidence.WatchOf(r); ok {
			if !c.Mentions(w.Rule) {
				w.Rule = ""
			}
			list = append(list, w)
		}
	}
	for _, pool := range j.Pools {
		if c.Mentions(pool[strings.LastIndexByte(pool, '/')+1:]) {
			list = append(list, item.Watch{Pool: pool})
		}
	}
	a.out.Watched = ""
	if a.opts.Prometheus != nil {
		a.out.Watched = item.Watched(list)
	}
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

// watched is what must be loaded for the outcomes that are done.
func watched(outcomes []item.Outcome) (list []item.Watch) {
	for _, out := range outcomes {
		if out.State == item.Done {
			list = append(list, item.ReadWatched(out.Watched)...)
		}
	}
	return list
}

// Loaded reports whether all that the outcomes are done by is loaded already, so
// that nothing is to be waited for.
func (r *Resolver) Loaded(ctx context.Context, outcomes []item.Outcome) bool {
	list := watched(outcomes)
	if len(list) == 0 {
		return true
	}
	if r.opts.Prometheus == nil {
		return false
	}
	missing, err := r.opts.Prometheus.Loaded(ctx, list)
	r.answered = r.answered || err == nil
	if err != nil || len(missing) > 0 {
		return false
	}
	loaded(outcomes)
	return true
}

// loaded notes that what earlier runs waited for is there.
func loaded(outcomes []item.Outcome) {
	for i := range outcomes {
		if outcomes[i].State == item.Done {
			outcomes[i].Unloaded = false
		}
	}
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

// timeToRecord is what a run keeps of its time for its documents and its ledger.
const timeToRecord = time.Minute

// AwaitLoaded waits until all that the outcomes are done by is loaded and healthy,
// all of the run together, and takes back what is not. It needs no lock.
func (r *Resolver) AwaitLoaded(ctx context.Context, outcomes []item.Outcome) []item.Outcome {
	var missing []evidence.Missing
	var err error
	switch {
	case r.opts.Prometheus == nil:
		err = errors.New("prometheus_url is not set any more, so nobody can say whether it is loaded; set it, or the row")
	case r.unanswered && !r.answered:
		err = errors.New("it does not answer")
	default:
		r.log.Info().Str("stage", "evidence").Msg("waiting until Prometheus has loaded what was applied")
		limited, cancel := ctx, context.CancelFunc(func() {})
		if !r.opts.Deadline.IsZero() {
			limited, cancel = context.WithDeadline(ctx, r.opts.Deadline.Add(-timeToRecord))
		}
		missing, err = r.opts.Prometheus.Await(limited, watched(outcomes))
		cancel()
	}
	for i := range outcomes {
		out := &outcomes[i]
		if out.State != item.Done || out.Watched == "" {
			continue
		}
		unsure, why := r.notLoaded(*out, missing, err)
		switch {
		case why == nil:
			continue
		case unsure && !out.Unloaded:
			r.log.Warn().Str("stage", "evidence").Str("item", out.Item.ID).Err(why).Msg("nobody can say whether it is loaded; the run goes on without this evidence")
			continue
		}
		out.Err = why
		out.State, out.Reason, out.Unloaded = item.Failed, reason.VerifyFailed, true
		r.log.Error().Str("stage", "evidence").Str("document", out.Item.Document).Str("item", out.Item.ID).Err(out.Err).Msg("not loaded")
		r.pending = append(r.pending, r.asked(*out))
	}
	loaded(outcomes)
	return outcomes
}

// notLoaded is why an outcome is not known to be loaded, nil when it is. unsure
// tells that Prometheus never answered, or could not know.
func (r *Resolver) notLoaded(out item.Outcome, missing []evidence.Missing, asked error) (unsure bool, why error) {
	if asked != nil {
		return !r.answered, asked
	}
	var said, unseen []string
	list := item.ReadWatched(out.Watched)
	for _, m := range missing {
		if !slices.Contains(list, m.Watch) {
			continue
		}
		line := cmp.Or(m.Watch.Rule+m.Watch.Pool, "a rule") + ": " + m.Why
		if m.Blind {
			unseen = append(unseen, line)
		} else {
			said = append(said, line)
		}
	}
	switch {
	case len(said) > 0:
		return false, fmt.Errorf("it is applied and on %s, and Prometheus does not have it: %s; later runs ask again", r.opts.Branch, strings.Join(said, "; "))
	case len(unseen) > 0:
		return true, fmt.Errorf("it cannot be seen whether Prometheus has it: %s", strings.Join(unseen, "; "))
	}
	return false, nil
}
