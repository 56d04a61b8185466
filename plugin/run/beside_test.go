package run

import (
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/gitrepo/gittest"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// TestWhatAnotherShardLeavesOfADocumentPushedMeanwhileStaysUnfinished has the other
// shard leave items for its next run while this one works: of a document that this one
// never read, and of a row that was added to one that it did read.
func TestWhatAnotherShardLeavesOfADocumentPushedMeanwhileStaysUnfinished(t *testing.T) {
	t.Parallel()
	e := newEstate(t, 5)
	left := []record.Ref{
		{Document: "docs/post-mortems/2026-01-01-outage.md", Item: "row-added-meanwhile"},
		{Document: "docs/post-mortems/2026-02-02-pushed-meanwhile.md", Item: "left"},
	}
	e.atFirstTurn = func() error {
		work := t.TempDir()
		gittest.Git(t, work, "clone", "-q", e.origin, ".")
		for _, ref := range left {
			content, err := os.ReadFile(work + "/" + ref.Document)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
			e.write(work, ref.Document, string(content)+"\nMore was found out.\n")
		}
		gittest.Git(t, work, "add", "-A")
		gittest.Git(t, work, "commit", "-qm", "more")
		gittest.Git(t, work, "push", "-q", "origin", "HEAD:main")
		lines, err := record.Encode(record.Entry{
			Time: time.Now().UTC(), Run: "beside", Shard: "2/2", Kind: record.KindFinished, Added: left, Commit: gittest.Git(t, work, "rev-parse", "HEAD"),
		})
		return errors.Join(err, e.elsewhere(func(repo *gitrepo.Repo) error { return repo.AppendLog(t.Context(), record.LedgerRef, lines) }))
	}
	if _, err := e.run(t.Context(), shard.Shard{Number: 1, Of: 2}); err != nil || e.turns == 0 {
		t.Fatal(e.turns, err)
	}
	var ledger record.Ledger
	if err := e.elsewhere(func(repo *gitrepo.Repo) error {
		log, err := repo.ReadLog(record.LedgerRef)
		ledger, _ = record.ReadLedger(log.Lines)
		return err
	}); err != nil || ledger.Completed("1/2") == "" {
		t.Fatal(ledger, err)
	}
	for _, ref := range left {
		if !slices.Contains(ledger.Unfinished(), ref) {
			t.Errorf("no run comes back to %v: unfinished are %v", ref, ledger.Unfinished())
		}
	}
}

// elsewhere has another run use its clone.
func (e *estate) elsewhere(act func(*gitrepo.Repo) error) error {
	block := map[string]string{"remote": e.url, "branch": "main", "hosts": "local"}
	s, err := settings.Read(func(name string) string { return block[name] }, settings.CI{Event: "cron"}, nil)
	if err != nil {
		return err
	}
	repo, _, remove, err := newJob(s, console.Console{Log: zerolog.Nop()}).Opener(s).Clone(e.tb.Context())
	if err != nil {
		return err
	}
	return errors.Join(act(repo), remove())
}
