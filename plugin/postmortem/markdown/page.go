package markdown

import (
	"bytes"
	"sort"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/yuin/goldmark/ast"
)

// Page is the text of a document and where its lines begin.
type Page struct {
	Text   string // what is parsed: the file without byte order mark and front matter
	Base   int    // offset of text in the file
	Starts []int  // offset of every line of the file
	cursor int    // line that was looked up last; look-ups mostly go forward
}

// NewPage is the page of a file.
func NewPage(src []byte) *Page {
	p := &Page{Base: bodyStart(src), Starts: append(make([]int, 0, bytes.Count(src, []byte{'\n'})+1), 0)}
	p.Text = string(src[p.Base:])
	for i := 0; ; {
		n := bytes.IndexByte(src[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		p.Starts = append(p.Starts, i)
	}
	return p
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
	switch lines.Len() {
	case 0:
		return ""
	case 1:
		return p.Text[lines.At(0).Start:lines.At(0).Stop]
	}
	var b strings.Builder
	for i := range lines.Len() {
		line := lines.At(i)
		b.WriteString(p.Text[line.Start:line.Stop])
	}
	return b.String()
}

// Line is the number of the line at an offset of the text, and the column in
// it, both counted from 1.
func (p *Page) Line(at int) (line, column int) {
	at += p.Base
	c := p.cursor
	if c >= len(p.Starts) || p.Starts[c] > at || c+8 < len(p.Starts) && p.Starts[c+8] <= at {
		c = sort.SearchInts(p.Starts, at+1) - 1
	}
	for c+1 < len(p.Starts) && p.Starts[c+1] <= at {
		c++
	}
	p.cursor = c
	return c + 1, at - p.Starts[c] + 1
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

// JoinBlankLines makes one long blank line of every run of blank lines beyond
// the first. Blank lines are the one kind of line that costs goldmark time
// for every open container without holding a byte for it. Offsets stay.
func JoinBlankLines(text string) []byte {
	b := []byte(text)
	run, last := 0, 0
	for start := 0; ; start = last + 1 {
		n := bytes.IndexByte(b[start:], '\n')
		if n < 0 {
			return b
		}
		if len(bytes.TrimLeft(b[start:start+n], " \t\r")) > 0 {
			run = 0
		}
		if run++; run > 2 {
			b[last] = ' '
		}
		last = start + n
	}
}

// bodyStart is where the Markdown begins: after the byte order mark and the
// front matter.
func bodyStart(src []byte) int {
	start := 0
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		start = 3
	}
	line, rest, _ := bytes.Cut(src[start:], []byte{'\n'})
	fence := string(bytes.TrimRight(line, " \t\r"))
	if fence != "---" && fence != "+++" {
		return start
	}
	at := len(src) - len(rest)
	for first := true; len(rest) > 0; first = false {
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		at += len(rest) - len(after)
		rest = after
		text := string(bytes.TrimRight(line[:min(len(line), 64)], " \t\r"))
		// A thematic break at the top is followed by a blank line.
		if first && fence == "---" && text == "" {
			return start
		}
		if text == fence || fence == "---" && text == "..." {
			return at
		}
	}
	return start
}

// longestFrontMatter is how much of it is read, in bytes.
const longestFrontMatter = 64 << 10

var titleField = pattern.Lazy(`(?m)^title\s*[:=]\s*["']?([^"'\r\n]{1,300})`)

// FrontMatterTitle is the title field of the front matter, "" when none.
func FrontMatterTitle(src []byte, bodyStart int) string {
	if m := titleField().FindSubmatch(src[:min(bodyStart, longestFrontMatter)]); m != nil {
		return strings.TrimSpace(string(m[1]))
	}
	return ""
}
