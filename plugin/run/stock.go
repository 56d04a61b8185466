package run

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/metrics"
	"github.com/pm-todos/pm-todos/plugin/outlet"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// measures reports whether somebody wants to have metrics of this run.
func (j *job) measures() bool {
	return j.Report.Metrics+j.Report.Gateway.Reveal() != "" && j.Mode != settings.ModeDryRun && !j.CI.PullRequest() && notOurs(j.Settings) == ""
}

// takeStock counts what is still to be done on the branch as the run leaves it, in
// all documents, for those who want to know.
func (j *job) takeStock(ctx context.Context) {
	if !j.measures() && !j.digests() && !j.tracks() {
		return
	}
	documents, err := j.everything(j.repo.Tip())
	if err != nil {
		j.Log.Warn().Str("stage", "report").Err(err).Msg("the open items could not be counted")
		return
	}
	j.lap("stock")
	j.keepIssues(ctx, documents)
	j.tellDigest(ctx, documents)
	j.stock = &metrics.Backlog{Open: backlog.Of(documents, j.Report.Targets, time.Now()), Documents: len(documents)}
	records, _ := proposal.Records(j.repo)
	for _, r := range records {
		if r.State == proposal.Offered {
			j.stock.Proposals++
		}
	}
	if log, err := j.repo.ReadLog(record.LedgerRef); err == nil { // else the run has said so
		ledger, _ := record.ReadLedger(log.Lines)
		j.stock.MonthUSD, j.completed = ledger.SpentIn(time.Now(), ""), ledger.CompletedAt(j.Documents.Shard.String())
	}
}

// everything is all documents of a commit. What cannot be read of them, the reading
// of the documents has said.
func (j *job) everything(commit string) (documents []*postmortem.Document, err error) {
	files, err := documentsAt(j.Settings, j.repo, commit)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if src, err := j.repo.ReadFile(commit, file); err == nil {
			documents = append(documents, j.read.Parse(file, src))
		}
	}
	return documents, nil
}

// tellMetrics writes the metrics file and begins to push to the gateway, which may be
// slow. That neither can be had changes no run.
func (j *job) tellMetrics(ctx context.Context, sum report.Summary, kind fault.Kind) {
	if !j.measures() {
		return
	}
	facts := metrics.Facts{
		Version: j.Version, Repository: sum.Repository, Branch: sum.Branch, Shard: j.Documents.Shard.String(), Backlog: j.stock, Targets: j.Report.Targets,
		Outcomes: sum.Outcomes, CostUSD: sum.CostUSD, MonthLimitUSD: j.Agent.MonthUSD, Started: j.started, Ended: time.Now(), ExitCode: kind.ExitCode(),
		LastSuccess: j.completed,
	}
	if kind == fault.None {
		facts.LastSuccess = facts.Ended
	}
	if file := j.MetricsFile(); file != "" {
		if err := writeMetrics(ctx, file, facts); err != nil {
			j.Log.Warn().Str("stage", "report").Err(err).Msg("the metrics file could not be written")
		}
	}
	if !j.Report.Gateway.Empty() {
		j.telling.Go(func() {
			if err := metrics.Push(ctx, j.Report.Gateway, j.Repository.Way, facts); err != nil {
				j.Log.Warn().Str("stage", "report").Err(err).Msg("the metrics were not pushed")
			}
		})
	}
}

// writeMetrics writes the file in the place of the one that an earlier run wrote,
// which may know when the last run succeeded.
func writeMetrics(ctx context.Context, file string, facts metrics.Facts) error {
	former, err := os.ReadFile(file) //nolint:gosec // a path that the user names
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read the former metrics: %w", err)
	}
	if then := metrics.LastSuccess(former, facts); then.After(facts.LastSuccess) {
		facts.LastSuccess = then
	}
	return outlet.Write(ctx, file, metrics.Text(facts))
}
