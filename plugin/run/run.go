// Package run is the plugin's run: settings in, report out. run.go has its stages
// in their order, and each has a file beside it.
package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/refname"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/metrics"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/tracker"
)

// errRunTimeout is the cause of a run that reached run_timeout.
var errRunTimeout = fault.Mark(fault.Temporary, errors.New("run_timeout reached"))

// job is one run: what it works with, and what its stages have come to.
type job struct {
	settings.Settings
	console.Console
	id      string
	started time.Time

	repo       *gitrepo.Repo
	read       access.Selection             // the documents, as they were read last
	deal       func() (shard.Dealer, error) // of their items; it may take all folders of the commit
	others     []item.Item                  // that fall to other shards
	prometheus *evidence.Prometheus         // nil when none is asked
	asked      bool                         // for the keys, whatever came of it
	channels   *notify.Channels             // who is told, once Vault has said where Slack is
	telling    sync.WaitGroup               // is over when they were told that work begins
	answers    *proposal.Answers            // of the forge, on proposals; nil when there is none
	withdrawn  []*proposal.Record           // to be taken back on the forge
	taken      []*proposal.Record           // back
	outcomes   []item.Outcome               // in the order in which they came; a later one of an item stands
	settled    bool                         // what earlier runs left was looked at, and outcomes have each
	docs       Published
	waiting    waiting          // rows that a person has still to merge
	issues     tracker.Issues   // that are open
	stock      *metrics.Backlog // what is still to be done; nil while nobody wants to know
	completed  time.Time        // end of the last run that went through, by the ledger

	laps   []string  // how long each part of the run took
	lapped time.Time // when the last of them ended

	sandboxed string   // yes or no, once the agent's host is known
	notes     []string // why the run ends where it does
}

func newJob(s settings.Settings, c console.Console) *job {
	now := time.Now()
	return &job{Settings: s, Console: c, id: access.RunID(now), started: now, lapped: now, channels: channels(s, c, s.Report.Config)}
}

// Run is the plugin's run, one stage after the other. Its error carries the
// kind that decides the exit code (fault.Of); everything that was completed
// before it is recorded and reported.
func Run(ctx context.Context, s settings.Settings, c console.Console) (err error) {
	j := newJob(s, c)
	defer func() { err = j.finishReport(ctx, err) }()
	if why := notOurs(s); why != "" {
		return j.endsHere(why)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.RunTimeout, errRunTimeout)
	defer cancel()

	// The repository, with its whole history.
	repo, commit, remove, err := c.Opener(s).Clone(ctx)
	if err != nil {
		return err
	}
	j.repo = repo
	j.lap("clone")
	defer j.cleanUp(ctx, "clone", func(context.Context) error { return remove() })
	defer j.takeStock(ctx)

	// The documents, and the items that may be acted on.
	if err := j.readDocuments(commit); err != nil {
		return err
	}
	if s.CI.PullRequest() {
		return j.endsHere("a pull request: its documents were read, and the run ends here")
	}
	if err := j.readWaiting(); err != nil {
		return err
	}
	if len(j.read.Todo()) == 0 && !journaled(repo) && !j.proposed() {
		j.docs = j.refreshIndex(ctx)
		j.openRowsPull(ctx)
		return j.endsHere("no safe item, and none to propose: nothing to do")
	}
	err = j.work(ctx)

	// The pull requests of proposals, when other runs may go on.
	j.putForward(ctx)
	j.openRowsPull(ctx)
	return err
}

// work is a run that has something to do, from the first use of a secret on.
func (j *job) work(ctx context.Context) (err error) {
	j.remember(ctx)

	// What earlier runs left stays open in whichever way this one ends.
	defer func() {
		if err != nil && !j.settled {
			j.unchecked(ctx)
		}
	}()

	// The keys, the hosts.
	k, err := j.fetchKeys(ctx)
	if err != nil {
		return err
	}
	j.channels = channels(j.Settings, j.Console, k.Chats)
	commands, err := access.Commands(j.Settings, j.repo, j.read.Commit)
	if err != nil {
		return err
	}
	h, err := j.connect(ctx, k, commands)
	if err != nil {
		return err
	}
	defer j.cleanUp(ctx, "hosts", func(context.Context) error { return h.Close() })
	if err := j.openPrometheus(k, h); err != nil {
		return err
	}
	if j.prometheus != nil {
		defer j.prometheus.Close()
	}
	j.sandboxed = "no"
	if h.Agents[0].Facts.Box != nil {
		j.sandboxed = "yes"
	}
	if j.Mode == settings.ModeDryRun {
		return j.endsHere("dry-run: everything is ready, and nothing was changed")
	}

	return j.underLock(ctx, k, h, commands)
}

// underLock is the part of a run that is one at a time, from the branch as it is
// once the others are through.
func (j *job) underLock(ctx context.Context, k access.Keys, h *hosts, commands host.Commands) error {
	j.answers = j.askForge(ctx)
	lease := gitrepo.Lease{Run: j.id, Host: h.Terraform.Name(), Shard: j.Documents.Shard.String()}
	lots, err := j.firstLots()
	if err != nil {
		return err
	}
	lock, err := Lock(ctx, j.Settings, j.Console, j.repo, lease, lots...)
	if err != nil {
		return err
	}
	j.lap("lock")
	defer j.release(ctx, lock)
	ctx, cancelLost := whileHeld(ctx, lock)
	defer cancelLost()
	if err := errors.Join(j.readDocuments(j.repo.Tip()), j.readWaiting()); err != nil {
		return err
	}

	// What earlier runs left, then the items.
	resolver, err := j.newResolver(ctx, h, k, commands, lock)
	if err != nil {
		return err
	}
	defer j.cleanUp(ctx, "hosts", resolver.Close)
	standing, _ := proposal.Records(j.repo)
	j.tellStart(ctx, standing)
	settled, err := resolver.Settle(ctx, j.read.Known())
	j.lap("settle")
	j.settled = err == nil || len(settled) > 0
	j.outcomes = append(j.outcomes, settled...)
	if err == nil {
		var outcomes []item.Outcome
		outcomes, err = resolver.Items(ctx, without(j.read.Todo(), settled))
		j.outcomes = append(j.outcomes, outcomes...)
		j.lap("items")
		j.withdrawn, j.taken = resolver.Withdrawn()
	}

	// Done means that it works; then the record: documents, ledger, journals.
	if err == nil {
		return j.recordLoaded(ctx, resolver, lock, lease)
	}
	return errors.Join(err, j.record(ctx, resolver))
}

// endsHere is a sentence on why the run ends here, in the log and in the report.
func (j *job) endsHere(why string) error {
	j.Log.Info().Str("stage", "run").Msg(why)
	j.notes = append(j.notes, why)
	return nil
}

// notOurs is why this pipeline is nothing to act on, "" when it is. Two forges
// may both fire for one push, and only the pipeline of the remote's own forge
// does the work.
func notOurs(s settings.Settings) string {
	own := func(branch string) bool { return branch != "" && refname.IsState(s.Repository.StateRefs, branch) }
	switch {
	case s.CI.Event == "push" && s.ForeignForge():
		return "not the canonical forge: this push came from another forge than remote names, so nothing is done here"
	case own(s.CI.Branch), own(s.Repository.Branch):
		return "this is our own state branch: what pm-todos pushes there starts nothing"
	}
	return ""
}

// cleanUp is a clean-up at the end of a run, within the closing time.
func (j *job) cleanUp(ctx context.Context, stage string, act func(context.Context) error) {
	j.cleaned(stage, access.Closed(ctx, nil, act))
}

// release gives a lock back at the end of a run.
func (j *job) release(ctx context.Context, lock *gitrepo.Lock) {
	j.cleaned("lock", access.Released(ctx, nil, lock.Release))
}

// cleaned tells that a clean-up failed. That changes neither what was done nor the
// exit code: what is left is a lock that ends with its lease, or folders that later
// runs remove.
func (j *job) cleaned(stage string, err error) {
	if err != nil {
		j.Log.Warn().Str("stage", stage).Err(err).Msg("cleanup failed; the result of the run stays the same, and later runs clean up")
	}
}
