package postmortem

import (
	"strings"

	"github.com/yuin/goldmark/ast"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
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

// frontMatterSeverity is the severity that the front matter states, "" when none.
func frontMatterSeverity(frontMatter []byte) (stated string) {
	lines := strings.SplitN(string(frontMatter[:min(len(frontMatter), severityBytes)]), "\n", severityLines+1)
	for _, line := range lines[:min(len(lines), severityLines)] {
		if stated = severityAt(severityCells(line)); stated != "" {
			break
		}
	}
	return stated
}

// severity is what the document states of its incident, as one short line
// without markup: in a line of its own, or in a table of such fields, upright or
// lying. It is "" when there is none, or when a template's choice was left. What
// stands in a comment or a code block is an example.
func (r *reader) severity(root ast.Node) (stated string) {
	hidden := 0 // end of a comment that began inside a line
	// The visitor gives no error.
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		kind := n.Kind()
		if !entering || n.Type() == ast.TypeInline || kind == ast.KindFencedCodeBlock || kind == ast.KindCodeBlock {
			return ast.WalkSkipChildren, nil
		}
		for i, at := range lineStarts(n) {
			number, column := r.line(at)
			if number > severityLines || r.base+at > severityBytes {
				return ast.WalkStop, nil
			}
			if at < hidden {
				continue
			}
			// The marks of lists and quotes belong to the line.
			line, _, _ := strings.Cut(r.text[max(0, at-column+1):], "\n")
			if began := strings.LastIndex(line, "<!--"); began >= 0 && !strings.Contains(line[began:], "-->") {
				hidden = len(r.text)
				if end := strings.Index(r.text[at:], "-->"); end >= 0 {
					hidden = at + end + 1
				}
			}
			cells := severityCells(line)
			stated = severityAt(cells)
			if table, ok := n.(*tableBlock); ok && i == 0 && stated == "" {
				stated = r.severityBelow(cells, table.lines[2:])
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
	if table, ok := n.(*tableBlock); ok {
		for _, line := range table.lines {
			starts = append(starts, line.start)
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
	eachCell(line, func(s span) bool { cells = append(cells, line[s.start:s.end]); return true })
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
func (r *reader) severityBelow(names []string, rows []span) string {
	if len(rows) == 0 || len(rows) > 1 && strings.Contains(r.text[rows[1].start:rows[1].end], "|") {
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
	values := severityCells(r.text[rows[0].start:rows[0].end])
	if at < 0 || at >= len(values) {
		return ""
	}
	return SeverityValue(values[at])
}

// fieldName is the text of a field's name.
func fieldName(raw string) string { return strings.TrimRight(plain(raw), ":： ") }

func isSeverity(name string) bool { return severityLabel().MatchString(fieldName(name)) }

// templateChoice is what templates offer: <severity>, [1-4], SEV1 | SEV2,
// SEV-1/2/3, TBD.
var templateChoice = pattern.Lazy(`(?i)[<>{}\[\]|]|[0-9] ?/ ?[0-9]|^(?:tbd|todo|unknown|n/?a|none|\?+|-+|–|—|…|\.\.\.)$`)

// SeverityValue is a value without markup, "" when it says nothing.
func SeverityValue(raw string) string {
	raw = strings.Trim(text.Line(plain(raw), 0), ` *_"',;`)
	if templateChoice().MatchString(raw) {
		return ""
	}
	// An explanation may follow: "SEV2 — customers could not log in".
	for _, mark := range []string{" — ", " – ", " - ", ". ", "; "} {
		raw, _, _ = strings.Cut(raw, mark)
	}
	return text.Cut(strings.TrimSpace(raw), 40)
}
