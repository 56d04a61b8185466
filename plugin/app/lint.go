package app

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// errFindings stands for findings that were printed one by one already.
var errFindings = errors.New("some lines cannot be used")

// lintCommand tells authors what of their documents cannot be used.
func lintCommand() *cli.Command {
	return &cli.Command{
		Name:      "lint",
		Usage:     "show authors which items cannot be read, and which need a person",
		UsageText: "pm-todos lint [flags] [PATH...]   (- is standard input)",
		Description: "A PATH is a file, or a folder for the Markdown files below it. Without one, it reads the documents below\n" +
			"the current folder that match post_mortems. It does not need git, and contacts nothing.\n\n" +
			"There is one line for each finding, then a summary:\n\n" +
			"   path:line:column: severity: reason: sentence [beginning of the item] (fix: what to do)\n\n" +
			"error    the item cannot be read, such as a row with too many cells\n" +
			"warning  it is unclear whether the item is open; it is only reported\n" +
			"note     the item is open and needs a person\n\n" +
			"The exit code is 1 if there are errors or a file cannot be read, 2 if the command line is wrong, else 0.\n" +
			"pm-todos explain FILE:LINE says more about one item.",
		Flags:  settingFlags(searchSettings...),
		Action: lintAction,
	}
}

func lintAction(c *cli.Context) error {
	s, paths, err := searchArguments(c)
	if err != nil {
		return err
	}
	files, unread := findDocuments(paths, s.Documents.PostMortems)
	var count lintCount
	for _, file := range files {
		src, err := readDocument(file, c.App.Reader)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		if err := count.print(c.App.Writer, postmortem.Parse(file, src, s.DocumentPolicy())); err != nil {
			return err
		}
	}
	for _, err := range unread {
		if err := tellProblem(c, err); err != nil {
			return err
		}
	}
	count.unread = len(unread)
	nothing := ""
	if count.documents+count.unread == 0 {
		nothing = "; there is no Markdown file below the paths"
		if len(paths) == 0 {
			nothing = "; no file below the current folder matches post_mortems: " + strings.Join(s.Documents.PostMortems, ",")
		}
	}
	if _, err := fmt.Fprintf(c.App.Writer, "%s%s\n", count, nothing); err != nil {
		return fmt.Errorf("print the summary: %w", err)
	}
	switch {
	case count.levels[postmortem.LevelError] > 0:
		return alreadyReported(errFindings)
	case count.unread > 0:
		return alreadyReported(errUnread)
	default:
		return nil
	}
}

// lintCount is what the summary line of lint tells.
type lintCount struct {
	documents, unread, safe int
	levels                  map[postmortem.Level]int
}

// print writes the findings of a document and counts them.
func (n *lintCount) print(w io.Writer, doc *postmortem.Document) error {
	if n.levels == nil {
		n.levels = map[postmortem.Level]int{}
	}
	n.documents++
	n.safe += len(doc.Safe())
	for _, finding := range postmortem.Lint(doc) {
		n.levels[finding.Level]++
		if _, err := fmt.Fprintln(w, lintLine(finding)); err != nil {
			return fmt.Errorf("print the findings of %s: %w", doc.File, err)
		}
	}
	return nil
}

// lintLine is a finding in the form that editors and CI logs understand.
func lintLine(f postmortem.Finding) string {
	about := ""
	if f.Text != "" {
		about = " [" + f.Text + "]"
	}
	if f.Evidence != "" {
		about += fmt.Sprintf(" (because of %q)", f.Evidence)
	}
	return text.Line(fmt.Sprintf("%s:%d:%d: %s: %s: %s%s (fix: %s)", f.File, f.Line, f.Column, f.Level, f.Reason, f.Detail, about, f.Fix), 0)
}

func (n lintCount) String() string {
	line := text.Counted(n.documents, "document")
	if n.unread > 0 {
		line += fmt.Sprintf(" read, %d could not be", n.unread)
	}
	line = fmt.Sprintf("%s: %s, %s, %s; %s may be implemented without a person", line,
		text.Counted(n.levels[postmortem.LevelError], "error"), text.Counted(n.levels[postmortem.LevelWarning], "warning"),
		text.Counted(n.levels[postmortem.LevelNote], "note"), text.Counted(n.safe, "item"))
	if n.safe > 0 {
		line += "\nName the alert or the setting in the action, and state the new value: what is not stated waits for a person."
	}
	return line
}
