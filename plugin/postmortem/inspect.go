package postmortem

import (
	"cmp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Inspection is a document with what its author may ask about beside its items.
type Inspection struct {
	*Document
	Passed []Passed // what is no item, in order of position
	Blanks []Blank  // what of a template is left to fill in, in order of position

	src     []byte
	untyped []untypedTable
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
func Inspect(file string, src []byte, p Policy) *Inspection {
	in := &Inspection{src: src}
	in.Document = parse(file, src, p, in)
	slices.SortStableFunc(in.Passed, func(a, b Passed) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return in
}

// pass keeps a range that is no item, when somebody asked for such.
func (r *reader) pass(at span, why Why) {
	if r.inspection == nil || at.empty() {
		return
	}
	line, column := r.line(at.start)
	end, _ := r.line(at.end - 1)
	first, _, _ := strings.Cut(r.text[at.start:min(at.end, at.start+400)], "\n")
	r.inspection.Passed = append(r.inspection.Passed, Passed{
		Line: line, End: end, Column: column, Why: why, Heading: r.section().path, Text: text.Marked(strings.TrimSpace(first), 80),
	})
}

// passBlock keeps the lines of a block that is no item.
func (r *reader) passBlock(n ast.Node, why Why) {
	if r.inspection == nil || n.Lines().Len() == 0 {
		return
	}
	at := blockSpan(n)
	if n.Kind() == ast.KindFencedCodeBlock { // with its fences
		at.start = strings.LastIndexByte(r.text[:max(0, r.lineStart(at.start)-1)], '\n') + 1
		if end := strings.IndexByte(r.text[at.end:], '\n'); end > 0 {
			at.end += end
		}
	}
	r.pass(at, why)
}

// lineStart is where the line begins that an offset stands in.
func (r *reader) lineStart(at int) int { return strings.LastIndexByte(r.text[:at], '\n') + 1 }

// blockSpan is the range of a block that has lines.
func blockSpan(n ast.Node) span {
	lines := n.Lines()
	at := span{lines.At(0).Start, lines.At(lines.Len() - 1).Stop}
	if html, ok := n.(*ast.HTMLBlock); ok && html.HasClosure() {
		at.end = html.ClosureLine.Stop
	}
	return at
}
