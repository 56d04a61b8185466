package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/lint"
	"github.com/pm-todos/pm-todos/plugin/outlet"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/edit"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"
)

// errFindings stands for findings that were printed one by one already.
var errFindings = errors.New("some lines cannot be used")

// lintCommand tells authors what of their documents cannot be used.
func lintCommand() *cli.Command {
	return &cli.Command{
		Name:      "lint",
		Usage:     "show authors what cannot be read, and what only they can add",
		UsageText: "pm-todos lint [flags] [PATH...]   (- is standard input)",
		Description: "A PATH is a file, or a folder for the Markdown files below it. Without one, it reads the documents below\n" +
			"the current folder that match post_mortems. It does not need git, and contacts nothing but prometheus_url.\n\n" +
			"There is one line for each finding, then a summary:\n\n" +
			"   path:line:column: severity: reason: sentence [beginning of the item] (fix: what to do)\n\n" +
			"error    the item cannot be read, such as a row with too many cells\n" +
			"warning  it is only reported, such as a box outside every follow-up heading, or lacks what only its author\n" +
			"         knows: a type, the rest of a template\n" +
			"note     the item is open and needs a person; with --notes only\n\n" +
			"With prometheus_url, that Prometheus is asked for the metrics that open alerts name, and the unknown ones are\n" +
			"warned of. One that cannot be asked is told of on standard error, and changes nothing else.\n\n" +
			"Other formats are for pull requests: github prints workflow commands, gitlab a Code Quality report, sarif a\n" +
			"log for code scanning, json one object. They alone go to standard output, the summary to standard error.\n\n" +
			"--fix states the types that can be inferred: a Type column for tables without one, [Alert] and the like before\n" +
			"the text of boxes. It prints what it would change as a diff and changes nothing; --fix --write writes the files\n" +
			"too. Read the diff: what has a stated type may be implemented without a person, and gets another id, since the\n" +
			"id is made from the row's text and type. A box that is still to be filled in gets no type.\n\n" +
			"The exit code is 1 if there are errors or a file cannot be read, 2 if the command line is wrong, else 0.\n" +
			"pm-todos explain FILE:LINE says more about one line.",
		Flags: append([]cli.Flag{
			formatFlag("text, json, github, gitlab or sarif", "text", "json", "github", "gitlab", "sarif"),
			&cli.BoolFlag{Name: "notes", Usage: "print notes too: why each item needs a person"},
			&cli.BoolFlag{Name: "fix", Usage: "print as a diff what states the types that can be inferred"},
			&cli.BoolFlag{Name: "write", Usage: "with --fix: write the files"},
		}, settingFlags(slices.Concat(searchSettings, prometheusSettings)...)...),
		Action: lintAction,
	}
}

func lintAction(c *cli.Context) error {
	s, paths, err := searchArguments(c, prometheusSettings...)
	if err != nil {
		return err
	}
	if err := fixFlags(c, paths); err != nil {
		return err
	}
	asker, err := newMetricAsker(s)
	if err != nil {
		return err
	}
	defer asker.close()
	files, unread := findDocuments(paths, s.Documents.PostMortems)
	found := lint.Report{Version: c.App.Version}
	var fixed fixes
	for _, file := range files {
		src, err := readDocument(file, c.App.Reader)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		doc := postmortem.Inspect(file, src, s.DocumentPolicy())
		found.Add(doc)
		if !c.Bool("fix") {
			asker.ask(c.Context, doc, &found)
		} else if err := fixed.fix(c.Context, c.App.Writer, doc, src, c.Bool("write")); err != nil {
			unread = append(unread, err)
		}
	}
	for _, err := range slices.Concat(unread, fixed.left, asker.failed) {
		if err := tellProblem(c, err); err != nil {
			return err
		}
	}
	summary := lintSummary(found, len(unread))
	if found.Documents+len(unread) == 0 {
		nothing := "; there is no Markdown file below the paths"
		if len(paths) == 0 {
			nothing = "; no file below the current folder matches post_mortems: " + strings.Join(s.Documents.PostMortems, ",")
		}
		summary += nothing
	}
	if err := printLint(c, found, fixed, summary); err != nil {
		return err
	}
	switch {
	case found.Count(lint.LevelError) > 0:
		return alreadyReported(errFindings)
	case len(unread) > 0:
		return alreadyReported(errUnread)
	default:
		return nil
	}
}

// fixFlags refuses flags of lint that mean nothing together.
func fixFlags(c *cli.Context, paths []string) error {
	switch {
	case c.Bool("write") && !c.Bool("fix"):
		return usageError("--write means nothing without --fix")
	case c.Bool("fix") && (c.IsSet("format") || c.Bool("notes")):
		return usageError("--fix prints a diff and no findings; leave out --format and --notes")
	case c.Bool("write") && slices.Contains(paths, "-"):
		return usageError("standard input cannot be written; leave out --write")
	}
	return nil
}

// printLint prints the findings, or tells of the fixes whose diffs were printed
// already, and the summary where it is in nobody's way.
func printLint(c *cli.Context, found lint.Report, fixed fixes, summary string) error {
	to := c.App.ErrWriter
	if c.Bool("fix") {
		summary = fixed.summary(c.Bool("write"))
	} else {
		if !c.Bool("notes") {
			found.Findings = slices.DeleteFunc(found.Findings, func(f lint.Finding) bool { return f.Level == lint.LevelNote })
		}
		format := c.String("format")
		if format == "text" {
			to = c.App.Writer
		}
		if err := lint.Formats[format](c.App.Writer, found); err != nil {
			return fmt.Errorf("print the findings: %w", err)
		}
	}
	if _, err := fmt.Fprintln(to, summary); err != nil {
		return fmt.Errorf("print the summary: %w", err)
	}
	return nil
}

// lintSummary is the closing line of lint.
func lintSummary(r lint.Report, unread int) string {
	line := text.Counted(r.Documents, "document")
	if unread > 0 {
		line += fmt.Sprintf(" read, %d could not be", unread)
	}
	line = fmt.Sprintf("%s: %s, %s, %s; %s may be implemented without a person, %s", line,
		text.Counted(r.Count(lint.LevelError), "error"), text.Counted(r.Count(lint.LevelWarning), "warning"),
		text.Counted(r.Count(lint.LevelNote), "note"), text.Counted(r.Automatic, "item"), approvals(r.Approval))
	if r.Automatic > 0 {
		line += "\nName the alert or the setting in the action, and state the new value: what is not stated waits for a person."
	}
	return line
}

func approvals(n int) string {
	if n == 1 {
		return "1 needs approval"
	}
	return fmt.Sprintf("%d need approval", n)
}

// fixes is what lint --fix did.
type fixes struct {
	documents, stated int
	left              []error // tables that were left alone
}

// fix prints what states the types of a document's items, and writes it if it
// is to.
func (f *fixes) fix(ctx context.Context, w io.Writer, doc *postmortem.Inspection, src []byte, write bool) error {
	typed, err := edit.StateTypes(doc, src)
	if err != nil {
		return err
	}
	for _, line := range typed.Left {
		f.left = append(f.left, fmt.Errorf("%s:%d: the table is left as it is, since it has malformed rows; mend those first", doc.File, line))
	}
	if bytes.Equal(typed.Content, src) {
		return nil
	}
	f.documents++
	f.stated += typed.Stated
	name := strings.TrimPrefix(filepath.ToSlash(filepath.Clean(doc.File)), "/")
	if _, err := w.Write(diff.Diff("a/"+name, src, "b/"+name, typed.Content)); err != nil {
		return fmt.Errorf("print the diff of %s: %w", doc.File, err)
	}
	if write {
		return outlet.Write(ctx, doc.File, typed.Content)
	}
	return nil
}

func (f *fixes) summary(wrote bool) string {
	line := fmt.Sprintf("%s stated in %s", text.Counted(f.stated, "type"), text.Counted(f.documents, "document"))
	if f.documents == 0 {
		return line
	}
	if !wrote {
		line = fmt.Sprintf("%s would be stated in %s; add --write to write them", text.Counted(f.stated, "type"), text.Counted(f.documents, "document"))
	}
	return line + "\nAn item whose type is stated gets another id: attempts begin anew, and a branch that waits for it belongs to the old one."
}
