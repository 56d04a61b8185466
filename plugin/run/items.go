package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/life"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// journaled reports whether an earlier run left something to settle. What is
// journaled after the clone was made is another run's own business.
func journaled(repo *gitrepo.Repo) bool { return len(journal.Seen(repo)) > 0 }

// Lock waits for other runs to end, and brings the clone up to date with
// what they did. Locks beside it are taken at once when they are free.
func Lock(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, lease gitrepo.Lease, beside ...string) (*gitrepo.Lock, error) {
	c.Log.Info().Str("stage", "lock").Msg("taking the lock on the remote")
	lock, err := repo.AcquireLock(ctx, lease, s.Terraform.LockTimeout, beside...)
	if err != nil {
		return nil, err
	}
	if _, err := repo.Fetch(ctx); err != nil {
		return nil, access.Released(ctx, fmt.Errorf("fetch: %w", err), lock.Release)
	}
	return lock, nil
}

var errLockLost = fault.Mark(fault.Temporary, errors.New("the lock is held no more: another run took it over, or the remote did not let it be renewed for three minutes; this run stops"))

// whileHeld is a context that ends when the lock is lost.
func whileHeld(ctx context.Context, lock *gitrepo.Lock) (context.Context, context.CancelFunc) {
	held, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-lock.Lost():
			cancel(errLockLost)
		case <-held.Done():
		}
	}()
	return held, func() { cancel(nil) }
}

// newResolver hands the settings on to the room that works on the items.
func (j *job) newResolver(ctx context.Context, h *hosts, k access.Keys, commands host.Commands, lock *gitrepo.Lock) (*resolve.Resolver, error) {
	s, repo := j.Settings, j.repo
	deal, err := j.deal()
	if err != nil {
		return nil, err
	}
	deadline, _ := ctx.Deadline()
	parallel := j.atOnce(ctx, k, h)
	kind := agent.KindOf(s.Agent.Kind, s.Agent.Command)
	programs := onhost.Programs{
		Agent: s.Agent.Command, Kind: kind, Commands: commands, Prepare: s.Hosts.Prepare, Verify: s.Terraform.VerifyCommand, Timeout: s.Agent.ItemTimeout,
	}
	terraform, agents, err := j.open(ctx, h, programs)
	if err != nil {
		return nil, err
	}
	var prometheus seam.Prometheus // nil when there is none
	if j.prometheus != nil {
		prometheus = j.prometheus
	}
	return resolve.New(ctx, resolve.Options{
		Run: j.id, Mode: string(s.Mode), Branch: s.Repository.Branch,
		MaxItems: s.Documents.MaxItems, MaxAttempts: s.Documents.MaxAttempts,
		Doubtful: s.Documents.Doubtful == settings.DoubtfulPropose, MaxOpen: s.Documents.MaxProposals, Forge: j.answers,
		Parallel: parallel, BudgetUSD: s.Agent.BudgetUSD, MonthUSD: s.Agent.MonthUSD, ItemTimeout: s.Agent.ItemTimeout, Deadline: deadline,
		Agent:   resolve.Agent{Name: s.Agent.Name, Model: s.Agent.Model, Kind: kind},
		Wrapper: commands.Program,
		Verify:  s.Terraform.VerifyCommand != "",

		ApplyMerged: s.ApplyMerged == settings.On, Account: s.Repository.Author.Email,
		Scope:      deal.Scope,
		Secrets:    k.Secrets(s),
		Row:        j.row,
		Locks:      lock,
		LockWait:   s.Terraform.LockTimeout,
		MayPush:    lock.MayPush,
		Shard:      s.Documents.Shard,
		Deal:       deal,
		Prometheus: prometheus,
		Dial: func(ctx context.Context, name string) (seam.ApplyRecords, error) {
			other, err := access.DialNamed(ctx, s, k, name)
			if other == nil {
				return nil, err
			}
			return onhost.NewRecords(other, repo, j.Documents.Shard.String(), j.id), nil
		},
	}, repo, agents, terraform, j.Log)
}

// open makes the directories of this run on its hosts.
func (j *job) open(ctx context.Context, h *hosts, programs onhost.Programs) (terraform *life.Host, agents seam.AgentHost, err error) {
	on := func(h *host.Host, facts host.Facts, pins *host.Pins) (*life.Host, error) {
		its := programs
		its.Box, its.Servers, its.Pins = facts.Box, facts.Servers, pins
		its.Unfit = func(err error) {
			j.Log.Warn().Str("stage", "hosts").Str("host", h.Name()).Err(err).Msg("sending everything to the host")
		}
		opened, err := onhost.Open(ctx, h, j.repo, j.Documents.Shard.String(), j.id, its)
		return life.Watch(opened, programs.Kind, j.Log), err
	}
	first := h.Agents[0]
	if terraform, err = on(h.Terraform, first.Facts, j.pins(h, programs.Commands)); err != nil || first.Host == h.Terraform {
		return terraform, terraform, err
	}
	var fleet onhost.Fleet
	for _, a := range h.Agents {
		one, err := on(a.Host, a.Facts, nil)
		if err != nil {
			return nil, nil, err
		}
		fleet = append(fleet, &onhost.Member{AgentHost: one, Bears: a.Bears})
	}
	if len(fleet) == 1 {
		return terraform, fleet[0].AgentHost, nil
	}
	return terraform, fleet, nil
}

// pins is what stays as it is on the host that plans. Without a sandbox an agent
// that shares the account could change all that the account runs.
func (j *job) pins(h *hosts, commands host.Commands) *host.Pins {
	name := h.Terraform.Name()
	return &host.Pins{
		Program: commands.Program, Prepare: j.Hosts.Prepare, Agent: j.Agent.Command, Account: h.shared(h.Agents[0]),
		Tell: func(changed string) {
			j.Log.Warn().Str("stage", "hosts").Str("host", name).Msgf("changed on the host since the run began, by the agent or by somebody at work there: %s", changed)
		},
	}
}

// unchecked adds the items that earlier runs applied, or may have applied, to a
// run that ends before it could settle them: they count for more than its end.
func (j *job) unchecked(ctx context.Context) {
	ending, cancel := access.Closing(ctx)
	defer cancel()
	outcomes, err := journal.Unchecked(ending, j.repo, j.repo.LockHeld, j.read.Known())
	if err != nil {
		j.Log.Warn().Str("stage", "settle").Err(err).Msg("cannot find out whether another run settles the work of earlier runs")
	}
	j.outcomes = append(j.outcomes, outcomes...)
}

// without leaves out the items that were settled for good.
func without(items []item.Item, settled []item.Outcome) []item.Item {
	ended := map[record.Ref]bool{}
	for _, out := range settled {
		// Only what was never applied, and not done otherwise, may be tried again.
		if out.State != item.Failed || out.Commit != "" {
			ended[record.RefOf(out.Item)] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(items), func(todo item.Item) bool { return ended[record.RefOf(todo)] })
}

// latest is the outcome of each item, in the order in which the items came. An
// item that was settled and then tried again is told by its later outcome.
func latest(outcomes []item.Outcome) (all []item.Outcome) {
	place := map[record.Ref]int{}
	for _, out := range outcomes {
		ref := record.RefOf(out.Item)
		if at, again := place[ref]; again {
			all[at] = out
			continue
		}
		place[ref] = len(all)
		all = append(all, out)
	}
	return all
}
