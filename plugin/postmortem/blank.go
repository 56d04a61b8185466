package postmortem

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/postmortem/term"
	"github.com/pm-todos/pm-todos/plugin/postmortem/words"
	"github.com/yuin/goldmark/ast"
)

// Blank is a place of a template that nobody filled in.
type Blank struct {
	Line, Column int // counted from 1, the column in bytes
	Text         string
}

// blanks are the forms in which templates mark what is to be filled in.
var blanks = pattern.Lazy(classify.BlankName + `|` +
	`(\{\{ ?[A-Za-z_.-]{1,40} ?\}\})|` +
	`(` + classify.BlankDate + `)|` +
	`((?:\[|［|【|<)\pL[^][<>［］【】\n]{1,60}(?:\]|］|】|>))(?:$|[^(\[:])`)

// findBlanks notes what of a template is left to fill in, when somebody asks:
// in headings, paragraphs, lists and tables, outside code.
func (r *reader) findBlanks(parent ast.Node) {
	if r.inspection == nil {
		return
	}
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		switch n := n.(type) {
		case *ast.Heading, *ast.Paragraph, *ast.TextBlock:
			if n.Lines().Len() > 0 {
				r.blanksIn(markdown.BlockSpan(n))
			}
		case *markdown.TableBlock:
			r.blanksIn(n.Span())
		case *ast.List, *ast.ListItem:
			r.findBlanks(n)
		}
	}
}

// blanksIn notes the blanks of a range. Matches share the sign between them, so
// the search goes on at the end of what is to be filled in.
func (r *reader) blanksIn(at markdown.Span) {
	text := markdown.WithoutCode(r.Text[at.Start:at.End])
	for from := 0; from < len(text); {
		m := blanks().FindStringSubmatchIndex(text[from:])
		if m == nil {
			return
		}
		for group := 2; group < len(m); group += 2 {
			if m[group] < 0 {
				continue
			}
			start, end := from+m[group], from+m[group+1]
			inner := strings.Trim(text[start:end], "[]［］【】<>")
			if found := text[start:end]; inner == found || asksForWords(inner) {
				line, column := r.Line(at.Start + start)
				r.inspection.Blanks = append(r.inspection.Blanks, Blank{line, column, found})
			}
			from = end
			break
		}
	}
}

// asksForWords reports whether a bracket holds nothing but what somebody is
// asked for, such as "Name" or "Brief description", short words aside; a type in
// it is a tag.
func asksForWords(inner string) bool {
	if term.ParseType(inner).Kind != "" || term.HeadingPriority(inner) != "" {
		return false
	}
	asked := false
	for _, word := range term.SplitWords(words.Fold(inner)) {
		switch {
		case words.Is(word, words.FillIn):
			asked = true
		case len(word) > 3:
			return false
		}
	}
	return asked
}
