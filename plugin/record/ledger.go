package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// NoCommit is the commit of a run that is known to have come through when there
// is none.
const NoCommit = "0000000000000000000000000000000000000000"

// Kinds of ledger entries.
const (
	KindAttempt  = "attempt"  // written before an agent is paid
	KindResult   = "result"   // how that attempt ended
	KindFinished = "finished" // a run went through; the next compares with its commit
	kindCost     = "cost"     // what the results of a month cost that a summary left out
)

// Entry is one line of the ledger.
type Entry struct {
	Time    time.Time   `json:"time"`
	Run     string      `json:"run"`
	Shard   string      `json:"shard,omitempty"` // of a finished run, empty for one of all items
	Kind    string      `json:"kind"`
	Ref                 // of attempts and results
	Attempt int         `json:"attempt,omitempty"` // counted from 1
	Host    string      `json:"host,omitempty"`    // Terraform host of an attempt
	State   string      `json:"state,omitempty"`   // item.State of a result, or "temporary"
	Reason  reason.Code `json:"reason,omitempty"`
	CostUSD float64     `json:"cost_usd,omitempty"`
	Commit  string      `json:"commit,omitempty"` // fix commit, or the finished run's tip

	// ShareUSD, on attempts, is what it may cost, which is taken for its cost until
	// its result says what that was.
	ShareUSD float64 `json:"share_usd,omitempty"`

	// Doubtful, on temporary results: it may be the item's fault after all.
	Doubtful bool `json:"doubtful,omitempty"`

	// Unloaded, on results that failed: it is on the branch, and Prometheus has not
	// loaded it yet.
	Unloaded bool `json:"unloaded,omitempty"`

	// Text, on results that wait for an approval, is the sum of what the item said.
	Text string `json:"text,omitempty"`

	// Added and Removed, on finished entries, say how the unfinished items
	// changed: the safe items that are still to do, whose documents are read again
	// though nobody changed them.
	Added   []Ref `json:"added,omitempty"`
	Removed []Ref `json:"removed,omitempty"`
}

// counts reports whether a result counts against max_attempts: a no of a gate, a
// failure, and whatever else was paid for in vain. A push that the remote
// refuses is the run's failure, though entries exist that call it an item's.
func (e Entry) counts() bool {
	if e.Reason == reason.PushRefused {
		return false
	}
	switch item.State(e.State) {
	case item.Refused, item.Failed, item.NeedsPerson:
		return true
	case item.Skipped, item.NotAttempted:
		return e.CostUSD > 0
	}
	return false
}

// Unapproved reports whether it left an item for a person to approve, and the item
// says today what it said then: the same text proves no more than it did.
func (e Entry) Unapproved(item item.Item) bool {
	return e.Reason == reason.NeedsApproval && e.Text == TextSum(item)
}

// TextSum stands for what an item says.
func TextSum(item item.Item) string {
	sum := sha256.Sum256([]byte(item.Type + "\x00" + item.Action + "\x00" + item.Details))
	return hex.EncodeToString(sum[:8])
}

// stateTemporary marks an attempt that ended for a reason that is not the
// item's: it does not count by itself.
const StateTemporary = "temporary"

// cutShort is how many temporary attempts that cost something, or may be the
// item's fault after all, count as one. Without a bound an item that ends its
// host, or whose text the model's provider refuses, would be paid for, or would
// hold up the others, in every run.
const cutShort = 3

// mostCut is how many of them are counted for one item: far beyond any
// max_attempts, so that a summary stays short.
const mostCut = 60

// wasCut reports whether a temporary result is one of those.
func (e Entry) wasCut() bool { return e.State == StateTemporary && (e.CostUSD > 0 || e.Doubtful) }

// Ledger is what the entries of all runs add up to. The zero value is an empty
// one.
type Ledger struct {
	entries    []Entry
	items      map[Ref]*history
	running    map[attempt]int  // places of the attempts whose result is not known
	finished   map[string]Entry // the last of each shard that names a commit
	unfinished map[Ref]bool
}

// history is what the entries of one item add up to.
type history struct {
	counted map[try]int // attempts that count, with the place of their entries
	cut     map[try]int // results of those that were cut short, with their place
	attempt int         // place of the last attempt, or -1
	result  int         // place of the last result, or -1
}

// try is one attempt.
type try struct {
	run     string
	attempt int
}

// Add takes in entries, in the order of the ledger.
func (l *Ledger) Add(entries ...Entry) {
	if l.items == nil {
		l.items, l.running, l.unfinished, l.finished = map[Ref]*history{}, map[attempt]int{}, map[Ref]bool{}, map[string]Entry{}
	}
	for _, e := range entries {
		l.entries = append(l.entries, e)
		switch e.Kind {
		case KindAttempt, KindResult:
			l.addToItem(e, len(l.entries)-1)
		case KindFinished:
			for _, ref := range e.Added {
				l.unfinished[ref] = true
			}
			for _, ref := range e.Removed {
				delete(l.unfinished, ref)
			}
			if e.Commit != "" {
				l.finished[e.Shard] = e
			}
		}
	}
}

func (l *Ledger) addToItem(e Entry, place int) {
	item := l.items[e.Ref]
	if item == nil {
		item = &history{counted: map[try]int{}, cut: map[try]int{}, attempt: -1, result: -1}
		l.items[e.Ref] = item
	}
	key := e.at().try
	if e.Kind == KindAttempt {
		item.counted[key], item.attempt = place, place
		l.unfinished[e.Ref], l.running[e.at()] = true, place
		return
	}
	item.result = place
	delete(l.running, e.at())
	if !e.counts() {
		delete(item.counted, key)
	}
	if e.wasCut() && len(item.cut) < mostCut {
		item.cut[key] = place
	}
}

// ReadLedger reads JSON lines. Lines that are not entries are passed over and
// counted: a damaged line must not stop every later run.
func ReadLedger(lines []byte) (ledger Ledger, damaged int) {
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil || e.Kind == "" {
			damaged++
			continue
		}
		ledger.Add(e)
	}
	return ledger, damaged
}

// Encode is entries as JSON lines.
func Encode(entries ...Entry) ([]byte, error) {
	var b bytes.Buffer
	for _, e := range entries {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode ledger entry: %w", err)
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// Completed is the branch's tip at the end of the last run of a shard that went
// through, of the last one of all items where there was none, or "". Runs of other
// shards say nothing of what it has read.
func (l Ledger) Completed(shard string) string { return l.completed(shard).Commit }

func (l Ledger) completed(shard string) Entry {
	if done, ok := l.finished[shard]; ok {
		return done
	}
	return l.finished[""]
}

// SpentIn is what agents cost in the calendar month of a time, in UTC: by the
// results, and of attempts without one by what they might cost. The run beside which
// it was does not count, "" for none.
func (l Ledger) SpentIn(at time.Time, beside string) (usd float64) {
	for i, e := range l.entries {
		if month(e.Time) != month(at) || beside != "" && e.Run == beside {
			continue
		}
		usd += max(0, e.CostUSD) // no line gives money back
		if l.isRunning(i) {
			usd += max(0, e.ShareUSD)
		}
	}
	return usd
}

// Reserved is what an attempt might have cost, by its entry: 0 once its result is known.
func (l Ledger) Reserved(e Entry) float64 {
	if place, running := l.running[e.at()]; running {
		return max(0, l.entries[place].ShareUSD)
	}
	return 0
}

// attempt is one attempt at an item.
type attempt struct {
	Ref
	try
}

// at is the attempt that an entry is of.
func (e Entry) at() attempt { return attempt{e.Ref, try{e.Run, e.Attempt}} }

// isRunning reports whether an entry is of an attempt whose result is not known.
func (l Ledger) isRunning(place int) bool {
	last, running := l.running[l.entries[place].at()]
	return running && last == place
}

// CompletedAt is when the run of Completed went through, zero when it is not known.
func (l Ledger) CompletedAt(shard string) time.Time { return l.completed(shard).Time }

// Unfinished are the items that the last run left to do, and those attempted
// since by runs that did not go through.
func (l Ledger) Unfinished() []Ref { return slices.SortedFunc(maps.Keys(l.unfinished), CompareRefs) }

// Attempts counts the attempts at an item that a gate refused, that failed, or
// that nobody knows the end of: an attempt whose run never wrote a result was
// paid for all the same. Of those that were cut short, each third counts.
func (l Ledger) Attempts(ref Ref) int {
	if item := l.items[ref]; item != nil {
		return len(item.counted) + len(item.cut)/cutShort
	}
	return 0
}

// LastAttempt is the newest attempt at an item, from which settling learns its
// number and which host to ask first.
func (l Ledger) LastAttempt(ref Ref) (Entry, bool) {
	if item := l.items[ref]; item != nil && item.attempt >= 0 {
		return l.entries[item.attempt], true
	}
	return Entry{}, false
}

// LastResult is the newest result of an item; the zero entry when there is none.
func (l Ledger) LastResult(ref Ref) Entry {
	if item := l.items[ref]; item != nil && item.result >= 0 {
		return l.entries[item.result]
	}
	return Entry{}
}

// LastState is the state of the newest result of an item, or "".
func (l Ledger) LastState(ref Ref) string { return l.LastResult(ref).State }
