package postmortem

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Parse reads a document. file is used for the identity of items and for its
// date; it is not opened.
func Parse(file string, src []byte, p Policy) *Document { return parse(file, src, p, nil) }

// parse reads a document, and keeps what is no item in an inspection, when one
// is given.
func parse(file string, src []byte, p Policy, in *Inspection) *Document {
	doc := &Document{File: file, Date: commitDate(file, src), policy: p}
	r := newReader(doc, src)
	r.inspection = in
	r.read()
	c := classifier{policy: p, doc: doc, mentions: r.mentions}
	c.run()
	return doc
}

// source is where an item stands in the bytes, and how it was understood.
// Ranges are in bytes of the file.
type source struct {
	row    span   // the row, or the task's text with its box
	raw    string // the row's text
	token  span   // the status token or box; empty when there is none that may be replaced
	state  state
	kind   Type   // recognised type, stated or inferred
	cell   string // text of the type cell, part of the identity
	number string // what the document may call the item: its id or ticket
	mask   mask   // reasons found so far
	has    has
}

// has are facts about an item that decide which rules look at it.
type has uint8

const (
	hasTypeColumn has = 1 << iota
	hasStatedType
	hasDeclinedText
	hasApproval // the author says that somebody approved it
)

// reader walks the blocks of one document and collects its items.
type reader struct {
	doc      *Document
	text     string // what is parsed: the file without byte order mark and front matter
	base     int    // offset of text in the file
	starts   []int  // offset of every line of the file
	cursor   int    // line that was looked up last; look-ups mostly go forward
	sections []section
	refused  []int // lines that nest too deeply
	details  int   // open <details> elements
	hidden   int   // end of a comment that began inside a line
	noClose  bool  // no --> follows any more
	deepLine int   // last line that was reported as nested too deeply
	mentions mentions
	cells    []span
	titles   map[string]section
	titled   bool     // the heading of level 1 that is the document's title was read
	chunks   [][]Item // items in chunks, so that growing copies each of them once
	limit    int      // of items
	full     bool     // the limit was reached

	inspection *Inspection // nil unless somebody asks for what is no item
}

// chunk is how many items are kept together while a document is read.
const chunk = 32

// count is how many items were read so far.
func (r *reader) count() int {
	n := len(r.chunks)
	if n == 0 {
		return 0
	}
	return (n-1)*chunk + len(r.chunks[n-1])
}

// at is an item that was read.
func (r *reader) at(i int) *Item { return &r.chunks[i/chunk][i%chunk] }

func newReader(doc *Document, src []byte) *reader {
	r := &reader{doc: doc, base: bodyStart(src)}
	doc.Title = frontMatterTitle(src, r.base)
	doc.Severity = frontMatterSeverity(src[:r.base])
	r.text = string(src[r.base:])
	r.limit = itemLimit(len(r.text))
	r.starts = append(make([]int, 0, bytes.Count(src, []byte{'\n'})+1), 0)
	for i := 0; ; {
		n := bytes.IndexByte(src[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		r.starts = append(r.starts, i)
	}
	return r
}

// read is total: should goldmark ever give up on hostile bytes, the document
// is withheld as a whole.
func (r *reader) read() {
	defer func() {
		if recover() != nil {
			r.doc.Items, r.doc.Outside, r.doc.logs, r.mentions = nil, nil, nil, nil
			r.problem(0, reason.TooComplex, "the document cannot be read as Markdown", "")
		}
	}()
	if encoding := otherEncoding(r.text); encoding != "" {
		r.doc.Title = ""
		r.problem(0, reason.InvisibleCharacters, fmt.Sprintf("the document is %s, not UTF-8, and nothing of it was read; convert it with iconv -f %s -t UTF-8", encoding, encoding), "")
		return
	}
	if strings.HasPrefix(r.text, pointerStart) {
		r.doc.Title = ""
		r.problem(0, reason.LFSPointer, "the document is a pointer of Git LFS, and nothing of its text is in the repository; take documents out of LFS: git lfs untrack PATTERN, then git add --renormalize", "")
		return
	}
	if at, why := crowded(r.text); why != "" {
		r.problem(at, reason.TooComplex, why, r.text[at:min(len(r.text), at+200)])
		return
	}
	root, refused := parseBlocks(joinBlankLines(r.text))
	r.refused = refused
	r.longLines(root)
	for _, at := range refused {
		r.tooDeep(at)
	}
	r.walk(root)
	r.findBlanks(root)
	if r.doc.Severity == "" {
		r.doc.Severity = r.severity(root)
	}
	r.doc.Incident = r.incident(root)
	if r.full {
		// What is not read may say that an item before it is done or settled.
		r.chunks, r.doc.logs = nil, nil
	}
	r.doc.Items = make([]Item, 0, r.count())
	for i, chunk := range r.chunks {
		r.doc.Items = append(r.doc.Items, chunk...)
		r.chunks[i] = nil
	}
	slices.SortStableFunc(r.doc.Problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

// joinBlankLines makes one long blank line of every run of blank lines beyond
// the first. Blank lines are the one kind of line that costs goldmark time
// for every open container without holding a byte for it. Offsets stay.
func joinBlankLines(text string) []byte {
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

// walk reads the children of a container in order.
func (r *reader) walk(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			r.heading(n)
		case *ast.Paragraph, *ast.TextBlock:
			r.paragraph(n)
		case *tableBlock:
			r.table(n)
		case *ast.List:
			r.list(n, nil)
		case *ast.HTMLBlock:
			r.html(n)
		case *ast.Blockquote:
			r.quote(n)
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			r.passBlock(n, WhyCode)
		}
	}
}

func (r *reader) heading(n *ast.Heading) {
	title := squeeze(r.blockText(n))
	if r.doc.Title == "" {
		r.doc.Title = plain(title)
	}
	start := r.blockStart(n)
	r.mention(start, title)
	r.push(n.Level, title)
	if n.Level == 1 && len(r.sections) == 1 && !r.titled {
		r.sections[0].bearing, r.titled = bearNone, true // the document's title
	}
	r.passBlock(n, WhyHeading)
	// The offset is that of the text; the line that it stands on begins where
	// the section before it ends.
	f := &r.doc.followUp
	switch line, column := r.line(start); {
	case f.found && f.end == 0 && n.Level <= f.level:
		f.end = r.starts[line-1]
	case !f.found && column > 0 && lower(normalTitle(plain(title))) == "follow up implementation":
		*f = followUp{found: true, level: n.Level}
	}
}

// push opens a section below the sections of lower levels.
func (r *reader) push(level int, title string) {
	for len(r.sections) > 0 && r.sections[len(r.sections)-1].level >= level {
		r.sections = r.sections[:len(r.sections)-1]
	}
	s := r.readTitle(title)
	s.level = level
	above := r.section()
	switch {
	case s.kind == sectionWeak && above.kind == sectionStrong, s.kind == sectionAspect && above.holdsItems():
		s.kind = above.kind
	case s.kind == sectionAspect:
		s.kind = sectionNever
	}
	if len(r.sections) > 0 {
		s.path = append(append(make([]string, 0, len(above.path)+1), above.path...), s.path...)
		if s.kind == sectionUnknown {
			s.kind = above.kind
		}
		if s.bearing == bearNone {
			s.bearing = above.bearing
		}
		if s.priority == "" {
			s.priority = above.priority
		}
	}
	r.sections = append(r.sections, s)
}

// longestTitle is how much of a title is read, in bytes.
const longestTitle = 512

// readTitle is the section that a title opens, as if none stood above it. It
// remembers what titles mean: documents repeat them.
func (r *reader) readTitle(title string) section {
	s, known := r.titles[title]
	if known {
		return s
	}
	text := plain(title[:min(len(title), longestTitle)])
	s = section{path: []string{text}, priority: headingPriority(text)}
	s.kind, s.bearing = classifyTitle(title[:min(len(title), longestTitle)])
	if r.titles == nil {
		r.titles = map[string]section{}
	}
	if len(r.titles) < 1024 && len(title) < longestTitle {
		r.titles[title] = s
	}
	return s
}

// section is the innermost one; the zero section stands above all.
func (r *reader) section() section {
	if n := len(r.sections); n > 0 {
		return r.sections[n-1]
	}
	return section{}
}

// paragraph looks for a label that opens a section, and for what the text says
// of items above it.
func (r *reader) paragraph(n ast.Node) {
	text := r.blockText(n)
	r.mention(r.blockStart(n), text)
	r.trackHTML(r.blockStart(n), text)
	if label := labelOf(text); label != "" {
		r.push(levelLabel, label)
		r.passBlock(n, WhyHeading)
		return
	}
	r.passBlock(n, WhyText)
	r.brokenTable(n)
}

// labelOf is the title of a paragraph that is nothing but a bold label, or a
// plain follow-up heading with a colon; else "".
func labelOf(text string) string {
	text = strings.TrimSpace(text)
	if len(text) == 0 || len(text) > 120 || strings.ContainsAny(text, "\n|") {
		return ""
	}
	bare := strings.TrimRight(text, ":： ")
	if len(bare) > 4 && (strings.HasPrefix(bare, "**") && strings.HasSuffix(strings.TrimRight(bare, ":： "), "**") ||
		strings.HasPrefix(bare, "__") && strings.HasSuffix(bare, "__")) &&
		strings.Count(bare, "**")+strings.Count(bare, "__") == 2 {
		return strings.TrimRight(plain(bare), ":： ")
	}
	if len(bare) < len(text) {
		if s, _ := classifyTitle(bare); s != sectionUnknown {
			return bare
		}
	}
	return ""
}

// html counts <details> elements; everything else in HTML is no item.
func (r *reader) html(n *ast.HTMLBlock) {
	if n.Lines().Len() == 0 {
		return
	}
	r.passBlock(n, WhyHTML)
	at := blockSpan(n)
	r.countDetails(stripComments(r.text[at.start:at.end]))
}

// countDetails keeps track of <details> elements that open and close.
func (r *reader) countDetails(html string) {
	low := lower(html)
	for i := 0; ; {
		at := strings.Index(low[i:], "details")
		if at < 0 {
			return
		}
		at += i
		i = at + len("details")
		if i < len(low) && isWord(low[i]) {
			continue
		}
		switch {
		case strings.HasSuffix(low[:at], "</"):
			r.details = max(0, r.details-1)
		case strings.HasSuffix(low[:at], "<"):
			r.details++
		}
	}
}

// trackHTML follows elements and comments that begin inside a line of text.
func (r *reader) trackHTML(start int, text string) {
	if strings.IndexByte(text, '<') < 0 {
		return
	}
	bare := withoutCode(text)
	r.countDetails(stripComments(bare))
	open := strings.LastIndex(bare, "<!--")
	if open < 0 || strings.Contains(bare[open:], "-->") || r.noClose || start < r.hidden {
		return
	}
	// Renderers differ on a comment that runs over several blocks; an item
	// that some of them hide is none.
	from := min(start+len(text), len(r.text))
	end := strings.Index(r.text[from:], "-->")
	if r.noClose = end < 0; !r.noClose {
		r.hidden = from + end
	}
}

// quote reads a block quote for what it says of items; it holds none.
func (r *reader) quote(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n.(type) {
		case *ast.Paragraph, *ast.TextBlock, *ast.Heading:
			r.passBlock(n, WhyQuote)
			r.mention(r.blockStart(n), r.blockText(n))
		case *ast.List, *ast.ListItem, *ast.Blockquote:
			r.quote(n)
		}
	}
}

func (r *reader) blockStart(n ast.Node) int {
	if lines := n.Lines(); lines.Len() > 0 {
		return lines.At(0).Start
	}
	return 0
}

// blockText is the text of a block, its lines as they stand but without the
// indentation and quote marks before them.
func (r *reader) blockText(n ast.Node) string {
	lines := n.Lines()
	switch lines.Len() {
	case 0:
		return ""
	case 1:
		return r.text[lines.At(0).Start:lines.At(0).Stop]
	}
	var b strings.Builder
	for i := range lines.Len() {
		line := lines.At(i)
		b.WriteString(r.text[line.Start:line.Stop])
	}
	return b.String()
}

// line is the number of the line at an offset of the text, and the column in
// it, both counted from 1.
func (r *reader) line(at int) (line, column int) {
	at += r.base
	c := r.cursor
	if c >= len(r.starts) || r.starts[c] > at || c+8 < len(r.starts) && r.starts[c+8] <= at {
		c = sort.SearchInts(r.starts, at+1) - 1
	}
	for c+1 < len(r.starts) && r.starts[c+1] <= at {
		c++
	}
	r.cursor = c
	return c + 1, at - r.starts[c] + 1
}

func (r *reader) problem(at int, code reason.Code, detail, raw string) {
	line, column := r.line(at)
	r.doc.Problems = append(r.doc.Problems, Problem{
		Line: line, Column: column, Reason: code, Detail: detail, Text: text.Marked(raw, 80),
	})
}
