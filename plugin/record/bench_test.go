package record

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// BenchmarkLedger encodes, reads and sums up ledgers of growing length: an item
// is attempted and settled, and each tenth run ends.
func BenchmarkLedger(b *testing.B) {
	for _, lines := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(lines), func(b *testing.B) {
			entries := make([]Entry, 0, lines)
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for i := range lines {
				ref := Ref{Document: fmt.Sprintf("docs/post-mortems/2026-01-01-%d.md", i/20), Item: fmt.Sprintf("%012x", i/2)}
				e := Entry{Time: at.Add(time.Duration(i) * time.Minute), Run: fmt.Sprint("run-", i/10), Kind: KindAttempt, Ref: ref, Attempt: 1, ShareUSD: 1}
				switch {
				case i%10 == 9:
					e = Entry{Time: e.Time, Run: e.Run, Kind: KindFinished, Commit: fmt.Sprintf("%040x", i), Added: []Ref{ref}}
				case i%2 == 1:
					e.Kind, e.State, e.CostUSD = KindResult, string(item.Done), 0.1
				}
				entries = append(entries, e)
			}
			before := processorTime()
			for b.Loop() {
				text, err := Encode(entries...)
				if err != nil {
					b.Fatal(err)
				}
				ledger, damaged := ReadLedger(text)
				if damaged > 0 || ledger.SpentIn(at, "") == 0 || len(ledger.Unfinished()) == 0 {
					b.Fatalf("%d damaged lines, %d unfinished items", damaged, len(ledger.Unfinished()))
				}
				if _, err := Compact(text); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(processorTime()-before)/float64(b.N*lines), "cpu-ns/line")
		})
	}
}

// processorTime is what this process has used of it: unlike the time that passes,
// it does not depend on what else the machine does.
func processorTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // fails for no argument that is given here
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
