// Package markdown finds what stands where in a document: blocks and tables with
// the bytes that they have in it, and texts as their readers see them.
package markdown

import (
	"bytes"
	"sync"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// Limits beyond which a place is withheld as too complex. goldmark's own
// table parser and its container blocks are quadratic in wide tables and in
// deep nesting, and nobody reads such places anyway.
const (
	MaxColumns = 64
	MaxLevels  = 16
)

// Span is a range of bytes in the document.
type Span struct{ Start, End int }

// Empty reports whether the range holds nothing.
func (s Span) Empty() bool { return s.Start >= s.End }

// kindTable is the block kind of tableBlock.
var kindTable = ast.NewNodeKind("PostmortemTable")

// TableBlock is a GFM table: its first line is the header, its second the
// delimiter row. goldmark's own table node forgets how many cells a row has,
// and this program must know.
type TableBlock struct {
	ast.BaseBlock
	Columns int    // of the delimiter row, the same as of the header
	Rows    []Span // header and delimiter row first
}

// Kind is part of ast.Node.
func (t *TableBlock) Kind() ast.NodeKind { return kindTable }

// IsRaw keeps goldmark from looking for inline nodes.
func (t *TableBlock) IsRaw() bool { return true }

// Span is the range from the table's header to the end of its last row.
func (t *TableBlock) Span() Span { return Span{t.Rows[0].Start, t.Rows[len(t.Rows)-1].End} }

// Dump is part of ast.Node; goldmark calls it for debugging only.
func (t *TableBlock) Dump(source []byte, level int) { ast.DumpHelper(t, source, level, nil, nil) }

// tables turns paragraphs that hold a delimiter row into tables.
type tables struct{}

func (tables) Transform(node *ast.Paragraph, reader text.Reader, _ parser.Context) {
	lines, source := node.Lines(), reader.Source()
	for i := 1; i < lines.Len(); i++ {
		columns := DelimiterColumns(value(lines.At(i), source))
		if columns < 2 || columns != headerColumns(value(lines.At(i-1), source)) {
			continue
		}
		table := &TableBlock{Columns: columns, Rows: make([]Span, 0, lines.Len()-i+1)}
		for j := i - 1; j < lines.Len(); j++ {
			table.Rows = append(table.Rows, trimSpan(source, lines.At(j)))
		}
		table.SetPos(table.Rows[0].Start)
		parent := node.Parent()
		parent.InsertAfter(parent, node, table)
		if i == 1 {
			parent.RemoveChild(parent, node)
			return
		}
		lines.SetSliced(0, i-1)
		return
	}
}

func value(s text.Segment, source []byte) []byte { return source[s.Start:s.Stop] }

func trimSpan(source []byte, s text.Segment) Span {
	start, end := s.Start, s.Stop
	for start < end && IsSpace(source[start]) {
		start++
	}
	for start < end && IsSpace(source[end-1]) {
		end--
	}
	return Span{start, end}
}

// DelimiterColumns is how many columns a delimiter row such as |---|:-:| has,
// 0 when the line is none.
func DelimiterColumns(line []byte) int {
	if width, _ := util.IndentWidth(line, 0); width > 3 {
		return 0
	}
	line = bytes.TrimSpace(line)
	if len(line) == 0 || !bytes.Contains(line, []byte{'-'}) {
		return 0
	}
	line = bytes.TrimPrefix(line, []byte{'|'})
	line = bytes.TrimSuffix(line, []byte{'|'})
	columns, from := 0, 0
	for i := 0; i <= len(line); i++ {
		if i < len(line) && line[i] != '|' {
			continue
		}
		cell := bytes.TrimSpace(line[from:i])
		cell = bytes.TrimPrefix(cell, []byte{':'})
		cell = bytes.TrimSuffix(cell, []byte{':'})
		if len(cell) == 0 || len(bytes.Trim(cell, "-")) != 0 {
			return 0
		}
		columns, from = columns+1, i+1
	}
	return columns
}

func headerColumns(line []byte) (columns int) {
	for range EachCell(string(bytes.TrimSpace(line))) {
		columns++
	}
	return columns
}

// tooDeepKey holds the offsets at which the guard refused to nest deeper.
var tooDeepKey = parser.NewContextKey()

// guard wraps goldmark's parser of a container block and refuses to nest
// deeper than maxLevels. What stands deeper is read as text of the deepest
// container; the reader withholds it.
type guard struct{ parser.BlockParser }

func (g guard) Open(parent ast.Node, reader text.Reader, pc parser.Context) (ast.Node, parser.State) {
	level := 0
	for n := parent; n != nil; n = n.Parent() {
		if n.Kind() == ast.KindListItem || n.Kind() == ast.KindBlockquote {
			level++
		}
	}
	if level < MaxLevels {
		return g.BlockParser.Open(parent, reader, pc)
	}
	line, at := reader.PeekLine()
	if offset := pc.BlockOffset(); offset < 0 || offset >= len(line) || !opensContainer(line[offset:]) {
		return nil, parser.NoChildren
	}
	refused, _ := pc.Get(tooDeepKey).([]int)
	if n := len(refused); n == 0 || refused[n-1] < at.Start {
		pc.Set(tooDeepKey, append(refused, at.Start))
	}
	return nil, parser.NoChildren
}

func opensContainer(line []byte) bool {
	if line[0] == '>' {
		return true
	}
	n := 0
	for n < len(line) && line[n] >= '0' && line[n] <= '9' {
		n++
	}
	if n == 0 && line[0] != '-' && line[0] != '+' && line[0] != '*' {
		return false
	}
	return n+1 < len(line) && IsSpace(line[n+1])
}

// blockParser finds the blocks of a document. Inline nodes are not asked
// for: goldmark's inline parsers are the slow part, and cells and tasks are
// needed as the author wrote them.
var blockParser = sync.OnceValue(func() parser.Parser {
	return parser.NewParser(
		parser.WithBlockParsers(
			util.Prioritized(parser.NewSetextHeadingParser(), 100),
			util.Prioritized(parser.NewThematicBreakParser(), 200),
			util.Prioritized(guard{parser.NewListParser()}, 300),
			util.Prioritized(parser.NewListItemParser(), 400),
			util.Prioritized(parser.NewCodeBlockParser(), 500),
			util.Prioritized(parser.NewATXHeadingParser(), 600),
			util.Prioritized(parser.NewFencedCodeBlockParser(), 700),
			util.Prioritized(guard{parser.NewBlockquoteParser()}, 800),
			util.Prioritized(parser.NewHTMLBlockParser(), 900),
			util.Prioritized(parser.NewParagraphParser(), 1000),
		),
		parser.WithParagraphTransformers(util.Prioritized(tables{}, 100)),
	)
})

// Blocks is the tree of blocks of the page, and the offsets of the lines that nest
// too deeply.
func (p *Page) Blocks() (ast.Node, []int) {
	pc := parser.NewContext()
	root := blockParser().Parse(text.NewReader(joinBlankLines(p.source)), parser.WithContext(pc))
	refused, _ := pc.Get(tooDeepKey).([]int)
	return root, refused
}
