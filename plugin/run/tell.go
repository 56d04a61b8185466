package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/outlet"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// cleanUp is a clean-up at the end of a run, within the closing time. That it
// fails changes neither what was done nor the exit code: what is left is a lock
// that ends with its lease, or folders that later runs remove.
func cleanUp(ctx context.Context, c console.Console, stage string, act func(context.Context) error) {
	ending, cancel := access.Closing(ctx)
	defer cancel()
	if err := act(ending); err != nil {
		c.Log.Warn().Str("stage", stage).Err(err).Msg("cleaning up failed; the run ends as it would have, and later runs clean up")
	}
}

// summary grows with the run and is told at its end, whatever that is.
type summary struct {
	report.Summary
	start    time.Time
	channels *notify.Channels // who is told, once Vault has said where Slack is
}

func newSummary(s settings.Settings, c console.Console) *summary {
	now := time.Now()
	return &summary{start: now, channels: channels(s, c, s.Report.SlackWebhook), Summary: report.Summary{
		Version: c.Version, Run: access.RunID(now), Mode: string(s.Mode), Event: s.CI.Event, Repository: repositoryName(s),
		Branch: s.Repository.Branch, PipelineURL: s.CI.PipelineURL, Started: now, Scope: string(s.Documents.Scope),
		BudgetUSD: s.Agent.BudgetUSD, Redactor: c.Redactor, Known: map[string]reason.Code{},
		Links: report.Links{Commit: s.CommitTemplate(), Branch: s.BranchTemplate(), Pages: s.Repository.PagesURL},
	}}
}

func repositoryName(s settings.Settings) string {
	if s.CI.RepoName != "" {
		return s.CI.RepoName
	}
	return gitrepo.RedactURL(s.Repository.URL)
}

// note is a sentence on why the run ends here, in the log and in the report.
func (sum *summary) note(c console.Console, text string) error {
	c.Log.Info().Str("stage", "run").Msg(text)
	sum.Notes = append(sum.Notes, text)
	return nil
}

// read takes over what the documents hold. It can be called again when they
// were read again.
func (sum *summary) read(s settings.Settings, c console.Console, sel access.Selection) {
	sum.Base, sum.Documents, sum.Skipped, sum.Unclear, sum.Problems = sel.Base, nil, nil, nil, nil
	sum.Warnings = append([]string(nil), sel.Unreadable...)
	if sel.Note != "" {
		sum.Warnings = append(sum.Warnings, sel.Note)
	}
	for _, doc := range sel.Documents {
		sum.Documents = append(sum.Documents, report.Document{
			File: doc.File, Date: doc.Date, Title: doc.Title, Changed: sel.Pushed[doc.File],
			Safe: len(doc.Safe()), Skipped: len(doc.Skipped()), Unclear: len(doc.Unclear()), Problems: len(doc.Problems),
		})
		for _, item := range doc.Skipped() {
			sum.Skipped = append(sum.Skipped, leftItem(doc, item))
			if !sel.Pushed[doc.File] {
				sum.Known[item.ID] = item.Reason()
			}
		}
		for _, item := range doc.Unclear() {
			sum.Unclear = append(sum.Unclear, leftItem(doc, item))
		}
		for _, p := range doc.Problems {
			sum.Problems = append(sum.Problems, report.Problem{
				File: doc.File, Line: p.Line, Column: p.Column, Reason: p.Reason, Detail: p.Detail, Text: p.Text,
			})
		}
	}
	c.Log.Info().Str("stage", "documents").Int("documents", len(sel.Documents)).Int("of", len(sel.All)).
		Int("safe", len(sel.Safe())).Int("skipped", len(sum.Skipped)).Int("unclear", len(sum.Unclear)).Int("problems", len(sum.Problems)).
		Msg("documents read")
	tellSafe(s, sel, c.Log)
}

// channels are the chats that a run tells. A pull request uses no secret and
// tells none.
func channels(s settings.Settings, c console.Console, slackWebhook secret.String) *notify.Channels {
	if s.CI.PullRequest() {
		return notify.Open(notify.Config{}, s.Repository.Way, c.Log)
	}
	config := s.Report.Config
	config.SlackWebhook = slackWebhook
	return notify.Open(config, s.Repository.Way, c.Log)
}

// add takes over outcomes. An item that was settled and then tried again is
// told by its later outcome.
func (sum *summary) add(outcomes []item.Outcome) {
	place := map[record.Ref]int{}
	for i, out := range sum.Outcomes {
		place[record.RefOf(out.Item)] = i
	}
	for _, out := range outcomes {
		ref := record.RefOf(out.Item)
		if i, again := place[ref]; again {
			sum.Outcomes[i] = out
		} else {
			place[ref] = len(sum.Outcomes)
			sum.Outcomes = append(sum.Outcomes, out)
		}
		sum.CostUSD += out.CostUSD
	}
}

// unchecked adds the items that earlier runs applied, or may have applied, to a
// run that ends before it could settle them: they count for more than its end.
func (sum *summary) unchecked(ctx context.Context, c console.Console, repo *gitrepo.Repo, sel access.Selection) {
	ending, cancel := access.Closing(ctx)
	defer cancel()
	outcomes, err := journal.Unchecked(ending, repo, repo.LockHeld, sel.Known())
	if err != nil {
		c.Log.Warn().Str("stage", "settle").Err(err).Msg("it cannot be told whether another run settles what earlier ones left")
	}
	sum.add(outcomes)
}

// complete reports whether every item came to its turn.
func (sum *summary) complete() bool {
	return len(sum.Outcomes) > 0 && !slices.ContainsFunc(sum.Outcomes, func(out item.Outcome) bool { return out.State == item.NotAttempted })
}

// done reports whether an item is Done.
func (sum *summary) done() bool {
	return slices.ContainsFunc(sum.Outcomes, func(out item.Outcome) bool { return out.State == item.Done })
}

// kind is what the outcomes mean for the run.
func (sum *summary) kind() fault.Kind {
	worst := fault.None
	unhealthy, planned := 0, 0
	for _, out := range sum.Outcomes {
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

// started tells the chats that work begins.
func (sum *summary) started(ctx context.Context, s settings.Settings, sel access.Selection) {
	if items := sel.Safe(); len(items) > 0 {
		sum.channels.Started(ctx, sum.Mode, report.Started(sum.Summary, items, s.Documents.MaxItems))
	}
}

// tell is the last stage: the closing table, the summary files and the chats, from
// one view. It runs whatever happened and adds its own trouble to the run's.
func tell(ctx context.Context, s settings.Settings, c console.Console, sum *summary, err error) error {
	ending, cancel := access.Closing(ctx)
	defer cancel()
	kind := fault.Worst(fault.Of(err), sum.kind())
	if err != nil {
		c.Log.Error().Str("stage", "run").Str("kind", kind.String()).Err(err).Msg("the run ended early")
	}
	if err == nil && kind != fault.None {
		err = fault.Mark(kind, errUnfinished)
	}
	sum.Err, sum.Exit, sum.Duration = err, kind, time.Since(sum.start)
	if errors.Is(err, errUnfinished) {
		sum.Err = nil // the outcomes say it better
	}
	view := report.Render(sum.Summary)
	if writeErr := writeSummaries(ending, s.SummaryDir(), view); writeErr != nil {
		c.Log.Error().Str("stage", "report").Err(writeErr).Msg("the summary files could not be written")
		err, kind = errors.Join(err, writeErr), fault.Worst(kind, fault.Of(writeErr))
	}
	// Chats come last: one may keep a cancelled run waiting until it is killed.
	if endErr := sum.end(s, c, view); endErr != nil {
		err, kind = errors.Join(err, endErr), fault.Worst(kind, fault.Failed)
	}
	sum.channels.Finished(ending, view)
	return fault.Mark(kind, err)
}

// end closes the log: with the table, or, for programs that read it, with a line
// of the sums and one for each item that a person must look at.
func (sum *summary) end(s settings.Settings, c console.Console, view report.View) error {
	if s.Report.LogFormat != "json" {
		return view.Table(c.Out, c.Look)
	}
	for _, out := range sum.Outcomes {
		if out.State == item.NeedsPerson {
			c.Log.Error().Str("stage", "report").Str("document", out.Item.Document).Str("item", out.Item.ID).
				Str("reason", string(out.Reason)).Str("command", out.Command).Msg("a person must look now")
		}
	}
	headline, sums, err := view.Sums()
	if err != nil {
		return err
	}
	c.Log.Info().Str("stage", "report").RawJSON("sums", sums).Msg(headline)
	return nil
}

// errUnfinished stands for outcomes that make a run fail; they are told one by
// one elsewhere.
var errUnfinished = errors.New("not every item ended well; see the table")

// writeSummaries writes summary.json, summary.md and slack.json.
func writeSummaries(ctx context.Context, dir string, view report.View) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // other steps of the pipeline read it, under any UID
		return fmt.Errorf("make summary_dir: %w", err)
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

// writeRecord is the end of the work: documents first, then the books, so that a
// run that is killed in between is settled by the next.
func writeRecord(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, resolver *resolve.Resolver, sel access.Selection, sum *summary) error {
	if ctx.Err() != nil {
		// What was completed is recorded, in the little time that is left.
		cause := context.Cause(ctx)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && sum.complete() {
			cause = nil // late, but through
		}
		return access.Closed(ctx, cause, func(ending context.Context) error {
			return recordNow(ending, s, c, repo, resolver, sel, sum)
		})
	}
	return recordNow(ctx, s, c, repo, resolver, sel, sum)
}

func recordNow(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, resolver *resolve.Resolver, sel access.Selection, sum *summary) error {
	if resolver.Refused() && !sum.done() {
		return resolver.WriteResults(ctx) // there is nothing to record that the remote would take
	}
	docs, err := Update(ctx, s, repo, sel, sum.Outcomes, time.Now(), c.Log)
	if err != nil {
		return errors.Join(err, resolver.WriteResults(ctx))
	}
	sum.DocsCommit = docs.Commit
	sum.Warnings = append(sum.Warnings, docs.Warnings...)
	completed, err := completedAt(s, repo, sel, docs)
	if err != nil {
		return err
	}
	// What a broken document could not record keeps its journal: the next run
	// comes back to it.
	var recorded []item.Outcome
	for _, out := range sum.Outcomes {
		if !slices.Contains(docs.Broken, out.Item.Document) {
			recorded = append(recorded, out)
		}
	}
	err = resolver.Finish(ctx, completed, recorded, unfinished(sel, sum.Outcomes, resolver.Unfinished(), s.Documents.MaxAttempts))
	return errors.Join(append(docs.Problems, err)...)
}

// completedAt is the commit that the next run compares with: the branch as this
// one leaves it, unless documents were pushed meanwhile that it never read.
func completedAt(s settings.Settings, repo *gitrepo.Repo, sel access.Selection, docs Published) (string, error) {
	before := docs.Tip
	if docs.Commit != "" {
		commit, err := repo.Lookup(docs.Commit)
		if err != nil {
			return "", fmt.Errorf("read the docs commit: %w", err)
		}
		before = commit.Parent
	}
	changed, err := repo.Changed(sel.Commit, before)
	if err != nil {
		return "", fmt.Errorf("look for documents pushed meanwhile: %w", err)
	}
	if len(access.DocumentPaths(changed, s.Documents.PostMortems)) > 0 {
		return sel.Commit, nil
	}
	return docs.Tip, nil
}

// unfinished is the items that the next run takes up though nobody changed
// their documents: those of this run that may be tried again or were never
// started, and those that earlier runs left in documents that could not be read.
func unfinished(sel access.Selection, outcomes []item.Outcome, earlier []record.Ref, maxAttempts int) []record.Ref {
	refs := map[record.Ref]bool{}
	ended := map[record.Ref]bool{}
	for _, out := range outcomes {
		ref := record.RefOf(out.Item)
		ended[ref] = true
		if again(out, maxAttempts) {
			refs[ref] = true
		}
	}
	for _, item := range sel.Safe() {
		if ref := record.RefOf(item); !ended[ref] {
			refs[ref] = true
		}
	}
	unread := map[string]bool{}
	for _, file := range sel.All {
		unread[file] = true
	}
	for _, doc := range sel.Documents {
		delete(unread, doc.File)
	}
	for _, ref := range earlier {
		if unread[ref.Document] {
			refs[ref] = true
		}
	}
	return slices.Collect(maps.Keys(refs))
}

// again reports whether the next run has something to do for an item.
func again(out item.Outcome, maxAttempts int) bool {
	switch out.State {
	case item.NotAttempted, item.NeedsPerson, item.Proposed:
		return true
	case item.Refused, item.Failed:
		return out.Attempt < maxAttempts && out.Commit == ""
	case item.Skipped:
		return out.Reason == reason.StackDrifts || out.Reason == reason.StackClosed || out.Reason == reason.ChangedMeanwhile
	default:
		return false
	}
}

// without leaves out the items that were settled for good.
func without(items []item.Item, settled []item.Outcome) []item.Item {
	ended := map[record.Ref]bool{}
	for _, out := range settled {
		// Only what was never applied, and not done otherwise, may be tried again.
		if out.State != item.Failed || out.Commit != "" {
			ended[record.RefOf(out.Item)] = true
		}
	}
	var rest []item.Item
	for _, item := range items {
		if !ended[record.RefOf(item)] {
			rest = append(rest, item)
		}
	}
	return rest
}
