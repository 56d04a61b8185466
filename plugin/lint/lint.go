// Package lint tells the authors of post-mortems what is made of each line:
// what cannot be used and how to write it (Findings), and why an item is or is
// not automatic (Explain). Each format in which findings are printed is one
// file and one line of Formats.
package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Level says how much a finding matters to the author.
type Level string

// The levels. Only LevelError makes the command lint fail.
const (
	LevelError   Level = "error"   // the reader cannot use the line
	LevelWarning Level = "warning" // the line is reported only, or lacks what only its author knows
	LevelNote    Level = "note"    // the item is open and needs a person
)

// Finding is what a line, or several of one kind, mean to their author.
type Finding struct {
	File   string      `json:"file"`
	Line   int         `json:"line"`   // counted from 1
	Column int         `json:"column"` // in bytes, counted from 1
	Level  Level       `json:"level"`
	Reason reason.Code `json:"reason"`
	Detail string      `json:"detail"` // what is wrong there, one sentence
	Fix    string      `json:"fix"`    // what the author can do
	Text   string      `json:"text"`   // beginning of the action or line

	Lane     postmortem.Lane `json:"lane,omitempty"`
	Evidence string          `json:"evidence,omitempty"` // the words of it for which the reason holds, see [postmortem.Document.Evidence]
}

// Message is what the finding says, in one line.
func (f Finding) Message() string {
	line := f.Detail
	if f.Text != "" {
		line += " [" + f.Text + "]"
	}
	if f.Evidence != "" {
		line += fmt.Sprintf(" (because of %q)", f.Evidence)
	}
	if f.Lane != "" {
		line += " (lane: " + string(f.Lane) + ")"
	}
	return text.Line(line+" (fix: "+f.Fix+")", 0)
}

// String is the finding as a line for editors and logs.
func (f Finding) String() string {
	return text.Line(fmt.Sprintf("%s:%d:%d: %s: %s: %s", f.File, f.Line, f.Column, f.Level, f.Reason, f.Message()), 0)
}

// authors are the reasons that lie in how a row is written: nobody but its
// author can do anything about them.
var authors = []reason.Code{reason.InvisibleCharacters, reason.TooLong, reason.Placeholder, reason.InsideDetails}

// Findings tells the author of a document what of it cannot be used or needs a
// person, in order of position.
func Findings(in *postmortem.Inspection) []Finding {
	var findings []Finding
	add := func(line, column int, level Level, code reason.Code, detail, fix, about string) {
		findings = append(findings, Finding{File: in.File, Line: line, Column: column, Level: level, Reason: code, Detail: detail, Fix: fix, Text: about})
	}
	for _, p := range in.Problems {
		add(p.Line, p.Column, LevelError, p.Reason, text.Capital(cmp.Or(p.Detail, p.Reason.Clause()))+".", p.Reason.Fix(), p.Text)
	}
	var untyped []postmortem.Item
	for _, item := range in.Items {
		level := LevelNote
		switch {
		case item.Class == postmortem.ClassUnclear || item.Class == postmortem.ClassSkipped && slices.Contains(authors, item.Reason()):
			level = LevelWarning
		case item.Class != postmortem.ClassSkipped:
			continue
		case item.Reason() == reason.TypeUnknown:
			untyped = append(untyped, item)
			continue
		}
		add(item.Line, item.Column, level, item.Reason(), item.Reason().Sentence(), item.Reason().Fix(), text.Marked(item.Action, 80))
		last := &findings[len(findings)-1]
		last.Lane, last.Evidence = item.Lane, text.Marked(in.Evidence(item), 80)
	}
	if len(untyped) > 0 {
		first := untyped[0]
		add(first.Line, first.Column, LevelWarning, reason.TypeUnknown, text.Counted(len(untyped), "open item")+" without a known type: "+places(untyped)+".", typeFix(untyped), "")
	}
	if left := unfilled(in); len(left) > 0 {
		add(left[0].Line, left[0].Column, LevelWarning, reason.Placeholder, "Left to fill in: "+blankNames(left)+".", reason.Placeholder.Fix(), "")
	}
	var outside []postmortem.Passed // unchecked boxes that are no items
	for _, p := range in.Passed {
		if strings.HasPrefix(p.Text, "[ ]") && (p.Why == postmortem.WhyOutside || p.Why == postmortem.WhyOtherTopic) {
			outside = append(outside, p)
		}
	}
	for len(outside) > 0 {
		first, n := outside[0], 1
		for n < len(outside) && slices.Equal(outside[n].Heading, first.Heading) {
			n++
		}
		level := LevelWarning
		if first.Why == postmortem.WhyOtherTopic { // a checklist, a timeline
			level = LevelNote
		}
		add(first.Line, 1, level, reason.Implicit, fmt.Sprintf("%s %s outside every follow-up heading; a run does nothing about that.",
			boxes(n), below(first.Heading)), `Put what is still to be done below a heading such as "Action items".`, "")
		outside = outside[n:]
	}
	slices.SortStableFunc(findings, func(a, b Finding) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return findings
}

// mostListed is how many lines or names of one kind are written out.
const mostListed = 12

// list joins what is told of many places, cut at mostListed.
func list(all []string) string {
	if more := len(all) - mostListed; more > 0 {
		return strings.Join(all[:mostListed], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(all, ", ")
}

// places are the lines of items.
func places(items []postmortem.Item) string {
	var lines []string
	for _, item := range items {
		lines = append(lines, fmt.Sprint(item.Line))
	}
	if len(lines) == 1 {
		return "line " + lines[0]
	}
	return "lines " + list(lines)
}

// typeFix says where the items' types are to be stated, for each form in which
// the items are written.
func typeFix(items []postmortem.Item) string {
	var fixes []string
	for _, form := range []struct {
		is  func(postmortem.Item) bool
		fix string
	}{
		{func(i postmortem.Item) bool { return i.Checkbox }, "write `[Alert]`, `[Config]` or `[Monitor]` before the text of the box"},
		{func(i postmortem.Item) bool { return !i.Checkbox && i.HasTypeColumn }, "put Alert, Config or Monitor into the Type column"},
		{func(i postmortem.Item) bool { return !i.Checkbox && !i.HasTypeColumn }, "give the table a Type column, and put Alert, Config or Monitor into it"},
	} {
		if slices.ContainsFunc(items, form.is) {
			fixes = append(fixes, form.fix)
		}
	}
	return "If it is one of these, " + strings.Join(fixes, "; ") + ". Work of any other type needs a person."
}

// unfilled are the blanks of a document, but for those of items that are told
// of by themselves.
func unfilled(in *postmortem.Inspection) []postmortem.Blank {
	told := map[int]bool{}
	for _, item := range in.Items {
		if item.Reason() == reason.Placeholder {
			told[item.Line] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(in.Blanks), func(b postmortem.Blank) bool { return told[b.Line] })
}

// blankNames names each blank once, with its first line.
func blankNames(blanks []postmortem.Blank) string {
	var names []string
	seen := map[string]bool{}
	for _, b := range blanks {
		if !seen[b.Text] {
			seen[b.Text] = true
			names = append(names, fmt.Sprintf("%s (line %d)", text.Marked(b.Text, 60), b.Line))
		}
	}
	return list(names)
}

// below says under which heading something stands.
func below(heading []string) string {
	if len(heading) == 0 {
		return "above the first heading"
	}
	return fmt.Sprintf("below %q", text.Marked(heading[len(heading)-1], 80))
}

func boxes(n int) string {
	if n == 1 {
		return "1 unchecked box stands"
	}
	return fmt.Sprintf("%d unchecked boxes stand", n)
}
