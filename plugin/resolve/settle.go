package resolve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pm-todos/plugin/change"
	"pm-todos/plugin/fault"
	"pm-todos/plugin/gitrepo"
	"pm-todos/plugin/host"
)

// cleanupTime bounds what still has to be written after a run was cancelled.
// Woodpecker kills a container 20 s after its SIGTERM.
const cleanupTime = 15 * time.Second

// Settle ends what earlier runs left behind: every journal on the remote is
// brought to the branch, given up because it was never applied, or left to a
// person. known are the items of the documents that were read, by reference.
// Nothing is applied here.
func (r *Resolver) Settle(ctx context.Context, known map[Ref]change.Item) ([]change.Outcome, error) {
	journals, err := Journals(ctx, r.repo)
	if err != nil {
		return nil, fmt.Errorf("list the journals: %w", err)
	}
	var outcomes []change.Outcome
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(journals)) {
		out, err := r.settleOne(ctx, name, journals[name], known)
		switch {
		case err == nil:
		case errors.Is(err, errNotApplied):
			problems = append(problems, err)
			continue
		case fault.Of(err) == fault.Person:
			r.close(out.Stack, err)
			out.State, out.Reason, out.Err = change.NeedsPerson, ReasonUnknown, err
		default:
			// Its apply began, or nobody knows: that counts for more than what kept
			// this run from finding out, and its journal stays.
			r.close(out.Stack, err)
			out.State, out.Reason, out.Err = change.NeedsPerson, ReasonUnconfirmed, err
			if !errors.Is(err, errHostDown) && !errors.Is(err, host.ErrStateLock) {
				problems = append(problems, err) // not of this stack alone
			}
		}
		outcomes = append(outcomes, out)
	}
	r.reclaim(ctx)
	return outcomes, errors.Join(problems...)
}

// reclaim removes what killed runs left on the hosts, except what a journal may
// still need as proof of how its apply ended. Of the runs of this ledger that no
// journal needs, everything goes: a person may have settled them.
func (r *Resolver) reclaim(ctx context.Context) {
	keep := []string{r.opts.Run}
	journals, err := Journals(ctx, r.repo)
	for _, fix := range journals {
		commit, lookupErr := r.repo.Lookup(fix)
		err = errors.Join(err, lookupErr)
		evidence, _ := ParseEvidence(commit.Message)
		if entry, ok := r.ledger.LastAttempt(evidence.Ref()); ok {
			keep = append(keep, entry.Run)
		}
	}
	if err == nil {
		err = r.terraform.Reclaim(ctx, keep, r.ledger.over(r.terraform.Name(), keep))
		if r.agents != r.terraform {
			// Nothing is applied there, so no run there waits to be settled.
			err = errors.Join(err, r.agents.Reclaim(ctx, keep, nil))
		}
	}
	if err != nil {
		r.log.Warn().Str("stage", "settle").Err(err).Msg("what killed runs left on the hosts could not be removed")
	}
}

func (r *Resolver) settleOne(ctx context.Context, name, fix string, known map[Ref]change.Item) (change.Outcome, error) {
	commit, err := r.repo.Lookup(fix)
	if err != nil {
		return change.Outcome{Item: change.Item{ID: name, Action: "a journal that cannot be read"}}, fmt.Errorf("read the journal %s: %w", name, err)
	}
	evidence, ok := ParseEvidence(commit.Message)
	ref := evidence.Ref()
	if !ok || JournalRef(ref) != name {
		return change.Outcome{Item: change.Item{ID: name, Action: "a journal that this program did not write"}},
			fault.Mark(fault.Person, fmt.Errorf("the journal %s holds a commit that this program did not make; look at it and delete the ref", name))
	}
	item, found := known[ref]
	if !found {
		// The row is gone from the documents; its commit still says what it was.
		item = change.Item{Document: ref.Document, ID: ref.Item, Action: actionOf(commit.Message)}
	}
	s := settling{Resolver: r, ref: ref, fix: fix, evidence: evidence, out: change.Outcome{
		Item: item, Stack: evidence.Stack, PlanHash: evidence.PlanHash, Counts: evidence.Counts, Settled: true,
	}}
	r.log.Info().Str("stage", "settle").Str("document", ref.Document).Str("item", ref.Item).Msg("an earlier run was cut short at this item")
	out, err := s.settle(ctx)
	if err != nil {
		return out, fmt.Errorf("settle %s of %s: %w", ref.Item, ref.Document, err)
	}
	return out, nil
}

// settling is one journal on its way to an end.
type settling struct {
	*Resolver
	ref      Ref
	fix      string
	evidence Evidence
	attempt  Entry
	out      change.Outcome
}

func (s *settling) settle(ctx context.Context) (change.Outcome, error) {
	s.attempt, _ = s.ledger.LastAttempt(s.ref)
	if on, ok := s.landed[s.ref]; ok && on.evidence.PlanHash == s.evidence.PlanHash {
		s.out.Commit = on.commit
		reverted, err := revertedAt(s.repo, on.commit)
		if err != nil {
			return s.out, err
		}
		if reverted {
			return s.person(ReasonReverted, errors.New("its fix was reverted on the branch; settle it with --abandon when that is meant")), nil
		}
		if s.ledger.LastState(s.ref) == string(change.Done) {
			return s.end(change.Done, ""), nil
		}
	}
	status, err := s.status(ctx)
	if err != nil {
		return s.out, err
	}
	began := status.Began || status.Unknown
	if nothingApplied(status, stalePlan) || nothingApplied(status, stateLocked) {
		began = false
	}
	if s.out.Commit == "" && !began {
		return s.neverApplied(ctx)
	}
	if s.opts.Mode == Propose && s.out.Commit == "" {
		return s.person(ReasonNotOnBranch, errors.New(
			"an earlier run applied it, or began to, and mode propose pushes no fix to the branch: run once with mode apply, or settle it")), nil
	}
	return s.decideByPlan(ctx, status)
}

// revertedAt tells whether a file of a fix on the branch is as it was before the
// fix: then an empty plan says nothing of the fix.
func revertedAt(repo *gitrepo.Repo, fix string) (bool, error) {
	commit, err := repo.Lookup(fix)
	if err != nil {
		return false, fmt.Errorf("read the fix commit: %w", err)
	}
	diff, err := repo.Diff(commit.Parent, commit.Tree)
	if err != nil {
		return false, fmt.Errorf("read the fix commit: %w", err)
	}
	for _, file := range diff.Files {
		touched, err := repo.Touched(commit.Parent, repo.Tip(), file.Path)
		if err != nil {
			return false, fmt.Errorf("compare %s with the branch: %w", file.Path, err)
		}
		if !touched {
			return true, nil
		}
	}
	return false, nil
}

// errHostDown is a host that an earlier run applied on and that cannot be
// reached now.
var errHostDown = fault.Mark(fault.Temporary, errors.New("the host that applied it cannot be reached"))

// hostOf is the host that an attempt ran on: the one in use, or another one that
// the settings name. It is nil when they do not name it any more.
func (r *Resolver) hostOf(ctx context.Context, attempt Entry) (*host.Host, error) {
	name := attempt.Host
	switch {
	case attempt.Run == "" || name == "":
		return nil, nil
	case name == r.terraform.Name():
		return r.terraform, nil
	case r.others[name] != nil:
		return r.others[name], nil
	}
	h, err := r.opts.Dial(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w; take it out of hosts when it is gone for good, and a plan decides", errHostDown, name, err)
	}
	if h != nil {
		r.others[name] = h
	}
	return h, nil
}

// status asks the host how the apply ended, and waits for one that still runs.
func (s *settling) status(ctx context.Context) (host.ApplyStatus, error) {
	h, err := s.hostOf(ctx, s.attempt)
	if err != nil {
		return host.ApplyStatus{}, err
	}
	if h == nil {
		// The host that applied it is not in use any more, or nobody wrote which it
		// was. A plan tells what came of it; the state lock keeps us out while it
		// still runs.
		return host.ApplyStatus{Unknown: true}, nil
	}
	s.log.Info().Str("stage", "settle").Str("item", s.ref.Item).Msg("asking the host how its apply ended; one that still runs is waited for")
	status, err := h.FenceApply(ctx, s.attempt.Run, applyID(s.ref, s.evidence.PlanHash))
	if err != nil && status.Running {
		return status, fault.Mark(fault.Person, fmt.Errorf("an apply still runs on %s: %w", h.Name(), err))
	}
	if err != nil {
		return status, fmt.Errorf("read how the apply ended on %s: %w", h.Name(), err)
	}
	return status, nil
}

// errNotApplied is with errors of settling a fix that was certainly not applied.
var errNotApplied = errors.New("its plan was not applied")

// neverApplied gives the item up for this time: it failed, and may be tried
// again.
func (s *settling) neverApplied(ctx context.Context) (change.Outcome, error) {
	if err := s.dropJournal(ctx, s.ref, []string{s.fix}); err != nil {
		return s.out, fmt.Errorf("%w: %w", errNotApplied, err)
	}
	s.out.Err = errors.New("the run was cut short before its plan was applied")
	s.out.Attempt = s.attempt.Attempt
	s.out.Final = s.attempt.Attempt >= s.opts.MaxAttempts
	return s.end(change.Failed, ReasonInterrupted), nil
}

// decideByPlan plans the fix on the branch's tip: when nothing is left to do, it
// landed; otherwise a person must look.
func (s *settling) decideByPlan(ctx context.Context, status host.ApplyStatus) (change.Outcome, error) {
	commit := s.repo.Tip()
	if s.out.Commit == "" {
		var err error
		commit, err = s.repo.Replay(s.fix, commit, "")
		if errors.Is(err, gitrepo.ErrMoved) {
			return s.person(ReasonBaseMoved, err), nil
		}
		if err != nil {
			return s.out, fmt.Errorf("carry the fix to the branch's tip: %w", err)
		}
	}
	space, err := s.checkout(ctx, commit)
	if err != nil {
		return s.out, err
	}
	_, err = s.confirmed(ctx, space, s.evidence.Stack, change.Plan{})
	var left *refusal
	var failed *host.CommandError
	reason := ReasonUnknown
	switch {
	case err == nil:
		return s.publishLanded(ctx, space)
	case errors.As(err, &left):
		s.out.Findings, reason = left.findings, ReasonConverge
	case fault.Of(err) == fault.Temporary, !errors.As(err, &failed):
		return s.out, err
	}
	if status.Ended && status.Code != 0 {
		reason = ReasonApply
	}
	if status.Began {
		s.publishAnyway(ctx)
	}
	return s.person(reason, err), nil
}

func (s *settling) publishLanded(ctx context.Context, space *host.Workspace) (change.Outcome, error) {
	if s.out.Commit == "" {
		commit, _, err := s.publishFix(ctx, s.fix, s.evidence.Stack)
		if err != nil {
			return s.person(ReasonNotOnBranch, err), nil
		}
		s.out.Commit = commit
	}
	s.out.Err = s.verify(ctx, space, s.out.Item, s.evidence.Stack)
	if s.out.Err == nil {
		return s.end(change.Done, ""), nil
	}
	return s.end(change.Failed, ReasonVerify), nil
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
func (s *settling) person(reason string, err error) change.Outcome {
	s.close(s.evidence.Stack, err)
	s.out.Err = err
	if fault.Of(err) != fault.Temporary {
		s.out.Command = SettleCommand(s.ref.Item)
	}
	return s.end(change.NeedsPerson, reason)
}

func (s *settling) end(state change.State, reason string) change.Outcome {
	s.out.State, s.out.Reason = state, reason
	if s.attempt.Run != "" && s.ledger.LastState(s.ref) != string(state) {
		s.pending = append(s.pending, Entry{
			Time: s.now().UTC(), Run: s.attempt.Run, Kind: kindResult, Ref: s.ref, Attempt: s.attempt.Attempt,
			State: string(state), Reason: reason, Commit: s.out.Commit,
		})
	}
	s.log.Info().Str("stage", "settle").Str("item", s.ref.Item).Str("state", string(state)).Str("reason", reason).Err(s.out.Err).Msg("settled")
	return s.out
}

// itemJSON is an item as verify_command reads it.
func itemJSON(item change.Item, stack string) ([]byte, error) {
	encoded, err := json.Marshal(struct {
		Document string `json:"document"`
		ID       string `json:"id"`
		Date     string `json:"date"`
		Priority string `json:"priority"`
		Action   string `json:"action"`
		Type     string `json:"type"`
		Details  string `json:"details"`
		Stack    string `json:"stack"`
	}{item.Document, item.ID, item.Date, item.Priority, item.Action, item.Type, item.Details, stack})
	if err != nil {
		return nil, fmt.Errorf("encode the item for verify_command: %w", err)
	}
	return append(encoded, '\n'), nil
}
