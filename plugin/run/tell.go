package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/outlet"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// summary is the report of what the stages have come to.
func (j *job) summary() report.Summary {
	sum := report.Summary{
		Version: j.Version, Run: j.id, Mode: string(j.Mode), Event: j.CI.Event, Repository: cmp.Or(j.CI.RepoName, gitrepo.RedactURL(j.Repository.URL)),
		Branch: j.Repository.Branch, PipelineURL: j.CI.PipelineURL, Started: j.started, Duration: time.Since(j.started),
		Scope: string(j.Documents.Scope), Base: j.read.Base, Sandboxed: j.sandboxed,
		Outcomes: latest(j.outcomes), BudgetUSD: j.Agent.BudgetUSD, DocsCommit: j.docs.Commit,
		Warnings: slices.Clone(j.read.Unreadable), Notes: j.notes, Known: map[string]reason.Code{}, Issues: map[report.ItemKey]int64{}, Redactor: j.Redactor,
		Links: report.Links{Commit: j.CommitTemplate(), Branch: j.BranchTemplate(), Pull: j.PullTemplate(), Issue: j.IssueTemplate(), Pages: j.Repository.PagesURL},
	}
	for ref, number := range j.issues {
		sum.Issues[report.ItemKey{Document: ref.Document, ID: ref.Item}] = number
	}
	for ref := range j.waiting.items {
		sum.Known[ref.Item] = reason.DoneWaitingForMerge
	}
	for _, r := range j.taken {
		sum.Withdrawn = append(sum.Withdrawn, report.Withdrawal{Document: r.Document, Action: r.Action, Why: r.Why()})
	}
	if j.read.Note != "" {
		sum.Warnings = append(sum.Warnings, j.read.Note)
	}
	sum.Warnings = append(sum.Warnings, j.docs.Warnings...)
	for _, out := range j.outcomes {
		sum.CostUSD += out.CostUSD
	}
	told := map[record.Ref]bool{}
	for _, out := range sum.Outcomes {
		told[record.RefOf(out.Item)] = true
	}
	for _, doc := range j.read.Documents {
		// Of shards side by side, one tells what a push brought.
		addDocument(&sum, doc, j.read.Pushed[doc.File] && j.Documents.Shard.Has(doc.File), told)
	}
	return sum
}

// addDocument adds what a document holds, besides the safe items and those that the
// run came to.
func addDocument(sum *report.Summary, doc *postmortem.Document, pushed bool, told map[record.Ref]bool) {
	sum.Documents = append(sum.Documents, report.Document{
		File: doc.File, Date: doc.Date, Title: doc.Title, Changed: pushed,
		Safe: doc.Count(postmortem.ClassSafe), Skipped: doc.Count(postmortem.ClassSkipped), Unclear: doc.Count(postmortem.ClassUnclear), Problems: len(doc.Problems),
	})
	left := func(one *postmortem.Item) report.Left {
		return report.Left{Item: access.ChangeItem(doc, *one), Reason: one.Reason(), Evidence: func() string { return doc.Evidence(*one) }}
	}
	for i := range doc.Items {
		switch one := &doc.Items[i]; {
		case one.Class == postmortem.ClassUnclear:
			sum.Unclear = append(sum.Unclear, left(one))
		case one.Class == postmortem.ClassSkipped && !told[record.Ref{Document: doc.File, Item: one.ID}]:
			sum.Skipped = append(sum.Skipped, left(one))
			if !pushed {
				sum.Known[one.ID] = one.Reason()
			}
		}
	}
	for _, p := range doc.Problems {
		sum.Problems = append(sum.Problems, report.Problem{Problem: p, File: doc.File})
	}
}

// channels are the chats that a run tells. A pull request uses no secret and
// tells none.
func channels(s settings.Settings, c console.Console, chats notify.Config) *notify.Channels {
	if s.CI.PullRequest() {
		chats = notify.Config{}
	}
	return notify.Open(chats, s.Repository.Way, c.Log)
}

// lap notes how long a part of the run took, which ends now and began where the
// last one ended.
func (j *job) lap(part string) {
	now := time.Now()
	if took := now.Sub(j.lapped).Round(100 * time.Millisecond); took > 0 {
		j.laps = append(j.laps, part+" "+took.String())
	}
	j.lapped = now
}

// finishReport is the last stage: the closing table, the summary files and the chats, from
// one view. It runs whatever happened and adds its own trouble to the run's.
func (j *job) finishReport(ctx context.Context, err error) error {
	ending, cancel := access.Closing(ctx)
	defer cancel()
	sum := j.summary()
	kind := fault.Worst(fault.Of(err), kindOf(sum.Outcomes))
	sum.Err, sum.Exit = err, kind
	if err != nil {
		j.Log.Error().Str("stage", "run").Str("kind", kind.String()).Err(err).Msg("the run ended early")
	} else if kind != fault.None {
		err = fault.Mark(kind, errUnfinished) // in the report, the outcomes say it better
	}
	j.Log.Info().Str("stage", "run").Str("took", sum.Duration.Round(100*time.Millisecond).String()).Msg("time: " + strings.Join(append(j.laps, "in all"), ", "))
	view := report.Render(sum)
	if writeErr := writeSummaries(ending, j.SummaryDir(), view); writeErr != nil {
		j.Log.Error().Str("stage", "report").Err(writeErr).Msg("the summary files could not be written")
		err, kind = errors.Join(err, writeErr), fault.Worst(kind, fault.Of(writeErr))
	}
	// Chats come last: one may keep a cancelled run waiting until it is killed.
	if endErr := j.closeLog(sum.Outcomes, view); endErr != nil {
		err, kind = errors.Join(err, endErr), fault.Worst(kind, fault.Failed)
	}
	j.telling.Wait()
	j.tellMetrics(ending, sum, kind)
	j.channels.Finished(ending, view)
	j.telling.Wait()
	return fault.Mark(kind, err)
}

// errUnfinished stands for outcomes that make a run fail; they are told one by
// one elsewhere.
var errUnfinished = errors.New("not every item ended well; see the table")

// kindOf is what the outcomes mean for the run.
func kindOf(outcomes []item.Outcome) fault.Kind {
	worst := fault.None
	unhealthy, planned := 0, 0
	for _, out := range outcomes {
		switch {
		case out.State == item.NeedsPerson:
			worst = fault.Worst(worst, fault.Person)
		case out.State == item.Failed:
			worst = fault.Worst(worst, fault.Failed)
		case out.Reason == reason.StackUnhealthy:
			unhealthy++
			continue
		case out.Reason == reason.NotAttemptedHost || out.Reason == reason.Interrupted || out.Reason == reason.StateLocked:
			worst = fault.Worst(worst, fault.Temporary)
		}
		if out.Stack != "" {
			planned++
		}
	}
	switch {
	case unhealthy > 0 && planned == 0:
		// Every stack fails alike: credentials or the state backend, not the code.
		return fault.Worst(worst, fault.Temporary)
	case unhealthy > 0:
		return fault.Worst(worst, fault.Failed)
	}
	return worst
}

// closeLog closes the log: with the table, or, for programs that read it, with a
// line of the sums and one for each item that a person must look at.
func (j *job) closeLog(outcomes []item.Outcome, view report.View) error {
	if j.Report.LogFormat != "json" {
		return view.Table(j.Out, j.Look)
	}
	for _, out := range outcomes {
		if out.State == item.NeedsPerson {
			j.Log.Error().Str("stage", "report").Str("document", out.Item.Document).Str("item", out.Item.ID).
				Str("reason", string(out.Reason)).Str("command", out.Command).Msg("a person must look now")
		}
	}
	headline, sums, err := view.Sums()
	if err != nil {
		return err
	}
	j.Log.Info().Str("stage", "report").RawJSON("sums", sums).Msg(headline)
	return nil
}

// writeSummaries writes summary.json, summary.md and slack.json.
func writeSummaries(ctx context.Context, dir string, view report.View) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // other steps of the pipeline read it, under any UID
		return fault.WithFix(fmt.Errorf("make the folder of the summaries: %w", err), "set summary_dir to a folder that this user may write")
	}
	data, err := view.JSON()
	if err != nil {
		return err
	}
	slack, err := notify.SlackJSON(view.Result())
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"summary.json": data, "summary.md": view.Markdown(), "slack.json": slack} {
		if err := outlet.Write(ctx, filepath.Join(dir, name), content); err != nil {
			return err
		}
	}
	return nil
}
