package postmortem

import (
	"fmt"
	"iter"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// maxProblems is how many malformed rows of one table are told of.
const maxProblems = 200

// table reads the rows of one table.
func (r *reader) table(t *markdown.TableBlock) {
	header := t.Rows[0]
	if t.Columns > markdown.MaxColumns {
		r.problem(header.Start, reason.TooComplex, fmt.Sprintf("the table has %d columns, over %d", t.Columns, markdown.MaxColumns),
			r.Text[header.Start:min(header.End, header.Start+400)])
		return
	}
	cols, here := term.ReadHeader(r.Text, r.split(header)), r.section()
	switch {
	case cols.Log():
		r.pass(t.Span(), WhyLog)
		r.logTable(t, cols)
	case cols.Items(here.Kind):
		rows := tableRows{reader: r, table: t, cols: cols, here: here}
		rows.read()
	default:
		r.pass(t.Span(), WhyOtherTable)
	}
}

// split is the trimmed cells of a table line, until the next call.
func (r *reader) split(line markdown.Span) []markdown.Span {
	r.cells = markdown.Cells(r.cells[:0], r.Text[line.Start:line.End], line.Start)
	return r.cells
}

// tableRows reads the rows of one table of items.
type tableRows struct {
	*reader
	table    *markdown.TableBlock
	cols     term.Columns
	here     term.Section
	statusAt int  // column of the status; -1 when there is none
	moved    bool // the status stands in another column than the header says
	problems int
}

func (t *tableRows) read() {
	t.statusAt = t.cols.At[term.RoleStatus]
	if at := t.elsewhere(); at >= 0 {
		t.statusAt, t.moved = at, true
	}
	if t.statusAt < 0 && t.here.Kind == term.SectionNever || t.vagueAndUnknown() {
		t.pass(t.table.Span(), WhyOtherTable)
		return
	}
	// The first of Item | Action often numbers the rows.
	if second := t.cols.Second[term.RoleAction]; second >= 0 && t.all(func(cells []markdown.Span) bool {
		return strings.Trim(t.text(cells, second), "0123456789#.-ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
	}) {
		t.cols.Conflict, t.cols.At[term.RoleID] = false, second
	}
	t.pass(markdown.Span{Start: t.table.Rows[0].Start, End: t.table.Rows[1].End}, WhyTableHead)
	t.noteUntyped()
	for _, line := range t.table.Rows[2:] {
		t.row(line)
	}
	if t.problems > maxProblems {
		last := t.table.Rows[len(t.table.Rows)-1]
		t.problem(last.Start, reason.MalformedRow, fmt.Sprintf("%d more rows of this table have another number of cells than its header", t.problems-maxProblems), "")
	}
}

// whole yields the cells of each row that has as many as the header and is not
// blank.
func (t *tableRows) whole() iter.Seq[[]markdown.Span] {
	return func(yield func([]markdown.Span) bool) {
		for _, line := range t.table.Rows[2:] {
			if cells := t.split(line); len(cells) == t.cols.Count && !t.blank(line) && !yield(cells) {
				return
			}
		}
	}
}

// all reports whether there are rows, and something is so of each.
func (t *tableRows) all(so func(cells []markdown.Span) bool) (found bool) {
	for cells := range t.whole() {
		if found = so(cells); !found {
			return false
		}
	}
	return found
}

func (t *tableRows) blank(line markdown.Span) bool {
	return strings.Trim(t.Text[line.Start:line.End], "| \t\r\v\f") == ""
}

// elsewhere is the one short column that holds exactly a status word in every
// row, when the status column itself holds none; -1 when there is no such.
// Authors of Action | Owner | Status tables write TODO where the owner belongs
// and the details under Status.
func (t *tableRows) elsewhere() int {
	found, at := -1, t.statusAt
	for _, c := range []int{t.cols.At[term.RoleOwner], t.cols.At[term.RolePriority]} {
		if at < 0 || c < 0 || !t.all(func(cells []markdown.Span) bool {
			return !t.status(cells, at).Stated() && t.status(cells, c).Stated()
		}) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = c
	}
	return found
}

// vagueAndUnknown reports whether this is a table of something else: its action
// column is only called item or task, no follow-up heading stands above it,
// and no row holds a status word.
func (t *tableRows) vagueAndUnknown() bool {
	if t.cols.Rank[term.RoleAction] == term.RankAction || t.here.HoldsItems() {
		return false
	}
	if t.statusAt < 0 {
		return !t.cols.Has(term.RolePriority) && !t.cols.Has(term.RoleOwner)
	}
	for cells := range t.whole() {
		if t.status(cells, t.statusAt).State != term.StateUnknown {
			return false
		}
	}
	return true
}

// text is the text of the cell in a column, "" for the column -1.
func (t *tableRows) text(cells []markdown.Span, at int) string {
	if at < 0 {
		return ""
	}
	return t.Text[cells[at].Start:cells[at].End]
}

func (t *tableRows) status(cells []markdown.Span, at int) term.Status {
	return term.ParseStatus(t.text(cells, at))
}

// cell is the text of the column with a role, "" when there is none.
func (t *tableRows) cell(cells []markdown.Span, r term.Role) string {
	at := t.cols.At[r]
	if t.moved && at == t.statusAt {
		return ""
	}
	return markdown.UnescapePipes(t.text(cells, at))
}

// row reads one row: an item, a problem, or nothing.
func (t *tableRows) row(line markdown.Span) {
	if t.withheld(line) {
		return
	}
	cells := t.split(line)
	if len(cells) != t.cols.Count {
		t.malformed(line, len(cells))
		return
	}
	if t.blank(line) {
		t.pass(line, WhyPlaceholder)
		return
	}
	if t.fullUp(line.Start) {
		return
	}
	item := Item{
		Action: markdown.UnescapePipes(t.text(cells, t.cols.At[term.RoleAction])), Owner: t.cell(cells, term.RoleOwner), Ticket: t.cell(cells, term.RoleTicket),
		Due: t.cell(cells, term.RoleDue), Details: t.cell(cells, term.RoleDetails), Heading: t.here.Path,
		source: source{Row: line, Raw: t.Text[line.Start:line.End], number: t.cell(cells, term.RoleID)},
	}
	if t.moved && !t.cols.Has(term.RoleDetails) { // what the status left in its own column
		item.Details = markdown.UnescapePipes(t.text(cells, t.cols.At[term.RoleStatus]))
	}
	t.rowStatus(&item, cells)
	if t.here.Kind == term.SectionNever {
		if item.state != term.StateOpen && item.state != term.StateDone {
			t.pass(line, WhyOtherTopic)
			return
		}
		if item.state == term.StateOpen {
			item.mask.Add(reason.Implicit)
		}
	}
	t.rowType(&item, cells)
	item.Priority = firstPriority(term.ParsePriority(t.cell(cells, term.RolePriority)), term.LeadPriority(item.Action), t.here.Priority)
	if t.cols.Conflict {
		item.mask.Add(reason.AmbiguousAction)
	}
	t.add(&item, cells[t.cols.At[term.RoleAction]].Start)
}

// rowStatus reads the status of a row, wherever it stands: in its column, or in a
// table without one in the cell of its ticket, where some write "#12 **TODO**".
// What that says is explicit, but never exact.
func (t *tableRows) rowStatus(item *Item, cells []markdown.Span) {
	// A priority may be exactly a done word; the green circle before a low one is none.
	at := t.cols.At[term.RolePriority]
	priority := t.status(cells, at)
	done := priority.State == term.StateDone && priority.Exact
	switch {
	case t.statusAt >= 0:
		s := t.status(cells, t.statusAt)
		item.Status = markdown.UnescapePipes(t.text(cells, t.statusAt))
		if second := t.cols.Second[term.RoleStatus]; second >= 0 && !t.moved {
			if other := t.status(cells, second).State; other != term.StateUnknown && other != s.State {
				s.State = term.StateUnknown
			}
		}
		if done && at != t.statusAt {
			s.State = term.StateDone
		}
		item.setStatus(s, cells[t.statusAt].Start)
	case done:
		item.state = term.StateDone
	default:
		ticket := t.text(cells, t.cols.At[term.RoleTicket])
		marked := term.MarkedStatus(ticket)
		if marked == term.StateUnknown {
			item.mask.Add(reason.Implicit)
			return
		}
		item.Status = markdown.UnescapePipes(ticket)
		item.setStatus(term.Status{State: marked}, 0)
	}
}

// stateReasons are why an item in a state that is not closed needs a person.
var stateReasons = map[term.State]reason.Code{
	term.StateUnknown: reason.StatusUnknown, term.StateInProgress: reason.InProgress, term.StateHeld: reason.Held, term.StatePartly: reason.PartlyDone,
}

// setStatus records what a status says whose cell begins at an offset.
func (i *Item) setStatus(s term.Status, at int) {
	i.state = s.State
	i.mask.Add(stateReasons[s.State])
	i.approved = i.approved || s.Approved
	switch {
	case s.State == term.StateTypeWord:
		i.state = term.StateOpen
		i.mask.Add(reason.StatusWithNote)
		i.setType(term.ParseType(i.Status))
	case s.State == term.StateOpen && s.Exact:
		i.Token = markdown.Span{Start: at + s.Token.Start, End: at + s.Token.End}
	case s.State == term.StateOpen:
		i.mask.Add(reason.StatusWithNote)
	}
}

// rowType reads the stated type. A table with two type columns states none, one
// without any may state it in the tags of the action.
func (t *tableRows) rowType(item *Item, cells []markdown.Span) {
	if !t.cols.Has(term.RoleType) {
		if !item.typed {
			item.setType(term.TaskType(item.Action))
		}
		return
	}
	item.typed, item.HasTypeColumn = true, true
	item.cell = markdown.Squeeze(t.cell(cells, term.RoleType))
	s := term.ParseType(item.cell)
	if second := t.cols.Second[term.RoleType]; second >= 0 && term.ParseType(t.text(cells, second)) != s {
		item.Type = s.Text
		return
	}
	item.setType(s)
}

func (i *Item) setType(s term.Stated) {
	i.Type = s.Text
	if s.Text == "" {
		return
	}
	i.kind, i.typed = s.Kind, true
	if s.Compound {
		i.mask.Add(reason.TypeNotSafe)
	}
}

func (t *tableRows) malformed(line markdown.Span, cells int) {
	if t.problems++; t.problems > maxProblems {
		return
	}
	text := t.Text[line.Start:line.End]
	detail := fmt.Sprintf("the row has %d cells, its header %d", cells, t.cols.Count)
	switch {
	case cells > markdown.MaxColumns:
		detail = fmt.Sprintf("the row has over %d cells, its header %d", markdown.MaxColumns, t.cols.Count)
	case !strings.Contains(text, "|"):
		detail = "text directly under a table becomes a row of it; put a blank line between"
	case cells > t.cols.Count && strings.Contains(text, "`"):
		detail += `; a pipe splits a cell inside a code span too, write it as \|`
	}
	t.problem(line.Start, reason.MalformedRow, detail, text[:min(len(text), 400)])
}

// fullUp reports whether the document holds as many items as are read, and says
// so once.
func (r *reader) fullUp(at int) bool {
	if len(r.doc.Items) < r.limit {
		return false
	}
	if !r.full {
		r.full = true
		r.problem(at, reason.TooComplex, fmt.Sprintf("the document has over %d items, which is more than one in %d bytes; none of them is read", r.limit, itemBytes), "")
	}
	return true
}

// firstPriority is the first that is stated, else P2.
func firstPriority(stated ...term.Priority) term.Priority {
	for _, p := range stated {
		if p != "" {
			return p
		}
	}
	return term.P2
}

// add places an item that was read at an offset of the text, unless its whole
// action is a placeholder.
func (r *reader) add(item *Item, at int) {
	if classify.Nothing(item.Action) {
		r.pass(item.Row, WhyPlaceholder)
		return
	}
	item.File = r.doc.File
	item.Line, item.Column = r.Line(at)
	if r.details > 0 {
		item.mask.Add(reason.InsideDetails)
	}
	switch here := r.section(); {
	case here.Bearing == term.BearPerson:
		item.mask.Add(reason.Hedged)
	case here.Bearing == term.BearDone && item.mask.Has(reason.Implicit):
		item.state = term.StateDone
	case here.Bearing == term.BearDone:
		item.mask.Add(reason.Overtaken)
	}
	item.Row = r.inFile(item.Row)
	if !item.Token.Empty() {
		item.Token = r.inFile(item.Token)
	}
	r.doc.Items = append(r.doc.Items, *item)
}
