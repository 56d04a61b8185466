// Package run is the plugin's run: settings in, report out. run.go has its stages
// in their order, and each has a file beside it.
package run

import (
	"context"
	"errors"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// errRunTimeout is the cause of a run that reached run_timeout.
var errRunTimeout = fault.Mark(fault.Temporary, errors.New("run_timeout reached"))

// Run is the plugin's run, one stage after the other. Its error carries the
// kind that decides the exit code (fault.Of); everything that was completed
// before it is recorded and reported.
func Run(ctx context.Context, s settings.Settings, c console.Console) (err error) {
	sum := newSummary(s, c)
	defer func() { err = tell(ctx, s, c, sum, err) }()
	if why := notOurs(s); why != "" {
		return sum.note(c, why)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.RunTimeout, errRunTimeout)
	defer cancel()

	// The repository, with its whole history.
	repo, commit, remove, err := c.Opener(s).Clone(ctx)
	if err != nil {
		return err
	}
	defer cleanUp(ctx, c, "clone", func(context.Context) error { return remove() })

	// The documents, and the items that may be acted on.
	sel, err := access.Select(s, repo, commit, c.Log)
	if err != nil {
		return err
	}
	sum.read(s, c, sel)
	if s.CI.PullRequest() {
		return sum.note(c, "a pull request: its documents were read, and the run ends here")
	}
	if len(sel.Safe()) == 0 && !journaled(repo) {
		refreshIndex(ctx, s, c, repo, sel, sum)
		return sum.note(c, "no safe item: nothing to do")
	}
	return work(ctx, s, c, repo, sel, sum)
}

// work is a run that has something to do, from the first use of a secret on.
func work(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, sel access.Selection, sum *summary) (err error) {
	remember(ctx, s, c, repo, sel, sum.Run)

	// What earlier runs left stays open in whichever way this one ends.
	settling := false // they were looked at, and sum knows of each
	defer func() {
		if err != nil && !settling {
			sum.unchecked(ctx, c, repo, sel)
		}
	}()

	// The key, the hosts.
	k, err := fetchKeys(ctx, s, c)
	if err != nil {
		return err
	}
	sum.channels = channels(s, c, k.SlackWebhook)
	commands, err := access.Commands(s, repo, sel.Commit)
	if err != nil {
		return err
	}
	h, err := connect(ctx, s, k, commands, c)
	if err != nil {
		return err
	}
	defer cleanUp(ctx, c, "hosts", func(context.Context) error { return h.Close() })
	if s.Mode == settings.ModeDryRun {
		return sum.note(c, "dry-run: everything is ready, and nothing was changed")
	}

	// One run at a time, from the branch as it is once the others are through.
	lock, err := Lock(ctx, s, c, repo, gitrepo.Lease{Run: sum.Run, Host: h.Terraform.Name()})
	if err != nil {
		return err
	}
	defer cleanUp(ctx, c, "lock", lock.Release)
	ctx, cancelLost := whileHeld(ctx, lock)
	defer cancelLost()
	if sel, err = access.Select(s, repo, repo.Tip(), c.Log); err != nil {
		return err
	}
	sum.read(s, c, sel)

	// What earlier runs left, then the items.
	resolver, err := newResolver(ctx, s, c, repo, h, k, commands, lock, sum.Run)
	if err != nil {
		return err
	}
	defer cleanUp(ctx, c, "hosts", resolver.Close)
	sum.started(ctx, s, sel)
	settled, err := resolver.Settle(ctx, sel.Known())
	settling = err == nil || len(settled) > 0
	sum.add(settled)
	if err == nil {
		var outcomes []item.Outcome
		outcomes, err = resolver.Items(ctx, without(sel.Safe(), settled))
		sum.add(outcomes)
	}

	// The record: documents, ledger, journals.
	return errors.Join(err, writeRecord(ctx, s, c, repo, resolver, sel, sum))
}

// notOurs is why this pipeline is nothing to act on, "" when it is. Two forges
// may both fire for one push, and only the pipeline of the remote's own forge
// does the work.
func notOurs(s settings.Settings) string {
	switch {
	case s.CI.Event == "push" && s.ForeignForge():
		return "not the canonical forge: this push came from another forge than remote names, so nothing is done here"
	case ownBranch(s, s.CI.Branch), ownBranch(s, s.Repository.Branch):
		return "this is our own state branch: what pm-todos pushes there starts nothing"
	}
	return ""
}

func ownBranch(s settings.Settings, name string) bool {
	return name != "" && gitrepo.IsStateBranch(s.Repository.StateRefs, name)
}
