package proposal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Board is the proposals of a repository as a run finds them under the lock, and
// how many more it may put before people.
type Board struct {
	Free int // places: proposals that may still be opened

	repo     seam.Remote
	rules    Rules
	merged   map[record.Ref]bool
	log      zerolog.Logger
	forge    *Answers
	records  map[record.Ref]*Record
	branches map[string]string // commits by full name
	taken    []*Record         // back, without a forge
}

// Rules are what a run goes by.
type Rules struct {
	Most  int                   // that may be open at a time
	Mine  func(record.Ref) bool // whose proposals this run brings up to date
	Locks seam.Locks            // among them one of the free places
}

// Read reads the proposals that stood on the remote at the last fetch. told is what the forge said of
// them, nil where there is none; merged are those that the branch holds: those
// are no longer a matter of this board.
func Read(repo seam.Remote, told *Answers, rules Rules, merged map[record.Ref]bool, log zerolog.Logger) *Board {
	b := &Board{repo: repo, rules: rules, merged: merged, log: log, forge: told, branches: repo.Seen(heads + Prefix)}
	var unread map[string]error
	b.records, unread = Records(repo)
	for name, err := range unread {
		log.Warn().Str("stage", "proposals").Str("ref", name).Err(err).Msg("a ref says that it is of a proposal, and is not believed")
	}
	maps.DeleteFunc(b.records, func(ref record.Ref, _ *Record) bool { return merged[ref] })
	b.count(b.records)
	return b
}

const heads = "refs/heads/"

// tip is the commit of a proposal's branch, "" when there is none.
func (b *Board) tip(r *Record) string { return b.branches[heads+Branch(r.Ref())] }

// Review brings every proposal up to what people did since: withdrew or reworded
// its row, closed its pull request, deleted its branch. row is an item as it stands
// on the branch. Nobody else's work is touched.
func (b *Board) Review(ctx context.Context, row func(record.Ref) (row item.Item, open, ok bool, err error)) {
	for _, ref := range sorted(b.records) {
		if !b.rules.Mine(ref) {
			continue
		}
		r := b.records[ref]
		now, open, ok, err := row(ref)
		if err != nil {
			b.trouble(r, err, "its row cannot be read; the proposal stays as it is")
			continue
		}
		r.why = whyNot(r, now, open, ok)
		if pull := b.forge.of(r); pull != nil && pull.State == forge.Merged {
			r.into = text.Line(pull.Base, 100)
		}
		if err := b.move(ctx, r, b.next(r)); err != nil {
			b.trouble(r, err, "what became of the proposal could not be written down; the next run does that")
		}
		if r.State != Withdrawn || b.forge != nil {
			continue
		}
		if err := r.Withdraw(ctx, b.repo, nil, ""); err != nil {
			b.trouble(r, err, "the branch of the proposal could not be taken back; the next run does that")
			continue
		}
		b.taken = append(b.taken, r)
		delete(b.records, ref) // its item may be tried again at once
	}
}

func (b *Board) trouble(r *Record, err error, message string) {
	b.log.Warn().Str("stage", "proposals").Str("document", r.Document).Str("item", r.Item).Err(err).Msg(message)
}

// whyNot says why a proposal is wanted no more, "" when it is.
func whyNot(r *Record, row item.Item, open, ok bool) string {
	switch {
	case !ok:
		return "is gone from its document"
	case !open:
		return "is not open any more"
	case record.TextSum(row) != r.Text:
		return "says something else by now"
	}
	return ""
}

// gone is the state of a proposal that nothing is left of.
const gone State = ""

// next is the state that a proposal comes to.
func (b *Board) next(r *Record) State {
	tip, pull := b.tip(r), b.forge.of(r)
	switch {
	case r.State == Withdrawn:
		return Withdrawn
	case r.why != "" && r.State == Waiting && tip != r.Fix:
		return gone
	case r.why != "":
		return Withdrawn
	case r.State == Waiting && tip == r.Fix:
		return Offered
	case r.State == Offered && pull != nil && pull.State == forge.Closed:
		return Declined
	case r.State == Offered && tip == "" && pull == nil && (b.forge == nil || !b.forge.Down):
		return Declined
	case r.State == Declined && b.reopened(r):
		return Offered
	}
	return r.State
}

// reopened reports whether a person opened again what one had declined: its pull
// request, or, where it never had one, its branch.
func (b *Board) reopened(r *Record) bool {
	if pull := b.forge.of(r); pull != nil {
		return pull.State == forge.Open && b.tip(r) != ""
	}
	return b.forge == nil && r.Pull == 0 && b.tip(r) == r.Fix
}

// move writes down that a proposal is in another state.
func (b *Board) move(ctx context.Context, r *Record, next State) error {
	number := r.Pull
	if pull := b.forge.of(r); pull != nil {
		number = pull.Number
	}
	if next == r.State && number == r.Pull {
		return nil
	}
	b.log.Info().Str("stage", "proposals").Str("document", r.Document).Str("item", r.Item).Str("state", string(next)).Msg("the proposal " + moved[next])
	if next == gone {
		return b.Drop(ctx, r)
	}
	former := *r
	r.State, r.Pull = next, number
	if err := r.Write(ctx, b.repo); err != nil {
		*r = former
		return err
	}
	switch was, is := b.open(&former), b.open(r); {
	case was && !is:
		b.Free++
	case is && !was:
		b.Free--
	}
	return nil
}

// moved says what became of a proposal, by its state.
var moved = map[State]string{
	gone: "is dropped, since its item is not open as it was", Waiting: "waits for a free place", Offered: "is open",
	Declined: "was declined", Withdrawn: "is withdrawn, since its item is not open as it was",
}

// Withdrawn are the proposals to be taken back, see Record.Withdraw, and those that
// were, since there is no forge to be told.
func (b *Board) Withdrawn() (open, taken []*Record) {
	for _, ref := range sorted(b.records) {
		if r := b.records[ref]; r.State == Withdrawn && b.rules.Mine(ref) {
			open = append(open, r)
		}
	}
	return open, b.taken
}

// Drop removes the record of a proposal that has no branch.
func (b *Board) Drop(ctx context.Context, r *Record) error {
	err := r.Remove(ctx, b.repo)
	if err == nil {
		delete(b.records, r.Ref())
	}
	return err
}

// Of is the proposal of an item, nil when there is none.
func (b *Board) Of(ref record.Ref) *Record { return b.records[ref] }

// Offer puts a proposal on its branch, when a place is free. Somebody else's branch
// of that name stays as it is, and the proposal waits.
func (b *Board) Offer(ctx context.Context, r *Record) error {
	b.records[r.Ref()] = r
	if r.State != Waiting || b.Free <= 0 {
		return nil
	}
	free, giveBack, err := b.place(ctx)
	defer giveBack()
	if !free || err != nil {
		return err
	}
	name := heads + Branch(r.Ref())
	err = b.repo.SetRef(ctx, name, "", r.Fix)
	if errors.Is(err, gitrepo.ErrRefMoved) {
		return fmt.Errorf("the branch %s holds somebody else's work; merge or delete it first: %w", Branch(r.Ref()), err)
	}
	if err != nil {
		return fmt.Errorf("push %s: %w", Branch(r.Ref()), err)
	}
	b.branches[name] = r.Fix
	b.Free--
	if err := b.move(ctx, r, Offered); err != nil {
		b.trouble(r, err, "the record of the proposal does not say that its branch is there; a later run does that")
		r.State = Offered
	}
	return nil
}

// places is the lock of the free places: runs of other shards count and take them too.
const places = "places of proposals"

// placeWait is how long another run may take to put a proposal on its branch.
const placeWait = time.Minute

// place counts the free places once more, while no other run can take one. They are
// kept until they are given back.
func (b *Board) place(ctx context.Context) (free bool, giveBack func(), err error) {
	giveBack = func() {}
	if _, err := b.rules.Locks.Take(ctx, places, placeWait); err != nil {
		return false, giveBack, fmt.Errorf("count the open proposals: %w", err)
	}
	giveBack = func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), seam.CleanupTime)
		defer cancel()
		if err := b.rules.Locks.Drop(ending, places); err != nil {
			b.log.Warn().Str("stage", "proposals").Err(err).Msg("other runs cannot open proposals for some minutes")
		}
	}
	if _, err = b.repo.Fetch(ctx); err != nil {
		return false, giveBack, fmt.Errorf("count the open proposals: %w", err)
	}
	b.branches = b.repo.Seen(heads + Prefix)
	now, _ := Records(b.repo)
	maps.DeleteFunc(now, func(ref record.Ref, _ *Record) bool { return b.merged[ref] })
	b.count(now)
	return b.Free > 0, giveBack, nil
}

// count counts the places that are free beside the open ones among records.
func (b *Board) count(records map[record.Ref]*Record) {
	b.Free = b.rules.Most
	for _, r := range records {
		if b.open(r) {
			b.Free--
		}
	}
}

// open reports whether a proposal takes a place.
func (b *Board) open(r *Record) bool {
	tip := b.tip(r)
	return tip != "" && (r.State == Offered || r.State == Waiting && tip == r.Fix)
}

// Open puts what waited on its branch while there are free places, in the order of
// its items. fit says whether the rules for changes let it pass: anybody who may push
// refs can have written the record.
func (b *Board) Open(ctx context.Context, items []item.Item, fit func(r *Record, kind string) (bool, error)) {
	for _, todo := range items {
		r := b.Of(record.RefOf(todo))
		if r == nil || r.State != Waiting || b.Free <= 0 {
			continue
		}
		fits, err := fit(r, todo.Type)
		switch {
		case err == nil && fits:
			err = b.Offer(ctx, r)
		case err == nil:
			err = errors.Join(errors.New("the rules for changes do not let it pass, so it is dropped"), b.Drop(ctx, r))
		}
		if err != nil {
			b.trouble(r, err, "its proposal could not be opened")
		}
	}
}

// Outcome is what a run says of an item that has a proposal.
func (r *Record) Outcome(todo item.Item) item.Outcome {
	out := item.Outcome{Item: todo, State: item.Proposed, Commit: r.Fix, PlanHash: r.Plan, Counts: r.Counts, Findings: r.Doubts, Pull: r.Pull}
	if len(r.Stacks) > 0 {
		out.Stack = r.Stacks[0]
	}
	switch r.State {
	case Waiting:
		out.Reason = reason.ProposalWaiting
	case Declined:
		return item.Outcome{Item: todo, State: item.Skipped, Reason: reason.ProposalDeclined, Pull: r.Pull}
	case Withdrawn:
		return item.Outcome{Item: todo, State: item.NotAttempted, Reason: reason.ProposalWithdrawn}
	default:
		out.Reason, out.Branch = reason.Proposed, Branch(r.Ref())
		if r.into != "" {
			out.Err = fmt.Errorf("its pull request was merged into %s, and no commit of the branch that this run works on is known as its merge", r.into)
		}
	}
	return out
}

// sorted are the items that have records, in a fixed order.
func sorted(records map[record.Ref]*Record) []record.Ref {
	return slices.SortedFunc(maps.Keys(records), func(a, b record.Ref) int {
		return cmp.Or(cmp.Compare(a.Document, b.Document), cmp.Compare(a.Item, b.Item))
	})
}

// NotSettled says of the proposals of an item, by its id or the beginning of it, what a
// person does instead of settling the item; nil when there are none.
func NotSettled(repo seam.Remote, item string) (err error) {
	records, _ := Records(repo)
	for _, ref := range sorted(records) {
		if item == "" || !strings.HasPrefix(ref.Item, item) {
			continue
		}
		switch records[ref].State {
		case Offered:
			err = errors.Join(err, fmt.Errorf("a proposal of %s waits on %s: merge it, or decline it by closing its pull request or deleting its branch", ref.Item, Branch(ref)))
		case Waiting:
			err = errors.Join(err, fmt.Errorf("a proposal of %s waits until fewer are open: merge or decline another", ref.Item))
		case Declined, Withdrawn:
		}
	}
	return err
}
