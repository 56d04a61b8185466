package app

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
)

// parseCommand prints the items of documents.
func parseCommand() *cli.Command {
	return &cli.Command{
		Name:      "parse",
		Usage:     "print the items of post-mortems, and which of them are safe",
		UsageText: "pm-todos parse [flags] FILE...   (- is standard input)",
		Flags: append([]cli.Flag{
			formatFlag("json", "table", "json, one object per file, or table"),
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
func parsePolicy(c *cli.Context) (postmortem.Policy, error) {
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

// writeTable prints a document as a table for people.
func writeTable(w io.Writer, doc *postmortem.Document) error {
	_, err := io.WriteString(w, doc.Table())
	return err
}
