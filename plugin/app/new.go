package app

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/lint"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/incident"
	"github.com/pm-todos/pm-todos/plugin/scaffold"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/urfave/cli/v2"
	"mvdan.cc/sh/v3/syntax"
)

// newCommand begins a post-mortem.
func newCommand() *cli.Command {
	return &cli.Command{
		Name:      "new",
		Usage:     "start a post-mortem from the template",
		UsageText: "pm-todos new [flags] TITLE",
		Description: "It creates <date>-<words of the title>.md and fills in what it knows. It uses the repository's own template at\n" +
			scaffold.TemplatePath + ", or else the built-in one. It then lists what you have to fill in,\n" +
			"and how to commit the file. An existing file is never changed.\n\n" +
			"The exit code is 1 if the file cannot be created, 2 if the title or a flag is wrong.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "date", Usage: "day on which the incident began, as YYYY-MM-DD", DefaultText: "today"},
			&cli.StringFlag{Name: "severity", Usage: "such as SEV2"},
			&cli.StringFlag{Name: "services", Usage: "affected services, such as \"wiki, registry\""},
			&cli.StringFlag{Name: "issue", Usage: "number or link of the issue"},
			&cli.StringFlag{Name: "dir", Usage: "folder to create it in", DefaultText: scaffold.Folder + " of the repository"},
			formatFlag("text, or json, one object with what is left to fill in", "text", "json"),
		},
		Action: newAction,
	}
}

func newAction(c *cli.Context) error {
	f, err := newFields(c)
	if err != nil {
		return err
	}
	base, dir, err := newFolder(c)
	if err != nil {
		return err
	}
	s, err := someSettings(c, searchSettings)
	if err != nil {
		return err
	}
	template, from, err := ownTemplate(base)
	if err != nil {
		return err
	}
	shown := shortPath(filepath.Join(dir, f.FileName()))
	content := scaffold.Document(template, f)
	if err := acceptable(s, shown, content, from); err != nil {
		return err
	}
	if err := writeNew(base, dir, f.FileName(), shown, content); err != nil {
		return err
	}
	if err := warnUnread(c, s, base, filepath.Join(dir, f.FileName())); err != nil {
		return err
	}
	if c.String("format") == "json" {
		return writeJSON(c.App.Writer, scaffold.Started(shown, content, f))
	}
	if _, err := io.WriteString(c.App.Writer, newText(shown, content, f)); err != nil {
		return fmt.Errorf("print what was made: %w", err)
	}
	return nil
}

// newFields is what is known of the incident.
func newFields(c *cli.Context) (scaffold.Fields, error) {
	words, stray := operands(c, "--")
	if stray != "" {
		return scaffold.Fields{}, usageError("%s stands behind the title; put flags before it, and -- before a word of the title that begins so", text.Quote(stray))
	}
	f := scaffold.Fields{
		Title: strings.TrimSpace(strings.Join(words, " ")), Date: c.String("date"), Severity: strings.TrimSpace(c.String("severity")),
		Services: strings.TrimSpace(c.String("services")), Issue: strings.TrimSpace(c.String("issue")),
	}
	if f.Date == "" {
		f.Date = time.Now().Format(time.DateOnly)
	}
	if err := f.Check(); err != nil {
		return f, usageError("new: %w", err)
	}
	if f.Severity != "" && incident.SeverityValue(f.Severity) == "" {
		return f, usageError("new: --severity: %s would not be read as one severity; write one word or level, such as SEV2, P1, 3 or high", text.Quote(f.Severity))
	}
	return f, nil
}

// repositoryRoot is the root of the git repository that a folder is in, "" when
// it is in none.
func repositoryRoot(folder string) string {
	for dir := folder; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// newFolder is the folder to put a post-mortem into, and the root of the
// repository that it belongs to: where there is none, the current folder.
func newFolder(c *cli.Context) (base, dir string, err error) {
	here, err := os.Getwd()
	if err != nil {
		return "", "", fmt.Errorf("new: %w", err)
	}
	root := repositoryRoot(here)
	if base = root; base == "" {
		base = here
	}
	given := c.String("dir")
	if given == "" {
		return base, filepath.Join(base, filepath.FromSlash(scaffold.Folder)), nil
	}
	if dir, err = filepath.Abs(given); err != nil {
		return "", "", fmt.Errorf("new: %w", err)
	}
	below, err := filepath.Rel(base, dir)
	if root != "" && (err != nil || !filepath.IsLocal(below)) {
		return "", "", usageError("--dir: %s is outside the repository %s; name a folder inside it, such as %s", text.Quote(given), text.Quote(root), scaffold.Folder)
	}
	return base, dir, nil
}

// warnUnread tells that no run would read a document at this place.
func warnUnread(c *cli.Context, s settings.Settings, base, file string) error {
	below, err := filepath.Rel(base, file)
	if err == nil && len(access.DocumentPaths([]string{filepath.ToSlash(below)}, s.Documents.PostMortems)) > 0 {
		return nil
	}
	return tellProblem(c, fmt.Errorf("warning: no run reads %s, since post_mortems is %s; put it there, or let that setting name this place too",
		shortPath(file), strings.Join(s.Documents.PostMortems, ", ")))
}

// ownTemplate is the repository's template, else the built-in one, and what to
// call it.
func ownTemplate(base string) (template []byte, from string, err error) {
	template, err = os.ReadFile(filepath.Join(base, filepath.FromSlash(scaffold.TemplatePath))) //nolint:gosec // the user's own repository
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return scaffold.Template(), "the built-in template", nil
	case err != nil:
		return nil, "", fmt.Errorf("new: read the template: %w", err)
	}
	return template, scaffold.TemplatePath, nil
}

// acceptable refuses to begin a document that lint would refuse.
func acceptable(s settings.Settings, file string, content []byte, from string) error {
	var lines []string
	for _, finding := range lint.Findings(postmortem.Inspect(file, content, s.DocumentPolicy())) {
		if finding.Level == lint.LevelError {
			lines = append(lines, "  "+finding.String())
		}
	}
	if len(lines) > 0 {
		return fmt.Errorf("new: nothing was written, since lint refuses what %s makes; mend it first:\n%s", from, strings.Join(lines, "\n"))
	}
	return nil
}

// writeNew writes the document below the repository, or into another folder
// that exists.
func writeNew(base, dir, name, shown string, content []byte) (err error) {
	top, file := dir, name
	if below, err := filepath.Rel(base, dir); err == nil && filepath.IsLocal(below) {
		top, file = base, path.Join(filepath.ToSlash(below), name)
	}
	root, err := os.OpenRoot(top)
	if err != nil {
		return fmt.Errorf("new: %w; name a folder that exists", err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	targets, err := scaffold.Compare(root, []scaffold.File{{Path: file, Content: content}})
	if err != nil {
		return fmt.Errorf("new: %w", err)
	}
	if targets[0].Standing != scaffold.Absent {
		return fmt.Errorf("new: %s is there already and is left as it is; go on in it, or give another title or --date", shown)
	}
	if err := scaffold.Write(root, targets); err != nil {
		return fmt.Errorf("new: %w", err)
	}
	return nil
}

// shortPath is a path as one would type it from here.
func shortPath(file string) string {
	here, err := os.Getwd()
	if err != nil {
		return file
	}
	short, err := filepath.Rel(here, file)
	if err != nil || !filepath.IsLocal(short) {
		return file
	}
	return filepath.ToSlash(short)
}

// newText tells where the document is, what is left to fill in, and how it is
// committed.
func newText(file string, content []byte, f scaffold.Fields) string {
	var b strings.Builder
	shown := text.Line(file, 0)
	b.WriteString(shown + "\n")
	for i, open := range scaffold.OpenFields(content) {
		if i == 0 {
			b.WriteString("\nLeft to fill in, besides the text:\n")
		}
		fmt.Fprintf(&b, "  %s:%d: %s\n", shown, open.Line, open.Text)
	}
	fmt.Fprintf(&b, "\nThen check and commit it:\n  pm-todos lint %s\n  git add %s\n  git commit -m %s\n",
		shellWord(file), shellWord(file), shellWord(f.CommitMessage()))
	b.WriteString("Leave [ci skip] out of the message: it would keep the push from starting the pipeline.\n")
	return b.String()
}

// shellWord is text as one word of a command line.
func shellWord(raw string) string {
	word, err := syntax.Quote(raw, syntax.LangPOSIX)
	if err != nil {
		return "'" + strings.ReplaceAll(text.Line(raw, 0), "'", `'\''`) + "'"
	}
	return word
}
