package record

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Finishing is what a finished run writes: its commit, and how the unfinished
// items changed, however many there are.
func (l Ledger) Finishing(done Entry, unfinished []Ref) []Entry {
	done.Kind = KindFinished
	left := map[Ref]bool{}
	for _, ref := range unfinished {
		left[ref] = true
	}
	done.Added, done.Removed = beside(left, l.unfinished), beside(l.unfinished, left)
	return done.split()
}

// beside is what of one set is not in another.
func beside(one, other map[Ref]bool) []Ref {
	return slices.SortedFunc(func(yield func(Ref) bool) {
		for ref := range one {
			if !other[ref] && !yield(ref) {
				return
			}
		}
	}, CompareRefs)
}

// mostRefs is how many items one entry names.
const mostRefs = 1000

// split is a finished entry as several that are short enough for a line. Only
// the last of them has the commit: what was written without it is not finished.
func (e Entry) split() []Entry {
	var entries []Entry
	for len(e.Added)+len(e.Removed) > mostRefs {
		some := Entry{Time: e.Time, Run: e.Run, Kind: e.Kind}
		some.Added, e.Added = cut(e.Added, mostRefs)
		some.Removed, e.Removed = cut(e.Removed, mostRefs-len(some.Added))
		entries = append(entries, some)
	}
	return append(entries, e)
}

func cut(refs []Ref, at int) (head, rest []Ref) {
	at = min(at, len(refs))
	return refs[:at], refs[at:]
}

// Compact is the lines of a ledger without those that later ones made
// meaningless: whatever is appended to it adds up to the same.
func Compact(lines []byte) ([]byte, error) {
	ledger, _ := ReadLedger(lines)
	return Encode(ledger.compacted()...)
}

// compacted is the fewest entries that add up to the ledger, and go on doing so
// whatever comes after them: attempts with the results that keep them from
// counting, the results that were cut short, the last result of each item, and one entry for
// everything that finished runs of each shard said. What the results left out have cost stands
// in one entry for each month.
func (l Ledger) compacted() []Entry {
	keep := l.worthKeeping()
	var kept Ledger
	costs := map[time.Time]float64{}
	for i, e := range l.entries {
		if !l.isRunning(i) {
			e.ShareUSD = 0 // its result, which may be left out, says what it cost
		}
		switch {
		case keep[i]:
			kept.Add(e)
		case e.CostUSD > 0:
			costs[month(e.Time)] += e.CostUSD
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(costs), time.Time.Compare) {
		kept.Add(Entry{Time: at, Kind: kindCost, CostUSD: costs[at]})
	}
	shards := slices.Sorted(maps.Keys(l.finished))
	if len(shards) == 0 && !maps.Equal(kept.unfinished, l.unfinished) {
		kept.Add(kept.Finishing(Entry{}, l.Unfinished())...)
	}
	for _, shard := range shards {
		done := l.finished[shard]
		kept.Add(kept.Finishing(Entry{Time: done.Time, Run: done.Run, Shard: shard, Commit: done.Commit}, l.Unfinished())...)
	}
	return kept.entries
}

// worthKeeping is the places of the entries that a summary keeps as they are.
func (l Ledger) worthKeeping() map[int]bool {
	keep := map[int]bool{}
	for _, item := range l.items {
		for _, places := range []map[try]int{item.counted, item.cut} {
			for _, place := range places {
				keep[place] = true
			}
		}
		keep[item.attempt], keep[item.result] = true, true
	}
	l.keepVerdicts(keep)
	return keep
}

// keepVerdicts adds, for the attempts that are kept, the results that keep them
// from counting.
func (l Ledger) keepVerdicts(keep map[int]bool) {
	open := map[attempt]bool{} // kept, and no such result met yet
	for i, e := range l.entries {
		switch key := e.at(); {
		case e.Kind == KindAttempt && keep[i]:
			open[key] = true
		case e.Kind == KindResult && !e.counts() && open[key]:
			keep[i] = true
			delete(open, key)
		}
	}
}

// month is the beginning of the month of a time.
func month(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

// CompareRefs orders items by document, then by id.
func CompareRefs(a, b Ref) int {
	return cmp.Or(cmp.Compare(a.Document, b.Document), cmp.Compare(a.Item, b.Item))
}
