// Package backlog holds what the documents of a repository say is still to be
// done, with how long it has waited and for whom.
package backlog

import (
	"cmp"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/target"
)

// Open is an item that its document says is still to be done.
type Open struct {
	item.Item
	Lane    postmortem.Lane // Person for one that needs a person
	Ticket  string          // of another tracker, when the document names one
	Age     time.Duration   // since the day of its post-mortem; 0 when the document has no date
	Overdue bool            // its due date has passed
	Late    bool            // it has been open for longer than its priority's target
}

// Person is the lane of what no run may take up.
const Person postmortem.Lane = "person"

// Of are the open items of documents at a time: the most urgent first, and of those
// the oldest.
func Of(documents []*postmortem.Document, targets target.Targets, at time.Time) []Open {
	var all []Open
	for _, doc := range documents {
		for _, one := range slices.Concat(doc.Safe(), doc.Skipped()) {
			all = append(all, open(doc, one, targets, at))
		}
	}
	slices.SortStableFunc(all, func(a, b Open) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Age, a.Age), cmp.Compare(a.Document, b.Document), cmp.Compare(a.Line, b.Line))
	})
	return all
}

func open(doc *postmortem.Document, one postmortem.Item, targets target.Targets, at time.Time) Open {
	o := Open{
		Item: item.Item{
			Document: doc.File, ID: one.ID, Line: one.Line, Date: doc.Date, Priority: string(one.Priority),
			Action: one.Action, Type: one.Type, Details: one.Details, Owner: one.Owner, Due: one.Due,
		},
		Lane: cmp.Or(one.Lane, Person), Ticket: one.Ticket,
	}
	o.Overdue = o.Item.Overdue(at)
	if since, err := time.Parse(time.DateOnly, doc.Date); err == nil {
		o.Age = max(0, at.Sub(since))
		due, limited := targets.Due(o.Priority, since)
		o.Late = limited && at.After(due)
	}
	return o
}
