package run

import (
	"bytes"
	"strings"

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

// documentSeverity is the severity that a document states of its incident, as
// one short line without markup: in front matter, in a line of its own, or in a
// table of such fields, upright or lying. It is "" when there is none, or when a
// template's choice was left.
func documentSeverity(src []byte) string {
	lines := firstLines(src)
	fence, comment := "", false
	for i, line := range lines {
		// What stands in a comment or a code block is an example.
		if began := strings.LastIndex(line, "<!--"); began >= 0 || comment {
			comment = strings.LastIndex(line, "-->") <= began
			if began <= 0 {
				continue
			}
		}
		if mark := codeFence(line); mark != "" {
			switch {
			case fence == "":
				fence = mark
			case strings.HasPrefix(mark, fence):
				fence = ""
			}
			continue
		}
		if fence != "" {
			continue
		}
		if value := severityAt(lines, i); value != "" {
			return value
		}
	}
	return ""
}

// codeFence is the run of marks that begins or ends a code block.
func codeFence(line string) string {
	line = strings.TrimLeft(line, " ")
	for _, mark := range []string{"`", "~"} {
		if rest := strings.TrimLeft(line, mark); len(line)-len(rest) >= 3 {
			return line[:len(line)-len(rest)]
		}
	}
	return ""
}

// firstLines are the lines in which the severity may stand.
func firstLines(src []byte) []string {
	src = src[:min(len(src), severityBytes)]
	var lines []string
	for len(lines) < severityLines && len(src) > 0 {
		line, rest, _ := bytes.Cut(src, []byte{'\n'})
		lines = append(lines, strings.TrimSpace(string(line[:min(len(line), severityWidth)])))
		src = rest
	}
	return lines
}

// severityAt is the severity that the line at i states, alone or as the header
// of a table.
func severityAt(lines []string, i int) string {
	cells := tableCells(lines[i])
	for _, cell := range cells { // of "**Date**: 2026-01-01 | **Severity**: SEV2" too
		if m := severityField().FindStringSubmatch(cell); m != nil && severityLabel().MatchString(label(m[1])) {
			return SeverityValue(m[2])
		}
	}
	if len(cells) == 2 && severityLabel().MatchString(label(cells[0])) {
		return SeverityValue(cells[1])
	}
	// A table that lies has the names above one row of values.
	if i+2 >= len(lines) || !isDelimiter(lines[i+1]) || i+3 < len(lines) && strings.Contains(lines[i+3], "|") {
		return ""
	}
	values := tableCells(lines[i+2])
	at := -1
	for n, cell := range cells {
		if itemColumn().MatchString(label(cell)) {
			return ""
		}
		if severityLabel().MatchString(label(cell)) {
			at = n
		}
	}
	if at < 0 || at >= len(values) {
		return ""
	}
	return SeverityValue(values[at])
}

func tableCells(line string) []string {
	return strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
}

func isDelimiter(line string) bool {
	return strings.Contains(line, "-") && strings.Trim(line, "|:- \t") == ""
}

// label is the text of a field's name.
func label(text string) string {
	return strings.TrimRight(strings.Trim(strings.TrimSpace(text), "*_` \t"), ":： *_`")
}

var (
	markdownLink    = pattern.Lazy(`!?\[([^\]]*)\]\([^)]*\)`)
	severityComment = pattern.Lazy(`<!--.*?-->`)
	// templateChoice is what templates offer: <severity>, [1-4], SEV1 | SEV2,
	// SEV-1/2/3, TBD.
	templateChoice = pattern.Lazy(`(?i)[<>{}\[\]|]|[0-9] ?/ ?[0-9]|^(?:tbd|todo|unknown|n/?a|none|\?+|-+|–|—|…|\.\.\.)$`)
)

// SeverityValue is a value without markup, "" when it says nothing.
func SeverityValue(raw string) string {
	raw = markdownLink().ReplaceAllString(severityComment().ReplaceAllString(raw, ""), "$1")
	raw = strings.NewReplacer("**", "", "__", "", "`", "", "~~", "").Replace(raw)
	raw = strings.Trim(text.Line(raw, 0), ` *_"',;`)
	if templateChoice().MatchString(raw) {
		return ""
	}
	// An explanation may follow: "SEV2 — customers could not log in".
	for _, mark := range []string{" — ", " – ", " - ", ". ", "; "} {
		raw, _, _ = strings.Cut(raw, mark)
	}
	return text.Cut(strings.TrimSpace(raw), 40)
}
