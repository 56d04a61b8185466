package run

import (
	"context"
	"errors"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve/schedule"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/tracker"
)

// tracks reports whether items that need a person get an issue.
func (j *job) tracks() bool {
	return j.Report.Issues == settings.On && j.Mode != settings.ModeDryRun && !j.CI.PullRequest()
}

// keepIssues opens the issues of items that need a person as this run found them, and
// closes those whose row is done or gone. Forges may be slow, so other runs may go on
// meanwhile.
func (j *job) keepIssues(ctx context.Context, documents []*postmortem.Document) {
	if !j.tracks() || ctx.Err() != nil {
		return
	}
	defer j.lap("issues")
	f := j.forge()
	if f == nil {
		j.Log.Warn().Str("stage", "issues").Msg("no issues are opened: the forge of the repository is not known; set forge")
		return
	}
	done, err := tracker.Sync(ctx, j.repo, f, j.id, j.forPeople(), j.rowsOf(documents))
	j.issues = done.Issues
	switch {
	case err != nil:
		j.Log.Warn().Str("stage", "issues").Err(err).Msg("not all issues are as they should be; the next run tries again")
	case done.Busy:
		j.Log.Info().Str("stage", "issues").Msg("another run is at the issues; this one leaves them to it")
	case done.Opened+done.Closed > 0:
		j.Log.Info().Str("stage", "issues").Int("opened", done.Opened).Int("closed", done.Closed).Msg("issues opened and closed")
	}
}

// forPeople are the items of this run that need a person, the most urgent first:
// those of a document that no run may take up and nobody works on yet, and those that
// this run found to need one.
func (j *job) forPeople() (wanted []tracker.Wanted) {
	var items []item.Item
	ticketed := map[record.Ref]bool{} // somebody tracks it elsewhere
	for _, doc := range j.read.Documents {
		for _, one := range doc.Items {
			ticketed[record.Ref{Document: doc.File, Item: one.ID}] = one.Ticket != ""
		}
		for _, edit := range skippedEdits(doc, j.Proposes()) {
			items = append(items, access.ChangeItem(doc, edit.Item))
		}
	}
	for _, out := range latest(j.outcomes) {
		if row, ok := outcomeRow(out, "", ""); ok && row.By == postmortem.HumanReview || out.State == item.NeedsPerson || out.Reason == reason.ProposalDeclined {
			items = append(items, out.Item)
		}
	}
	issueOf := report.Render(j.summary()).Issues()
	for _, one := range schedule.Order(items) {
		ref := record.RefOf(one)
		issue := issueOf(report.ItemKey{Document: ref.Document, ID: ref.Item})
		if issue.Title != "" && !ticketed[ref] {
			wanted = append(wanted, tracker.Wanted{Ref: ref, Title: issue.Title, Body: issue.Body})
		}
	}
	return wanted
}

// rowsOf says of items whether their rows are still open. A document that cannot be
// read ends nothing.
func (j *job) rowsOf(documents []*postmortem.Document) tracker.Row {
	read := map[string]*postmortem.Document{}
	for _, doc := range documents {
		read[doc.File] = doc
	}
	return func(ref record.Ref) (string, error) {
		doc := read[ref.Document]
		if doc == nil {
			if _, err := j.repo.ReadFile(j.repo.Tip(), ref.Document); errors.Is(err, gitrepo.ErrNotFound) {
				return "is gone with its document", nil
			}
			return "", nil
		}
		switch one, found := findItem(doc, ref.Item); {
		case !found:
			return "is gone from its document", nil
		case one.Class == postmortem.ClassDone:
			return "is done", nil
		case one.Class == postmortem.ClassDeclined:
			return "was declined", nil
		}
		return "", nil
	}
}
