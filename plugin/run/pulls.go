package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/report"
)

// openPulls opens the pull requests of what waits on branches, those that an
// earlier run could not open too. The branch is the proposal: without its pull
// request it waits all the same, and the next run tries again.
func (j *job) openPulls(ctx context.Context) {
	defer j.lap("proposals")
	proposed := func(out item.Outcome) bool { return out.State == item.Proposed }
	if ctx.Err() != nil || !slices.ContainsFunc(j.outcomes, proposed) {
		return
	}
	f, err := j.Forge()
	if f == nil || err != nil {
		if err != nil {
			j.Log.Warn().Str("stage", "proposals").Err(err).Msg("no pull requests are opened")
		}
		return
	}
	for _, p := range report.Render(j.summary()).PullRequests() {
		pull, opened, err := forge.Ensure(ctx, f, forge.Request{
			Head: p.Branch, Base: j.Repository.Branch, Title: p.Title, Body: p.Body, Commit: p.Commit,
		})
		if err != nil {
			// Of the others none would fare better.
			j.Log.Warn().Str("stage", "proposals").Str("branch", p.Branch).Err(fmt.Errorf("%s: %w", f.Name(), err)).
				Msg("the pull request could not be opened; the branch waits, and the next run tries again")
			return
		}
		if opened {
			j.Log.Info().Str("stage", "proposals").Str("branch", p.Branch).Int64("number", pull.Number).Msg("opened a pull request")
			if err := f.Mark(ctx, p.Commit, forge.Status{Text: p.Status, Page: j.CI.PipelineURL}); err != nil {
				j.Log.Warn().Str("stage", "proposals").Str("branch", p.Branch).Err(fmt.Errorf("%s: %w", f.Name(), err)).Msg("the commit has no status; its pull request says the same")
			}
		}
		j.linkPull(p.Branch, *pull)
	}
}

// linkPull puts the pull request of a branch into the outcome of its item.
func (j *job) linkPull(branch string, pull forge.Pull) {
	for i := range j.outcomes {
		out := &j.outcomes[i]
		if out.Branch != branch || out.State != item.Proposed {
			continue
		}
		out.Pull = pull.Number
		if pull.State == forge.Closed {
			out.State, out.Reason = item.Skipped, reason.ProposalDeclined
		}
	}
}
