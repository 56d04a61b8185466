package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/life"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/schedule"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// attempt is one try at one item.
type attempt struct {
	*Resolver
	item    item.Item
	ref     record.Ref
	number  int
	work    *schedule.Work // its place among the others; nil where no agent works
	log     zerolog.Logger
	change  *change.Change
	space   seam.AgentSpace
	began   string // commit that the agent found in it
	agent   agent.Definition
	planned change.Planned // as it was judged last
	out     item.Outcome

	recorded  bool            // the ledger holds the attempt
	doubtful  bool            // it ended for a reason that may be the item's after all
	facts     []proposal.Fact // of the plan that was judged last
	unproved  bool            // so a person decides
	merged    approval.Group  // what it applies, when a person merged it: nothing is made or pushed then
	journaled []string        // fix commits that this attempt sent to its journal
}

// one takes an item through all of its steps.
func (r *Resolver) one(ctx context.Context, work *schedule.Work) schedule.End {
	nth := life.Place{Item: work.Item, Number: work.Number, Of: work.Of, Beside: work.Beside, Spent: work.Spent}
	ctx = life.At(ctx, nth)
	started, ref := r.now(), record.RefOf(work.Item)
	a := &attempt{
		Resolver: r, item: work.Item, ref: ref, work: work, number: r.ledger.Attempts(ref) + 1,
		log: life.Named(ctx, r.log), change: r.newChange(work.Item), out: item.Outcome{Item: work.Item},
	}
	a.log.Info().Str("stage", "items").Str("priority", a.item.Priority).Str("type", a.item.Type).Msg(nth.Title())
	a.out.Attempt = a.number
	err := a.run(ctx)
	a.out.Duration = r.now().Sub(started)
	fatal := a.conclude(ctx, err)
	end := schedule.End{Outcome: a.out}
	if errors.Is(err, seam.ErrHostGone) && !fatal {
		end.Again = r.flush(ctx) == nil // else it would count as an attempt
	}
	if fatal && ctx.Err() == nil { // else the rest is told that the run is over
		end.Stop = reason.NotAttemptedHost
	}
	if fatal && r.failure != nil {
		end.Stop = reason.PushRefused
	}
	if r.failure != nil || r.stopped || errors.Is(err, host.ErrAltered) {
		end.Cancel = fault.Mark(fault.Temporary, fmt.Errorf("nothing more can land in this run after %s", ref.Item))
	}
	return end
}

// run is the whole way of an item: prepared within its time, then landed. An
// apply is never cut off, so landing does not count against item_timeout.
func (a *attempt) run(ctx context.Context) error {
	limited, cancel := a.work.Limit(ctx, a.opts.ItemTimeout)
	defer cancel()
	if err := a.prepare(limited); err != nil {
		var no *stack.Refusal
		if limited.Err() != nil && ctx.Err() == nil && !errors.As(err, &no) && !gitrepo.IsRemote(err) {
			// Slow, not unlucky: it counts as an attempt, and the others go on.
			return &stack.Refusal{State: item.Failed, Reason: reason.ItemTimeout, Err: fmt.Errorf("item_timeout of %s reached: %w", a.opts.ItemTimeout, err)}
		}
		return err
	}
	paid := gitrepo.Insist(ctx)
	if a.asksPerson() {
		return a.offer(paid)
	}
	landing, done := beyondDeadline(ctx)
	defer done()
	err := a.land(landing)
	if err != nil && a.unproved {
		return a.offer(paid) // where the branch is now; nothing was applied
	}
	return err
}

// beyondDeadline is ctx without its deadline: what was applied is confirmed and
// pushed, however long it took. Being cancelled still ends it.
func beyondDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	free, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel(context.Cause(ctx))
		}
	})
	return free, func() {
		stop()
		cancel(nil)
	}
}

// prepare brings an item to a judged plan, one line per step.
func (a *attempt) prepare(ctx context.Context) error {
	if err := a.openBase(ctx); err != nil {
		return err
	}
	if err := a.namedStack(ctx); err != nil {
		return err
	}
	if err := a.record(ctx); err != nil {
		return err
	}
	return a.implement(ctx)
}

// namedStack leaves an item alone for which nothing that an agent could write
// would pass, and plans the base of the stack that the item names: nobody is paid
// for a stack that drifts.
func (a *attempt) namedStack(ctx context.Context) error {
	name, err := a.change.Named()
	if err != nil {
		var hopeless *stack.Refusal
		if errors.As(err, &hopeless) {
			a.out.Stack, a.out.Final = name, true
		}
		return err
	}
	if name == "" || a.opts.Scope.Unplanned {
		return nil
	}
	a.out.Stack = name
	if err := a.claim(ctx, seam.StackLock(name)); err != nil {
		return err
	}
	a.change.Base = a.repo.Tip()
	if _, err = a.stacks.Baseline(ctx, name, a.change.Base); err == nil {
		a.out.Stack = ""
	}
	return err
}

// record writes the attempt into the ledger before any money is spent.
func (a *attempt) record(ctx context.Context) error {
	a.number = a.ledger.Attempts(a.ref) + 1 // as other runs left it
	a.out.Attempt = a.number
	a.recorded, a.work.Paid = true, true // even when the reply is lost: the ledger may hold it
	return a.flush(ctx, record.Entry{
		Time: a.now().UTC(), Run: a.opts.Run, Kind: record.KindAttempt, Ref: a.ref, Attempt: a.number, Host: a.terraform.Name(), ShareUSD: a.work.Share,
	})
}

// asksPerson reports whether what was made of the item is put before a person.
func (a *attempt) asksPerson() bool { return a.unproved || a.asks(a.item) }

// evidence is what the fix commit of a judged attempt proves.
func (a *attempt) evidence() record.Evidence {
	return record.Evidence{
		Document: a.item.Document, Item: a.item.ID, Stack: a.planned.Stack.Name,
		PlanHash: cmp.Or(a.planned.Plan.SHA256, record.NotPlanned), Counts: a.out.Counts, CostUSD: a.out.CostUSD, Observed: a.out.Observed, Watched: a.out.Watched,
		Merged: strings.Join(a.merged.Commits(), " "),
	}
}

// date is the day of the post-mortem, else today's.
func (a *attempt) date() string {
	if a.item.Date != "" {
		return a.item.Date
	}
	return a.now().UTC().Format(time.DateOnly)
}

// conclude turns how an attempt ended into its outcome and its ledger entry.
func (a *attempt) conclude(ctx context.Context, err error) (fatal bool) {
	var no *stack.Refusal
	switch {
	case err == nil:
		if a.out.State == "" {
			a.out.State = item.Done
		}
	case errors.As(err, &no):
		a.out.State, a.out.Reason, a.out.Findings, a.out.Err = no.State, no.Reason, no.Findings, no.Err
		if no.Reason == reason.StackDrifts {
			a.stacks.Advise(a.out.Stack)
		}
	case errors.Is(err, host.ErrAltered):
		a.out.State, a.out.Reason, a.out.Err = item.Failed, reason.HostAltered, err
	case ctx.Err() != nil:
		a.out.State, a.out.Reason, a.out.Err = item.NotAttempted, reason.Interrupted, context.Cause(ctx)
		fatal = true
	case errors.Is(err, host.ErrStateLock):
		// One stack's trouble: the items of the others go on.
		a.out.State, a.out.Reason, a.out.Err = item.NotAttempted, reason.StateLocked, err
		a.stacks.Close(a.out.Stack, err)
	case fault.Of(err) == fault.Temporary:
		a.out.State, a.out.Reason, a.out.Err = item.NotAttempted, reason.NotAttemptedHost, err
		fatal = !errors.Is(err, seam.ErrHostGone)
	case refusedByRemote(err):
		// The next item's commits would meet the same. The run tells why.
		a.out.State, a.out.Reason = item.NotAttempted, a.refusedRun(err)
		fatal = true
	default:
		a.out.State, a.out.Reason, a.out.Err = item.Failed, reason.Failed, err
	}
	// Whatever else became of the item, nothing more is planned there.
	fatal = fatal || errors.Is(err, host.ErrAltered)
	if a.out.State == item.NeedsPerson && a.out.Commit == "" {
		a.out.Journal = a.repo.OnRemote(record.JournalRef(a.ref))
	}
	a.out.Final = a.out.Final || a.out.State == item.Failed && a.number >= a.opts.MaxAttempts
	a.logOutcome()
	if !a.recorded {
		return fatal // the ledger knows of no attempt to conclude
	}
	result := string(a.out.State)
	if a.out.State == item.NotAttempted && (a.out.CostUSD == 0 || a.out.Reason == reason.NotAttemptedHost || fatal || a.out.Reason == reason.StateLocked || a.out.Reason == reason.StackBusy) {
		result = record.StateTemporary
	}
	entry := record.Entry{
		Time: a.now().UTC(), Run: a.opts.Run, Kind: record.KindResult, Ref: a.ref, Attempt: a.number, Doubtful: a.doubtful,
		State: result, Reason: a.out.Reason, CostUSD: a.out.CostUSD, Commit: a.out.Commit,
	}
	if entry.Reason == reason.NeedsApproval {
		entry.Text = record.TextSum(a.item)
	}
	a.pending = append(a.pending, entry)
	return fatal
}

// logOutcome writes the outcome into the log, with everything that a person needs to
// act on it.
func (a *attempt) logOutcome() {
	level := zerolog.InfoLevel
	switch a.out.State {
	case item.Failed, item.NeedsPerson:
		level = zerolog.ErrorLevel
	case item.Refused, item.NotAttempted, item.Skipped:
		level = zerolog.WarnLevel
	}
	fields := map[string]any{"stage": "item", "state": a.out.State}
	if a.out.Reason != "" {
		fields["reason"] = a.out.Reason
	}
	a.log.WithLevel(level).Fields(fields).Err(a.out.Err).Msg(a.item.Action)
	for _, f := range a.out.Findings {
		a.log.Warn().Str("stage", "gate").Str("code", string(f.Code)).Str("place", f.Place).Msg(f.Detail)
	}
}
