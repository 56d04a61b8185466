package postmortem

import (
	"fmt"
	"sort"
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/pm-todos/pm-todos/plugin/reason"
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
				r.longLine(span{lines.At(i).Start, lines.At(i).Stop})
			}
		case *tableBlock:
			for _, line := range n.lines {
				r.longLine(line)
			}
		case *ast.List, *ast.ListItem:
			r.longLines(n)
		}
	}
}

func (r *reader) anyLong() bool {
	for i, start := range r.starts {
		end := r.base + len(r.text)
		if i+1 < len(r.starts) {
			end = r.starts[i+1]
		}
		if end-start > maxLine {
			return true
		}
	}
	return false
}

func (r *reader) longLine(line span) {
	if tooLongLine(line) {
		r.problem(line.start, reason.TooComplex,
			fmt.Sprintf("the line has %d bytes, over 64 KiB", line.end-line.start), r.text[line.start:min(line.end, line.start+400)])
	}
}

func tooLongLine(line span) bool { return line.end-line.start > maxLine }

// tooDeep reports a line that nests too deeply, once per run of such lines.
func (r *reader) tooDeep(at int) {
	line, _ := r.line(at)
	again := r.deepLine > 0 && line <= r.deepLine+1
	if r.deepLine = line; again {
		return
	}
	r.problem(at, reason.TooComplex, fmt.Sprintf("lists or quotes are nested over %d levels deep", maxLevels), r.text[at:min(len(r.text), at+200)])
}

// withheld reports whether a range holds a line that nests too deeply, or stands
// inside a comment that began in an earlier line.
func (r *reader) withheld(s span) bool {
	if s.start < r.hidden {
		r.pass(s, WhyHidden)
		return true
	}
	i := sort.SearchInts(r.refused, s.start)
	return i < len(r.refused) && r.refused[i] < s.end
}

// brokenTable reports a paragraph that was meant as a table of items and is
// none, because its delimiter row is missing or has another number of columns.
func (r *reader) brokenTable(n ast.Node) {
	lines := n.Lines()
	if lines.Len() < 2 {
		return
	}
	head := strings.TrimSpace(r.text[lines.At(0).Start:lines.At(0).Stop])
	if strings.IndexByte(head, '|') < 0 || len(head) > maxLine {
		return
	}
	var cells []string
	eachCell(head, func(s span) bool {
		cells = append(cells, strings.TrimSpace(head[s.start:s.end]))
		return len(cells) <= maxColumns
	})
	if len(cells) > maxColumns || !readHeader(cells).items(r.section().kind) {
		return
	}
	second := r.text[lines.At(1).Start:lines.At(1).Stop]
	detail := "the line under the table's header is no delimiter row such as |---|---|, so this is no table"
	if n := delimiterColumns([]byte(second)); n > 0 {
		detail = fmt.Sprintf("the header has %d cells and the delimiter row %d, so this is no table", len(cells), n)
	}
	r.problem(lines.At(1).Start, reason.MalformedRow, detail, second)
}

// Limits of documents that are made of very little text in very many pieces.
// Every line, list, quote and item costs time and memory whatever its length,
// so a document of tiny ones is read no further than one of ordinary ones
// would be. Nobody writes such documents.
const (
	maxBytes    = 16 << 20 // of a document
	indentPiece = 8        // columns of indentation and marks that count as a line
	pieceBytes  = 16       // of a document for each line that is not blank
	freePieces  = 2000     // beyond these
	itemBytes   = 72       // of a document for each item
	freeItems   = 500      // beyond these
	mostItems   = 150_000  // of any document
)

// itemLimit is how many items a document of a size may have.
func itemLimit(size int) int { return min(freeItems+size/itemBytes, mostItems) }

// pieceLimit is how many pieces a document of a size may have.
func pieceLimit(size int) int { return freePieces + size/pieceBytes }

// crowded says why a document is too complex to be read at all, and where that
// begins; "" when it is not. It is a scan of its own before goldmark's, which
// would be slow on such documents: a line deep in a list costs time for every
// list around it.
func crowded(text string) (at int, why string) {
	if len(text) > maxBytes {
		return 0, fmt.Sprintf("the document has %d bytes, over 16 MiB", len(text))
	}
	pieces, limit := 0, pieceLimit(len(text))
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text) - start
		}
		line := text[start : start+end]
		if strings.TrimSpace(line) != "" {
			marks := line[:len(line)-len(strings.TrimLeft(line, " \t>*+-.)0123456789"))]
			pieces += 1 + (len(marks)+3*strings.Count(marks, "\t"))/indentPiece
		}
		if pieces > limit {
			return start, fmt.Sprintf("the document has over %d lines and list items, which is more than one in %d bytes", limit, pieceBytes)
		}
		start += end + 1
	}
	return 0, ""
}
