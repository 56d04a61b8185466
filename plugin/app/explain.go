package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/lint"
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
			"inferred), status, headings, lane, and every reason why the item needs a person, each with its fix. For a LINE\n" +
			"without an item, it says why there is none, and explains the nearest item. FILE:LINE:COLUMN, as lint and parse print it, works too.\n" +
			"Nothing is contacted. The exit code is 1 if the file cannot be read.",
		Flags: append([]cli.Flag{
			formatFlag("text, or json, one object with the items", "text", "json"),
		}, settingFlags(documentSettings...)...),
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
	doc := postmortem.Inspect(file, src, policy)
	if c.String("format") == "json" {
		return writeJSON(c.App.Writer, lint.List(doc, line))
	}
	raw := lint.Explain(doc.Document)
	if line > 0 {
		raw = lint.ExplainLine(doc, line)
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
