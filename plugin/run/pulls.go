package run

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// proposed reports whether something that was put before a person may need this
// run: what they declined does not.
func (j *job) proposed() bool {
	records, _ := proposal.Records(j.repo)
	for _, r := range records {
		if r.State != proposal.Declined {
			return true
		}
	}
	return false
}

// askForge asks the forge what became of the pull requests of proposals. What it
// does not say is unknown, and the run goes on.
func (j *job) askForge(ctx context.Context) *proposal.Answers {
	f := j.forge()
	if f == nil {
		return nil
	}
	told, err := proposal.Ask(ctx, f, j.repo, j.Repository.Branch)
	if err != nil {
		j.Log.Warn().Str("stage", "proposals").Err(err).Msg("what became of the proposals is unknown; the next run asks again")
	}
	return told
}

// forge is the forge of the repository, nil when there is none to be asked.
func (j *job) forge() forge.Forge {
	f, err := j.Forge()
	if err != nil {
		j.Log.Warn().Str("stage", "proposals").Err(err).Msg("the forge is not asked for pull requests, and none are opened")
		return nil
	}
	return f
}

// putForward takes back what is wanted no more, and opens the pull requests of what
// waits on branches, those that an earlier run could not open too. The branch is the
// proposal: without its pull request it waits all the same, and the next run tries
// again. Forges may be slow, so other runs may go on meanwhile.
func (j *job) putForward(ctx context.Context) {
	defer j.lap("proposals")
	pulls := report.Render(j.summary()).PullRequests(j.ApplyMerged == settings.On)
	if ctx.Err() != nil || len(pulls)+len(j.withdrawn) == 0 {
		return
	}
	f := j.forge()
	for _, r := range j.withdrawn {
		if err := r.Withdraw(ctx, j.repo, f, j.Repository.Branch); err != nil {
			j.Log.Warn().Str("stage", "proposals").Str("document", r.Document).Str("item", r.Item).Err(err).
				Msg("the proposal could not be taken back; the next run tries again")
			continue
		}
		j.taken = append(j.taken, r)
	}
	for _, p := range pulls {
		if f == nil {
			return
		}
		if j.hasPull(p.Branch) {
			j.mark(ctx, f, p)
			continue
		}
		pull, opened, err := forge.Ensure(ctx, f, forge.Request{Head: p.Branch, Base: j.Repository.Branch, Title: p.Title, Body: p.Body, Commit: p.Commit})
		if err != nil {
			// Of the others none would fare better.
			j.Log.Warn().Str("stage", "proposals").Str("branch", p.Branch).Err(fmt.Errorf("%s: %w", f.Name(), err)).
				Msg("the pull request could not be opened; the branch waits, and the next run tries again")
			return
		}
		if opened {
			j.Log.Info().Str("stage", "proposals").Str("branch", p.Branch).Int64("number", pull.Number).Msg("opened a pull request")
		}
		j.mark(ctx, f, p)
		j.linkPull(p.Branch, pull.Number)
		j.numberPull(ctx, p.Branch, pull.Number)
	}
}

// mark gives the proposed commit its status, where it has none yet.
func (j *job) mark(ctx context.Context, f forge.Forge, p report.PullRequest) {
	if err := f.Mark(ctx, p.Commit, forge.Status{Text: p.Status, Page: j.CI.PipelineURL}); err != nil {
		j.Log.Warn().Str("stage", "proposals").Str("branch", p.Branch).Err(fmt.Errorf("%s: %w", f.Name(), err)).
			Msg("the commit has no status; its pull request says the same, and the next run tries again")
	}
}

// numberPull writes the pull request of a branch into the record of its proposal:
// that names it also once its branch holds something else, or is gone.
func (j *job) numberPull(ctx context.Context, branch string, number int64) {
	records, _ := proposal.Records(j.repo)
	for ref, r := range records {
		if proposal.Branch(ref) != branch || r.Pull == number {
			continue
		}
		r.Pull = number
		if err := r.Write(ctx, j.repo); err != nil && !errors.Is(err, gitrepo.ErrRefMoved) {
			j.Log.Warn().Str("stage", "proposals").Str("branch", branch).Err(err).Msg("the pull request could not be written down; the next run does that")
		}
	}
}

// hasPull reports whether the pull request of a branch is known.
func (j *job) hasPull(branch string) bool {
	return slices.ContainsFunc(j.outcomes, func(out item.Outcome) bool { return out.Branch == branch && out.Pull != 0 })
}

// linkPull puts the pull request of a branch into the outcome of its item.
func (j *job) linkPull(branch string, number int64) {
	for i := range j.outcomes {
		if out := &j.outcomes[i]; out.Branch == branch && out.State == item.Proposed {
			out.Pull = number
		}
	}
}
