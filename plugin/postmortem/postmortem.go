package postmortem

import (
	"path"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// Class says what becomes of an item.
type Class string

// The classes. Every item has exactly one.
const (
	ClassSafe     Class = "safe"     // open, and may be implemented without a person
	ClassSkipped  Class = "skipped"  // explicitly open, needs a person
	ClassUnclear  Class = "unclear"  // implicit, or of unknown status: reported only
	ClassDone     Class = "done"     // finished
	ClassDeclined Class = "declined" // declined, deferred or struck through
)

// Lane says which way an item may go before any work on it.
type Lane string

// The lanes. An item without one needs a person.
const (
	LaneAutomatic Lane = "automatic" // safe: may be implemented without a person
	LaneApproval  Lane = "approval"  // may become a proposal, which a person approves or not
)

// Item is one follow-up of a document: a table row, a task-list line, or a
// plain bullet under a follow-up heading.
type Item struct {
	File     string        `json:"-"`                  // as given to Parse
	Priority term.Priority `json:"priority"`           // from its column, its own text, the nearest heading, else P2
	Action   string        `json:"action"`             // Markdown, trimmed, `\|` unescaped
	Type     string        `json:"type"`               // canonical name when recognised, else the cell's text; "" when none
	Details  string        `json:"details"`            // Markdown, trimmed, `\|` unescaped
	IsSafe   bool          `json:"safe"`               // it may be implemented without a person
	Lane     Lane          `json:"lane,omitempty"`     // "" for a person, and for what is not open
	First    reason.Code   `json:"reason,omitempty"`   // of the reasons
	Reasons  []reason.Code `json:"reasons,omitempty"`  // why it is not safe, in their fixed order; empty when safe, done or declined
	ID       string        `json:"id"`                 // 12 hex digits, unique in the document, the same whatever its status, padding and line
	Line     int           `json:"line"`               // counted from 1
	Column   int           `json:"column"`             // of the action, in bytes, counted from 1
	Status   string        `json:"status"`             // Markdown of the status cell; "[ ]" and the like for tasks
	Owner    string        `json:"owner,omitempty"`    // Markdown of the owner cell, or the first @name of a task
	Ticket   string        `json:"ticket,omitempty"`   // Markdown of the ticket cell, or the first ticket of a task
	Due      string        `json:"due,omitempty"`      // Markdown of the due cell
	Heading  []string      `json:"heading,omitempty"`  // headings above it, outermost first; shared between items, do not change
	Inferred bool          `json:"inferred,omitempty"` // the type is not stated but inferred from the action
	Checkbox bool          `json:"checkbox,omitempty"` // a task-list line
	Class    Class         `json:"-"`

	source `json:"-"` // where it stands, for the editor
}

// Reason is the first of the item's reasons, "" when there is none.
func (i Item) Reason() reason.Code { return i.First }

// Safe reports whether the item may be implemented without a person.
func (i Item) Safe() bool { return i.IsSafe }

// EndLine is the last line of the item, counted from 1.
func (i Item) EndLine() int { return i.Line + strings.Count(strings.TrimRight(i.Raw, "\r\n"), "\n") }

// Problem is a place that the reader cannot use.
type Problem struct {
	Line   int         `json:"line"`   // counted from 1
	Column int         `json:"column"` // in bytes, counted from 1
	Reason reason.Code `json:"reason"` // MalformedRow, TooComplex, LFSPointer, or Invisible for a document that is not UTF-8
	Detail string      `json:"detail"` // what exactly is wrong there
	Text   string      `json:"text"`   // beginning of the line, without control characters
}

// Document is one post-mortem as it was read.
type Document struct {
	File     string   // as given to Parse
	Title    string   // first heading, else the front matter's title
	Date     string   // YYYY-MM-DD, "" when unknown
	Severity string   // as the document states it, "" when unknown
	Services []string // that it states as affected
	Items    []Item   // of every class, in order of position
	Problems []Problem
	Incident item.Incident // when it happened

	Policy   classify.Policy
	Logs     []LogTable
	FollowUp followUp
}

// Safe lists the items that may be implemented without a person.
func (d *Document) Safe() []Item { return d.class(ClassSafe) }

// Skipped lists the explicitly open items that need a person.
func (d *Document) Skipped() []Item { return d.class(ClassSkipped) }

// Unclear lists the items that are reported only: implicit ones and those
// whose status is not understood.
func (d *Document) Unclear() []Item { return d.class(ClassUnclear) }

// Count is how many items are of a class.
func (d *Document) Count(of Class) int {
	n := 0
	for i := range d.Items {
		if d.Items[i].Class == of {
			n++
		}
	}
	return n
}

func (d *Document) class(want Class) []Item {
	items := make([]Item, 0, d.Count(want))
	for _, item := range d.Items {
		if item.Class == want {
			items = append(items, item)
		}
	}
	return items
}

// IsDocument tells by its path whether a Markdown file may be a post-mortem.
// Templates, READMEs and index pages are not.
func IsDocument(file string) bool {
	base := strings.ToLower(path.Base(strings.ReplaceAll(file, `\`, "/")))
	stem, _, _ := strings.Cut(strings.TrimPrefix(base, "_"), ".")
	return stem != "" && base != "/" && stem != "index" && !strings.HasPrefix(stem, "readme") && !strings.Contains(base, "template")
}

// Listing is the JSON object that the command parse prints for a document.
// Its first keys are those of the shell original.
type Listing struct {
	File         string    `json:"file"`
	Todos        []Item    `json:"todos"`   // automatic items
	Skipped      []Item    `json:"skipped"` // every other explicit open item
	SafeTodos    int       `json:"safe_todos"`
	SkippedTodos int       `json:"skipped_todos"`
	Unclear      []Item    `json:"unclear"` // implicit items, unknown status
	Problems     []Problem `json:"problems"`
	Title        string    `json:"title"`
	Date         string    `json:"date"` // YYYY-MM-DD, "" when unknown
}

// Listing is the document as the command parse prints it.
func (d *Document) Listing() Listing {
	safe, skipped := d.Safe(), d.Skipped()
	return Listing{
		File: d.File, Title: d.Title, Date: d.Date, Todos: safe, Skipped: skipped, SafeTodos: len(safe), SkippedTodos: len(skipped),
		Unclear: d.Unclear(), Problems: append([]Problem{}, d.Problems...),
	}
}
