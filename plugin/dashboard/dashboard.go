// Package dashboard is the index page of all post-mortems: what became of every
// follow-up, for those who look after them. One board is written as a page of HTML, as
// JSON beside it and as an Atom feed. The same documents give the same bytes.
package dashboard

import (
	"cmp"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/target"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// State says what becomes of an item.
type State string

// The states. The first four are open.
const (
	Automatic State = "automatic" // a run implements it
	Approval  State = "approval"  // a run may propose it
	Proposed  State = "proposed"  // its proposal waits to be merged
	Person    State = "person"    // somebody has to do it
	Unclear   State = "unclear"   // nobody can tell whether it is open
	Done      State = "done"
	Declined  State = "declined"
)

// Open reports whether an item of this state waits to be done.
func (s State) Open() bool {
	return s == Automatic || s == Approval || s == Proposed || s == Person
}

// Who implemented an item.
const (
	ByProgram = "pm-todos"
	ByPeople  = "people"
)

// Texts are cut to these lengths in characters.
const (
	maxTitle    = 300
	maxSeverity = 40
	maxAction   = 300
	maxWord     = 80
	maxEvidence = 200
)

// Document is one post-mortem of the board.
type Document struct {
	File     string   `json:"file" doc:"Path in the repository."`
	Link     string   `json:"link" doc:"Where it is, from the folder of this file."`
	Title    string   `json:"title" doc:"First heading, else the file's name."`
	Date     string   `json:"date" doc:"YYYY-MM-DD, or empty."`
	Severity string   `json:"severity" doc:"As its author wrote it, or empty."`
	Services []string `json:"services" doc:"That it states as affected."`
	Items    []Item   `json:"items" doc:"Its follow-up items, in the order of the document."`

	path string // from which the link leads, relative to the same folder as the page's
}

// Item is one follow-up of a document.
type Item struct {
	ID       string `json:"id" doc:"The same whatever its status and place; unique in the document."`
	Line     int    `json:"line" doc:"Counted from 1."`
	Action   string `json:"action" doc:"What is to be done, without markup."`
	Type     string `json:"type" doc:"Alert, Config, Monitor and so on, or empty."`
	Priority string `json:"priority" doc:"P0 is the most urgent." enum:"P0,P1,P2,P3"`
	State    State  `json:"state" doc:"What becomes of it." enum:"automatic,approval,proposed,person,unclear,done,declined"`
	Changed  string `json:"changed,omitempty" doc:"YYYY-MM-DD since when it has this state, as far as known."`
	Owner    string `json:"owner,omitempty" doc:"As its author wrote it."`
	Due      string `json:"due,omitempty" doc:"As its author wrote it."`
	Opened   string `json:"opened" doc:"YYYY-MM-DD, the date of its post-mortem."`
	Target   string `json:"target,omitempty" doc:"YYYY-MM-DD after which its target is passed."`
	Closed   string `json:"closed,omitempty" doc:"YYYY-MM-DD when it was done."`
	By       string `json:"by,omitempty" doc:"Who did it, or empty." enum:"pm-todos,people"`
	Reason   string `json:"reason,omitempty" doc:"Reason code of an open item that is not automatic, or empty; see reasons.md."`
	Why      string `json:"why,omitempty" doc:"The reason in words."`
	Way      string `json:"way,omitempty" doc:"What a person can do about it."`
	Commit   string `json:"commit,omitempty" doc:"Commit that implemented it."`
	Link     string `json:"link,omitempty" doc:"Link of the commit, or of the branch that waits to be merged."`
	Branch   string `json:"branch,omitempty" doc:"Branch that waits to be merged."`
	Evidence string `json:"evidence,omitempty" doc:"What Prometheus said of its rule."`
}

// Known is what beside a document itself is known of its items. Nothing of it needs
// to be there.
type Known struct {
	History  History
	Recorded Recorded
	Targets  target.Targets
	Commit   func(hash string) (link string)
	Proposal func(ref record.Ref) (branch, link string) // of what waits to be merged
	Today    time.Time
}

// Read is a document for the board. path is where the file is, relative to the same
// folder as the page will be.
func (k Known) Read(doc *postmortem.Document, path string) Document {
	out := Document{
		File: doc.File, path: path, Title: text.Line(doc.Title, 0), Date: validDate(doc.Date),
		Severity: text.Line(doc.Severity, maxSeverity), Services: []string{}, Items: make([]Item, 0, len(doc.Items)),
	}
	for _, name := range doc.Services {
		if name = text.Line(name, maxSeverity); name != "" && !slices.Contains(out.Services, name) {
			out.Services = append(out.Services, name)
		}
	}
	rowOf := postmortem.ByAction(doc.FollowUps())
	for _, one := range doc.Items {
		row, _ := rowOf(one.Action)
		out.Items = append(out.Items, k.item(doc, one, row))
	}
	return out
}

func (k Known) item(doc *postmortem.Document, one postmortem.Item, row postmortem.Logged) Item {
	ref := record.Ref{Document: doc.File, Item: one.ID}
	out := Item{
		ID: one.ID, Line: one.Line, Action: text.Line(markdown.Plain(one.Action), maxAction), Type: word(one.Type), Priority: string(one.Priority),
		Owner: word(one.Owner), Due: word(one.Due), Opened: validDate(doc.Date), State: stateOf(one),
	}
	switch {
	case out.State == Done:
		k.closed(&out, ref, row)
	case out.State.Open():
		k.opened(&out, ref, row, one)
	}
	out.Changed = k.Recorded.changed(ref, out, k.Today)
	return out
}

// stateOf is what the document alone says.
func stateOf(one postmortem.Item) State {
	switch one.Class {
	case postmortem.ClassSafe:
		return Automatic
	case postmortem.ClassSkipped:
		if one.Lane == postmortem.LaneApproval {
			return Approval
		}
		return Person
	case postmortem.ClassDone:
		return Done
	case postmortem.ClassDeclined:
		return Declined
	default:
		return Unclear
	}
}

// opened adds why an open item waits. An item that could be automatic needs a person
// after all when its row in the Follow-up Implementation table says so.
func (k Known) opened(out *Item, ref record.Ref, row postmortem.Logged, one postmortem.Item) {
	if since, err := time.Parse(time.DateOnly, out.Opened); err == nil {
		if due, ok := k.Targets.Due(out.Priority, since); ok {
			out.Target = due.Add(-1).Format(time.DateOnly) // the last day that is in time
		}
	}
	if k.Proposal != nil {
		if out.Branch, out.Link = k.Proposal(ref); out.Branch != "" {
			out.State, out.Why = Proposed, "its proposal waits to be merged"
			return
		}
	}
	switch code := one.Reason(); {
	case code != "":
		out.Reason, out.Why, out.Way = string(code), code.Clause(), markdown.Plain(code.Fix())
	case out.State == Automatic && row.By == postmortem.HumanReview:
		out.State, out.Why = Person, "a run tried it, and left it to a person"
	}
}

// closed adds when an item was done, and by whom.
func (k Known) closed(out *Item, ref record.Ref, row postmortem.Logged) {
	fix := k.History.fixes[ref]
	before, recorded := k.Recorded.items[ref]
	out.By, out.Evidence = ByPeople, text.Line(fix.observed, maxEvidence)
	if row.By == postmortem.Resolver || fix.hash != "" {
		out.By = ByProgram
	}
	out.Commit, out.Link = cmp.Or(row.Commit, fix.hash), row.Link
	if k.Commit != nil && out.Link == "" && out.Commit == fix.hash && fix.hash != "" {
		out.Link = k.Commit(fix.hash)
	}
	switch {
	case recorded && before.State == Done && before.Closed != "":
		out.Closed = before.Closed
	case validDate(row.Date) != "":
		out.Closed = row.Date
	case fix.hash != "":
		out.Closed = fix.date
	case k.History.closed[ref] != "":
		out.Closed = k.History.closed[ref]
	case recorded && before.State != Done:
		out.Closed = k.Today.Format(time.DateOnly)
	}
	if out.Closed != "" {
		out.Closed = max(out.Closed, out.Opened)
	}
}

// word is a short text of a cell without markup.
func word(cell string) string { return text.Line(markdown.Plain(cell), maxWord) }

// validDate is the date, "" when it is none: browsers reckon with it.
func validDate(date string) string {
	if _, err := time.Parse(time.DateOnly, date); err != nil {
		return ""
	}
	return date
}
