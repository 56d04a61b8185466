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
	manyMarks   = 6       // marks of lists and quotes at the beginning of one line
	manyDeep    = 256     // such lines of a document
	markLength  = 12      // bytes of a mark, its number included
	indentPiece = 8       // columns of indentation that count as a mark
	pieceBytes  = 16      // of a document for each line that is not blank, and for each mark before it
	freePieces  = 2000    // beyond these
	itemBytes   = 72      // of a document for each item
	freeItems   = 500     // beyond these
	mostItems   = 150_000 // of any document
)

// itemLimit is how many items a document of a size may have.
func itemLimit(size int) int { return min(freeItems+size/itemBytes, mostItems) }

// pieceLimit is how many pieces a document of a size may have.
func pieceLimit(size int) int { return freePieces + size/pieceBytes }

// crowded says why a document is too complex to be read at all, and where that
// begins; "" when it is not. It is a scan of its own before goldmark's, which
// would be slow on such documents.
func crowded(text string) (at int, why string) {
	pieces, deep, limit := 0, 0, pieceLimit(len(text))
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text) - start
		}
		count, columns, blank := marks(text[start : start+end])
		if !blank {
			pieces += 1 + count + columns/indentPiece
		}
		if count >= manyMarks {
			deep++
		}
		switch {
		case deep > manyDeep:
			return start, fmt.Sprintf("over %d lines open %d lists or quotes or more at once", manyDeep, manyMarks)
		case pieces > limit:
			return start, fmt.Sprintf("the document has over %d lines and list items, which is more than one in %d bytes", limit, pieceBytes)
		}
		start += end + 1
	}
	return 0, ""
}

// marks counts the marks of lists and quotes that a line begins with, and the
// columns of its indentation: a line deep in a list costs time for every list
// around it. A line of nothing but stars or dashes is a rule and has no marks.
func marks(line string) (count, columns int, blank bool) {
	blank = true
	quotes, items := 0, 0
	for i := 0; i < len(line); {
		switch line[i] {
		case '\t':
			columns += 4
			i++
			continue
		case ' ', '\r':
			columns++
			i++
			continue
		case '>':
			quotes++
			blank = false
			i++
			continue
		}
		blank = false
		mark := line[i:min(i+markLength, len(line))]
		if !opensContainer(mark) {
			return quotes + items, columns, false
		}
		items++
		i += max(strings.IndexAny(mark, " \t"), 1)
	}
	return quotes, columns, blank
}
