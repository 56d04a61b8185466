package proposal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// A proposal outlives its branch: people delete branches when they merge, and
// none is there while no place is free. So what was put before a person stands in
// a ref of its own, with the fix commit as the parent of the commit that says so.
// Anybody who may push refs can write one. It is a claim that only narrows: what
// was merged is judged anew, and a record can at most say which facts a person saw.

// State is where a proposal is on its way.
type State string

// The states. One that was merged and applied has no record, and neither has one
// that was withdrawn, once its pull request is closed.
const (
	Waiting   State = "waiting"   // no branch was made yet
	Offered   State = "open"      // on its branch
	Declined  State = "declined"  // a person closed it, or deleted its branch
	Withdrawn State = "withdrawn" // its item is not open as it was, and its branch is to go
)

// Fact is one effect that the plan of a proposal had, without its value.
type Fact struct {
	Address string `json:"address,omitempty"` // of the resource, "" where the fact is about a file
	Place   string `json:"place,omitempty"`
	Verb    string `json:"verb"` // fact.Kind
}

// Record is what was put before a person.
type Record struct {
	Document string         `json:"document"`
	Item     string         `json:"item"`
	Stacks   []string       `json:"stacks"`
	Facts    []Fact         `json:"facts"`
	Doubts   []item.Finding `json:"doubts,omitempty"` // what a person must decide on
	Counts   item.Counts    `json:"resources"`
	Plan     string         `json:"plan,omitempty"` // SHA-256 of the plan file; "" when it was not planned
	CostUSD  float64        `json:"cost_usd,omitempty"`
	State    State          `json:"state"`
	Text     string         `json:"text"`           // record.TextSum of the item
	Pull     int64          `json:"pull,omitempty"` // number of its pull request, 0 when there is none

	Fix      string          `json:"-"` // commit that is proposed
	Base     string          `json:"-"` // its parent
	Tree     string          `json:"-"` // what it holds
	Evidence record.Evidence `json:"-"` // what it says of itself, zero when nothing
	Action   string          `json:"-"` // likewise
	At       string          `json:"-"` // commit that the ref holds, "" for a record that is new

	why  string // it is wanted no more, "" when it is
	into string // branch that its pull request was merged into, though this one does not have it; "" for none
}

// FactsSum stands for facts and the base that they were planned on: the commit that
// is proposed has it, so that a branch which holds that commit vouches for them. With
// no base it is that of a proposal which was made when the base was left out.
func FactsSum(facts []Fact, base string) (string, error) {
	var of any = facts
	if base != "" {
		of = map[string]any{"base": base, "facts": facts}
	}
	said, err := json.Marshal(of)
	if err != nil {
		return "", fmt.Errorf("encode the effects of a plan: %w", err)
	}
	sum := sha256.Sum256(said)
	return hex.EncodeToString(sum[:]), nil
}

// Ref is the item that the record is of.
func (r Record) Ref() record.Ref { return record.Ref{Document: r.Document, Item: r.Item} }

// of notes what the record does not say itself.
func (r *Record) of(fix gitrepo.Commit) {
	r.Base, r.Tree = fix.Parent, fix.Tree
	r.Evidence, _ = record.ParseEvidence(fix.Message)
	r.Action = record.ActionOf(fix.Message)
}

// recordPrefix is where the records live on the remote.
const recordPrefix = "refs/pm-todos/proposals/"

// recordRef is the ref of an item's record.
func recordRef(ref record.Ref) string {
	return recordPrefix + strings.TrimPrefix(record.JournalRef(ref), record.JournalPrefix)
}

// longestRecord bounds what one says, in bytes: one that needs more is no
// proposal that a person could look through.
const longestRecord = 64 << 10

// ErrTooLong is a record that says more than fits.
var ErrTooLong = errors.New("its plan has more effects than a proposal can list")

// Write writes the record, in place of what its ref was seen to hold.
func (r *Record) Write(ctx context.Context, repo seam.Remote) error {
	said, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the record of a proposal: %w", err)
	}
	if len(said) > longestRecord {
		return ErrTooLong
	}
	fix, err := repo.Lookup(r.Fix)
	if err != nil {
		return fmt.Errorf("read the proposed commit: %w", err)
	}
	at, err := repo.Commit(r.Fix, fix.Tree, "record of a proposal, "+string(r.State)+" [ci skip]\n\n"+string(said)+"\n")
	if err != nil {
		return fmt.Errorf("make the record of a proposal: %w", err)
	}
	name := recordRef(r.Ref())
	if err := r.check(name, gitrepo.Commit{Tree: fix.Tree}, fix); err != nil {
		return fmt.Errorf("no record of a proposal can say what its item or plan does: %w", err)
	}
	old := r.At
	if old == "" {
		// What is no record may stay where refs cannot be deleted.
		if seen := repo.Seen(name)[name]; seen != "" {
			if _, err := readRecord(repo, name, seen); err != nil {
				old = seen
			}
		}
	}
	if err := repo.SetRef(ctx, name, old, at); err != nil {
		return fmt.Errorf("write the record of a proposal: %w", err)
	}
	r.At = at
	r.of(fix)
	return nil
}

// Standing is the record as it stands on the remote.
func (r *Record) Standing() gitrepo.Standing {
	return gitrepo.Standing{Ref: recordRef(r.Ref()), Commit: r.At}
}

// Remove takes the record off the remote, when it is there.
func (r *Record) Remove(ctx context.Context, repo seam.Remote) error {
	if err := journal.Clear(ctx, repo, recordRef(r.Ref()), r.At); err != nil {
		return fmt.Errorf("remove the record of a proposal: %w", err)
	}
	r.At = ""
	return nil
}

// Records are those that stood on the remote when the branch was last fetched, and
// the refs that hold none that can be believed, with why.
func Records(repo seam.Remote) (records map[record.Ref]*Record, unread map[string]error) {
	records, unread = map[record.Ref]*Record{}, map[string]error{}
	seen := journal.Standing(repo, recordPrefix)
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		r, err := readRecord(repo, name, seen[name])
		if err != nil {
			unread[name] = err
			continue
		}
		records[r.Ref()] = r
	}
	return records, unread
}

// readRecord reads what a ref holds. Whoever wrote it chose every byte of it.
func readRecord(repo seam.Remote, name, at string) (*Record, error) {
	commit, err := repo.Lookup(at)
	if err != nil {
		return nil, fmt.Errorf("read the record of a proposal: %w", err)
	}
	_, said, _ := strings.Cut(commit.Message, "\n\n")
	if len(said) > longestRecord+1 {
		return nil, ErrTooLong
	}
	r := &Record{}
	if err := json.Unmarshal([]byte(said), r); err != nil {
		return nil, errors.New("it is no record of a proposal")
	}
	r.Fix, r.At = commit.Parent, at
	fix, err := repo.Lookup(r.Fix)
	if err != nil {
		return nil, fmt.Errorf("read the proposed commit: %w", err)
	}
	r.of(fix)
	if err := r.check(name, commit, fix); err != nil {
		return nil, err
	}
	return r, nil
}

var sums = pattern.Lazy(`^[0-9a-f]{64}$`)

// check reports what of a record this program would not have written.
func (r *Record) check(name string, commit, fix gitrepo.Commit) error {
	known := []State{Waiting, Offered, Declined, Withdrawn}
	switch {
	case recordRef(r.Ref()) != name:
		return errors.New("it is the record of another item than its ref is named after")
	case commit.Merge || commit.Tree != fix.Tree:
		return errors.New("it does not lie on the commit that it proposes")
	case fix.Merge || fix.Parent == "":
		return errors.New("what it proposes is not made on one parent")
	case !slices.Contains(known, r.State):
		return errors.New("it is in a state that no proposal has")
	case r.Plan != "" && !sums().MatchString(r.Plan):
		return errors.New("it names no plan file by its SHA-256")
	case len(r.Stacks) == 0 && r.Plan != "", r.Pull < 0, r.CostUSD < 0, r.Counts.Create < 0, r.Counts.Update < 0:
		return errors.New("it holds what no proposal says")
	}
	lines := append([]string{r.Document, r.Item, r.Text}, r.Stacks...)
	for _, f := range r.Facts {
		lines = append(lines, f.Address, f.Place, f.Verb)
	}
	for _, d := range r.Doubts {
		lines = append(lines, string(d.Code), d.Place, d.Detail)
	}
	if !slices.ContainsFunc(lines, func(line string) bool { return !text.OneLine(line) }) {
		return nil
	}
	return errors.New("it holds characters that nobody sees")
}
