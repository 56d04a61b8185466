package journal

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
)

// Begin writes into the ledger, when no run of a shard ever went through, what the
// first one compares with: later runs compare with it too until one goes through. An empty
// base stands for the reading of all documents.
func Begin(ctx context.Context, repo seam.Remote, run, shard, base string) error {
	log, err := repo.ReadLog(record.LedgerRef)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	if ledger, _ := record.ReadLedger(log.Lines); ledger.Completed(shard) != "" {
		return nil
	}
	return Append(ctx, repo, nil, record.Entry{Time: time.Now().UTC(), Run: run, Shard: shard, Kind: record.KindFinished, Commit: cmp.Or(base, record.NoCommit)})
}

// Append writes entries into the ledger, and deletes refs that are settled then, if the
// remote takes both.
func Append(ctx context.Context, repo seam.Remote, settled []gitrepo.Standing, entries ...record.Entry) error {
	lines, err := record.Encode(entries...)
	if err != nil {
		return err
	}
	if err := repo.AppendLog(ctx, record.LedgerRef, lines, settled...); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}
