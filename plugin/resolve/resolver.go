package resolve

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/change"
	"github.com/pm-todos/pm-todos/plugin/resolve/observe"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/rundir"
	"github.com/pm-todos/pm-todos/plugin/resolve/schedule"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Modes of a run that come to this room.
const (
	Apply   = "apply"
	Propose = "propose"
)

// Options is how one run resolves its items. All of it comes from the
// settings, none from the repository.
type Options struct {
	Run         string // id of this run; names run directories and ledger entries
	Mode        string // Apply or Propose
	Doubtful    bool   // what the gates cannot prove is put before a person
	Branch      string
	MaxItems    int
	MaxAttempts int
	MaxOpen     int // proposals at a time
	Parallel    int // items at work at the same time, 1 or more
	BudgetUSD   float64
	MonthUSD    float64       // for all runs of a calendar month; 0 for no limit
	ItemTimeout time.Duration // agent and plans of one item
	Deadline    time.Time     // end of the run; zero when there is none

	Agent       Agent
	Wrapper     string          // program of the repository that plans and applies, which no change may touch
	ApplyMerged bool            // what a person merged is applied; else another pipeline does that
	Account     string          // email address that this program's commits are made by
	Verify      bool            // the owner has a check of their own (verify_command)
	Scope       policy.Scope    // its Unplanned: every change is proposed without a plan
	Secrets     []secret.String // must appear in no change

	// Row is an item as it stands at a commit; ok is false when it is gone. open
	// says that a run may take it up, in one of the two lanes.
	Row func(commit string, ref record.Ref) (row item.Item, open, ok bool, err error)
	// Forge is what the forge said of the proposals; nil when there is none.
	Forge *proposal.Answers
	// Prometheus is asked about the rules of a change; nil when there is none.
	Prometheus seam.Prometheus
	// Locks are the run's, by which other runs are kept away from what it works at.
	// That it holds them still is asked just before an apply begins.
	Locks    seam.Locks
	LockWait time.Duration // for another run, where something is paid for
	MayPush  bool          // the remote has shown by the push of the lock that it takes ours to the branch
	Shard    shard.Shard   // that the items of the run fall to
	Deal     shard.Dealer  // knows which they are, as of the last fetch
	// Dial connects to the host of an earlier run by its name; nil when the
	// settings do not name it any more.
	Dial func(ctx context.Context, name string) (seam.ApplyRecords, error)
}

// Agent says which agent works, and on what terms.
type Agent struct {
	Name  string // name of the definition
	Model string // overrides the definition's
	Kind  agent.Kind
}

// Resolver works through the items of one run. It is not safe for concurrent
// use: of several items one at a time has it, see package schedule.
type Resolver struct {
	opts      Options
	repo      seam.Remote
	agents    seam.AgentHost
	terraform seam.TerraformHost // may be the agents' host
	log       zerolog.Logger

	directories *rundir.Directories

	ledger   record.Ledger
	stale    bool           // runs beside this one may have written since it was read
	pending  []record.Entry // results not written to the ledger yet
	landed   map[record.Ref]landed
	stacks   *stack.Stacks
	held     shard.Held // lots that are locked
	unseen   []string   // lots that were locked since other runs were looked at
	current  bool       // the branch was fetched under the locks, and nothing took time since
	board    *proposal.Board
	observer *observe.Observer
	stopped  bool  // the remote did not take what was applied: it would not take the next one either
	failure  error // of the run, not of an item: see refusedRun
	now      func() time.Time
}

// New learns what earlier runs did. The caller holds the lock, and calls Close
// whatever happens.
func New(ctx context.Context, opts Options, repo seam.Remote, agents seam.AgentHost, terraform seam.TerraformHost, log zerolog.Logger) (*Resolver, error) {
	r := &Resolver{
		opts: opts, repo: repo, agents: agents, terraform: terraform, log: log,
		landed: map[record.Ref]landed{}, stacks: stack.New(repo, terraform, opts.Scope.Tolerated, log), directories: rundir.New(agents, terraform, opts.Dial), now: time.Now,
		observer: observe.New(opts.Prometheus, opts.Branch, opts.Deadline, log),
	}
	if err := r.readHistory(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// Items works through items in order and says what became of each. An error of
// one item does not stop the others; what stops the run is told by the
// outcomes that were not attempted. The error is the run's own: the remote does
// not take its commits.
func (r *Resolver) Items(ctx context.Context, items []item.Item) ([]item.Outcome, error) {
	items = schedule.Order(items)
	merged, err := r.findMerged(ctx, items)
	if err != nil {
		r.log.Error().Str("stage", "items").Err(err).Msg("cannot find out which proposals were merged; no item is started")
		return notAttempted(items, reason.NotAttemptedHost), nil
	}
	items, outcomes := r.merged(ctx, items, merged)
	r.current = r.current && len(outcomes) == 0
	r.reviewProposals(ctx, items, merged.On)
	queue, held := r.admit(items)
	outcomes = append(outcomes, held...)
	if r.failure != nil {
		return append(outcomes, notAttempted(queue, reason.PushRefused)...), r.failure
	}
	if len(queue) > 0 && !r.opts.MayPush && r.mayStart(ctx, 0) == "" {
		if err := r.mayPush(ctx); err != nil {
			return append(outcomes, notAttempted(queue, r.refusedRun(err))...), err
		}
	}
	done := schedule.Run(ctx, schedule.Rules{
		Parallel: r.parallel, MaxItems: r.opts.MaxItems, Budget: func() (float64, reason.Code) { return r.budget(ctx) },
		MayStart: func(paid int) reason.Code { return r.mayStart(ctx, paid) },
		Stack:    r.opts.Deal.Stack, Asks: r.asks, Free: func() int { return r.board.Free },
	}, queue, r.one)
	return append(outcomes, done...), r.failure
}

// parallel is how many items may be at work at the same time, by what the hosts of
// agents that are left bear.
func (r *Resolver) parallel() int {
	n := r.opts.Parallel
	if several, ok := r.agents.(interface{ Bears() int }); ok {
		n = min(n, several.Bears())
	}
	return max(1, n)
}

// budget is what this run may spend, by its own limit or by what other runs have left
// of the month, and why an item is not started when that is used up.
func (r *Resolver) budget(ctx context.Context) (usd float64, why reason.Code) {
	if r.opts.MonthUSD > 0 {
		if r.stale {
			if err := r.readLedger(ctx); err != nil {
				r.log.Error().Str("stage", "items").Err(err).Msg("nobody knows what is left of the month; no further item is started")
				return 0, reason.NotAttemptedHost
			}
		}
		if left := r.opts.MonthUSD - r.ledger.SpentIn(r.now(), r.opts.Run); left < r.opts.BudgetUSD {
			return left, reason.NotAttemptedMonth
		}
	}
	return r.opts.BudgetUSD, reason.NotAttemptedBudget
}

// mayStart says why no further item may start, or "".
func (r *Resolver) mayStart(ctx context.Context, paid int) reason.Code {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return reason.Interrupted
	case ctx.Err() != nil:
		return reason.NotAttemptedTime
	case r.stopped:
		return reason.PushRefused
	case paid >= r.opts.MaxItems:
		return reason.NotAttemptedLimit
	case !r.opts.Deadline.IsZero() && r.now().Add(r.opts.ItemTimeout).After(r.opts.Deadline):
		return reason.NotAttemptedTime
	}
	return ""
}

func notAttempted(items []item.Item, code reason.Code) []item.Outcome {
	outcomes := make([]item.Outcome, len(items))
	for i, todo := range items {
		outcomes[i] = item.Outcome{Item: todo, State: item.NotAttempted, Reason: code}
	}
	return outcomes
}

// Close removes the run's directories on the hosts, except those that hold an
// apply which is not settled.
func (r *Resolver) Close(ctx context.Context) error { return r.directories.Close(ctx) }

// mine reports whether an item falls to the shard of the run.
func (r *Resolver) mine(todo item.Item) bool { return r.opts.Shard.Has(r.opts.Deal.Lot(todo)) }

// asks reports whether whatever is made of an item is put before a person.
func (r *Resolver) asks(todo item.Item) bool { return r.opts.Mode == Propose || todo.Approval }

// newChange is what an attempt at an item begins with.
func (r *Resolver) newChange(todo item.Item) *change.Change {
	return &change.Change{Repo: r.repo, Item: todo, Rules: r.rules(), MayAsk: r.opts.Doubtful || r.asks(todo)}
}

// rules are what a change is judged by in this run.
func (r *Resolver) rules() policy.Rules {
	return policy.Rules{Scope: r.opts.Scope, Secrets: r.opts.Secrets, Wrapper: r.opts.Wrapper}
}
