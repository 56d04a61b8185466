package run

import (
	"context"
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// journaled reports whether an earlier run left something to settle. What is
// journaled after the clone was made is another run's own business.
func journaled(repo *gitrepo.Repo) bool { return len(journal.Seen(repo)) > 0 }

// Lock waits for other runs to end, and brings the clone up to date with
// what they did.
func Lock(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, lease gitrepo.Lease) (*gitrepo.Lock, error) {
	c.Log.Info().Str("stage", "lock").Msg("one run at a time: taking the lock on the remote")
	lock, err := repo.AcquireLock(ctx, lease, s.Terraform.LockTimeout)
	if err != nil {
		return nil, err
	}
	if _, err := repo.Fetch(ctx); err != nil {
		return nil, access.Closed(ctx, fmt.Errorf("fetch: %w", err), lock.Release)
	}
	return lock, nil
}

var errLockLost = fault.Mark(fault.Temporary, errors.New("another run took the lock over; this one stops"))

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
func newResolver(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, h hosts, k access.Keys, commands settings.Commands, lock *gitrepo.Lock, run string) (*resolve.Resolver, error) {
	paths, err := repo.Files(repo.Tip())
	if err != nil {
		return nil, fmt.Errorf("list the files: %w", err)
	}
	deadline, _ := ctx.Deadline()
	programs := onhost.Programs{
		Agent: s.Agent.Command, Terraform: commands.Program, Init: commands.Init, Plan: commands.Plan, Show: commands.Show, Apply: commands.Apply,
		Workdir: s.Hosts.Workdir, Carry: s.Hosts.Carry, Prepare: s.Hosts.PrepareCommand, Verify: s.Terraform.VerifyCommand,
		Timeout: s.Agent.ItemTimeout,
	}
	terraform, err := onhost.Open(ctx, h.Terraform, repo, run, programs)
	if err != nil {
		return nil, err
	}
	agents := terraform
	if h.Agent != h.Terraform {
		if agents, err = onhost.Open(ctx, h.Agent, repo, run, programs); err != nil {
			return nil, err
		}
	}
	return resolve.New(ctx, resolve.Options{
		Run: run, Mode: string(s.Mode), Branch: s.Repository.Branch,
		MaxItems: s.Documents.MaxItems, MaxAttempts: s.Documents.MaxAttempts,
		BudgetUSD: s.Agent.BudgetUSD, ItemTimeout: s.Agent.ItemTimeout, Deadline: deadline,
		Agent: resolve.Agent{
			Name: s.Agent.Name, Model: s.Agent.Model, File: resolve.DefinitionFile(s.Agent.Name),
		},
		Wrapper: commands.Program,
		Verify:  s.Terraform.VerifyCommand != "",
		Scope:   s.ScopeIn(paths),
		Secrets: k.Secrets(s),
		Current: func(commit string, item item.Item) (bool, error) { return stillSafe(s, repo, commit, item) },
		Held:    lock.Held,
		Dial: func(ctx context.Context, name string) (seam.ApplyRecords, error) {
			other, err := access.DialNamed(ctx, s, k, name)
			if other == nil {
				return nil, err
			}
			return onhost.NewRecords(other, repo, run), nil
		},
	}, repo, agents, terraform, c.Log)
}

// stillSafe reads an item again just before it is paid for, and before its apply:
// a person may have changed its row since it was read.
func stillSafe(s settings.Settings, repo *gitrepo.Repo, commit string, item item.Item) (bool, error) {
	src, err := repo.ReadFile(commit, item.Document)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", item.Document, err)
	}
	found, ok := findItem(postmortem.Parse(item.Document, src, s.DocumentPolicy()), item.ID)
	return ok && found.Safe() && found.Action == item.Action && found.Type == item.Type && found.Details == item.Details, nil
}
