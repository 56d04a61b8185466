package incident

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem/markdown"
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

var fenceMark = pattern.Lazy("^[ \\t>]*(?:`{3,}|~{3,})")

// field is something that a document's head states of the incident.
type field struct {
	named func(label string) bool
	value func(raw string) string // "" when it says nothing
}

// Severity is what the document states of its incident, as one short line
// without markup: in its front matter, in a line of its own, or in a table of such
// fields, upright or lying. It is "" when there is none, or when a template's choice
// was left. What stands in a comment or a code block is an example.
func Severity(src []byte) string {
	return field{severityLabel().MatchString, SeverityValue}.in(src)
}

// serviceLabel is what the services that an incident hit go by.
var serviceLabel = pattern.Lazy(`(?i)^(?:(?:affected|impacted) )?(?:services?|systems?|components?)(?: (?:affected|impacted))?$|^(?:影響サービス|対象サービス|serviços?(?: afetados?)?|servicios?(?: afectados?)?|(?:betroffene )?dienste?|services? touchés?)$`)

// mostServices are read of one document.
const mostServices = 8

// Services are the services that the document states as affected, like its severity.
func Services(src []byte) (services []string) {
	stated := field{serviceLabel().MatchString, func(raw string) string { return text.Line(markdown.Plain(raw), 0) }}.in(src)
	for name := range strings.FieldsFuncSeq(stated, func(r rune) bool { return strings.ContainsRune(",;、，/", r) }) {
		if name = SeverityValue(name); name != "" && len(services) < mostServices {
			services = append(services, name)
		}
	}
	return services
}

// in is the field's value in a document.
func (f field) in(src []byte) (stated string) {
	lines := strings.SplitN(string(src[:min(len(src), severityBytes)]), "\n", severityLines+1)
	fence, hidden, blank, code := "", false, true, false
	for i, line := range lines[:min(len(lines), severityLines)] {
		mark := fenceMark().FindString(line)
		mark = strings.TrimLeft(mark, " \t>")
		began := strings.LastIndex(line, "<!--")
		code = (blank || code) && (strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t"))
		blank = strings.TrimSpace(line) == ""
		switch {
		case code:
			continue
		case fence != "":
			if strings.HasPrefix(mark, fence) {
				fence = ""
			}
			continue
		case hidden:
			hidden = !strings.Contains(line, "-->")
			continue
		case mark != "":
			fence = mark
			continue
		}
		hidden = began >= 0 && !strings.Contains(line[began:], "-->")
		cells := severityCells(line)
		if stated = f.at(cells); stated == "" && i+2 < len(lines) && markdown.DelimiterColumns([]byte(lines[i+1])) > 1 {
			stated = f.below(cells, lines[i+2:])
		}
		if stated != "" {
			break
		}
	}
	return stated
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

// at is the value that the cells of a line state.
func (f field) at(cells []string) string {
	for _, cell := range cells {
		if m := severityField().FindStringSubmatch(strings.TrimSpace(cell)); m != nil && f.named(fieldName(m[1])) {
			return f.value(m[2])
		}
	}
	if len(cells) == 2 && f.named(fieldName(cells[0])) {
		return f.value(cells[1])
	}
	return ""
}

// below is the value in a table that lies: the names above one row of values.
func (f field) below(names, rows []string) string {
	if len(rows) > 1 && strings.Contains(rows[1], "|") {
		return ""
	}
	at := -1
	for n, name := range names {
		if itemColumn().MatchString(fieldName(name)) {
			return ""
		}
		if f.named(fieldName(name)) {
			at = n
		}
	}
	values := severityCells(rows[0])
	if at < 0 || at >= len(values) {
		return ""
	}
	return f.value(values[at])
}

// fieldName is the text of a field's name.
func fieldName(raw string) string { return strings.TrimRight(markdown.Plain(raw), ":： ") }

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
