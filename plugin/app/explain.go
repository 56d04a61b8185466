package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// explainCommand says of items why they are automatic or not.
func explainCommand() *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "say why an item is or is not automatic",
		UsageText: "pm-todos explain [flags] FILE[:LINE]   (- is standard input)",
		Description: "For each item of the document, or for the one at LINE, it prints the id, priority, type (and whether it was\n" +
			"inferred), status, headings, and every reason why the item needs a person, each with its fix. If no item\n" +
			"begins at LINE, the nearest is explained. FILE:LINE:COLUMN, as lint and parse print it, works too.\n" +
			"Nothing is contacted. The exit code is 1 if the file cannot be read.",
		Flags:  settingFlags(documentSettings...),
		Action: explainAction,
	}
}

func explainAction(c *cli.Context) error {
	policy, err := parsePolicy(c)
	if err != nil {
		return err
	}
	given, err := pathArguments(c, "FILE")
	if err != nil {
		return err
	}
	if len(given) != 1 {
		return usageError("explain needs exactly one FILE or FILE:LINE")
	}
	file, line, err := splitPlace(given[0])
	if err != nil {
		return err
	}
	src, err := readDocument(file, c.App.Reader)
	if err != nil {
		return fmt.Errorf("explain: %w", err)
	}
	doc := postmortem.Parse(file, src, policy)
	raw := explainDocument(doc)
	if line > 0 {
		raw = explainLine(doc, line)
	}
	if !postmortem.IsDocument(file) {
		raw += fmt.Sprintf("\nA run does not read %s: files of this name are no post-mortems.\n", text.Line(file, 0))
	}
	if _, err := fmt.Fprint(c.App.Writer, raw); err != nil {
		return fmt.Errorf("print the items of %s: %w", file, err)
	}
	return nil
}

// placeEnd is what may follow a file's name: its line, and the column, which
// does not matter.
var placeEnd = pattern.Lazy(`^(.+?):([0-9]+)(?::[0-9]*)?:?$`)

// splitPlace parts FILE:LINE. Line is 0 when none is given. A file whose own
// name looks so is meant when it exists.
func splitPlace(place string) (file string, line int, err error) {
	m := placeEnd().FindStringSubmatch(place)
	if m == nil {
		return place, 0, nil
	}
	if _, err := os.Lstat(place); !errors.Is(err, fs.ErrNotExist) {
		return place, 0, nil
	}
	line, err = strconv.Atoi(m[2])
	if err != nil || line == 0 {
		return "", 0, usageError("%s names no line; lines count from 1", text.Quote(place))
	}
	return m[1], line, nil
}

// explanation is what there is to say of one line.
type explanation struct {
	line int
	text string
}

// explanations are those of all items and problems, in order of position.
func explanations(doc *postmortem.Document) []explanation {
	var all []explanation
	for _, item := range doc.Items {
		all = append(all, explanation{item.Line, postmortem.Explain(doc, item)})
	}
	for _, p := range doc.Problems {
		all = append(all, explanation{p.Line, explainProblem(doc.File, p)})
	}
	slices.SortStableFunc(all, func(a, b explanation) int { return a.line - b.line })
	return all
}

func explainProblem(file string, p postmortem.Problem) string {
	detail := p.Reason.Sentence()
	if p.Detail != "" {
		detail = p.Detail
	}
	return fmt.Sprintf("%s:%d: %s\n  no item: it cannot be used:\n  - %s: %s\n    %s\n", text.Line(file, 0), p.Line, p.Text,
		p.Reason, text.Line(detail, 0), p.Reason.Fix())
}

func explainDocument(doc *postmortem.Document) string {
	var b strings.Builder
	date := doc.Date
	if date == "" {
		date = "none"
	}
	fmt.Fprintf(&b, "%s: title %q, date %s, %s: %d safe, %d skipped, %d unclear; %s\n", text.Line(doc.File, 0),
		text.Line(doc.Title, 100), date, text.Counted(len(doc.Items), "item"),
		len(doc.Safe()), len(doc.Skipped()), len(doc.Unclear()), text.Counted(len(doc.Problems), "problem"))
	for _, one := range explanations(doc) {
		b.WriteString("\n" + one.text)
	}
	return b.String()
}

// explainLine explains what is at a line, else what is nearest to it.
func explainLine(doc *postmortem.Document, line int) string {
	all := explanations(doc)
	if len(all) == 0 {
		return fmt.Sprintf("%s has no items.\n", text.Line(doc.File, 0))
	}
	nearest := slices.MinFunc(all, func(a, b explanation) int { return linesApart(a.line, line) - linesApart(b.line, line) }).line
	var b strings.Builder
	switch {
	case nearest > line:
		fmt.Fprintf(&b, "No item begins at line %d; the nearest is below, at line %d:\n\n", line, nearest)
	case nearest < line:
		fmt.Fprintf(&b, "No item begins at line %d; the nearest is above, at line %d:\n\n", line, nearest)
	}
	for _, one := range all {
		if one.line == nearest {
			b.WriteString(one.text)
		}
	}
	return b.String()
}

func linesApart(a, b int) int { return max(a-b, b-a) }
