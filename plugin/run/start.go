package run

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/resolve/schedule"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// tellStart tells the chats that work begins, while it does: who holds the lock
// waits for no chat.
func (j *job) tellStart(ctx context.Context, standing map[record.Ref]*proposal.Record) {
	begins := j.begins(standing)
	if begins.Empty() {
		return
	}
	started := report.Started(j.summary(), begins)
	j.telling.Go(func() { j.channels.Started(ctx, string(j.Mode), started) })
}

// begins is what the run is about to do, as far as documents, the standing records of
// proposals and the forge say it.
func (j *job) begins(standing map[record.Ref]*proposal.Record) report.Start {
	b := report.Start{
		Limit: j.Documents.MaxItems, Proposes: j.Mode == settings.ModePropose || j.Unplanned(),
		Doubtful: j.Documents.Doubtful == settings.DoubtfulPropose, Applies: j.ApplyMerged == settings.On && !j.Unplanned(),
	}
	for _, todo := range schedule.Order(j.read.Todo()) {
		switch r := standing[record.RefOf(todo)]; {
		case r == nil:
			b.Items = append(b.Items, todo)
		case r.Text != record.TextSum(todo): // withdrawn, which is told at the end
		case j.approved(r):
			b.Merged = append(b.Merged, todo)
		case r.State == proposal.Waiting || r.State == proposal.Offered:
			b.Waiting++
		}
	}
	return b
}

// approved reports whether the forge says that a person merged a proposal.
func (j *job) approved(r *proposal.Record) bool {
	_, said := j.answers.Merged([]*proposal.Record{r}, j.Repository.Branch)
	return said == proposal.Approved
}
