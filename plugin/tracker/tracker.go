// Package tracker keeps an issue on the forge for each item that needs a person: it
// opens one, finds it again, and closes it once the item's row is done or gone. Which
// issue belongs to which item stands in a note on the remote and in the issue itself.
package tracker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/note"
	"github.com/pm-todos/pm-todos/plugin/record"
)

// mostOpened is how many issues one run opens: an old repository could have hundreds
// of items for people, and everybody who watches it is told of each.
const mostOpened = 10

// Times of the claim by which one run at a time works on issues. It works for much
// less than the claim holds, since the clocks of two machines may differ.
const (
	claimTime = 10 * time.Minute
	workTime  = 3 * time.Minute
)

// Wanted is an item that needs a person, as its issue says it.
type Wanted struct {
	record.Ref
	Title, Body string // the body is Markdown
}

// Row says whether the row of an item is still open: why is empty then, else it
// follows "it".
type Row func(record.Ref) (why string, err error)

// book is the note: the issues that are open as far as runs know, and who works on it.
type book struct {
	Run    string    `json:"run,omitempty"`
	Until  time.Time `json:"until,omitzero"`
	Issues []entry   `json:"issues"`
}

// held reports whether a run is at work. A claim for longer than any run makes one is
// that of a clock that goes wrong, or forged, and holds nobody up.
func (b book) held(now time.Time) bool {
	return now.Before(b.Until) && b.Until.Before(now.Add(2*claimTime))
}

type entry struct {
	record.Ref
	Number int64 `json:"number"`
}

// Issues are the numbers of issues by their items.
type Issues map[record.Ref]int64

// Done is what a run did.
type Done struct {
	Issues         Issues
	Opened, Closed int
	Busy           bool // another run is at it, so nothing was done
}

// Sync opens the issues that are missing, the first of the wanted first, and closes
// those whose row is not open any more. What could not be done the next run does.
func Sync(ctx context.Context, repo note.Remote, f forge.Forge, run string, wanted []Wanted, row Row) (Done, error) {
	n, err := note.Read[book](ctx, repo, "issues")
	if err != nil {
		return Done{}, err
	}
	s := &syncer{forge: f, issues: Issues{}}
	for _, e := range n.Value.Issues {
		if e.Number > 0 {
			s.issues[e.Ref] = e.Number
		}
	}
	missing, ended, err := s.plan(wanted, row)
	if err != nil || len(missing)+len(ended) == 0 {
		return Done{Issues: s.issues}, err
	}
	won := !n.Value.held(time.Now())
	if won {
		won, err = n.Write(ctx, book{Run: run, Until: time.Now().Add(claimTime).UTC().Truncate(time.Second), Issues: n.Value.Issues})
	}
	if err != nil || !won {
		return Done{Issues: s.issues, Busy: !won}, err
	}
	err = s.work(ctx, missing, ended)
	// What was opened is written down whatever ended the work.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	_, writeErr := n.Write(ending, book{Issues: s.issues.entries()})
	return Done{Issues: s.issues, Opened: s.opened, Closed: s.closed}, errors.Join(err, writeErr)
}

type syncer struct {
	forge          forge.Forge
	issues         Issues
	account        string // ours on the forge, "" when it does not say
	opened, closed int
}

// end is an issue that is to be closed, and why.
type end struct {
	record.Ref
	why string
}

// plan is what is to be done.
func (s *syncer) plan(wanted []Wanted, row Row) (missing []Wanted, ended []end, err error) {
	for _, w := range wanted {
		if s.issues[w.Ref] == 0 && len(missing) < mostOpened {
			missing = append(missing, w)
		}
	}
	for _, e := range s.issues.entries() {
		why, err := row(e.Ref)
		if err != nil {
			return nil, nil, err
		}
		if why != "" {
			ended = append(ended, end{e.Ref, why})
		}
	}
	return missing, ended, nil
}

func (s *syncer) work(ctx context.Context, missing []Wanted, ended []end) error {
	ctx, cancel := context.WithTimeout(ctx, workTime)
	defer cancel()
	var err error
	if s.account, err = s.forge.Account(ctx); fault.Of(err) == fault.Temporary || ctx.Err() != nil {
		return fmt.Errorf("ask for our account: %w", err)
	} // else tokens of apps have none
	for _, e := range ended {
		if err := s.close(ctx, e); err != nil {
			return fmt.Errorf("close issue %d: %w", s.issues[e.Ref], explain(err))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	standing, err := s.forge.Newest(ctx, s.account)
	if err != nil {
		return fmt.Errorf("list the issues: %w", explain(err))
	}
	for _, w := range missing {
		if err := s.open(ctx, w, standing); err != nil {
			return fmt.Errorf("open an issue: %w", explain(err))
		}
	}
	return nil
}

// close closes the issue of an item, when it is still the one that this program
// opened: the note could name any, and people may have made it their own.
func (s *syncer) close(ctx context.Context, e end) error {
	number := s.issues[e.Ref]
	issue, err := s.forge.Issue(ctx, number)
	if err != nil {
		return err
	}
	if issue != nil && issue.Open && s.ours(*issue, e.Ref) {
		if err := s.forge.EndIssue(ctx, number, false, "The follow-up item of this issue "+e.why+", so pm-todos closes it."); err != nil {
			return err
		}
		s.closed++
	}
	delete(s.issues, e.Ref)
	return nil
}

// open is the issue of an item from now on: one that an earlier run opened and could
// not write down, one that was closed when the row was done before, or a new one.
func (s *syncer) open(ctx context.Context, w Wanted, standing []forge.Issue) error {
	if issue := s.find(w.Ref, standing); issue != nil {
		return s.adopt(ctx, w.Ref, *issue)
	}
	made, err := s.forge.OpenIssue(ctx, w.Title, w.Body+"\n"+marker(w.Ref)+"\n")
	if fault.Of(err) == fault.Temporary {
		// The answer may have been lost alone.
		if standing, listErr := s.forge.Newest(ctx, s.account); listErr == nil && s.find(w.Ref, standing) != nil {
			made, err = s.find(w.Ref, standing), nil
		}
	}
	if err != nil {
		return err
	}
	s.issues[w.Ref] = made.Number
	s.opened++
	return nil
}

func (s *syncer) adopt(ctx context.Context, ref record.Ref, issue forge.Issue) error {
	if !issue.Open {
		if err := s.forge.EndIssue(ctx, issue.Number, true, "The follow-up item of this issue is open again and needs a person."); err != nil {
			return err
		}
		s.opened++
	}
	s.issues[ref] = issue.Number
	return nil
}

// find is our issue of an item among those that stand, nil when there is none.
func (s *syncer) find(ref record.Ref, standing []forge.Issue) *forge.Issue {
	for _, issue := range standing {
		if s.ours(issue, ref) {
			return &issue
		}
	}
	return nil
}

// ours reports whether this program opened an issue for an item: anybody can write its
// marker, and only our account is believed, or our label where the forge does not name it.
func (s *syncer) ours(issue forge.Issue, ref record.Ref) bool {
	believed := s.account == "" && issue.Labelled || s.account != "" && strings.EqualFold(issue.Author, s.account)
	return believed && strings.Contains(issue.Body, marker(ref))
}

// marker is what the body of an item's issue holds, which no reader sees.
func marker(ref record.Ref) string {
	return "<!-- pm-todos item " + strings.TrimPrefix(record.JournalRef(ref), record.JournalPrefix) + " -->"
}

// entries are the issues in a fixed order.
func (i Issues) entries() []entry {
	all := make([]entry, 0, len(i))
	for ref, number := range i {
		all = append(all, entry{ref, number})
	}
	slices.SortFunc(all, func(a, b entry) int { return record.CompareRefs(a.Ref, b.Ref) })
	return all
}

// explain says what to do where a forge takes no issues.
func explain(err error) error {
	no, ok := errors.AsType[*forge.Error](err)
	if ok && (no.Status == http.StatusNotFound || no.Status == http.StatusGone || no.Status == http.StatusForbidden) {
		return fault.WithFix(err, "turn issues on for the repository and let the token write them, or set issues: false")
	}
	return err
}
