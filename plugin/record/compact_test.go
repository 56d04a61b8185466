package record

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// sum is everything that a ledger says.
type sum struct {
	Completed  map[string]string
	Unfinished []Ref
	Attempts   map[Ref]int
	Last       map[Ref]Entry
	State      map[Ref]string
	Months     map[string]float64
}

var (
	someRefs  = []Ref{first, second, {Document: "docs/a.md", Item: "3"}}
	someHosts = []string{"one", "two"}
)

func sumOf(l Ledger) sum {
	s := sum{
		Completed: map[string]string{"": l.Completed(""), "1/2": l.Completed("1/2")}, Unfinished: l.Unfinished(), Attempts: map[Ref]int{}, Last: map[Ref]Entry{}, State: map[Ref]string{},
		Months: map[string]float64{},
	}
	for _, ref := range someRefs {
		s.Attempts[ref], s.State[ref] = l.Attempts(ref), l.LastState(ref)
		last, _ := l.LastAttempt(ref)
		last.ShareUSD = 0 // which only the sums of the months are made of
		s.Last[ref] = last
	}
	for at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.AddDate(0, 1, 0) {
		s.Months[at.Format("2006-01")] = l.SpentIn(at, "")
	}
	return s
}

func drawEntry(t *rapid.T) Entry {
	day := rapid.IntRange(0, 90).Draw(t, "day")
	e := Entry{
		Time: time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, day),
		Run:  rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "run"),
		Kind: rapid.SampledFrom([]string{KindAttempt, KindAttempt, KindResult, KindResult, KindFinished, "of a later version"}).Draw(t, "kind"),
	}
	refs := rapid.SliceOfN(rapid.SampledFrom(someRefs), 0, 3)
	switch e.Kind {
	case KindAttempt:
		e.ShareUSD = float64(rapid.IntRange(0, 3).Draw(t, "halves")) / 2
		e.Host = rapid.SampledFrom(someHosts).Draw(t, "host")
	case KindResult:
		e.State = rapid.SampledFrom([]string{string(item.Done), string(item.Failed), string(item.Proposed), string(item.Skipped), StateTemporary}).Draw(t, "state")
		e.CostUSD = float64(rapid.IntRange(0, 4).Draw(t, "quarters")) / 4
	case KindFinished:
		e.Commit = rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(t, "commit")
		e.Shard = rapid.SampledFrom([]string{"", "1/2"}).Draw(t, "shard")
		e.Added, e.Removed = refs.Draw(t, "added"), refs.Draw(t, "removed")
	}
	if e.Kind == KindAttempt || e.Kind == KindResult {
		e.Ref, e.Attempt = rapid.SampledFrom(someRefs).Draw(t, "item"), rapid.IntRange(1, 2).Draw(t, "attempt")
	}
	return e
}

func TestCompacting_ChangesNothingThatALedgerSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var whole Ledger
		var lines []byte
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 5).Draw(t, "compact") == 0 {
				var err error
				if lines, err = Compact(lines); err != nil {
					t.Fatal(err)
				}
				continue
			}
			e := drawEntry(t)
			line, err := Encode(e)
			if err != nil {
				t.Fatal(err)
			}
			whole.Add(e)
			lines = append(lines, line...)
		}
		compacted, damaged := ReadLedger(lines)
		if damaged != 0 {
			t.Errorf("%d damaged lines", damaged)
		}
		if diff := cmp.Diff(sumOf(whole), sumOf(compacted), cmpopts.EquateEmpty(), cmpopts.EquateApprox(0, 1e-9)); diff != "" {
			t.Errorf("the compacted ledger differs (-whole +compacted):\n%s", diff)
		}
	})
}

func TestCompacting_OpensNoItemThatARunWithoutACommitClosed(t *testing.T) {
	var l Ledger
	l.Add(Entry{Run: "r1", Kind: KindAttempt, Ref: first, Attempt: 1, Host: "one"}, Entry{Run: "r1", Kind: KindFinished, Removed: []Ref{first}})
	var compacted Ledger
	compacted.Add(l.compacted()...)
	if left := compacted.Unfinished(); len(left) > 0 || compacted.Attempts(first) != 1 {
		t.Errorf("unfinished %v, %d attempts", left, compacted.Attempts(first))
	}
}

func TestCompacting_LeavesOneLineForWhatManyRunsFinished(t *testing.T) {
	var l Ledger
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		run := fmt.Sprint("r", i)
		l.Add(
			Entry{Time: at, Run: run, Kind: KindAttempt, Ref: first, Attempt: 1, Host: "one"},
			Entry{Time: at, Run: run, Kind: KindResult, Ref: first, Attempt: 1, State: StateTemporary, CostUSD: 0.25},
		)
		l.Add(l.Finishing(Entry{Time: at, Run: run, Commit: fmt.Sprint("c", i)}, []Ref{first})...)
	}
	compacted := l.compacted()
	// The last attempt, its result, the cost of the month, the commit, and what was cut short.
	if len(compacted) > mostCut+4 {
		t.Errorf("%d entries are left of %d", len(compacted), len(l.entries))
	}
	if total := sumOf(l).Months["2026-11"]; math.Abs(total-250) > 1e-6 {
		t.Errorf("cost %v", total)
	}
}

// manyItems are safe items of documents with four each.
func manyItems(n int) []Ref {
	refs := make([]Ref, n)
	for i := range refs {
		refs[i] = Ref{Document: fmt.Sprintf("docs/post-mortems/2026-%04d-an-outage-of-something.md", i/4), Item: fmt.Sprintf("%016x", i)}
	}
	return refs
}

func TestLedger_ARunWritesNoMoreWhenThousandsOfItemsAreOpen(t *testing.T) {
	for _, open := range []int{3, 3000, 40000} {
		refs := manyItems(open)
		var l Ledger
		l.Add(l.Finishing(Entry{Run: "first", Commit: "c0"}, refs)...)
		run := Entry{Time: time.Date(2026, 11, 26, 17, 0, 0, 0, time.UTC), Run: "20261126t170000z-0123abcd"}
		attempt, result, done := run, run, run
		attempt.Kind, attempt.Ref, attempt.Attempt, attempt.Host = KindAttempt, refs[0], 1, "wizard@10.0.10.10"
		result.Kind, result.Ref, result.Attempt, result.State, result.CostUSD = KindResult, refs[0], 1, string(item.Done), 0.42
		done.Commit = "0123456789abcdef0123456789abcdef01234567"
		l.Add(attempt)
		lines, err := Encode(append([]Entry{attempt, result}, l.Finishing(done, refs[1:])...)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d open items: %d bytes for a run that does one of them", open, len(lines))
		if len(lines) > 1024 {
			t.Errorf("with %d open items a run writes %d bytes into the ledger", open, len(lines))
		}
	}
}

func TestLedger_NoLineIsLongHoweverManyItemsAreOpen(t *testing.T) {
	refs := manyItems(40000)
	var l Ledger
	entries := l.Finishing(Entry{Run: "first", Commit: "c0"}, refs)
	for i, e := range entries {
		if line, err := Encode(e); err != nil || len(line) > 256<<10 || (e.Commit != "") != (i == len(entries)-1) {
			t.Errorf("entry %d of %d: %d bytes, commit %q, %v", i, len(entries), len(line), e.Commit, err)
		}
	}
	if l.Add(entries...); len(l.Unfinished()) != len(refs) {
		t.Errorf("%d items are unfinished, want %d", len(l.Unfinished()), len(refs))
	}
}
