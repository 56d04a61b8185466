package postmortem

import (
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// table reads the rows of one table.
func (r *reader) table(t *tableBlock) {
	if t.columns > maxColumns {
		header := t.lines[0]
		r.problem(header.start, reason.TooComplex, fmt.Sprintf("the table has %d columns, over %d", t.columns, maxColumns),
			r.text[header.start:min(header.end, header.start+400)])
		return
	}
	header, _ := r.split(t.lines[0])
	names := make([]string, len(header))
	for i, cell := range header {
		names[i] = r.text[cell.start:cell.end]
	}
	cols := readHeader(names)
	here := r.section()
	switch {
	case cols.log():
		r.pass(t.span(), WhyLog)
		r.logTable(t, cols)
	case cols.items(here.kind):
		rows := tableRows{reader: r, table: t, cols: cols, here: here}
		rows.read()
	default:
		r.pass(t.span(), WhyOtherTable)
	}
}

// span is the range from the table's header to the end of its last row.
func (t *tableBlock) span() span { return span{t.lines[0].start, t.lines[len(t.lines)-1].end} }

// split is the trimmed cells of a table line. Of a line with more cells than a
// table may have columns only the first ones are there. The result is valid
// until the next call.
func (r *reader) split(line span) ([]span, bool) {
	r.cells = r.cells[:0]
	text := r.text[line.start:line.end]
	eachCell(text, func(s span) bool {
		for s.start < s.end && isSpace(text[s.start]) {
			s.start++
		}
		for s.start < s.end && isSpace(text[s.end-1]) {
			s.end--
		}
		r.cells = append(r.cells, span{line.start + s.start, line.start + s.end})
		return len(r.cells) <= maxColumns
	})
	return r.cells, len(r.cells) <= maxColumns
}

// tableRows reads the rows of one table of items.
type tableRows struct {
	*reader
	table    *tableBlock
	cols     columns
	here     section
	statusAt int  // column of the status; -1 when there is none
	moved    bool // the status stands in another column than the header says
	problems int
}

func (t *tableRows) read() {
	t.statusAt = t.cols.at[roleStatus]
	if at := t.elsewhere(); at >= 0 {
		t.statusAt, t.moved = at, true
	}
	if t.statusAt < 0 && t.here.kind == sectionNever || t.vagueAndUnknown() {
		t.pass(t.table.span(), WhyOtherTable)
		return
	}
	if second := t.cols.second[roleAction]; second >= 0 && t.numbersRows(second) {
		t.cols.conflict, t.cols.at[roleID] = false, second
	}
	t.pass(span{t.table.lines[0].start, t.table.lines[1].end}, WhyTableHead)
	t.noteUntyped()
	for _, line := range t.table.lines[2:] {
		t.row(line)
	}
	if t.problems > maxProblems {
		last := t.table.lines[len(t.table.lines)-1]
		t.problem(last.start, reason.MalformedRow, fmt.Sprintf("%d more rows of this table have another number of cells than its header", t.problems-maxProblems), "")
	}
}

// elsewhere is the one short column that holds exactly a status word in every
// row, when the status column itself holds none; -1 when there is no such.
// Authors of Action | Owner | Status tables write TODO where the owner belongs
// and the details under Status.
func (t *tableRows) elsewhere() int {
	at := t.cols.at[roleStatus]
	if at < 0 {
		return -1
	}
	candidates := []int{t.cols.at[roleOwner], t.cols.at[rolePriority]}
	rows := 0
	for _, line := range t.table.lines[2:] {
		cells, whole := t.split(line)
		if !whole || len(cells) != t.cols.count || t.blank(cells) {
			continue
		}
		rows++
		if s := t.status(cells[at]); s.state != stateUnknown && (s.exact || s.paren) {
			return -1
		}
		left := 0
		for i, c := range candidates {
			if c < 0 {
				continue
			}
			if s := t.status(cells[c]); s.state == stateUnknown || s.state == stateTypeWord || !s.exact && !s.paren {
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
	if t.cols.rank[roleAction] == rankAction || t.here.kind == sectionStrong || t.here.kind == sectionWeak {
		return false
	}
	if t.statusAt < 0 {
		return !t.cols.has(rolePriority) && !t.cols.has(roleOwner)
	}
	for _, line := range t.table.lines[2:] {
		cells, whole := t.split(line)
		if whole && len(cells) == t.cols.count && t.status(cells[t.statusAt]).state != stateUnknown {
			return false
		}
	}
	return true
}

// numbersRows reports whether a column holds nothing but numbers and ids, as the
// first of Item | Action often does.
func (t *tableRows) numbersRows(at int) bool {
	for _, line := range t.table.lines[2:] {
		cells, whole := t.split(line)
		if whole && len(cells) == t.cols.count && strings.Trim(t.text[cells[at].start:cells[at].end], "0123456789#.-ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			return false
		}
	}
	return true
}

func (t *tableRows) blank(cells []span) bool {
	for _, cell := range cells {
		if !cell.empty() {
			return false
		}
	}
	return true
}

func (t *tableRows) status(cell span) status { return parseStatus(t.text[cell.start:cell.end]) }

// cell is the text of the column with a role, "" when there is none.
func (t *tableRows) cell(cells []span, r role) string {
	at := t.cols.at[r]
	if at < 0 || t.moved && at == t.statusAt {
		return ""
	}
	return unescapePipes(t.text[cells[at].start:cells[at].end])
}

// row reads one row: an item, a problem, or nothing.
func (t *tableRows) row(line span) {
	if tooLongLine(line) || t.withheld(line) {
		return // reported as too complex, or inside a comment
	}
	cells, whole := t.split(line)
	if !whole || len(cells) != t.cols.count {
		t.malformed(line, len(cells), whole)
		return
	}
	if t.blank(cells) {
		t.pass(line, WhyPlaceholder)
		return
	}
	if t.fullUp(line.start) {
		return
	}
	at := t.cols.at[roleAction]
	action := t.text[cells[at].start:cells[at].end]
	item := Item{
		Action: unescapePipes(action), Owner: t.cell(cells, roleOwner), Ticket: t.cell(cells, roleTicket), Due: t.cell(cells, roleDue),
		Details: t.details(cells), Heading: t.here.path,
		source: source{row: line, raw: t.text[line.start:line.end], number: t.cell(cells, roleID)},
	}
	if t.rowStatus(&item, cells) == stateOpen && t.here.kind == sectionNever {
		item.mask.add(reason.Implicit)
	}
	if t.here.kind == sectionNever && item.state != stateOpen && item.state != stateDone {
		t.pass(line, WhyOtherTopic)
		return
	}
	t.rowType(&item, t.cols, cells)
	item.Priority = firstPriority(parsePriority(t.cell(cells, rolePriority)), leadPriority(item.Action), t.here.priority)
	if t.cols.conflict {
		item.mask.add(reason.AmbiguousAction)
	}
	t.add(item, cells[at].start)
}

// rowStatus reads the status of a row, wherever it stands.
func (t *tableRows) rowStatus(item *Item, cells []span) state {
	if t.statusAt < 0 {
		if t.doneInPriority(cells) {
			item.state = stateDone
			return item.state
		}
		return t.statusInTicket(item, cells)
	}
	cell := cells[t.statusAt]
	s := t.status(cell)
	item.Status = unescapePipes(t.text[cell.start:cell.end])
	if second := t.cols.second[roleStatus]; second >= 0 && !t.moved {
		if other := t.status(cells[second]); other.state != stateUnknown && other.state != s.state {
			s.state = stateUnknown
		}
	}
	if t.cols.at[rolePriority] != t.statusAt && t.doneInPriority(cells) {
		s.state = stateDone
	}
	item.setStatus(s, cell)
	return item.state
}

// statusInTicket reads the status of a row whose table has no such column from
// the cell of its ticket, where some write "#12 **TODO**". What it says is
// explicit, but never exact.
func (t *tableRows) statusInTicket(item *Item, cells []span) state {
	at := t.cols.at[roleTicket]
	if at < 0 {
		item.mask.add(reason.Implicit)
		return stateUnknown
	}
	cell := t.text[cells[at].start:cells[at].end]
	if s := markedStatus(cell); s != stateUnknown {
		item.Status = unescapePipes(cell)
		item.setStatus(status{state: s, note: cell}, cells[at])
		return item.state
	}
	item.mask.add(reason.Implicit)
	return stateUnknown
}

// doneInPriority reports whether the priority cell is exactly a done word; the
// green circle before a low priority is none.
func (t *tableRows) doneInPriority(cells []span) bool {
	at := t.cols.at[rolePriority]
	if at < 0 {
		return false
	}
	s := t.status(cells[at])
	return s.state == stateDone && s.exact
}

// setStatus records what a status cell at a place of the text says.
func (i *Item) setStatus(s status, cell span) {
	i.state = s.state
	if s.okay {
		i.has |= hasApproval
	}
	switch s.state {
	case stateUnknown:
		i.mask.add(reason.StatusUnknown)
	case stateInProgress:
		i.mask.add(reason.InProgress)
	case stateHeld:
		i.mask.add(reason.Held)
	case statePartly:
		i.mask.add(reason.PartlyDone)
	case stateTypeWord:
		i.state = stateOpen
		i.mask.add(reason.StatusWithNote)
		i.setType(parseType(i.Status))
	case stateOpen:
		if !s.exact {
			i.mask.add(reason.StatusWithNote)
			return
		}
		i.token = span{cell.start + s.token.start, cell.start + s.token.end}
	}
}

// rowType reads the stated type. A table with two type columns states none.
func (t *tableRows) rowType(item *Item, cols columns, cells []span) {
	if !cols.has(roleType) {
		return
	}
	item.has |= hasTypeColumn
	item.cell = squeeze(t.cell(cells, roleType))
	s := parseType(item.cell)
	if second := cols.second[roleType]; second >= 0 {
		if other := parseType(t.text[cells[second].start:cells[second].end]); other != s {
			item.Type = s.text
			return
		}
	}
	item.setType(s)
}

func (i *Item) setType(s stated) {
	i.Type = s.text
	if s.text == "" {
		return
	}
	i.kind = s.kind
	i.has |= hasStatedType
	if s.compound {
		i.mask.add(reason.TypeNotSafe)
	}
}

// details is the details cell, or what a moved status left in its own column.
func (t *tableRows) details(cells []span) string {
	if t.cols.has(roleDetails) {
		return t.cell(cells, roleDetails)
	}
	if t.moved {
		at := cells[t.cols.at[roleStatus]]
		return unescapePipes(t.text[at.start:at.end])
	}
	return ""
}

func (t *tableRows) malformed(line span, cells int, whole bool) {
	if t.problems++; t.problems > maxProblems {
		return
	}
	text := t.text[line.start:line.end]
	detail := fmt.Sprintf("the row has %d cells, its header %d", cells, t.cols.count)
	switch {
	case !whole:
		detail = fmt.Sprintf("the row has over %d cells, its header %d", maxColumns, t.cols.count)
	case !strings.Contains(text, "|"):
		detail = "text directly under a table becomes a row of it; put a blank line between"
	case cells > t.cols.count && strings.Contains(text, "`"):
		detail += `; a pipe splits a cell inside a code span too, write it as \|`
	}
	t.problem(line.start, reason.MalformedRow, detail, text[:min(len(text), 400)])
}

// fullUp reports whether the document holds as many items as are read, and says
// so once.
func (r *reader) fullUp(at int) bool {
	if r.count() < r.limit {
		return false
	}
	if !r.full {
		r.full = true
		r.problem(at, reason.TooComplex, fmt.Sprintf("the document has over %d items, which is more than one in %d bytes; none of them is read", r.limit, itemBytes), "")
	}
	return true
}

// firstPriority is the first that is stated, else P2.
func firstPriority(stated ...Priority) Priority {
	for _, p := range stated {
		if p != "" {
			return p
		}
	}
	return P2
}

// add places an item that was read at an offset of the text, unless its whole
// action is a placeholder.
func (r *reader) add(item Item, at int) {
	if nothing(item.Action) {
		r.pass(item.row, WhyPlaceholder)
		return
	}
	item.File = r.doc.File
	item.Line, item.Column = r.line(at)
	if r.details > 0 {
		item.mask.add(reason.InsideDetails)
	}
	switch here := r.section(); {
	case here.bearing == bearPerson:
		item.mask.add(reason.Hedged)
	case here.bearing == bearDone && item.mask.has(reason.Implicit):
		item.state = stateDone
	case here.bearing == bearDone:
		item.mask.add(reason.Overtaken)
	}
	item.row = span{item.row.start + r.base, item.row.end + r.base}
	if !item.token.empty() {
		item.token = span{item.token.start + r.base, item.token.end + r.base}
	}
	if r.count()%chunk == 0 {
		r.chunks = append(r.chunks, make([]Item, 0, chunk))
	}
	last := len(r.chunks) - 1
	r.chunks[last] = append(r.chunks[last], item)
}
