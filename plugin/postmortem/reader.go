package postmortem

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/incident"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/yuin/goldmark/ast"
)

// Parse reads a document. file is used for the identity of items and for its
// date; it is not opened.
func Parse(file string, src []byte, p classify.Policy) *Document { return parse(file, src, p, nil) }

// parse reads a document, and keeps what is no item in an inspection, when one
// is given.
func parse(file string, src []byte, p classify.Policy, in *Inspection) *Document {
	doc := &Document{File: file, Date: incident.Date(file, src), Policy: p}
	r := newReader(doc, src)
	r.inspection = in
	r.read()
	c := classifier{judge: classify.Judge{Policy: p}, doc: doc, mentions: r.mentions}
	c.run()
	return doc
}

// source is where an item stands in the bytes, and how it was understood.
// Ranges are in bytes of the file.
type source struct {
	Row      markdown.Span // the row, or the task's text with its box
	Raw      string        // the row's text
	Token    markdown.Span // the status token or box; empty when there is none that may be replaced
	state    term.State
	kind     term.Type    // recognised type, stated or inferred
	cell     string       // text of the type cell, part of the identity
	number   string       // what the document may call the item: its id or ticket
	mask     classify.Set // reasons found so far
	typed    bool         // it states a type, or has a column for one
	approved bool         // the author says that somebody approved it

	HasTypeColumn bool // it is a row of a table with a Type column
}

// reader walks the blocks of one document and collects its items.
type reader struct {
	*markdown.Page
	doc      *Document
	sections []term.Section
	refused  []int // lines that nest too deeply
	details  int   // open <details> elements
	hidden   int   // end of a comment that began inside a line
	noClose  bool  // no --> follows any more
	deepLine int   // last line that was reported as nested too deeply
	mentions mentions
	cells    []markdown.Span
	titles   map[string]term.Section
	titled   bool // the heading of level 1 that is the document's title was read
	limit    int  // of items
	full     bool // the limit was reached

	inspection *Inspection // nil unless somebody asks for what is no item
}

func newReader(doc *Document, src []byte) *reader {
	r := &reader{Page: markdown.NewPage(src), doc: doc}
	doc.Title = r.FrontMatterTitle(src)
	doc.Severity, doc.Services = incident.Severity(src), incident.Services(src)
	r.limit = min(freeItems+len(r.Text)/itemBytes, mostItems)
	// About as many as there are rows and boxes: growing copies each of them five times.
	doc.Items = make([]Item, 0, min(strings.Count(r.Text, "\n|")+strings.Count(r.Text, "- ["), r.limit))
	return r
}

// read is total: should goldmark ever give up on hostile bytes, the document
// is withheld as a whole.
func (r *reader) read() {
	defer func() {
		if recover() != nil {
			r.doc.Items, r.doc.Logs, r.mentions = nil, nil, nil
			r.problem(0, reason.TooComplex, "the document cannot be read as Markdown", "")
		}
	}()
	if at, code, why := r.Refused(); code != "" {
		first := r.Text[at:min(len(r.Text), at+200)]
		if code != reason.TooComplex { // it is no text
			r.doc.Title, first = "", ""
		}
		r.problem(at, code, why, first)
		return
	}
	root, refused := r.Blocks()
	r.refused = refused
	for _, at := range refused {
		r.tooDeep(at)
	}
	r.walk(root)
	r.findBlanks(root)
	r.doc.Incident = incident.Times(r.Page, root, r.doc.Date)
	if r.full {
		// What is not read may say that an item before it is done or settled.
		r.doc.Items, r.doc.Logs = nil, nil
	}
	slices.SortStableFunc(r.doc.Problems, func(a, b Problem) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
}

// walk reads the children of a container in order.
func (r *reader) walk(parent ast.Node) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading:
			r.heading(n)
		case *ast.Paragraph, *ast.TextBlock:
			r.paragraph(n)
		case *markdown.TableBlock:
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
	title := markdown.Squeeze(r.BlockText(n))
	if r.doc.Title == "" {
		r.doc.Title = markdown.Plain(title)
	}
	start := r.BlockStart(n)
	r.mention(start, title)
	r.push(n.Level, title)
	if n.Level == 1 && len(r.sections) == 1 && !r.titled {
		r.sections[0].Bearing, r.titled = term.BearNone, true // the document's title
	}
	r.passBlock(n, WhyHeading)
	// The offset is that of the text; the line that it stands on begins where
	// the section before it ends.
	f := &r.doc.FollowUp
	switch _, column := r.Line(start); {
	case f.Found && f.End == 0 && n.Level <= f.level:
		f.End = r.LineStart(start) + r.Base
	case !f.Found && column > 0 && strings.Contains(words.Fold(title), "implementation") && words.Fold(term.NormalTitle(markdown.Plain(title))) == "follow up implementation":
		*f = followUp{Found: true, level: n.Level}
	}
}

// push opens a section below the sections of lower levels.
func (r *reader) push(level int, title string) {
	for len(r.sections) > 0 && r.sections[len(r.sections)-1].Level >= level {
		r.sections = r.sections[:len(r.sections)-1]
	}
	s := r.readTitle(title)
	s.Level = level
	above := r.section()
	switch {
	case s.Kind == term.SectionWeak && above.Kind == term.SectionStrong, s.Kind == term.SectionAspect && above.HoldsItems():
		s.Kind = above.Kind
	case s.Kind == term.SectionAspect:
		s.Kind = term.SectionNever
	}
	if len(r.sections) > 0 {
		s.Path = append(append(make([]string, 0, len(above.Path)+1), above.Path...), s.Path...)
		if s.Kind == term.SectionUnknown {
			s.Kind = above.Kind
		}
		if s.Bearing == term.BearNone {
			s.Bearing = above.Bearing
		}
		if s.Priority == "" {
			s.Priority = above.Priority
		}
	}
	r.sections = append(r.sections, s)
}

// longestTitle is how much of a title is read, in bytes.
const longestTitle = 512

// readTitle is the section that a title opens, as if none stood above it. It
// remembers what titles mean: documents repeat them.
func (r *reader) readTitle(title string) term.Section {
	s, known := r.titles[title]
	if known {
		return s
	}
	text := markdown.Plain(title[:min(len(title), longestTitle)])
	s = term.Section{Path: []string{text}, Priority: term.HeadingPriority(text)}
	s.Kind, s.Bearing = term.ReadTitle(title[:min(len(title), longestTitle)])
	if r.titles == nil {
		r.titles = map[string]term.Section{}
	}
	if len(r.titles) < 1024 && len(title) < longestTitle {
		r.titles[title] = s
	}
	return s
}

// section is the innermost one; the zero section stands above all.
func (r *reader) section() term.Section {
	if n := len(r.sections); n > 0 {
		return r.sections[n-1]
	}
	return term.Section{}
}

// paragraph looks for a label that opens a section, and for what the text says
// of items above it.
func (r *reader) paragraph(n ast.Node) {
	text := r.BlockText(n)
	r.mention(r.BlockStart(n), text)
	r.trackHTML(r.BlockStart(n), text)
	if label := labelOf(text); label != "" {
		r.push(term.LevelLabel, label)
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
		return strings.TrimRight(markdown.Plain(bare), ":： ")
	}
	if len(bare) < len(text) {
		if s, _ := term.ReadTitle(bare); s != term.SectionUnknown {
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
	at := markdown.BlockSpan(n)
	r.countDetails(markdown.StripComments(r.Text[at.Start:at.End]))
}

var detailsTag = pattern.Lazy(`(?i)<(/?)details\b`)

// countDetails keeps track of <details> elements that open and close.
func (r *reader) countDetails(html string) {
	for _, tag := range detailsTag().FindAllStringSubmatch(html, -1) {
		if r.details++; tag[1] != "" {
			r.details = max(0, r.details-2)
		}
	}
}

// trackHTML follows elements and comments that begin inside a line of text.
func (r *reader) trackHTML(start int, text string) {
	if strings.IndexByte(text, '<') < 0 {
		return
	}
	bare := markdown.WithoutCode(text)
	r.countDetails(markdown.StripComments(bare))
	open := strings.LastIndex(bare, "<!--")
	if open < 0 || strings.Contains(bare[open:], "-->") || r.noClose || start < r.hidden {
		return
	}
	// Renderers differ on a comment that runs over several blocks; an item
	// that some of them hide is none.
	from := min(start+len(text), len(r.Text))
	end := strings.Index(r.Text[from:], "-->")
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
			r.mention(r.BlockStart(n), r.BlockText(n))
		case *ast.List, *ast.ListItem, *ast.Blockquote:
			r.quote(n)
		}
	}
}

func (r *reader) problem(at int, code reason.Code, detail, raw string) {
	line, column := r.Line(at)
	r.doc.Problems = append(r.doc.Problems, Problem{
		Line: line, Column: column, Reason: code, Detail: detail, Text: text.Marked(raw, 80),
	})
}
