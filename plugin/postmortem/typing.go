package postmortem

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// untypedTable is a table of items without a Type column. Its ranges are in
// bytes of the file.
type untypedTable struct {
	lines   []span // header, delimiter row, rows
	columns int
	action  int // column of the action
}

// noteUntyped keeps a table without a Type column, when somebody asked.
func (t *tableRows) noteUntyped() {
	if t.inspection == nil || t.cols.has(roleType) {
		return
	}
	table := untypedTable{columns: t.cols.count, action: t.cols.at[roleAction]}
	for _, line := range t.table.lines {
		table.lines = append(table.lines, span{line.start + t.base, line.end + t.base})
	}
	t.inspection.untyped = append(t.inspection.untyped, table)
}

// Typed is a document with the types of its items stated.
type Typed struct {
	Content []byte // the whole document; the source itself when nothing is stated
	Stated  int    // how many items had only an inferred type
	Left    []int  // lines of tables that were left alone for their malformed rows
}

// StateTypes writes the inferred types of the open items into the document: a
// Type column behind the action into a table that has none, a tag such as
// [Alert] before the text of a box. Every other byte stays. The result is read
// again: the same items must be there, their types stated, or nothing is done.
func (in *Inspection) StateTypes() (Typed, error) {
	typed := Typed{Content: in.src}
	rows := map[int]*Item{}
	var splices []splice
	for i := range in.Items {
		item := &in.Items[i]
		switch {
		case item.closed() || item.Type == "":
		case !item.Checkbox:
			rows[item.row.start] = item
		case item.Inferred:
			splices = append(splices, item.tagSplice())
			typed.Stated++
		}
	}
	for _, table := range in.untyped {
		stated := 0
		for _, line := range table.lines {
			if item := rows[line.start]; item != nil && item.Inferred {
				stated++
			}
		}
		if stated == 0 {
			continue
		}
		column, whole := table.typeColumn(in.src, rows)
		if !whole {
			line := 1 + strings.Count(string(in.src[:table.lines[0].start]), "\n")
			typed.Left = append(typed.Left, line)
			continue
		}
		splices = append(splices, column...)
		typed.Stated += stated
	}
	if len(splices) == 0 {
		return typed, nil
	}
	slices.SortFunc(splices, func(a, b splice) int { return a.at.start - b.at.start })
	content := apply(in.src, splices)
	if err := in.onlyTyped(Parse(in.File, content, in.policy)); err != nil {
		return Typed{Content: in.src}, fmt.Errorf("state the types of %s: %w; state them by hand", in.File, err)
	}
	typed.Content = content
	return typed, nil
}

// tagSplice puts the type of a box before its text, behind other tags.
func (i *Item) tagSplice() splice {
	at := len(i.Status)
	for {
		text := i.raw[at:]
		begins := strings.TrimLeft(text, " ")
		_, rest, found := leadTag(begins)
		if !found || begins[0] != '[' {
			break
		}
		at += len(text) - len(rest)
	}
	return splice{span{i.row.start + at, i.row.start + at}, " [" + i.Type + "]"}
}

// typeColumn is what makes a Type column of the types that rows have, by where
// they begin; an action with a tag such as [Alert] has one already. It is not whole when a line has another number of cells than the
// header: with one column more such a row might be read, as something else.
func (t untypedTable) typeColumn(src []byte, rows map[int]*Item) (splices []splice, whole bool) {
	width := len("Type")
	for _, line := range t.lines {
		if item := rows[line.start]; item != nil {
			width = max(width, utf8.RuneCountInString(typeCell(item)))
		}
	}
	for n, line := range t.lines {
		text := string(src[line.start:line.end])
		var cells []span
		eachCell(text, func(cell span) bool {
			cells = append(cells, cell)
			return len(cells) <= t.columns
		})
		if len(cells) != t.columns {
			return nil, false
		}
		cell := ""
		switch item := rows[line.start]; {
		case n == 0:
			cell = "Type"
		case n == 1:
			cell = strings.Repeat("-", width)
		case item != nil:
			cell = typeCell(item)
		}
		padded := " " + cell + strings.Repeat(" ", width-utf8.RuneCountInString(cell)) + " |"
		if n == 1 && text[cells[t.action].start] != ' ' {
			padded = "--" + cell + "|"
		}
		at := line.start + cells[t.action].end
		if at < line.end {
			at++ // behind the pipe
		} else {
			padded = " |" + padded
		}
		splices = append(splices, splice{span{at, at}, padded})
	}
	return splices, true
}

func typeCell(i *Item) string { return strings.ReplaceAll(i.Type, "|", `\|`) }

// onlyTyped checks that a document holds the same items, with their types
// stated.
func (in *Inspection) onlyTyped(after *Document) error {
	if len(in.Items) != len(after.Items) || len(in.Problems) != len(after.Problems) || len(in.logs) != len(after.logs) {
		return fmt.Errorf("the document would read differently: %d items instead of %d", len(after.Items), len(in.Items))
	}
	for i := range in.Items {
		was, is := &in.Items[i], &after.Items[i]
		action := is.Action
		if was.Checkbox && was.Inferred && !was.closed() {
			action = strings.Replace(action, "["+was.Type+"] ", "", 1)
		}
		if is.Line != was.Line || is.state != was.state || action != was.Action || is.Type != was.Type || is.Inferred && !was.closed() ||
			is.Priority != was.Priority || is.Status != was.Status || is.Details != was.Details || is.Owner != was.Owner ||
			is.Ticket != was.Ticket || is.Due != was.Due || !slices.Equal(is.Heading, was.Heading) {
			return fmt.Errorf("the item in line %d would read differently", was.Line)
		}
	}
	return nil
}
