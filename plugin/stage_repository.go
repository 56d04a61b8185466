package plugin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/onhost"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// openRepository clones the branch with its whole history into a directory that
// nobody else can read, and says which commit is to be read: the branch's tip,
// or the head of a pull request. The function returned removes the clone.
func openRepository(ctx context.Context, s settings.Settings, c Console) (repo *gitrepo.Repo, commit string, remove func() error, err error) {
	log := c.Log.With().Str("stage", "clone").Logger()
	dir, err := os.MkdirTemp("", "pm-todos-") // needs no HOME
	if err != nil {
		return nil, "", nil, fmt.Errorf("make a temporary directory: %w", err)
	}
	undo := func() error { return os.RemoveAll(dir) }
	defer func() {
		if err != nil {
			err = errors.Join(err, undo())
		}
	}()
	log.Info().Str("remote", gitrepo.RedactURL(s.Repository.Remote)).Str("branch", s.Repository.Branch).Msg("cloning at full depth")
	started := time.Now()
	repo, err = gitrepo.Clone(ctx, gitrepo.Options{
		Access: gitrepo.Access{
			URL: s.Repository.Remote, Username: s.Repository.Username, Password: s.Repository.Password,
			SSHKey: s.Repository.SSHKey, KnownHosts: []byte(s.Repository.KnownHosts), Way: s.Way(),
			Progress: func(line string) { log.Debug().Msg(line) },
			Retrying: func(err error, pause time.Duration) {
				c.Log.Warn().Str("stage", "remote").Err(err).Str("pause", pause.Round(time.Millisecond).String()).Msg("the remote did not do what it was asked for; trying again")
			},
		},
		Branch: s.Repository.Branch, StateRefs: s.Repository.StateRefs, SigningKey: s.Repository.SigningKey,
		Author: gitrepo.Signature{Name: s.Repository.AuthorName, Email: s.Repository.AuthorEmail},
		Dir:    dir,
		Levels: documentLevels(s.Documents.PostMortems),
		Ahead:  readFirst(s),
	})
	if err != nil {
		return nil, "", nil, fmt.Errorf("clone: %w", err)
	}
	clone := repo // the named result is nil again when a step below fails
	undo = func() error {
		cost := clone.Cost()
		log.Debug().Bool("filtered", cost.Filtered).Int("answers", cost.Packs).Int("objects", cost.Objects).
			Int64("bytes", cost.Bytes).Msg("what came from the remote in all")
		return errors.Join(clone.Close(), os.RemoveAll(dir))
	}
	commit = repo.Tip()
	if s.CI.PullRequest() && s.CI.SHA != "" {
		commit = s.CI.SHA
		if err := repo.FetchRef(ctx, s.CI.Ref, commit); err != nil {
			return nil, "", nil, fmt.Errorf("fetch the pull request: %w", err)
		}
	}
	cost := repo.Cost()
	line := log.Info().Str("commit", commit).Int("objects", cost.Objects).Int64("bytes", cost.Bytes).
		Str("took", time.Since(started).Round(time.Millisecond).String())
	if cost.Filtered {
		line.Msg("cloned: every commit; folders and files come when they are read")
	} else {
		line.Str("why", text.Line(cost.Why, 200)).Msg("cloned: every commit, folder and file")
	}
	return repo, commit, undo, nil
}

// readFirst is what a run reads of a clone before anything else.
func readFirst(s settings.Settings) gitrepo.Ahead {
	ahead := gitrepo.Ahead{Files: func(path string) bool {
		return len(documentPaths([]string{path}, s.Documents.PostMortems)) > 0
	}}
	if s.CI.PullRequest() {
		ahead.Files = nil // its documents are not those of the branch
	}
	if s.Documents.Scope == settings.ScopeChanged {
		ahead.Logs = []string{record.LedgerRef}
	}
	return ahead
}

// journaled tells whether an earlier run left something to settle. What is
// journaled after the clone was made is another run's own business.
func journaled(repo *gitrepo.Repo) bool { return len(resolve.JournalsSeen(repo)) > 0 }

// terraformCommands completes the Terraform settings from what the repository
// has.
func terraformCommands(s settings.Settings, repo *gitrepo.Repo, commit string) (settings.Commands, error) {
	_, err := repo.ReadFile(commit, settings.Wrapper)
	if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
		return settings.Commands{}, fmt.Errorf("look for %s: %w", settings.Wrapper, err)
	}
	return s.TerraformCommands(err == nil), nil
}

// lockRemote waits for other runs to end, and brings the clone up to date with
// what they did.
func lockRemote(ctx context.Context, s settings.Settings, c Console, repo *gitrepo.Repo, lease gitrepo.Lease) (*gitrepo.Lock, error) {
	c.Log.Info().Str("stage", "lock").Msg("one run at a time: taking the lock on the remote")
	lock, err := repo.AcquireLock(ctx, lease, s.Terraform.LockTimeout)
	if err != nil {
		return nil, err
	}
	if _, err := repo.Fetch(ctx); err != nil {
		return nil, closed(ctx, fmt.Errorf("fetch: %w", err), lock.Release)
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
func newResolver(ctx context.Context, s settings.Settings, c Console, repo *gitrepo.Repo, h hosts, k keys, commands settings.Commands, lock *gitrepo.Lock, run string) (*resolve.Resolver, error) {
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
		Scope:   scope(s, paths),
		Secrets: k.secrets(s),
		Current: func(commit string, item change.Item) (bool, error) { return stillSafe(s, repo, commit, item) },
		Held:    lock.Held,
		Dial: func(ctx context.Context, name string) (resolve.ApplyRecords, error) {
			other, err := dialNamed(ctx, s, k, name)
			if other == nil {
				return nil, err
			}
			return onhost.NewRecords(other, repo, run), nil
		},
	}, repo, agents, terraform, c.Log)
}

// scope is what a change may touch, in a repository with these paths.
func scope(s settings.Settings, paths []string) resolve.Scope {
	t := s.Terraform
	return resolve.Scope{
		Stacks: t.Stacks, AllowPaths: t.AllowPaths, TypePaths: s.TypePaths(paths), Protected: t.Protected, StatePaths: t.StatePaths,
		AllowResources: t.AllowResources, AutomaticCreates: t.AutomaticCreates, MaxChanges: t.MaxChanges, Tolerated: t.Tolerated,
	}
}

// stillSafe reads an item again just before it is paid for, and before its apply:
// a person may have changed its row since it was read.
func stillSafe(s settings.Settings, repo *gitrepo.Repo, commit string, item change.Item) (bool, error) {
	src, err := repo.ReadFile(commit, item.Document)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", item.Document, err)
	}
	found, ok := findItem(postmortem.Parse(item.Document, src, documentPolicy(s)), item.ID)
	return ok && found.Safe() && found.Action == item.Action && found.Type == item.Type && found.Details == item.Details, nil
}

// runID names a run on hosts and in the ledger: sortable by time, unique.
func runID(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // never fails, says its documentation
	return strings.ToLower(now.UTC().Format("20060102t150405z")) + "-" + hex.EncodeToString(random[:])
}
