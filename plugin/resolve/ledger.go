package resolve

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"pm-todos/plugin/change"
)

// LedgerRef is where the ledger lives on the remote: append-only JSON lines in
// a small commit chain of their own.
const LedgerRef = "refs/pm-todos/ledger"

// Kinds of ledger entries.
const (
	kindAttempt   = "attempt"   // written before an agent is paid
	kindResult    = "result"    // how that attempt ended
	kindCompleted = "completed" // a run went through; the next compares with its commit
)

// Ref names an item across runs.
type Ref struct {
	Document string `json:"document"`
	Item     string `json:"item"`
}

// RefOf is what names an item across runs.
func RefOf(item change.Item) Ref { return Ref{Document: item.Document, Item: item.ID} }

// Entry is one line of the ledger.
type Entry struct {
	Time    time.Time `json:"time"`
	Run     string    `json:"run"`
	Kind    string    `json:"kind"`
	Ref               // of attempts and results
	Attempt int       `json:"attempt,omitempty"` // counted from 1
	Host    string    `json:"host,omitempty"`    // Terraform host of an attempt
	State   string    `json:"state,omitempty"`   // change.State of a result, or "temporary"
	Reason  string    `json:"reason,omitempty"`
	CostUSD float64   `json:"cost_usd,omitempty"`
	Commit  string    `json:"commit,omitempty"` // fix commit, or the completed run's tip

	Patch *Patch `json:"patch,omitempty"` // of proposals

	// Unfinished, on completed entries, are the safe items that are still to do;
	// their documents are read again though nobody changed them.
	Unfinished []Ref `json:"unfinished,omitempty"`
}

// counts tells whether a result counts against max_attempts: a no of a gate, a
// failure, and whatever else was paid for in vain. A push that the remote
// refuses is the run's failure, though entries exist that call it an item's.
func (e Entry) counts() bool {
	if e.Reason == ReasonPushRefused {
		return false
	}
	switch change.State(e.State) {
	case change.Refused, change.Failed, change.NeedsPerson:
		return true
	case change.Skipped, change.NotAttempted:
		return e.CostUSD > 0
	}
	return false
}

// stateTemporary marks an attempt that ended for a reason that is not the
// item's: it does not count.
const stateTemporary = "temporary"

// Ledger is what the entries of all runs add up to.
type Ledger struct {
	entries []Entry
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
		ledger.entries = append(ledger.entries, e)
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

// Completed is the branch's tip at the end of the last run that went through,
// or "".
func (l Ledger) Completed() string {
	for _, e := range slices.Backward(l.entries) {
		if e.Kind == kindCompleted {
			return e.Commit
		}
	}
	return ""
}

// Unfinished are the items that the last completed run left to do, and those
// attempted since by runs that never completed.
func (l Ledger) Unfinished() []Ref {
	var refs []Ref
	for _, e := range l.entries {
		switch e.Kind {
		case kindCompleted:
			refs = slices.Clone(e.Unfinished)
		case kindAttempt:
			if !slices.Contains(refs, e.Ref) {
				refs = append(refs, e.Ref)
			}
		}
	}
	return refs
}

// Attempts counts the attempts at an item that a gate refused, that failed, or
// that nobody knows the end of: an attempt whose run never wrote a result was
// paid for all the same.
func (l Ledger) Attempts(ref Ref) int {
	type try struct {
		run     string
		attempt int
	}
	counted := map[try]bool{}
	for _, e := range l.entries {
		if e.Ref != ref {
			continue
		}
		key := try{e.Run, e.Attempt}
		switch e.Kind {
		case kindAttempt:
			counted[key] = true
		case kindResult:
			if !e.counts() {
				delete(counted, key)
			}
		}
	}
	return len(counted)
}

// LastAttempt is the newest attempt at an item, from which settling learns the
// run and the host that hold its plan file.
func (l Ledger) LastAttempt(ref Ref) (Entry, bool) {
	for _, e := range slices.Backward(l.entries) {
		if e.Kind == kindAttempt && e.Ref == ref {
			return e, true
		}
	}
	return Entry{}, false
}

// LastState is the state of the newest result of an item, or "".
func (l Ledger) LastState(ref Ref) string {
	for _, e := range slices.Backward(l.entries) {
		if e.Kind == kindResult && e.Ref == ref {
			return e.State
		}
	}
	return ""
}

// mostOver bounds how many runs are named to a host at once.
const mostOver = 200

// over are the latest runs that worked on a host, but for those to be kept.
func (l Ledger) over(host string, keep []string) []string {
	var runs []string
	for _, e := range slices.Backward(l.entries) {
		if e.Kind == kindAttempt && e.Host == host && !slices.Contains(keep, e.Run) && !slices.Contains(runs, e.Run) && len(runs) < mostOver {
			runs = append(runs, e.Run)
		}
	}
	return runs
}
