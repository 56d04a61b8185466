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

// Limits of what is read of a document.
const (
	maxLine   = 64 << 10 // bytes of a line
	itemBytes = 72       // of a document for each item
	freeItems = 500      // beyond these
	mostItems = 150_000  // of any document
)

// tooDeep reports a line that nests too deeply, once per run of such lines.
func (r *reader) tooDeep(at int) {
	line, _ := r.Line(at)
	again := r.deepLine > 0 && line <= r.deepLine+1
	if r.deepLine = line; again {
		return
	}
	r.problem(at, reason.TooComplex, fmt.Sprintf("lists or quotes are nested over %d levels deep", markdown.MaxLevels), r.Text[at:min(len(r.Text), at+200)])
}

// withheld reports whether a range holds a line that is too long or nests too
// deeply, or stands inside a comment that began in an earlier line.
func (r *reader) withheld(s markdown.Span) bool {
	if s.Start < r.hidden {
		r.pass(s, WhyHidden)
		return true
	}
	if r.tooLong(s) {
		return true
	}
	i := sort.SearchInts(r.refused, s.Start)
	return i < len(r.refused) && r.refused[i] < s.End
}

// tooLong reports whether a range holds a line over maxLine, and tells of it.
func (r *reader) tooLong(s markdown.Span) bool {
	if s.End-s.Start <= maxLine {
		return false
	}
	for line := range strings.Lines(r.Text[s.Start:s.End]) {
		if len(line) > maxLine {
			r.problem(s.Start, reason.TooComplex, fmt.Sprintf("the line has %d bytes, over 64 KiB", len(strings.TrimRight(line, "\r\n"))), line[:400])
			return true
		}
		s.Start += len(line)
	}
	return false
}

// brokenTable reports a paragraph that was meant as a table of items and is
// none, because its delimiter row is missing or has another number of columns.
func (r *reader) brokenTable(n ast.Node) {
	lines := n.Lines()
	if lines.Len() == 0 || r.tooLong(markdown.BlockSpan(n)) || lines.Len() == 1 {
		return
	}
	head := strings.TrimSpace(r.Text[lines.At(0).Start:lines.At(0).Stop])
	if strings.IndexByte(head, '|') < 0 {
		return
	}
	cells := markdown.Cells(nil, head, 0)
	if len(cells) > markdown.MaxColumns || !term.ReadHeader(head, cells).Items(r.section().Kind) {
		return
	}
	second := r.Text[lines.At(1).Start:lines.At(1).Stop]
	detail := "the line under the table's header is no delimiter row such as |---|---|, so this is no table"
	if n := markdown.DelimiterColumns([]byte(second)); n > 0 {
		detail = fmt.Sprintf("the header has %d cells and the delimiter row %d, so this is no table", len(cells), n)
	}
	r.problem(lines.At(1).Start, reason.MalformedRow, detail, second)
}
