package doctor

import (
	"context"
	"errors"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// push proves the right to push to the branch.
func push(ctx context.Context, p *patient, say voice) {
	err := p.repo.CanPush(ctx)
	if p.Settings.Mode == settings.ModePropose && errors.Is(err, gitrepo.ErrPushRefused) {
		say.ok("", "branch "+p.repo.Branch()+" takes no direct pushes: rows of documents wait on "+proposal.Branches+"documents to be merged")
		return
	}
	if err != nil {
		p.failUnlessDry(say, err, "let the user of git_username push to "+p.repo.Branch()+": a token with write access, and an exception in the branch's protection")
		return
	}
	say.ok("", "branch "+p.repo.Branch()+" may be pushed to (updated to where it is)")
}

// failUnlessDry is for what a dry-run can do without.
func (p *patient) failUnlessDry(say voice, err error, fix string) {
	f := finding(Fail, say.check, "", err)
	if fault.Of(err) != fault.Temporary {
		f.Fix = fix // what passes needs no mending
	}
	if p.Settings.Mode == settings.ModeDryRun {
		f.Status, f.Text = Warn, f.Text+" (a dry-run does not need it)"
	}
	say.report.Add(f)
}
