package postmortem

import "strings"

// Values of the Follow-up Implementation table that this program writes.
const (
	HumanReview = "Needs human review"       // Implemented By of an item that needs a person
	Resolver    = "postmortem-todo-resolver" // Implemented By of an item that this program implemented
	absent      = "—"                        // a cell that has no value
)

// followUp is the section that the log table belongs to, in bytes of the file.
type followUp struct {
	found bool
	level int
	end   int // where the next section begins; 0 while there is none
}

// logTable is a table that records what was implemented. Its ranges are in
// bytes of the file.
type logTable struct {
	cols      columns
	under     bool // it stands under the first heading Follow-up Implementation
	header    span
	delimiter span
	rows      []logRow
}

// logRow is one row of such a table.
type logRow struct {
	line        span
	number      int  // of the line, counted from 1
	whole       bool // as many cells as the header
	key         string
	by          string
	commit      string // its Markdown
	implemented bool
	ours        bool // our own row of an item that needs a person, as we wrote it
	text        string
}

func (r *reader) logTable(t *tableBlock, cols columns) {
	log := logTable{
		cols: cols, header: r.inFile(t.lines[0]), delimiter: r.inFile(t.lines[1]),
		under: r.doc.followUp.found && r.doc.followUp.end == 0, rows: make([]logRow, 0, len(t.lines)-2),
	}
	for _, line := range t.lines[2:] {
		cells, _ := r.split(line)
		row := logRow{line: r.inFile(line), whole: len(cells) == cols.count, text: r.text[line.start:line.end]}
		row.number, _ = r.line(line.start)
		cell := func(role role) string {
			at := cols.at[role]
			if at < 0 || at >= len(cells) {
				return ""
			}
			return r.text[cells[at].start:cells[at].end]
		}
		if row.whole && cols.has(roleAction) {
			row.key = logKey(unescapePipes(cell(roleAction)))
			row.by = plain(cell(roleBy))
			row.commit = cell(roleCommit)
			review := strings.EqualFold(row.by, HumanReview)
			row.implemented = !review && (!blankCell(cell(roleCommit)) || !blankCell(row.by))
			row.ours = row.by == HumanReview && blankCell(cell(roleCommit)) && blankCell(cell(roleDate))
		}
		log.rows = append(log.rows, row)
	}
	r.doc.logs = append(r.doc.logs, log)
}

func (r *reader) inFile(s span) span { return span{s.start + r.base, s.end + r.base} }

// blankCell reports whether a cell has no value.
func blankCell(cell string) bool { return strings.Trim(cell, " -–—*_`.") == "" }
