package postmortem

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/yuin/goldmark/ast"
)

// Inspection is a document with what its author may ask about beside its items.
type Inspection struct {
	*Document
	Passed []Passed // what is no item, in order of position
	Blanks []Blank  // what of a template is left to fill in, in order of position

	Untyped []UntypedTable
}

// Passed is a place that was read and is no item.
type Passed struct {
	Line, End int // first and last line, counted from 1
	Column    int // in bytes, counted from 1
	Why       Why
	Heading   []string // headings above it, outermost first
	Text      string   // beginning of its first line, without control characters
}

// Why says why a place is no item.
type Why string

// The reasons why a place is no item.
const (
	WhyText        Why = "text"          // a paragraph
	WhyHeading     Why = "heading"       // a heading, or a bold label that serves as one
	WhyCode        Why = "code"          // inside a code block
	WhyHTML        Why = "html"          // inside HTML or a comment
	WhyHidden      Why = "hidden"        // inside a comment that begins in an earlier line
	WhyQuote       Why = "quote"         // inside a block quote
	WhyTableHead   Why = "table-head"    // the header or delimiter row of a table of items
	WhyOtherTable  Why = "other-table"   // a table that is not one of items
	WhyLog         Why = "log-table"     // a table of what was implemented
	WhyPlaceholder Why = "placeholder"   // nothing but a placeholder, or blank
	WhyField       Why = "field"         // a bullet such as "Owner: …"
	WhyIntro       Why = "intro"         // a bullet that introduces those below it
	WhyNested      Why = "nested"        // a plain bullet below another one
	WhyBullet      Why = "bullet"        // a plain bullet that no heading makes a follow-up
	WhyOutside     Why = "outside"       // a box outside every follow-up heading
	WhyOtherTopic  Why = "other-heading" // a box or row below a heading that is about something else
)

// Inspect reads a document as Parse does, and keeps what is no item.
func Inspect(file string, src []byte, p classify.Policy) *Inspection {
	in := &Inspection{}
	in.Document = parse(file, src, p, in)
	slices.SortStableFunc(in.Passed, func(a, b Passed) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return in
}

// pass keeps a range that is no item, when somebody asked for such.
func (r *reader) pass(at markdown.Span, why Why) {
	if r.inspection == nil || at.Empty() {
		return
	}
	line, column := r.Line(at.Start)
	end, _ := r.Line(at.End - 1)
	first, _, _ := strings.Cut(r.Text[at.Start:min(at.End, at.Start+400)], "\n")
	r.inspection.Passed = append(r.inspection.Passed, Passed{
		Line: line, End: end, Column: column, Why: why, Heading: r.section().Path, Text: text.Marked(strings.TrimSpace(first), 80),
	})
}

// passBlock keeps the lines of a block that is no item.
func (r *reader) passBlock(n ast.Node, why Why) {
	if r.inspection == nil || n.Lines().Len() == 0 {
		return
	}
	at := markdown.BlockSpan(n)
	if n.Kind() == ast.KindFencedCodeBlock { // with its fences
		at.Start = strings.LastIndexByte(r.Text[:max(0, r.LineStart(at.Start)-1)], '\n') + 1
		if end := strings.IndexByte(r.Text[at.End:], '\n'); end > 0 {
			at.End += end
		}
	}
	r.pass(at, why)
}

// UntypedTable is a table of items without a Type column. Its ranges are in
// bytes of the file.
type UntypedTable struct {
	Lines   []markdown.Span // header, delimiter row, rows
	Columns int
	Action  int // column of the action
}

// noteUntyped keeps a table without a Type column, when somebody asked.
func (t *tableRows) noteUntyped() {
	if t.inspection == nil || t.cols.Has(term.RoleType) {
		return
	}
	table := UntypedTable{Columns: t.cols.Count, Action: t.cols.At[term.RoleAction]}
	for _, line := range t.table.Rows {
		table.Lines = append(table.Lines, markdown.Span{Start: line.Start + t.Base, End: line.End + t.Base})
	}
	t.inspection.Untyped = append(t.inspection.Untyped, table)
}
