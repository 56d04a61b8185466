package postmortem

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
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
	Priority Priority      `json:"priority"`
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

// Table is the document's open items and problems as lines for a terminal,
// without control characters.
func (d *Document) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d safe, %d skipped, %d unclear, %d problems\n",
		text.Marked(d.File, 200), len(d.Safe()), len(d.Skipped()), len(d.Unclear()), len(d.Problems))
	rows := [][]string{{"LINE", "CLASS", "PRIORITY", "TYPE", "REASON", "ACTION"}}
	for _, item := range d.Items {
		if item.Class == ClassDone || item.Class == ClassDeclined {
			continue
		}
		rows = append(rows, []string{
			strconv.Itoa(item.Line), string(item.Class), string(item.Priority),
			dash(text.Marked(item.Type, 24)), dash(string(item.Reason())), text.Marked(item.Action, 72),
		})
	}
	for _, p := range d.Problems {
		rows = append(rows, []string{strconv.Itoa(p.Line), "problem", "-", "-", string(p.Reason), text.Marked(p.Detail, 100)})
	}
	if len(rows) > 1 {
		align(&b, rows)
	}
	return b.String()
}

// align writes rows with their columns below each other.
func align(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], text.Columns(cell))
		}
	}
	for _, row := range rows {
		last := len(row) - 1
		for i, cell := range row[:last] {
			b.WriteString(text.Fit(cell, widths[i]))
			b.WriteString("  ")
		}
		b.WriteString(row[last])
		b.WriteByte('\n')
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
