package markdown

import (
	"bytes"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/yuin/goldmark/ast"
)

// Page is the text of a document.
type Page struct {
	Text string // what is parsed: the file without byte order mark and front matter
	Base int    // offset of text in the file

	source   []byte
	at, line int // place that was looked up last, and the number of its line; look-ups mostly go forward
}

// NewPage is the page of a file.
func NewPage(src []byte) *Page {
	base := bodyStart(src)
	return &Page{Text: string(src[base:]), Base: base, source: src[base:], line: 1 + bytes.Count(src[:base], []byte{'\n'})}
}

// BlockStart is where the text of a block begins.
func (p *Page) BlockStart(n ast.Node) int {
	if lines := n.Lines(); lines.Len() > 0 {
		return lines.At(0).Start
	}
	return 0
}

// BlockText is the text of a block, its lines as they stand but without the
// indentation and quote marks before them.
func (p *Page) BlockText(n ast.Node) string {
	lines := n.Lines()
	if lines.Len() == 1 {
		return p.Text[lines.At(0).Start:lines.At(0).Stop]
	}
	return string(lines.Value(p.source))
}

// Line is the number of the line at an offset of the text, and the column in
// it, both counted from 1.
func (p *Page) Line(at int) (line, column int) {
	if at >= p.at {
		p.line += strings.Count(p.Text[p.at:at], "\n")
	} else {
		p.line -= strings.Count(p.Text[at:p.at], "\n")
	}
	p.at = at
	return p.line, at - p.LineStart(at) + 1
}

// LineStart is where the line begins that an offset stands in.
func (p *Page) LineStart(at int) int { return strings.LastIndexByte(p.Text[:at], '\n') + 1 }

// BlockSpan is the range of a block that has lines.
func BlockSpan(n ast.Node) Span {
	lines := n.Lines()
	at := Span{lines.At(0).Start, lines.At(lines.Len() - 1).Stop}
	if html, ok := n.(*ast.HTMLBlock); ok && html.HasClosure() {
		at.End = html.ClosureLine.Stop
	}
	return at
}

// joinBlankLines makes one long blank line of every run of blank lines beyond
// the first. Blank lines are the one kind of line that costs goldmark time
// for every open container without holding a byte for it. Offsets stay.
func joinBlankLines(source []byte) []byte {
	joined, run, last := source, 0, 0
	for start := 0; ; start = last + 1 {
		n := bytes.IndexByte(source[start:], '\n')
		if n < 0 {
			return joined
		}
		if n > 0 && (source[start] > ' ' || len(bytes.TrimLeft(source[start:start+n], " \t\r")) > 0) {
			run = 0
		}
		if run++; run == 3 && &joined[0] == &source[0] {
			joined = bytes.Clone(source)
		}
		if run > 2 {
			joined[last] = ' '
		}
		last = start + n
	}
}

var (
	// frontMatter is what may stand before the Markdown. A thematic break at the top
	// is followed by a blank line.
	frontMatter = pattern.Lazy(`\A\x{FEFF}?(?:---[ \t\r]*\n(?:[^\n]*[^ \t\r\n][^\n]*\n(?:[^\n]*\n)*?)??(?:---|\.\.\.)[ \t\r]*(?:\n|\z)|\+\+\+[ \t\r]*\n(?:[^\n]*\n)*?\+\+\+[ \t\r]*(?:\n|\z))`)
	titleField  = pattern.Lazy(`(?m)^title\s*[:=]\s*["']?([^"'\r\n]{1,300})`)
)

// bodyStart is where the Markdown begins: after the byte order mark and the
// front matter.
func bodyStart(src []byte) int {
	if at := frontMatter().FindIndex(src); at != nil {
		return at[1]
	}
	return len(src) - len(bytes.TrimPrefix(src, []byte("\ufeff")))
}

// FrontMatterTitle is the title field of the front matter, "" when none.
func (p *Page) FrontMatterTitle(src []byte) string {
	if m := titleField().FindSubmatch(src[:min(p.Base, 64<<10)]); m != nil {
		return strings.TrimSpace(string(m[1]))
	}
	return ""
}
