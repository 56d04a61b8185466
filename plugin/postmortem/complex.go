package postmortem

import (
	"fmt"
	"sort"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/yuin/goldmark/ast"
)

// longLines reports every line over maxLine that is not inside code, a comment
// or raw HTML. Rows and tasks on such lines are withheld.
func (r *reader) longLines(parent ast.Node) {
	if !r.anyLong() {
		return
	}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Paragraph, *ast.TextBlock, *ast.Heading:
			lines := n.Lines()
			for i := range lines.Len() {
				r.longLine(markdown.Span{Start: lines.At(i).Start, End: lines.At(i).Stop})
			}
		case *markdown.TableBlock:
			for _, line := range n.Rows {
				r.longLine(line)
			}
		case *ast.List, *ast.ListItem:
			r.longLines(n)
		}
	}
}

func (r *reader) anyLong() bool {
	for line := range strings.Lines(r.Text) {
		if len(line) > markdown.MaxLine {
			return true
		}
	}
	return false
}

func (r *reader) longLine(line markdown.Span) {
	if markdown.TooLongLine(line) {
		r.problem(line.Start, reason.TooComplex,
			fmt.Sprintf("the line has %d bytes, over 64 KiB", line.End-line.Start), r.Text[line.Start:min(line.End, line.Start+400)])
	}
}

// tooDeep reports a line that nests too deeply, once per run of such lines.
func (r *reader) tooDeep(at int) {
	line, _ := r.Line(at)
	again := r.deepLine > 0 && line <= r.deepLine+1
	if r.deepLine = line; again {
		return
	}
	r.problem(at, reason.TooComplex, fmt.Sprintf("lists or quotes are nested over %d levels deep", markdown.MaxLevels), r.Text[at:min(len(r.Text), at+200)])
}

// withheld reports whether a range holds a line that nests too deeply, or stands
// inside a comment that began in an earlier line.
func (r *reader) withheld(s markdown.Span) bool {
	if s.Start < r.hidden {
		r.pass(s, WhyHidden)
		return true
	}
	i := sort.SearchInts(r.refused, s.Start)
	return i < len(r.refused) && r.refused[i] < s.End
}

// brokenTable reports a paragraph that was meant as a table of items and is
// none, because its delimiter row is missing or has another number of columns.
func (r *reader) brokenTable(n ast.Node) {
	lines := n.Lines()
	if lines.Len() < 2 {
		return
	}
	head := strings.TrimSpace(r.Text[lines.At(0).Start:lines.At(0).Stop])
	if strings.IndexByte(head, '|') < 0 || len(head) > markdown.MaxLine {
		return
	}
	var cells []string
	markdown.EachCell(head, func(s markdown.Span) bool {
		cells = append(cells, strings.TrimSpace(head[s.Start:s.End]))
		return len(cells) <= markdown.MaxColumns
	})
	if len(cells) > markdown.MaxColumns || !term.ReadHeader(cells).Items(r.section().Kind) {
		return
	}
	second := r.Text[lines.At(1).Start:lines.At(1).Stop]
	detail := "the line under the table's header is no delimiter row such as |---|---|, so this is no table"
	if n := markdown.DelimiterColumns([]byte(second)); n > 0 {
		detail = fmt.Sprintf("the header has %d cells and the delimiter row %d, so this is no table", len(cells), n)
	}
	r.problem(lines.At(1).Start, reason.MalformedRow, detail, second)
}
