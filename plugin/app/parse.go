package app

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/urfave/cli/v2"
)

// parseCommand prints the items of documents.
func parseCommand() *cli.Command {
	return &cli.Command{
		Name:      "parse",
		Usage:     "print the items of post-mortems, and which of them are safe",
		UsageText: "pm-todos parse [flags] FILE...   (- is standard input)",
		Flags: append([]cli.Flag{
			formatFlag("json, one object per file, or table", "json", "table"),
		}, settingFlags(documentSettings...)...),
		Action: parseAction,
	}
}

func parseAction(c *cli.Context) error {
	write := map[string]func(io.Writer, *postmortem.Document) error{"json": writeListing, "table": writeTable}[c.String("format")]
	policy, err := parsePolicy(c)
	if err != nil {
		return err
	}
	files, err := pathArguments(c, "FILE")
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return usageError("parse needs at least one FILE")
	}
	unread := false
	for _, file := range files {
		src, err := readDocument(file, c.App.Reader)
		if err != nil {
			// The error names the file; the others are printed all the same.
			unread = true
			if err := tellProblem(c, err); err != nil {
				return err
			}
			continue
		}
		if err := write(c.App.Writer, postmortem.Parse(file, src, policy)); err != nil {
			return fmt.Errorf("print the items of %s: %w", file, err)
		}
	}
	if unread {
		return alreadyReported(errUnread)
	}
	return nil
}

// parsePolicy reads the settings that decide which items are safe.
func parsePolicy(c *cli.Context) (classify.Policy, error) {
	s, err := someSettings(c, documentSettings)
	return s.DocumentPolicy(), err
}

func readDocument(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		src, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return src, nil
	}
	return os.ReadFile(file) //nolint:gosec // a file that the user names; the error names it too
}

func writeListing(w io.Writer, doc *postmortem.Document) error { return writeJSON(w, doc.Listing()) }

// writeJSON prints a value as indented JSON. Its characters stay as they are: it
// is read by jq and by people, not inside HTML.
func writeJSON[T any](w io.Writer, value T) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// writeTable prints the open items and problems of a document as a table for
// people, without control characters.
func writeTable(w io.Writer, d *postmortem.Document) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d safe, %d skipped, %d unclear, %d problems\n",
		text.Marked(d.File, 200), len(d.Safe()), len(d.Skipped()), len(d.Unclear()), len(d.Problems))
	rows := [][]string{{"LINE", "CLASS", "LANE", "PRIORITY", "TYPE", "REASON", "ACTION"}}
	for _, item := range d.Items {
		if item.Class == postmortem.ClassDone || item.Class == postmortem.ClassDeclined {
			continue
		}
		rows = append(rows, []string{
			strconv.Itoa(item.Line), string(item.Class), cmp.Or(string(item.Lane), "-"), string(item.Priority),
			cmp.Or(text.Marked(item.Type, 24), "-"), cmp.Or(string(item.Reason()), "-"), text.Marked(item.Action, 72),
		})
	}
	for _, p := range d.Problems {
		rows = append(rows, []string{strconv.Itoa(p.Line), "problem", "-", "-", "-", string(p.Reason), text.Marked(p.Detail, 100)})
	}
	if len(rows) > 1 {
		align(&b, rows)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// align writes rows with their columns below each other.
func align(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], text.Columns(cell))
		}
	}
	for _, row := range rows {
		last := len(row) - 1
		for i, cell := range row[:last] {
			b.WriteString(text.Fit(cell, widths[i]))
			b.WriteString("  ")
		}
		b.WriteString(row[last])
		b.WriteByte('\n')
	}
}
