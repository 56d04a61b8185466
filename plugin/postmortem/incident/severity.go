package incident

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/yuin/goldmark/ast"
)

// Bounds of where a document's severity is looked for.
const (
	severityLines = 100
	severityBytes = 64 << 10 // of the beginning
	severityWidth = 1024     // bytes of a line
)

// severityLabel is what a severity goes by, as a whole label.
var severityLabel = pattern.Lazy(`(?i)^(?:incident )?(?:severity|sev)(?: level| class)?$|^(?:重大度|深刻度|severidade|gravidade|severidad|gravedad|schweregrad|gravité)$`)

// severityField is a line that states one: "**Severity**: SEV1", "- Severity: high",
// and in front matter "severity: high" or "severity = 'high'".
var severityField = pattern.Lazy(`^[\s>*+_#"-]*([^:：=|]{3,40}?)[\s*_"]*[:：=][\s*_]*(.*)$`)

// itemColumn is a column of tables that list items or events, whose severity is
// not the document's.
var itemColumn = pattern.Lazy(`(?i)^(?:actions?|action items?|items?|tasks?|to-?dos?|follow-?ups?|descriptions?|what|alerts?|time|event)$`)

// FrontSeverity is the severity that the front matter states, "" when none.
func FrontSeverity(frontMatter []byte) (stated string) {
	lines := strings.SplitN(string(frontMatter[:min(len(frontMatter), severityBytes)]), "\n", severityLines+1)
	for _, line := range lines[:min(len(lines), severityLines)] {
		if stated = severityAt(severityCells(line)); stated != "" {
			break
		}
	}
	return stated
}

// Severity is what the document states of its incident, as one short line
// without markup: in a line of its own, or in a table of such fields, upright or
// lying. It is "" when there is none, or when a template's choice was left. What
// stands in a comment or a code block is an example.
func Severity(r *markdown.Page, root ast.Node) (stated string) {
	hidden := 0 // end of a comment that began inside a line
	// The visitor gives no error.
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		kind := n.Kind()
		if !entering || n.Type() == ast.TypeInline || kind == ast.KindFencedCodeBlock || kind == ast.KindCodeBlock {
			return ast.WalkSkipChildren, nil
		}
		for i, at := range lineStarts(n) {
			number, column := r.Line(at)
			if number > severityLines || r.Base+at > severityBytes {
				return ast.WalkStop, nil
			}
			if at < hidden {
				continue
			}
			// The marks of lists and quotes belong to the line.
			line, _, _ := strings.Cut(r.Text[max(0, at-column+1):], "\n")
			if began := strings.LastIndex(line, "<!--"); began >= 0 && !strings.Contains(line[began:], "-->") {
				hidden = len(r.Text)
				if end := strings.Index(r.Text[at:], "-->"); end >= 0 {
					hidden = at + end + 1
				}
			}
			cells := severityCells(line)
			stated = severityAt(cells)
			if table, ok := n.(*markdown.TableBlock); ok && i == 0 && stated == "" {
				stated = severityBelow(r, cells, table.Rows[2:])
			}
			if stated != "" {
				return ast.WalkStop, nil
			}
		}
		return ast.WalkContinue, nil
	})
	return stated
}

// lineStarts is where the text of a block's own lines begins.
func lineStarts(n ast.Node) (starts []int) {
	if table, ok := n.(*markdown.TableBlock); ok {
		for _, line := range table.Rows {
			starts = append(starts, line.Start)
		}
		return starts
	}
	for _, line := range n.Lines().Sliced(0, min(n.Lines().Len(), severityLines)) {
		starts = append(starts, line.Start)
	}
	return starts
}

// severityCells are the cells of a line, in a table or not:
// "**Date**: 2026-01-01 | **Severity**: SEV2" has two.
func severityCells(line string) (cells []string) {
	line = strings.TrimSpace(line[:min(len(line), severityWidth)])
	for s := range markdown.EachCell(line) {
		cells = append(cells, line[s.Start:s.End])
	}
	return cells
}

// severityAt is the severity that the cells of a line state.
func severityAt(cells []string) string {
	for _, cell := range cells {
		if m := severityField().FindStringSubmatch(strings.TrimSpace(cell)); m != nil && isSeverity(m[1]) {
			return SeverityValue(m[2])
		}
	}
	if len(cells) == 2 && isSeverity(cells[0]) {
		return SeverityValue(cells[1])
	}
	return ""
}

// severityBelow is the severity in a table that lies: the names above one row of
// values.
func severityBelow(r *markdown.Page, names []string, rows []markdown.Span) string {
	if len(rows) == 0 || len(rows) > 1 && strings.Contains(r.Text[rows[1].Start:rows[1].End], "|") {
		return ""
	}
	at := -1
	for n, name := range names {
		if itemColumn().MatchString(fieldName(name)) {
			return ""
		}
		if isSeverity(name) {
			at = n
		}
	}
	values := severityCells(r.Text[rows[0].Start:rows[0].End])
	if at < 0 || at >= len(values) {
		return ""
	}
	return SeverityValue(values[at])
}

// fieldName is the text of a field's name.
func fieldName(raw string) string { return strings.TrimRight(markdown.Plain(raw), ":： ") }

func isSeverity(name string) bool { return severityLabel().MatchString(fieldName(name)) }

// templateChoice is what templates offer: <severity>, [1-4], SEV1 | SEV2,
// SEV-1/2/3, TBD.
var templateChoice = pattern.Lazy(`(?i)[<>{}\[\]|]|[0-9] ?/ ?[0-9]|^(?:tbd|todo|unknown|n/?a|none|\?+|-+|–|—|…|\.\.\.)$`)

// SeverityValue is a value without markup, "" when it says nothing.
func SeverityValue(raw string) string {
	raw = strings.Trim(text.Line(markdown.Plain(raw), 0), ` *_"',;`)
	if templateChoice().MatchString(raw) {
		return ""
	}
	// An explanation may follow: "SEV2 — customers could not log in".
	for _, mark := range []string{" — ", " – ", " - ", ". ", "; "} {
		raw, _, _ = strings.Cut(raw, mark)
	}
	return text.Cut(strings.TrimSpace(raw), 40)
}
