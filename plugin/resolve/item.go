package resolve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/approval"
	"github.com/pm-todos/pm-todos/plugin/resolve/life"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/resolve/stack"
)

// maxExport is how many bytes an agent may leave behind, as the pack with its
// objects.
const maxExport = 32 << 20

// attempt is one try at one item.
type attempt struct {
	*Resolver
	item    item.Item
	ref     record.Ref
	number  int
	share   float64 // US dollars it may cost
	log     zerolog.Logger
	base    string // commit it starts from
	space   seam.AgentSpace
	tree    string // what the agent left, judged by the diff gate
	stack   *stack.Stack
	of      []string // stacks that the change is of
	byHand  bool     // and nothing of it may be applied here
	plan    item.Plan
	planned seam.Checkout // holds the saved plan file
	out     item.Outcome

	recorded bool            // the ledger holds the attempt
	judgedAt string          // base that the next is of
	judgedBy gate.DiffPolicy // what the diff gate may let pass there

	comparedAt [2]string       // base and tree that compared is of
	compared   *gate.Changeset // nil until the agent left something
	doubtful   bool            // it ended for a reason that may be the item's after all
	facts      []proposal.Fact // of the plan that was judged last
	unproved   bool            // so a person decides
	merged     approval.Group  // what it applies, when a person merged it: nothing is made or pushed then
	journaled  []string        // fix commits that this attempt sent to its journal
}

// one takes an item through all of its steps. fatal says that no other item
// can fare better in this run.
func (r *Resolver) one(ctx context.Context, todo item.Item, share float64) (a *attempt, fatal bool) {
	started := r.now()
	ref := record.RefOf(todo)
	a = &attempt{
		Resolver: r, item: todo, ref: ref, share: share, number: r.ledger.Attempts(ref) + 1,
		log: r.log.With().Str("document", todo.Document).Str("item", todo.ID).Logger(),
		out: item.Outcome{Item: todo},
	}
	if nth, known := life.PlaceOf(ctx); known {
		a.log = a.log.With().Str("nth", nth.String()).Logger()
		a.log.Info().Str("stage", "items").Str("priority", todo.Priority).Str("type", todo.Type).Msg(nth.Title())
	}
	a.out.Attempt = a.number
	err := a.run(ctx)
	a.out.Duration = r.now().Sub(started)
	return a, a.conclude(ctx, err)
}

// run is the whole way of an item: prepared within its time, then landed. An
// apply is never cut off, so landing does not count against item_timeout.
func (a *attempt) run(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, a.opts.ItemTimeout)
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
		fatal = true
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
	if a.out.State == item.NotAttempted && (a.out.CostUSD == 0 || fatal || a.out.Reason == reason.StateLocked) {
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

// openBase starts from the branch's tip as it is now.
func (a *attempt) openBase(ctx context.Context) error {
	tip, err := a.repo.Fetch(ctx)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", a.opts.Branch, err)
	}
	a.base = tip
	return a.stillWanted()
}

// namedStack leaves an item alone for which nothing that an agent could write
// would pass, and plans the base of the stack that the item names: nobody is paid
// for a stack that drifts.
func (a *attempt) namedStack(ctx context.Context) error {
	policy, err := a.policy()
	if err != nil {
		return err
	}
	folders := place.Stacks(policy.BasePaths, a.opts.Scope.Stacks)
	name := place.StackNamed(a.item.Action+"\n"+a.item.Details, folders)
	if name == "" {
		// A type that is held to one stack names it as well.
		name = place.StackWithin(a.opts.Scope.TypePaths[a.item.Type], folders)
	}
	stacks := folders
	if name != "" {
		stacks = []string{name}
	}
	if findings := gate.Hopeless(stacks, policy); findings != nil {
		a.out.Stack, a.out.Final = name, true
		return &stack.Refusal{State: item.Skipped, Reason: findings[0].Code, Findings: findings}
	}
	if name == "" || a.opts.Scope.Unplanned {
		return nil
	}
	if _, err = a.stacks.Baseline(ctx, name, a.base); err != nil {
		a.out.Stack = name
	}
	return err
}

// policy is what the diff gate may let pass for the item, on the base that the
// attempt has now; the configuration of a base is read once.
func (a *attempt) policy() (gate.DiffPolicy, error) {
	if a.judgedAt == a.base {
		return a.judgedBy, nil
	}
	p, err := a.rules().Diff(a.repo, a.item.Type, a.base)
	p.ByHand = a.opts.Doubtful || a.asks(a.item)
	if err == nil {
		a.judgedAt, a.judgedBy = a.base, p
	}
	return p, err
}

// changeset is what the agent left, beside the base that the attempt
// has now; both gates look at the same one.
func (a *attempt) changeset() (*gate.Changeset, error) {
	at := [2]string{a.base, a.tree}
	if a.comparedAt == at {
		return a.compared, nil
	}
	diff, err := a.repo.Diff(a.base, a.tree)
	if err != nil {
		return nil, fmt.Errorf("compare the change with its base: %w", err)
	}
	policy, err := a.policy()
	if err != nil {
		return nil, err
	}
	a.comparedAt, a.compared = at, gate.Compare(diff, policy)
	return a.compared, nil
}

// record writes the attempt into the ledger before any money is spent.
func (a *attempt) record(ctx context.Context) error {
	a.recorded = true // even when the reply is lost: the ledger may hold it
	return a.flush(ctx, record.Entry{
		Time: a.now().UTC(), Run: a.opts.Run, Kind: record.KindAttempt, Ref: a.ref, Attempt: a.number, Host: a.terraform.Name(), ShareUSD: a.share,
	})
}

// complaint is a refusal that the agent gets a chance to mend.
type complaint struct {
	stack.Refusal
	planned bool // the change passed the diff gate and has a plan
}

// implement lets the agent work until its change passes the gates. What is wrong
// with the first try is handed back to it once.
func (a *attempt) implement(ctx context.Context) error {
	definition, err := a.definition()
	if err != nil {
		return err
	}
	space, err := stack.Workspace(ctx, a.repo, a.base, a.agents.Workspace)
	if err != nil {
		return err
	}
	a.space = space
	err = a.try(ctx, definition, nil)
	var mendable *complaint
	if errors.As(err, &mendable) && a.share-a.out.CostUSD >= budgetFloor {
		a.log.Info().Str("stage", "agent").Str("reason", string(mendable.Reason)).Msg("returning the findings to the agent, once")
		err = a.try(ctx, definition, mendable.advice())
	}
	return a.afterTurns(ctx, err)
}

// advice is what the agent is told: codes, places and sentences, no values.
func (c *complaint) advice() []string {
	var lines []string
	for _, f := range c.Findings {
		lines = append(lines, f.String())
	}
	var failed *host.CommandError
	if errors.As(c.Err, &failed) {
		lines = append(lines, "the plan failed: "+failed.Output)
	}
	return lines
}

// try is one turn of the agent, the import of its tree, the diff gate, the plan
// of the result, and its judgement.
func (a *attempt) try(ctx context.Context, d agent.Definition, findings []string) error {
	if err := a.agentTurn(ctx, d, findings); err != nil {
		return err
	}
	if err := a.importTree(ctx); err != nil {
		return err
	}
	return a.planAndJudge(ctx)
}

func (a *attempt) agentTurn(ctx context.Context, d agent.Definition, findings []string) error {
	scope := a.opts.Scope
	prompt := agent.Prompt(a.item, agent.Limits{
		AllowPaths: scope.AllowPaths, TypePaths: scope.TypePaths[a.item.Type], Protected: scope.Protected, Stacks: scope.Stacks,
		Rules: a.promptRules(),
	}, findings)
	share := a.share - a.out.CostUSD
	a.log.Info().Str("stage", "agent").Str("host", a.agents.Name()).Str("budget_usd", fmt.Sprintf("%.2f", share)).Msg("starting the agent")
	report, err := a.space.Turn(ctx, d, prompt, share)
	if err != nil {
		a.charge(share) // what it did until then is unknown, and so is its cost
		return fmt.Errorf("run the agent: %w", err)
	}
	if report.Login != nil {
		a.log.Warn().Str("stage", "agent").Str("host", a.agents.Name()).Err(report.Login).Msg("the agent's login")
	}
	a.noteRefused(report.Refused)
	if report.CostKnown {
		a.charge(report.CostUSD)
	} else {
		a.charge(max(share, report.CostUSD))
	}
	switch {
	case report.OK:
		return nil
	case report.Outside:
		a.doubtful = report.Doubtful
		why := "account, model or network"
		if report.NoLogin {
			why = "its login is missing or refused, log it in there"
		}
		return fault.Mark(fault.Temporary, fmt.Errorf("the agent cannot work now on %s (%s): %s", a.agents.Name(), why, report.Problem))
	case report.Ended != "":
		return &stack.Refusal{State: item.Failed, Reason: reason.AgentFailed, Err: fmt.Errorf("the agent was ended: %s", report.Ended)}
	}
	return &stack.Refusal{State: item.Failed, Reason: reason.AgentFailed, Err: fmt.Errorf("the agent failed (%s): %s", report.Subtype, report.Problem)}
}

// noteRefused tells what the agent tried to reach beside its model.
func (a *attempt) noteRefused(servers []string) {
	if len(servers) == 0 {
		return
	}
	a.out.Refused = append(a.out.Refused, servers...)
	a.log.Warn().Str("stage", "agent").Str("host", a.agents.Name()).Strs("servers", servers).Msg("the agent tried to reach servers beside its model, and its sandbox refused")
}

func (a *attempt) charge(usd float64) {
	a.out.CostUSD += usd
	a.spent += usd
}

// importTree brings what the agent left back as objects, and has the diff gate
// judge it in this program's own clone.
func (a *attempt) importTree(ctx context.Context) error {
	tree, pack, err := a.space.Export(ctx, maxExport)
	if err != nil {
		return fmt.Errorf("bring the agent's tree back: %w", err)
	}
	err = a.repo.Import(a.base, tree, bytes.NewReader(pack), maxExport)
	if fault.Of(err) == fault.Temporary {
		return fmt.Errorf("import the agent's tree: %w", err) // what it builds on could not be fetched
	}
	if err != nil {
		return &stack.Refusal{State: item.Refused, Reason: reason.UnreadableTree, Err: fmt.Errorf("import the agent's tree: %w", err)}
	}
	a.tree = tree
	return a.judgeDiff()
}

// judgeDiff asks the diff gate about the change on the base that the attempt has
// now: whatever plans it runs what it says.
func (a *attempt) judgeDiff() error {
	changeset, err := a.changeset()
	if err != nil {
		return err
	}
	if changeset.Empty() {
		return &stack.Refusal{State: item.Refused, Reason: a.emptyReason()}
	}
	verdict := changeset.Verdict()
	a.of, a.byHand, a.out.Stack = verdict.Stacks, verdict.ByHand, strings.Join(verdict.Stacks, ", ")
	if !verdict.Passed() {
		return &complaint{Refusal: stack.Refusal{State: item.Refused, Reason: verdict.Findings[0].Code, Findings: verdict.Findings}}
	}
	return nil
}

// planChange plans the change on its base in a clean workspace that holds exactly
// both.
func (a *attempt) planChange(ctx context.Context) error {
	s, err := a.stacks.Baseline(ctx, a.out.Stack, a.base)
	if err != nil {
		return err
	}
	candidate, err := a.repo.Commit(a.base, a.tree, "candidate for "+a.item.ID+"\n")
	if err != nil {
		return fmt.Errorf("make the candidate commit: %w", err)
	}
	space, err := a.stacks.Checkout(ctx, candidate)
	if err != nil {
		return err
	}
	a.log.Info().Str("stage", "plan").Str("stack", s.Name).Msg("planning the change")
	plan, err := a.stacks.Plan(ctx, space, s.Name)
	var failed *host.CommandError
	if errors.As(err, &failed) && fault.Of(err) != fault.Temporary {
		return &complaint{Refusal: stack.Refusal{State: item.Failed, Reason: reason.PlanFailed, Err: err}}
	}
	if err != nil {
		return err
	}
	a.stack, a.plan, a.planned = s, plan, space
	return nil
}

// judge asks the gates for the lane of the planned change. Where a person decides
// anyway, what is not proved is told, and no reason to stop.
func (a *attempt) judge(ctx context.Context) error {
	changeset, err := a.changeset()
	if err != nil {
		return err
	}
	scope := a.opts.Scope
	judgement := gate.Judge(a.plan.Show, scope.Plan(a.stack.Baseline.Show, a.item.Type), gate.Request{
		Item:  card.Item{Type: a.item.Type, Action: a.item.Action, Details: a.item.Details},
		Owner: scope.Owner(a.item.Type), Changeset: changeset, Stack: a.stack.Name,
	})
	a.out.PlanHash, a.out.Counts = a.plan.SHA256, judgement.Counts
	a.facts = approval.Facts(judgement)
	doubts := judgement.Unproved()
	if judgement.Lane == gate.Automatic || judgement.Lane == gate.Approval {
		doubts = append(doubts, a.observe(ctx, judgement, changeset)...)
	}
	switch {
	case judgement.Lane == gate.Automatic && len(doubts) == 0:
	case len(doubts) > 0 && a.asksPerson():
		a.out.Findings = doubts
	case len(doubts) > 0:
		return &complaint{planned: true, Refusal: stack.Refusal{State: item.Refused, Reason: reason.NeedsApproval, Findings: doubts}}
	default:
		return &complaint{planned: true, Refusal: stack.Refusal{State: item.Refused, Reason: judgement.Reason(), Findings: judgement.Findings}}
	}
	a.log.Info().Str("stage", "gate").Str("lane", string(judgement.Lane)).Int("create", judgement.Counts.Create).Int("update", judgement.Counts.Update).
		Int("facts", len(judgement.Facts)).Msg("the plan destroys and replaces nothing and stays in scope")
	return nil
}
