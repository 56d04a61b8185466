package edit

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// followUpTitle is the heading of the section that holds the log table.
const followUpTitle = "## Follow-up Implementation"

// newColumns are the columns of a table that this program creates.
var (
	newColumns   = []term.Role{term.RoleDate, term.RoleAction, term.RolePriority, term.RoleType, term.RoleCommit, term.RoleBy}
	newHeader    = "| Date | Action | Priority | Type | Commit | Implemented By |"
	newDelimiter = "|------|--------|----------|------|--------|----------------|"
)

var errNotAdded = errors.New("the new rows would not be read as rows there; close the code fence, comment or <details> before the end of the document, or put the table there by hand")

// logChange is what has to become of the log table.
type logChange struct {
	replace map[int]Row // index of our own row → what it becomes
	add     []Row
}

// addRows is the content with the rows of the edits in its log table, nil when
// all of them are there.
func addRows(doc *postmortem.Document, content []byte, edits []Edit) ([]byte, error) {
	table := doc.FollowUpTable()
	change := planRows(table, edits)
	if len(change.add)+len(change.replace) == 0 {
		return nil, nil
	}
	var splices []splice
	if table == nil {
		splices = []splice{newTable(doc, content, change.add)}
	} else {
		splices = tableSplices(table, content, change)
	}
	out := apply(content, splices)
	return out, onlyLogged(doc, postmortem.Parse(doc.File, out, classify.Policy{}), change)
}

// planRows decides which rows are new. Every item has one row: a row of a
// person, or one that tells of the implementation already, stands; our own row
// of an item that needs a person gives way when the item was implemented.
func planRows(table *postmortem.LogTable, edits []Edit) logChange {
	change := logChange{replace: map[int]Row{}}
	known := map[string][]int{}
	if table != nil {
		for i, row := range table.Rows {
			known[row.Key] = append(known[row.Key], i)
		}
	}
	rows := wantedRows(edits)
	planned := map[string]bool{}
	for _, row := range rows {
		name := postmortem.LogKey(row.Action)
		if planned[name] || name == "" {
			continue
		}
		planned[name] = true
		own, told := -1, false
		for _, i := range known[name] {
			if table.Rows[i].Ours && own < 0 {
				own = i
			}
			told = told || row.By == postmortem.HumanReview || table.Rows[i].By == postmortem.Resolver || row.standsIn(table, i)
		}
		switch {
		case told:
		case own >= 0:
			change.replace[own] = row
		default:
			change.add = append(change.add, row)
		}
	}
	return change
}

// standsIn reports whether a line of the table names the row's commit, or is the row
// as it would be written: a table may have no column that this program knows for
// whoever implemented an item.
func (row Row) standsIn(t *postmortem.LogTable, line int) bool {
	shown := t.Rows[line].Text
	return row.Commit != "" && strings.Contains(shown, row.Commit[:shortHash]) || row.render(rolesOf(t), shown) == strings.TrimSpace(shown)
}

// rolesOf is what the columns of a table are for.
func rolesOf(t *postmortem.LogTable) []term.Role {
	order := make([]term.Role, t.Cols.Count)
	for r, at := range t.Cols.At {
		if at >= 0 {
			order[at] = term.Role(r)
		}
	}
	return order
}

// wantedRows are the rows of the edits, complete, in their order; of two rows
// of the same action the one that tells of an implementation counts.
func wantedRows(edits []Edit) []Row {
	var rows []Row
	implemented := map[string]bool{}
	for _, edit := range edits {
		if edit.Row == nil {
			continue
		}
		row := *edit.Row
		if row.Action == "" {
			row.Action = edit.Item.Action
		}
		if !fullHash().MatchString(row.Commit) {
			row.Commit = ""
		}
		switch {
		case row.By != "":
			row.By = markdown.CellText(row.By)
		case row.Commit != "":
			row.By = postmortem.Resolver
		default:
			row.By = postmortem.HumanReview
		}
		if row.By != postmortem.HumanReview {
			implemented[postmortem.LogKey(row.Action)] = true
		}
		rows = append(rows, row)
	}
	return slices.DeleteFunc(rows, func(row Row) bool {
		return row.By == postmortem.HumanReview && implemented[postmortem.LogKey(row.Action)]
	})
}

// cell is the text of the row in a column of a role.
func (row Row) cell(r term.Role) string {
	switch r {
	case term.RoleDate:
		if rowDate().MatchString(row.Date) {
			return row.Date
		}
	case term.RoleAction:
		return orAbsent(row.Action)
	case term.RolePriority:
		return orAbsent(row.Priority)
	case term.RoleType:
		return orAbsent(row.Type)
	case term.RoleCommit:
		return commitCell(row.Commit, row.URL)
	case term.RoleBy:
		return orAbsent(row.By)
	}
	return postmortem.Absent
}

// render is the row in the style of another line of its table.
func (row Row) render(order []term.Role, like string) string {
	cells := make([]string, len(order))
	for i, r := range order {
		cells[i] = row.cell(r)
	}
	lead := strings.HasPrefix(like, "|")
	trail := strings.HasSuffix(like, "|") && !strings.HasSuffix(like, `\|`)
	pad := " "
	if lead && len(like) > 1 && !markdown.IsSpace(like[1]) {
		pad = ""
	}
	// Without a pipe before it a cell may begin a list, a quote or a heading.
	if first := cells[0]; first != postmortem.Absent && !rowDate().MatchString(first) && (first[0] >= 0x80 || first[0] < 'A' || !markdown.IsWord(first[0])) {
		lead = true
	}
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 || lead {
			b.WriteString("|" + pad)
		}
		b.WriteString(cell)
		if i < len(cells)-1 || trail {
			b.WriteString(pad)
			if pad == "" && strings.HasSuffix(cell, `\`) {
				b.WriteByte(' ')
			}
		}
	}
	if trail {
		b.WriteByte('|')
	}
	return b.String()
}

// splices are the changes to an existing table.
func tableSplices(t *postmortem.LogTable, content []byte, change logChange) []splice {
	order := rolesOf(t)
	var splices []splice
	last, style := t.Delimiter, content[t.Header.Start:t.Header.End]
	for i, row := range t.Rows {
		if by, own := change.replace[i]; own {
			splices = append(splices, splice{row.Line, by.render(order, row.Text)})
		}
		if row.Whole {
			last, style = row.Line, content[row.Line.Start:row.Line.End]
		}
	}
	if len(change.add) == 0 {
		return splices
	}
	start := bytes.LastIndexByte(content[:last.Start], '\n') + 1
	prefix, eol := string(content[start:last.Start]), lineEnding(content, last.End)
	var b strings.Builder
	at := last.End
	for at < len(content) && content[at] != '\n' {
		at++
	}
	for _, row := range change.add {
		line := prefix + row.render(order, string(style))
		if at < len(content) {
			b.WriteString(line + eol)
		} else {
			b.WriteString(eol + line)
		}
	}
	at = min(at+1, len(content))
	return append(splices, splice{markdown.Span{Start: at, End: at}, b.String()})
}

// newTable is the section with its table at the end of the document, or the
// table at the end of a section that has none.
func newTable(d *postmortem.Document, content []byte, rows []Row) splice {
	end := len(content)
	if d.FollowUp.Found && d.FollowUp.End > 0 {
		end = d.FollowUp.End
	}
	at := end
	if d.FollowUp.Found {
		at = len(bytes.TrimRight(content[:end], " \t\r\n"))
		at += bytes.IndexByte(append(content[at:end:end], '\n'), '\n') + 1
		at = min(at, end)
	}
	eol := lineEnding(content, at)
	lines := []string{newHeader, newDelimiter}
	if !d.FollowUp.Found {
		lines = []string{followUpTitle, "", newHeader, newDelimiter}
	}
	for _, row := range rows {
		lines = append(lines, row.render(newColumns, newHeader))
	}
	text := strings.Join(lines, eol) + eol
	before := content[:at]
	if len(before) > 0 && before[len(before)-1] != '\n' {
		text, before = eol+eol+text, nil
	}
	if len(before) > 0 && !endsBlank(before) {
		text = eol + text
	}
	if at < len(content) && content[at] != '\n' && content[at] != '\r' {
		text += eol
	}
	return splice{markdown.Span{Start: at, End: at}, text}
}

// endsBlank reports whether the last line of b is blank.
func endsBlank(b []byte) bool {
	b = b[:len(b)-1]
	line := b[bytes.LastIndexByte(b, '\n')+1:]
	return len(bytes.TrimSpace(line)) == 0
}

// lineEnding is the ending of the last line that ends before or at an offset's
// line, "\n" when there is none.
func lineEnding(content []byte, at int) string {
	end := bytes.IndexByte(content[at:], '\n')
	switch {
	case end >= 0 && len(bytes.TrimRight(content[at:at+end], " \t\r")) == 0 && at > 0 && content[at-1] != '\n':
		end += at
	default:
		end = bytes.LastIndexByte(content[:at], '\n')
	}
	if end > 0 && content[end-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// onlyLogged checks that the log table reads as planned, and the items as
// before.
func onlyLogged(before, after *postmortem.Document, change logChange) error {
	if err := sameBut(before, after, func(int, *postmortem.Item, *postmortem.Item) {}); err != nil {
		return err
	}
	table, was := after.FollowUpTable(), before.FollowUpTable()
	if table == nil {
		return errNotAdded
	}
	old := 0
	if was != nil {
		old = len(was.Rows)
	}
	if len(table.Rows) != old+len(change.add) {
		return errNotAdded
	}
	found := map[string]bool{}
	for _, row := range table.Rows {
		if row.Whole {
			found[row.Key+"\x00"+row.By] = true
		}
	}
	wanted := slices.Clone(change.add)
	for _, row := range change.replace {
		wanted = append(wanted, row)
	}
	for _, row := range wanted {
		if name := postmortem.LogKey(row.Action); table.Cols.Has(term.RoleBy) && !found[name+"\x00"+markdown.Plain(markdown.EscapeCell(row.By))] {
			return fmt.Errorf("the row of %q would be read differently", text.Marked(row.Action, 60))
		}
	}
	return nil
}
