package postmortem

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Level says how much a finding matters to the author.
type Level string

// The levels. Only LevelError makes the command lint fail.
const (
	LevelError   Level = "error"   // the reader cannot use the line
	LevelWarning Level = "warning" // the line is reported, but nobody can tell whether it is open
	LevelNote    Level = "note"    // the item needs a person
)

// Finding is one line that the reader cannot use or will leave to a person.
type Finding struct {
	File   string      `json:"file"`
	Line   int         `json:"line"`   // counted from 1
	Column int         `json:"column"` // in bytes, counted from 1
	Level  Level       `json:"level"`
	Reason reason.Code `json:"reason"`
	Detail string      `json:"detail"` // what is wrong there, one sentence
	Fix    string      `json:"fix"`    // what the author can do
	Text   string      `json:"text"`   // beginning of the action or line

	Evidence string `json:"evidence,omitempty"` // the words of it for which the reason holds, see [Document.Evidence]
}

// Lint tells the author of a document, line by line, what of it cannot be used
// or needs a person.
func Lint(d *Document) []Finding {
	var findings []Finding
	for _, p := range d.Problems {
		detail := p.Detail
		if detail == "" {
			detail = p.Reason.Sentence()
		}
		findings = append(findings, Finding{
			File: d.File, Line: p.Line, Column: p.Column, Level: LevelError, Reason: p.Reason,
			Detail: text.Capital(detail) + ".", Fix: p.Reason.Fix(), Text: p.Text,
		})
	}
	for _, item := range d.Items {
		level := LevelNote
		switch item.Class {
		case ClassUnclear:
			level = LevelWarning
		case ClassSkipped:
		default:
			continue
		}
		findings = append(findings, Finding{
			File: d.File, Line: item.Line, Column: item.Column, Level: level, Reason: item.Reason(),
			Detail: item.Reason().Sentence(), Fix: item.Reason().Fix(), Text: text.Marked(item.Action, 80), Evidence: text.Marked(d.Evidence(item), 80),
		})
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return findings
}

// Explain says in a few lines why an item of a document is or is not automatic,
// every reason with its way out.
func Explain(d *Document, item Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: %s\n", text.Marked(item.File, 300), item.Line, text.Marked(item.Action, 200))
	fmt.Fprintf(&b, "  id %s, priority %s, type %s, status %s\n", item.ID, item.Priority, explainType(item), quoteOrNone(item.Status))
	if len(item.Heading) > 0 {
		fmt.Fprintf(&b, "  under %s\n", text.Marked(strings.Join(item.Heading, " > "), 200))
	}
	switch item.Class {
	case ClassSafe:
		b.WriteString("  automatic: it is open, its type may be acted on, and no rule holds it back.\n")
	case ClassDone:
		b.WriteString("  not open: it is done.\n")
	case ClassDeclined:
		b.WriteString("  not open: it is declined, deferred or struck through.\n")
	case ClassUnclear:
		b.WriteString("  reported only:\n")
	default:
		b.WriteString("  needs a person:\n")
	}
	evidence := d.Evidence(item)
	for i, r := range item.Reasons {
		fmt.Fprintf(&b, "  - %s: %s\n", r, r.Sentence())
		if i == 0 && evidence != "" {
			fmt.Fprintf(&b, "    Because of %q.\n", text.Marked(evidence, 80))
		}
		fmt.Fprintf(&b, "    %s\n", r.Fix())
	}
	return b.String()
}

func explainType(item Item) string {
	switch {
	case item.Type == "":
		return "none"
	case item.Inferred:
		return text.Marked(item.Type, 60) + " (inferred from the action)"
	}
	return text.Marked(item.Type, 60)
}

func quoteOrNone(s string) string {
	if s == "" {
		return "none"
	}
	return `"` + text.Marked(s, 80) + `"`
}
