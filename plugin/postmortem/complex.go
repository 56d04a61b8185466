package postmortem

import (
	"fmt"
	"sort"
	"strings"

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
		r.problem(line.start, TooComplex,
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
	r.problem(at, TooComplex, fmt.Sprintf("lists or quotes are nested over %d levels deep", maxLevels), r.text[at:min(len(r.text), at+200)])
}

// withheld tells whether a range holds a line that nests too deeply, or stands
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
	if len(cells) > maxColumns || !readHeader(cells).items(r.section().standing) {
		return
	}
	second := r.text[lines.At(1).Start:lines.At(1).Stop]
	detail := "the line under the table's header is no delimiter row such as |---|---|, so this is no table"
	if n := delimiterColumns([]byte(second)); n > 0 {
		detail = fmt.Sprintf("the header has %d cells and the delimiter row %d, so this is no table", len(cells), n)
	}
	r.problem(lines.At(1).Start, MalformedRow, detail, second)
}

// Limits of lines that open many containers at once, which cost goldmark the
// time of many lines and which nobody writes.
const (
	manyMarks  = 6   // marks of lists and quotes at the beginning of one line
	manyDeep   = 256 // such lines of a document
	itemBytes  = 32  // of a document for each item beyond the first freeItems
	freeItems  = 1000
	mostItems  = 150_000 // of any document
	markLength = 12      // bytes of a mark, its number included
)

// itemLimit is how many items are read of a document. Each costs time whatever
// its length, so a document of tiny rows is read no further than one of
// ordinary rows.
func itemLimit(size int) int { return min(freeItems+size/itemBytes, mostItems) }

// deepLines tells whether many lines of text begin with many marks of lists and
// quotes, and where the first one is.
func deepLines(text string) (at int, many bool) {
	count := 0
	for start := 0; start < len(text); {
		end := strings.IndexByte(text[start:], '\n')
		if end < 0 {
			end = len(text) - start
		}
		if marks(text[start:start+end]) >= manyMarks {
			if count++; count == 1 {
				at = start
			}
			if count > manyDeep {
				return at, true
			}
		}
		start += end + 1
	}
	return 0, false
}

// marks counts the marks of lists and quotes that a line begins with; a line of
// nothing else, such as a rule, has none.
func marks(line string) int {
	count := 0
	for i := 0; i < len(line); {
		switch line[i] {
		case ' ', '\t', '\r':
			i++
			continue
		case '>':
			count++
			i++
			continue
		}
		mark := line[i:min(i+markLength, len(line))]
		if !opensContainer([]byte(mark)) {
			return count
		}
		count++
		i += max(strings.IndexAny(mark, " \t"), 1)
	}
	return 0
}
