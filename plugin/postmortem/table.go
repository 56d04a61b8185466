package postmortem

import (
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

// table reads the rows of one table.
func (r *reader) table(t *markdown.TableBlock) {
	if t.Columns > markdown.MaxColumns {
		header := t.Rows[0]
		r.problem(header.Start, reason.TooComplex, fmt.Sprintf("the table has %d columns, over %d", t.Columns, markdown.MaxColumns),
			r.Text[header.Start:min(header.End, header.Start+400)])
		return
	}
	header, _ := r.split(t.Rows[0])
	names := make([]string, len(header))
	for i, cell := range header {
		names[i] = r.Text[cell.Start:cell.End]
	}
	cols := term.ReadHeader(names)
	here := r.section()
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

// split is the trimmed cells of a table line. Of a line with more cells than a
// table may have columns only the first ones are there. The result is valid
// until the next call.
func (r *reader) split(line markdown.Span) ([]markdown.Span, bool) {
	r.cells = r.cells[:0]
	text := r.Text[line.Start:line.End]
	markdown.EachCell(text, func(s markdown.Span) bool {
		for s.Start < s.End && markdown.IsSpace(text[s.Start]) {
			s.Start++
		}
		for s.Start < s.End && markdown.IsSpace(text[s.End-1]) {
			s.End--
		}
		r.cells = append(r.cells, markdown.Span{Start: line.Start + s.Start, End: line.Start + s.End})
		return len(r.cells) <= markdown.MaxColumns
	})
	return r.cells, len(r.cells) <= markdown.MaxColumns
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
	if second := t.cols.Second[term.RoleAction]; second >= 0 && t.numbersRows(second) {
		t.cols.Conflict, t.cols.At[term.RoleID] = false, second
	}
	t.pass(markdown.Span{Start: t.table.Rows[0].Start, End: t.table.Rows[1].End}, WhyTableHead)
	t.noteUntyped()
	for _, line := range t.table.Rows[2:] {
		t.row(line)
	}
	if t.problems > markdown.MaxProblems {
		last := t.table.Rows[len(t.table.Rows)-1]
		t.problem(last.Start, reason.MalformedRow, fmt.Sprintf("%d more rows of this table have another number of cells than its header", t.problems-markdown.MaxProblems), "")
	}
}

// elsewhere is the one short column that holds exactly a status word in every
// row, when the status column itself holds none; -1 when there is no such.
// Authors of Action | Owner | Status tables write TODO where the owner belongs
// and the details under Status.
func (t *tableRows) elsewhere() int {
	at := t.cols.At[term.RoleStatus]
	if at < 0 {
		return -1
	}
	candidates := []int{t.cols.At[term.RoleOwner], t.cols.At[term.RolePriority]}
	rows := 0
	for _, line := range t.table.Rows[2:] {
		cells, whole := t.split(line)
		if !whole || len(cells) != t.cols.Count || t.blank(cells) {
			continue
		}
		rows++
		if s := t.status(cells[at]); s.State != term.StateUnknown && (s.Exact || s.Paren) {
			return -1
		}
		left := 0
		for i, c := range candidates {
			if c < 0 {
				continue
			}
			if s := t.status(cells[c]); s.State == term.StateUnknown || s.State == term.StateTypeWord || !s.Exact && !s.Paren {
				candidates[i] = -1
				continue
			}
			left++
		}
		if left == 0 {
			return -1
		}
	}
	switch {
	case rows == 0:
		return -1
	case candidates[0] >= 0 && candidates[1] >= 0:
		return -1
	case candidates[0] >= 0:
		return candidates[0]
	}
	return candidates[1]
}

// vagueAndUnknown reports whether this is a table of something else: its action
// column is only called item or task, no follow-up heading stands above it,
// and no row holds a status word.
func (t *tableRows) vagueAndUnknown() bool {
	if t.cols.Rank[term.RoleAction] == term.RankAction || t.here.Kind == term.SectionStrong || t.here.Kind == term.SectionWeak {
		return false
	}
	if t.statusAt < 0 {
		return !t.cols.Has(term.RolePriority) && !t.cols.Has(term.RoleOwner)
	}
	for _, line := range t.table.Rows[2:] {
		cells, whole := t.split(line)
		if whole && len(cells) == t.cols.Count && t.status(cells[t.statusAt]).State != term.StateUnknown {
			return false
		}
	}
	return true
}

// numbersRows reports whether a column holds nothing but numbers and ids, as the
// first of Item | Action often does.
func (t *tableRows) numbersRows(at int) bool {
	for _, line := range t.table.Rows[2:] {
		cells, whole := t.split(line)
		if whole && len(cells) == t.cols.Count && strings.Trim(t.Text[cells[at].Start:cells[at].End], "0123456789#.-ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return false
		}
	}
	return true
}

func (t *tableRows) blank(cells []markdown.Span) bool {
	for _, cell := range cells {
		if !cell.Empty() {
			return false
		}
	}
	return true
}

func (t *tableRows) status(cell markdown.Span) term.Status {
	return term.ParseStatus(t.Text[cell.Start:cell.End])
}

// cell is the text of the column with a role, "" when there is none.
func (t *tableRows) cell(cells []markdown.Span, r term.Role) string {
	at := t.cols.At[r]
	if at < 0 || t.moved && at == t.statusAt {
		return ""
	}
	return markdown.UnescapePipes(t.Text[cells[at].Start:cells[at].End])
}

// row reads one row: an item, a problem, or nothing.
func (t *tableRows) row(line markdown.Span) {
	if markdown.TooLongLine(line) || t.withheld(line) {
		return // reported as too complex, or inside a comment
	}
	cells, whole := t.split(line)
	if !whole || len(cells) != t.cols.Count {
		t.malformed(line, len(cells), whole)
		return
	}
	if t.blank(cells) {
		t.pass(line, WhyPlaceholder)
		return
	}
	if t.fullUp(line.Start) {
		return
	}
	at := t.cols.At[term.RoleAction]
	action := t.Text[cells[at].Start:cells[at].End]
	item := Item{
		Action: markdown.UnescapePipes(action), Owner: t.cell(cells, term.RoleOwner), Ticket: t.cell(cells, term.RoleTicket), Due: t.cell(cells, term.RoleDue),
		Details: t.details(cells), Heading: t.here.Path,
		source: source{Row: line, Raw: t.Text[line.Start:line.End], number: t.cell(cells, term.RoleID)},
	}
	if t.rowStatus(&item, cells) == term.StateOpen && t.here.Kind == term.SectionNever {
		item.mask.Add(reason.Implicit)
	}
	if t.here.Kind == term.SectionNever && item.state != term.StateOpen && item.state != term.StateDone {
		t.pass(line, WhyOtherTopic)
		return
	}
	t.rowType(&item, t.cols, cells)
	item.Priority = firstPriority(term.ParsePriority(t.cell(cells, term.RolePriority)), term.LeadPriority(item.Action), t.here.Priority)
	if t.cols.Conflict {
		item.mask.Add(reason.AmbiguousAction)
	}
	t.add(item, cells[at].Start)
}

// rowStatus reads the status of a row, wherever it stands.
func (t *tableRows) rowStatus(item *Item, cells []markdown.Span) term.State {
	if t.statusAt < 0 {
		if t.doneInPriority(cells) {
			item.state = term.StateDone
			return item.state
		}
		return t.statusInTicket(item, cells)
	}
	cell := cells[t.statusAt]
	s := t.status(cell)
	item.Status = markdown.UnescapePipes(t.Text[cell.Start:cell.End])
	if second := t.cols.Second[term.RoleStatus]; second >= 0 && !t.moved {
		if other := t.status(cells[second]); other.State != term.StateUnknown && other.State != s.State {
			s.State = term.StateUnknown
		}
	}
	if t.cols.At[term.RolePriority] != t.statusAt && t.doneInPriority(cells) {
		s.State = term.StateDone
	}
	item.setStatus(s, cell)
	return item.state
}

// statusInTicket reads the status of a row whose table has no such column from
// the cell of its ticket, where some write "#12 **TODO**". What it says is
// explicit, but never exact.
func (t *tableRows) statusInTicket(item *Item, cells []markdown.Span) term.State {
	at := t.cols.At[term.RoleTicket]
	if at < 0 {
		item.mask.Add(reason.Implicit)
		return term.StateUnknown
	}
	cell := t.Text[cells[at].Start:cells[at].End]
	if s := term.MarkedStatus(cell); s != term.StateUnknown {
		item.Status = markdown.UnescapePipes(cell)
		item.setStatus(term.Status{State: s, Note: cell}, cells[at])
		return item.state
	}
	item.mask.Add(reason.Implicit)
	return term.StateUnknown
}

// doneInPriority reports whether the priority cell is exactly a done word; the
// green circle before a low priority is none.
func (t *tableRows) doneInPriority(cells []markdown.Span) bool {
	at := t.cols.At[term.RolePriority]
	if at < 0 {
		return false
	}
	s := t.status(cells[at])
	return s.State == term.StateDone && s.Exact
}

// setStatus records what a status cell at a place of the text says.
func (i *Item) setStatus(s term.Status, cell markdown.Span) {
	i.state = s.State
	if s.Approved {
		i.has |= hasApproval
	}
	switch s.State {
	case term.StateUnknown:
		i.mask.Add(reason.StatusUnknown)
	case term.StateInProgress:
		i.mask.Add(reason.InProgress)
	case term.StateHeld:
		i.mask.Add(reason.Held)
	case term.StatePartly:
		i.mask.Add(reason.PartlyDone)
	case term.StateTypeWord:
		i.state = term.StateOpen
		i.mask.Add(reason.StatusWithNote)
		i.setType(term.ParseType(i.Status))
	case term.StateOpen:
		if !s.Exact {
			i.mask.Add(reason.StatusWithNote)
			return
		}
		i.Token = markdown.Span{Start: cell.Start + s.Token.Start, End: cell.Start + s.Token.End}
	}
}

// rowType reads the stated type. A table with two type columns states none.
func (t *tableRows) rowType(item *Item, cols term.Columns, cells []markdown.Span) {
	if !cols.Has(term.RoleType) {
		if item.has&hasStatedType == 0 {
			item.setType(term.TaskType(item.Action))
		}
		return
	}
	item.has |= hasTypeColumn
	item.cell = markdown.Squeeze(t.cell(cells, term.RoleType))
	s := term.ParseType(item.cell)
	if second := cols.Second[term.RoleType]; second >= 0 {
		if other := term.ParseType(t.Text[cells[second].Start:cells[second].End]); other != s {
			item.Type = s.Text
			return
		}
	}
	item.setType(s)
}

func (i *Item) setType(s term.Stated) {
	i.Type = s.Text
	if s.Text == "" {
		return
	}
	i.kind = s.Kind
	i.has |= hasStatedType
	if s.Compound {
		i.mask.Add(reason.TypeNotSafe)
	}
}

// details is the details cell, or what a moved status left in its own column.
func (t *tableRows) details(cells []markdown.Span) string {
	if t.cols.Has(term.RoleDetails) {
		return t.cell(cells, term.RoleDetails)
	}
	if t.moved {
		at := cells[t.cols.At[term.RoleStatus]]
		return markdown.UnescapePipes(t.Text[at.Start:at.End])
	}
	return ""
}

func (t *tableRows) malformed(line markdown.Span, cells int, whole bool) {
	if t.problems++; t.problems > markdown.MaxProblems {
		return
	}
	text := t.Text[line.Start:line.End]
	detail := fmt.Sprintf("the row has %d cells, its header %d", cells, t.cols.Count)
	switch {
	case !whole:
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
	if r.count() < r.limit {
		return false
	}
	if !r.full {
		r.full = true
		r.problem(at, reason.TooComplex, fmt.Sprintf("the document has over %d items, which is more than one in %d bytes; none of them is read", r.limit, markdown.ItemBytes), "")
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
func (r *reader) add(item Item, at int) {
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
	item.Row = markdown.Span{Start: item.Row.Start + r.Base, End: item.Row.End + r.Base}
	if !item.Token.Empty() {
		item.Token = markdown.Span{Start: item.Token.Start + r.Base, End: item.Token.End + r.Base}
	}
	if r.count()%chunk == 0 {
		r.chunks = append(r.chunks, make([]Item, 0, chunk))
	}
	last := len(r.chunks) - 1
	r.chunks[last] = append(r.chunks[last], item)
}
