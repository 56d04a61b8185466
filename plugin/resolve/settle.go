package resolve

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/rundir"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// Settle ends what earlier runs left behind: every journal on the remote is
// brought to the branch, given up because it was never applied, or left to a
// person. known are the items of the documents that were read, by reference.
// Nothing is applied here.
func (r *Resolver) Settle(ctx context.Context, known map[record.Ref]item.Item) ([]item.Outcome, error) {
	journals, err := r.claimJournals(ctx)
	if err != nil {
		return nil, err
	}
	r.current = len(journals) == 0
	var outcomes []item.Outcome
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(journals)) {
		out, err := r.settleOne(ctx, name, journals[name], known)
		var not *journal.Foreign
		switch {
		case err == nil:
		case errors.Is(err, errNotApplied):
			problems = append(problems, err)
			continue
		case errors.As(err, &not):
			out = r.disbelieve(out, not)
		case fault.Of(err) == fault.Person:
			r.stacks.Close(out.Stack, err)
			out.State, out.Reason, out.Err = item.NeedsPerson, reason.ApplyUnknown, err
		default:
			// Its apply began, or nobody knows: that counts for more than what kept
			// this run from finding out, and its journal stays.
			r.stacks.Close(out.Stack, err)
			out.State, out.Reason, out.Err = item.NeedsPerson, reason.ApplyUnconfirmed, err
			if !errors.Is(err, rundir.ErrDown) && !errors.Is(err, host.ErrStateLock) {
				problems = append(problems, err) // not of this stack alone
			}
		}
		if out.State == item.NeedsPerson && out.Commit == "" {
			out.Journal = r.repo.OnRemote(name)
		}
		outcomes = append(outcomes, out)
	}
	r.reclaim(ctx, journal.Seen(r.repo))
	return outcomes, errors.Join(problems...)
}

// disbelieve leaves an item to a person whose journal nothing bears out. Nothing
// of its commit is planned, run or published. A stack is closed when something
// was applied there, though not what the journal says: then it is in out.
func (r *Resolver) disbelieve(out item.Outcome, why *journal.Foreign) item.Outcome {
	out.State, out.Reason, out.Findings, out.Err = item.NeedsPerson, reason.JournalNotOurs, why.Findings, why
	out.Command = journal.AbandonCommand(out.Item.ID)
	r.stacks.Close(out.Stack, why)
	r.log.Error().Str("stage", "settle").Str("reason", string(out.Reason)).Str("document", out.Item.Document).Str("item", out.Item.ID).Err(why).
		Msg("its journal is not trusted: anybody who may push refs can write one; look at it")
	return out
}

// reclaim removes what killed runs left on the hosts.
func (r *Resolver) reclaim(ctx context.Context, journals map[string]string) {
	if err := r.directories.Reclaim(ctx, r.repo, journals); err != nil {
		r.log.Warn().Str("stage", "settle").Err(err).Msg("directories of killed runs on the hosts could not be removed")
	}
}

func (r *Resolver) settleOne(ctx context.Context, name, fix string, known map[record.Ref]item.Item) (item.Outcome, error) {
	left, err := journal.Read(r.repo, name, fix, known)
	if err == nil {
		err = left.Judge(r.repo, r.rules())
	}
	if err != nil {
		return item.Outcome{Item: left.Item, Settled: true}, err
	}
	evidence := left.Evidence
	s := settling{Resolver: r, ref: evidence.Ref(), fix: fix, evidence: evidence, out: evidence.Outcome(left.Item)}
	r.log.Info().Str("stage", "settle").Str("document", left.Item.Document).Str("item", left.Item.ID).Msg("an earlier run was cut short at this item")
	out, err := s.settle(ctx)
	if err != nil {
		return out, fmt.Errorf("settle %s of %s: %w", left.Item.ID, left.Item.Document, err)
	}
	return out, nil
}

// settling is one journal on its way to an end.
type settling struct {
	*Resolver
	ref      record.Ref
	fix      string
	evidence record.Evidence
	attempt  record.Entry
	out      item.Outcome
}

func (s *settling) settle(ctx context.Context) (item.Outcome, error) {
	s.attempt, _ = s.ledger.LastAttempt(s.ref)
	s.log.Info().Str("stage", "settle").Str("item", s.out.Item.ID).Msg("asking the host how its apply ended; waiting if it is still running")
	status, err := s.directories.Status(ctx, s.attempt.Host, s.fix, s.evidence)
	if err != nil {
		return s.out, err
	}
	if status.Unknown && !status.Began {
		return s.person(reason.ApplyUnknown, errors.New(
			"no run directory on the hosts is of this journal, so nothing proves what was applied, or that this program wrote it; look at stack and journal")), nil
	}
	merged := strings.Fields(s.evidence.Merged)
	if on, ok := s.landed[s.ref]; ok && on.evidence.PlanHash == s.evidence.PlanHash {
		s.out.Commit = on.commit
	}
	if len(merged) > 0 {
		s.out.Commit = merged[0] // on the branch since before its apply, of which it says nothing
	}
	if s.out.Commit != "" {
		reverted, err := proposal.RevertedAt(s.repo, s.out.Commit)
		if err != nil {
			return s.out, err
		}
		if reverted {
			return s.person(reason.FixReverted, errors.New("its fix was reverted on the branch; settle it with --abandon when that is meant")), nil
		}
	}
	began := status.Began || status.Unknown
	if status.Stale() || status.StateLocked() {
		began = false
	}
	switch {
	case len(merged) > 0 && !began:
		s.out.Commit, s.attempt = "", record.Entry{} // it waits as before, and was no attempt
		return s.neverApplied(ctx)
	case s.out.Commit == "" && !began:
		return s.neverApplied(ctx)
	case !began:
		return s.out, journal.Foreignf("its plan was never applied, and a commit of the branch says that it was")
	case s.out.Commit == "" && s.opts.Mode == Propose:
		return s.person(reason.AppliedNotOnBranch, errors.New(
			"an earlier run applied it, or began to, and mode propose pushes no fix to the branch: run once with mode apply, or settle it")), nil
	}
	return s.decideByPlan(ctx, status)
}

// errNotApplied is with errors of settling a fix that was certainly not applied.
var errNotApplied = errors.New("its plan was not applied")

// neverApplied gives the item up for this time: it failed, and may be tried
// again.
func (s *settling) neverApplied(ctx context.Context) (item.Outcome, error) {
	if err := s.dropJournal(ctx, s.ref, []string{s.fix}); err != nil {
		return s.out, fmt.Errorf("%w: %w", errNotApplied, err)
	}
	s.out.Err = errors.New("the run was cut short before its plan was applied")
	s.out.Attempt = s.attempt.Attempt
	s.out.Final = s.attempt.Attempt >= s.opts.MaxAttempts
	return s.end(item.Failed, reason.Interrupted), nil
}

// decideByPlan plans the fix on the branch's tip: when nothing is left to do, it
// landed; otherwise a person must look.
func (s *settling) decideByPlan(ctx context.Context, status host.ApplyStatus) (item.Outcome, error) {
	commit := s.repo.Tip()
	if s.out.Commit == "" {
		var err error
		commit, err = s.repo.Replay(s.fix, commit, "")
		if errors.Is(err, gitrepo.ErrMoved) {
			return s.person(reason.BaseMoved, err), nil
		}
		if err != nil {
			return s.out, fmt.Errorf("carry the fix to the branch's tip: %w", err)
		}
	}
	space, err := s.stacks.Checkout(ctx, commit)
	if err != nil {
		return s.out, err
	}
	_, err = s.stacks.Confirmed(ctx, space, s.evidence.Stack, item.Plan{})
	var left *stack.Refusal
	var failed *host.CommandError
	why := reason.ApplyUnknown
	switch {
	case err == nil:
		return s.publishLanded(ctx, space)
	case errors.As(err, &left):
		s.out.Findings, why = left.Findings, reason.NotConverged
	case errors.Is(err, stack.ErrUnreadable):
		why = reason.ApplyUnconfirmed
	case fault.Of(err) == fault.Temporary, !errors.As(err, &failed):
		return s.out, err
	}
	if status.Ended && status.Code != 0 {
		why = reason.ApplyFailed
	}
	if status.Began {
		s.publishAnyway(ctx)
	}
	return s.person(why, err), nil
}

func (s *settling) publishLanded(ctx context.Context, space seam.Checkout) (item.Outcome, error) {
	if s.out.Commit == "" {
		commit, _, err := s.publishFix(ctx, s.fix, s.evidence.Stack)
		if err != nil {
			return s.person(reason.AppliedNotOnBranch, err), nil
		}
		s.out.Commit = commit
	}
	err := s.verify(ctx, space, s.out.Item, s.evidence.Stack)
	var no *stack.Refusal
	switch {
	case err == nil:
		return s.end(item.Done, ""), nil
	case errors.As(err, &no):
		s.out.Err = no.Err
		return s.end(no.State, no.Reason), nil
	}
	return s.out, err // the next run asks again
}

// publishAnyway brings a half-applied fix to the branch, where the next plan
// would otherwise destroy what exists.
func (s *settling) publishAnyway(ctx context.Context) {
	if s.out.Commit != "" {
		return
	}
	commit, _, err := s.publishFix(ctx, s.fix, s.evidence.Stack)
	if err != nil {
		s.log.Error().Str("stage", "settle").Str("item", s.ref.Item).Err(err).Msg("the fix is not on the branch")
		return
	}
	s.out.Commit = commit
}

// person leaves the item to a person and closes its stack. What passes, the next
// run settles: then there is nothing to say about it.
func (s *settling) person(code reason.Code, err error) item.Outcome {
	s.stacks.Close(s.evidence.Stack, err)
	s.out.Err = err
	if fault.Of(err) != fault.Temporary {
		s.out.Command = journal.SettleCommand(s.ref.Item)
	}
	return s.end(item.NeedsPerson, code)
}

func (s *settling) end(state item.State, code reason.Code) item.Outcome {
	s.out.State, s.out.Reason = state, code
	if s.attempt.Run != "" && s.ledger.LastState(s.ref) != string(state) {
		s.pending = append(s.pending, record.Entry{
			Time: s.now().UTC(), Run: s.attempt.Run, Kind: record.KindResult, Ref: s.ref, Attempt: s.attempt.Attempt,
			State: string(state), Reason: code, Commit: s.out.Commit, CostUSD: s.cost(),
		})
	}
	s.log.Info().Str("stage", "settle").Str("item", s.ref.Item).Str("state", string(state)).Str("reason", string(code)).Err(s.out.Err).Msg("settled")
	return s.out
}

// cost is what the agent of a killed run was paid, which no result tells of: by the
// journal, and, since that can be forged, no more than was reserved for it.
func (s *settling) cost() float64 {
	return max(0, min(s.evidence.CostUSD, s.ledger.Reserved(s.attempt)))
}
