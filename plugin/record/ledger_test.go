package record

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

var (
	first  = Ref{Document: "docs/a.md", Item: "1"}
	second = Ref{Document: "docs/b.md", Item: "2"}
)

func attemptEntry(run string, ref Ref, n int) Entry {
	return Entry{Run: run, Kind: KindAttempt, Ref: ref, Attempt: n}
}

func resultEntry(run string, ref Ref, n int, state string) Entry {
	return Entry{Run: run, Kind: KindResult, Ref: ref, Attempt: n, State: state}
}

// cutEntries are n attempts of different runs that ended as temporary.
func cutEntries(result Entry, n int) []Entry {
	var entries []Entry
	for i := range n {
		run := fmt.Sprintf("cut-%v-%v-%d", result.CostUSD, result.Doubtful, i)
		one := resultEntry(run, first, 1, StateTemporary)
		one.CostUSD, one.Doubtful = result.CostUSD, result.Doubtful
		entries = append(entries, attemptEntry(run, first, 1), one)
	}
	return entries
}

func TestLedgerCountsAttempts(t *testing.T) {
	for name, test := range map[string]struct {
		entries []Entry
		want    int
	}{
		"none":                           {nil, 0},
		"refused":                        {[]Entry{attemptEntry("r1", first, 1), resultEntry("r1", first, 1, string(item.Refused))}, 1},
		"failed twice":                   {[]Entry{attemptEntry("r1", first, 1), resultEntry("r1", first, 1, string(item.Failed)), attemptEntry("r2", first, 2), resultEntry("r2", first, 2, string(item.Failed))}, 2},
		"killed before its end":          {[]Entry{attemptEntry("r1", first, 1)}, 1},
		"temporary does not":             {[]Entry{attemptEntry("r1", first, 1), resultEntry("r1", first, 1, StateTemporary)}, 0},
		"every third that was cut short": {slices.Concat(cutEntries(Entry{CostUSD: 1}, 2), cutEntries(Entry{Doubtful: true}, 5)), 2},
		"an outage that cost nothing":    {cutEntries(Entry{}, 99), 0},
		"drift does not":                 {[]Entry{attemptEntry("r1", first, 1), resultEntry("r1", first, 1, string(item.Skipped))}, 0},
		"done does not":                  {[]Entry{attemptEntry("r1", first, 1), resultEntry("r1", first, 1, string(item.Done))}, 0},
		"of another item":                {[]Entry{attemptEntry("r1", second, 1)}, 0},
		"same number, other runs":        {[]Entry{attemptEntry("r1", first, 1), attemptEntry("r2", first, 1), resultEntry("r2", first, 1, StateTemporary)}, 1},
		"a refused push is the run's":    {[]Entry{attemptEntry("r1", first, 1), {Run: "r1", Kind: KindResult, Ref: first, Attempt: 1, State: string(item.Failed), Reason: reason.PushRefused}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var ledger Ledger
			ledger.Add(test.entries...)
			if got := ledger.Attempts(first); got != test.want {
				t.Errorf("Attempts = %d, want %d", got, test.want)
			}
		})
	}
}

func TestLedgerSurvivesEncodingAndDamage(t *testing.T) {
	entries := []Entry{
		attemptEntry("r1", first, 1),
		resultEntry("r1", first, 1, string(item.Refused)),
		{Run: "r1", Kind: KindFinished, Commit: "c1", Added: []Ref{first}},
		attemptEntry("r2", second, 1),
	}
	lines, err := Encode(entries...)
	if err != nil {
		t.Fatal(err)
	}
	lines = append([]byte("{half a li\n\n[]\n"), lines...)
	ledger, damaged := ReadLedger(lines)
	if damaged != 2 {
		t.Errorf("damaged = %d, want 2", damaged)
	}
	if diff := cmp.Diff(entries, ledger.entries); diff != "" {
		t.Errorf("entries differ (-want +got):\n%s", diff)
	}
	if got := ledger.Completed(""); got != "c1" {
		t.Errorf("Completed = %q, want c1", got)
	}
	if got := ledger.Completed("1/2"); got != "c1" {
		t.Errorf("the first run of a shard compares with %q, and not with what the run of all items left", got)
	}
	if diff := cmp.Diff([]Ref{first, second}, ledger.Unfinished()); diff != "" {
		t.Errorf("Unfinished differs (-want +got):\n%s", diff)
	}
	if got := ledger.LastState(first); got != string(item.Refused) {
		t.Errorf("LastState = %q", got)
	}
	if e, ok := ledger.LastAttempt(second); !ok || e.Run != "r2" {
		t.Errorf("LastAttempt = %+v, %v", e, ok)
	}
}

// TestNoLineOfTheLedgerGivesMoneyBack has somebody who may push refs write costs below
// nothing, before and after the ledger is compacted.
func TestNoLineOfTheLedgerGivesMoneyBack(t *testing.T) {
	now := time.Date(2026, 11, 27, 7, 0, 0, 0, time.UTC)
	lines, err := Encode(
		Entry{Time: now, Kind: KindResult, Ref: first, Run: "a", Attempt: 1, CostUSD: 3},
		Entry{Time: now, Kind: KindResult, Ref: second, Run: "a", Attempt: 1, CostUSD: -1000},
		Entry{Time: now, Kind: kindCost, CostUSD: -1000},
		Entry{Time: now, Kind: KindAttempt, Ref: second, Run: "b", Attempt: 1, ShareUSD: -1000},
	)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := Compact(lines)
	if err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string][]byte{"as written": lines, "compacted": compact} {
		if ledger, _ := ReadLedger(of); ledger.SpentIn(now, "") != 3 {
			t.Errorf("%s: %v USD, want 3", name, ledger.SpentIn(now, ""))
		}
	}
}
