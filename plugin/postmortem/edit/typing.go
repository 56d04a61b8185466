package edit

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

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
func StateTypes(in *postmortem.Inspection, src []byte) (Typed, error) {
	typed := Typed{Content: src}
	rows := map[int]*postmortem.Item{}
	var splices []splice
	for i := range in.Items {
		item := &in.Items[i]
		switch {
		case item.Closed() || item.Type == "":
		case !item.Checkbox:
			rows[item.Row.Start] = item
		case mayBeTagged(item):
			splices = append(splices, tagSplice(item))
			typed.Stated++
		}
	}
	for _, table := range in.Untyped {
		stated := 0
		for _, line := range table.Lines {
			if item := rows[line.Start]; item != nil && item.Inferred {
				stated++
			}
		}
		if stated == 0 {
			continue
		}
		column, whole := typeColumn(table, src, rows)
		if !whole {
			line := 1 + strings.Count(string(src[:table.Lines[0].Start]), "\n")
			typed.Left = append(typed.Left, line)
			continue
		}
		splices = append(splices, column...)
		typed.Stated += stated
	}
	if len(splices) == 0 {
		return typed, nil
	}
	slices.SortFunc(splices, func(a, b splice) int { return a.at.Start - b.at.Start })
	content := apply(src, splices)
	err := sameBut(in.Document, postmortem.Parse(in.File, content, in.Policy), func(_ int, was, is *postmortem.Item) {
		if mayBeTagged(was) {
			is.Action = strings.Replace(is.Action, "["+was.Type+"] ", "", 1)
		}
		if was.Closed() == is.Closed() && was.Line == is.Line { // the type is part of the id, and may make an item safe
			was.ID, was.Class = is.ID, is.Class
		}
		was.Inferred = is.Inferred && (was.Closed() || was.Checkbox && !mayBeTagged(was))
	})
	if err != nil {
		return Typed{Content: src}, fmt.Errorf("state the types of %s: %w; state them by hand", in.File, err)
	}
	typed.Content = content
	return typed, nil
}

// mayBeTagged reports whether a box says what its type is, but for a tag. One that is
// still to be filled in says nothing.
func mayBeTagged(i *postmortem.Item) bool {
	return i.Checkbox && i.Inferred && !i.Closed() && !slices.Contains(i.Reasons, reason.Placeholder)
}

// tagSplice puts the type of a box before its text, behind other tags.
func tagSplice(i *postmortem.Item) splice {
	text := i.Raw[len(i.Status):]
	for _, rest := range term.LeadTags(text) {
		if !strings.HasPrefix(strings.TrimLeft(text, " "), "[") {
			break
		}
		text = rest
	}
	at := len(i.Raw) - len(text)
	return splice{markdown.Span{Start: i.Row.Start + at, End: i.Row.Start + at}, " [" + i.Type + "]"}
}

// typeColumn is what makes a Type column of the types that rows have, by where
// they begin; an action with a tag such as [Alert] has one already. It is not whole when a line has another number of cells than the
// header: with one column more such a row might be read, as something else.
func typeColumn(t postmortem.UntypedTable, src []byte, rows map[int]*postmortem.Item) (splices []splice, whole bool) {
	width := len("Type")
	for _, line := range t.Lines {
		if item := rows[line.Start]; item != nil {
			width = max(width, utf8.RuneCountInString(typeCell(item)))
		}
	}
	for n, line := range t.Lines {
		text := string(src[line.Start:line.End])
		var cells []markdown.Span
		for cell := range markdown.EachCell(text) {
			cells = append(cells, cell)
		}
		if len(cells) != t.Columns {
			return nil, false
		}
		cell := ""
		switch item := rows[line.Start]; {
		case n == 0:
			cell = "Type"
		case n == 1:
			cell = strings.Repeat("-", width)
		case item != nil:
			cell = typeCell(item)
		}
		padded := " " + cell + strings.Repeat(" ", width-utf8.RuneCountInString(cell)) + " |"
		if n == 1 && text[cells[t.Action].Start] != ' ' {
			padded = "--" + cell + "|"
		}
		at := line.Start + cells[t.Action].End
		if at < line.End {
			at++ // behind the pipe
		} else {
			padded = " |" + padded
		}
		splices = append(splices, splice{markdown.Span{Start: at, End: at}, padded})
	}
	return splices, true
}

func typeCell(i *postmortem.Item) string { return strings.ReplaceAll(i.Type, "|", `\|`) }
