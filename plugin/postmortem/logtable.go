package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
)

// Values of the Follow-up Implementation table that this program writes.
const (
	HumanReview = "Needs human review"       // Implemented By of an item that needs a person
	Resolver    = "postmortem-todo-resolver" // Implemented By of an item that this program implemented
	Absent      = "—"                        // a cell that has no value
)

// followUp is the section that the log table belongs to, in bytes of the file.
type followUp struct {
	Found bool
	level int
	End   int // where the next section begins; 0 while there is none
}

// LogTable is a table that records what was implemented. Its ranges are in
// bytes of the file.
type LogTable struct {
	Cols      term.Columns
	under     bool // it stands under the first heading Follow-up Implementation
	Header    markdown.Span
	Delimiter markdown.Span
	Rows      []logRow
}

// logRow is one row of such a table.
type logRow struct {
	Line        markdown.Span
	number      int  // of the line, counted from 1
	Whole       bool // as many cells as the header
	Key         string
	date        string // as it stands there
	By          string
	commit      string // its Markdown
	implemented bool
	Ours        bool // our own row of an item that needs a person, as we wrote it
	Text        string
}

func (r *reader) logTable(t *markdown.TableBlock, cols term.Columns) {
	log := LogTable{
		Cols: cols, Header: r.inFile(t.Rows[0]), Delimiter: r.inFile(t.Rows[1]),
		under: r.doc.FollowUp.Found && r.doc.FollowUp.End == 0, Rows: make([]logRow, 0, len(t.Rows)-2),
	}
	for _, line := range t.Rows[2:] {
		cells := r.split(line)
		row := logRow{Line: r.inFile(line), Whole: len(cells) == cols.Count, Text: r.Text[line.Start:line.End]}
		row.number, _ = r.Line(line.Start)
		cell := func(role term.Role) string {
			at := cols.At[role]
			if at < 0 || at >= len(cells) {
				return ""
			}
			return r.Text[cells[at].Start:cells[at].End]
		}
		if row.Whole && cols.Has(term.RoleAction) {
			row.Key = LogKey(markdown.UnescapePipes(cell(term.RoleAction)))
			row.date = markdown.Plain(cell(term.RoleDate))
			row.By = markdown.Plain(cell(term.RoleBy))
			row.commit = cell(term.RoleCommit)
			review := strings.EqualFold(row.By, HumanReview)
			row.implemented = !review && (!blankCell(cell(term.RoleCommit)) || !blankCell(row.By))
			row.Ours = row.By == HumanReview && blankCell(cell(term.RoleCommit)) && blankCell(cell(term.RoleDate))
		}
		log.Rows = append(log.Rows, row)
	}
	r.doc.Logs = append(r.doc.Logs, log)
}

func (r *reader) inFile(s markdown.Span) markdown.Span {
	return markdown.Span{Start: s.Start + r.Base, End: s.End + r.Base}
}

// blankCell reports whether a cell has no value.
func blankCell(cell string) bool { return strings.Trim(cell, " -–—*_`.") == "" }

// FollowUpTable is the first log table under the heading Follow-up
// Implementation that names actions, nil when there is none.
func (d *Document) FollowUpTable() *LogTable {
	for i := range d.Logs {
		if d.Logs[i].under && d.Logs[i].Cols.Has(term.RoleAction) {
			return &d.Logs[i]
		}
	}
	return nil
}

// LogKey is the form in which a row of the log and an item are the same.
func LogKey(action string) string { return markdown.Key(markdown.CellText(action)) }
