package postmortem

import (
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Listing is the JSON object that the command parse prints for a document.
// Its first keys are those of the shell original.
type Listing struct {
	File         string    `json:"file"`
	Todos        []Entry   `json:"todos"`   // automatic items
	Skipped      []Entry   `json:"skipped"` // every other explicit open item
	SafeTodos    int       `json:"safe_todos"`
	SkippedTodos int       `json:"skipped_todos"`
	Unclear      []Entry   `json:"unclear"` // implicit items, unknown status
	Problems     []Problem `json:"problems"`
	Title        string    `json:"title"`
	Date         string    `json:"date"` // YYYY-MM-DD, "" when unknown
}

// Entry is one item of a Listing.
type Entry struct {
	Priority term.Priority `json:"priority"`
	Action   string        `json:"action"`
	Type     string        `json:"type"`
	Details  string        `json:"details"`
	Safe     bool          `json:"safe"`
	Lane     Lane          `json:"lane,omitempty"`
	Reason   reason.Code   `json:"reason,omitempty"`
	Reasons  []reason.Code `json:"reasons,omitempty"`
	ID       string        `json:"id"`
	Line     int           `json:"line"`
	Column   int           `json:"column"`
	Status   string        `json:"status"`
	Owner    string        `json:"owner,omitempty"`
	Ticket   string        `json:"ticket,omitempty"`
	Due      string        `json:"due,omitempty"`
	Heading  []string      `json:"heading,omitempty"`
	Inferred bool          `json:"inferred,omitempty"`
	Checkbox bool          `json:"checkbox,omitempty"`
}

// Listing is the document as the command parse prints it.
func (d *Document) Listing() Listing {
	l := Listing{
		File: d.File, Title: d.Title, Date: d.Date,
		Todos: entries(d.Safe()), Skipped: entries(d.Skipped()), Unclear: entries(d.Unclear()),
		Problems: append([]Problem{}, d.Problems...),
	}
	l.SafeTodos, l.SkippedTodos = len(l.Todos), len(l.Skipped)
	return l
}

func entries(items []Item) []Entry {
	list := make([]Entry, 0, len(items))
	for _, i := range items {
		list = append(list, Entry{
			Priority: i.Priority, Action: i.Action, Type: i.Type, Details: i.Details, Safe: i.Safe(), Lane: i.Lane,
			Reason: i.Reason(), Reasons: i.Reasons, ID: i.ID, Line: i.Line, Column: i.Column, Status: i.Status,
			Owner: i.Owner, Ticket: i.Ticket, Due: i.Due, Heading: i.Heading, Inferred: i.Inferred, Checkbox: i.Checkbox,
		})
	}
	return list
}
