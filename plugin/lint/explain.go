package lint

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// explanation is what there is to say of the lines of an item or problem.
type explanation struct {
	line, end int
	text      string
}

// explanations are those of all items and problems, in order of position.
func explanations(d *postmortem.Document) []explanation {
	var all []explanation
	for _, item := range d.Items {
		all = append(all, explanation{item.Line, item.EndLine(), explainItem(d, item)})
	}
	for _, p := range d.Problems {
		all = append(all, explanation{p.Line, p.Line, explainProblem(d.File, p)})
	}
	slices.SortStableFunc(all, func(a, b explanation) int { return a.line - b.line })
	return all
}

// Explain says of every item of a document why it is or is not automatic.
func Explain(d *postmortem.Document) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: title %q, date %s, %s: %d safe, %d skipped, %d unclear; %s\n", text.Line(d.File, 0),
		text.Line(d.Title, 100), cmp.Or(d.Date, "none"), text.Counted(len(d.Items), "item"),
		len(d.Safe()), len(d.Skipped()), len(d.Unclear()), text.Counted(len(d.Problems), "problem"))
	for _, one := range explanations(d) {
		b.WriteString("\n" + one.text)
	}
	return b.String()
}

// ExplainLine explains what stands at a line; of a line without an item, why it
// has none, and the nearest item.
func ExplainLine(in *postmortem.Inspection, line int) string {
	var b strings.Builder
	all := explanations(in.Document)
	for _, one := range all {
		if one.line <= line && line <= one.end {
			b.WriteString(one.text)
		}
	}
	if b.Len() > 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "%s:%d: %s", text.Line(in.File, 0), line, noItem(in, line))
	if len(all) == 0 {
		b.WriteString("The document has no items.\n")
		return b.String()
	}
	nearest := slices.MinFunc(all, func(a, b explanation) int { return apart(a.line, line) - apart(b.line, line) }).line
	where := "above"
	if nearest > line {
		where = "below"
	}
	fmt.Fprintf(&b, "The nearest item is %s, at line %d:\n\n", where, nearest)
	for _, one := range all {
		if one.line == nearest {
			b.WriteString(one.text)
		}
	}
	return b.String()
}

func apart(a, b int) int { return max(a-b, b-a) }

// whys say why a place is no item, and what would make it one.
var whys = map[postmortem.Why][2]string{
	postmortem.WhyText:        {"it is text, neither a row of a table nor a point of a list", writeBox},
	postmortem.WhyHeading:     {"it is a heading or a label, for what stands below it", ""},
	postmortem.WhyCode:        {"it stands in a code block", "Take it out of the code block."},
	postmortem.WhyHTML:        {"it stands in HTML or in a comment", "Take it out of the HTML."},
	postmortem.WhyHidden:      {"it stands in a comment that begins in an earlier line", "Close the comment before it."},
	postmortem.WhyQuote:       {"it stands in a block quote", "Take it out of the quote."},
	postmortem.WhyTableHead:   {"it is the head of a table of items", ""},
	postmortem.WhyOtherTable:  {"its table has no action column beside one for status, owner, priority, due date, ticket or type, or stands where no items are expected", "Name the columns Priority | Action | Type | Details | Status."},
	postmortem.WhyLog:         {"its table records what was implemented", ""},
	postmortem.WhyPlaceholder: {"it is blank, or nothing but a placeholder", "Write what is to be done, or remove it."},
	postmortem.WhyField:       {"it is a field of something, such as an owner", ""},
	postmortem.WhyIntro:       {"it only introduces the points below it", ""},
	postmortem.WhyNested:      {"it is a plain point below another one", writeBox},
	postmortem.WhyBullet:      {"it is a plain point that no follow-up heading stands above", writeBox},
	postmortem.WhyOutside:     {"it is a box outside every follow-up heading", belowFollowUps},
	postmortem.WhyOtherTopic:  {"the heading above it is one of something else than follow-ups", belowFollowUps},
}

const (
	writeBox       = `To make it an item, write "- [ ] " before it, below a heading such as "Action items".`
	belowFollowUps = `To make it an item, put it below a heading such as "Action items".`
)

// passedAt is what was passed over at a line, nil for nothing.
func passedAt(in *postmortem.Inspection, line int) (here *postmortem.Passed) {
	for i := range in.Passed {
		// The innermost comes last: a list's text before what stands in it.
		if p := &in.Passed[i]; p.Line <= line && line <= p.End {
			here = p
		}
	}
	return here
}

// noItem says why no item stands at a line.
func noItem(in *postmortem.Inspection, line int) string {
	here := passedAt(in, line)
	if here == nil {
		return "no item stands at this line.\n"
	}
	why := whys[here.Why]
	about := ""
	if here.Line == line {
		about = here.Text
	}
	said := fmt.Sprintf("%s\n  no item: %s", about, why[0])
	if len(here.Heading) > 0 && here.Why != postmortem.WhyHeading {
		said += fmt.Sprintf(" (under %s)", text.Marked(strings.Join(here.Heading, " > "), 200))
	}
	said += ".\n"
	if why[1] != "" {
		said += "    " + why[1] + "\n"
	}
	return said
}

func explainProblem(file string, p postmortem.Problem) string {
	return fmt.Sprintf("%s:%d: %s\n  no item: it cannot be used:\n  - %s: %s\n    %s\n", text.Line(file, 0), p.Line, p.Text,
		p.Reason, text.Line(cmp.Or(p.Detail, p.Reason.Sentence()), 0), p.Reason.Fix())
}

// explainItem says in a few lines why an item of a document is or is not
// automatic, every reason with its way out.
func explainItem(d *postmortem.Document, item postmortem.Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d: %s\n", text.Marked(item.File, 300), item.Line, text.Marked(item.Action, 200))
	fmt.Fprintf(&b, "  id %s, priority %s, type %s, status %s\n", item.ID, item.Priority, explainType(item), quoteOrNone(item.Status))
	if item.Owner != "" || item.Due != "" {
		fmt.Fprintf(&b, "  owner %s, due %s\n", quoteOrNone(item.Owner), quoteOrNone(item.Due))
	}
	if len(item.Heading) > 0 {
		fmt.Fprintf(&b, "  under %s\n", text.Marked(strings.Join(item.Heading, " > "), 200))
	}
	fmt.Fprintf(&b, "  %s\n", standing(item))
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

// standing says what becomes of an item.
func standing(item postmortem.Item) string {
	switch {
	case item.Lane == postmortem.LaneAutomatic:
		return "lane automatic: it is open, its type may be acted on, and no rule holds it back."
	case item.Lane == postmortem.LaneApproval:
		return "lane approval: it needs a person's approval:"
	case item.Class == postmortem.ClassDone:
		return "not open: it is done."
	case item.Class == postmortem.ClassDeclined:
		return "not open: it is declined, deferred or struck through."
	case item.Class == postmortem.ClassUnclear:
		return "reported only:"
	}
	return "needs a person:"
}

func explainType(item postmortem.Item) string {
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
