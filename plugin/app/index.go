package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/outlet"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/run"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// indexCommand writes the HTML overview of all post-mortems.
func indexCommand() *cli.Command {
	return &cli.Command{
		Name:      "index",
		Usage:     "write the HTML overview of all post-mortems",
		UsageText: "pm-todos index [--output FILE] [flags] [PATH...]",
		Description: "The page lists date, severity, title and items of every post-mortem, each linked by its path relative to the page.\n" +
			"It needs no server and no other files. A PATH is a file, or a folder for the Markdown files below it;\n" +
			"without one, it reads the documents below the current folder that match post_mortems.\n\n" +
			"An existing file is overwritten only if it is such a page. A plugin run updates the page together with\n" +
			"the documents, see the setting index. The same documents give the same bytes.\n\n" +
			"The exit code is 1, and nothing is written, if a document cannot be read or FILE is not such a page.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{
				Name: "output", EnvVars: []string{settings.Prefix + "INDEX"}, DefaultText: settings.DefaultIndex,
				Usage: "file to write, or a pipe; - is standard output",
			},
		}, settingFlags(searchSettings...)...),
		Action: indexAction,
	}
}

func indexAction(c *cli.Context) error {
	s, paths, err := searchArguments(c)
	if err != nil {
		return err
	}
	output := c.String("output")
	if output == "" {
		output = settings.DefaultIndex
	}
	files, unread := findDocuments(paths, s.Documents.PostMortems)
	said := observedHere(c.Context)
	entries := make([]report.IndexEntry, 0, len(files))
	for _, file := range files {
		entry, err := readEntry(c, s, file, said)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		entries = append(entries, entry)
	}
	if len(unread) > 0 {
		return fmt.Errorf("the index was not written, since documents are missing from it: %w", errors.Join(unread...))
	}
	base := output
	if output == "-" {
		base = settings.DefaultIndex
	}
	if base, err = filepath.Abs(base); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	page, err := report.Index(filepath.ToSlash(base), entries)
	if err != nil {
		return err
	}
	if output == "-" {
		_, err := c.App.Writer.Write(page)
		return err
	}
	done, err := writeIndex(c.Context, output, page)
	if err != nil || done == "" {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s %s, with %s\n", output, done, text.Counted(len(entries), "post-mortem"))
	return err
}

// readEntry is a document as the index lists it.
func readEntry(c *cli.Context, s settings.Settings, file string, said hereSaid) (report.IndexEntry, error) {
	src, err := readDocument(file, c.App.Reader)
	if err != nil {
		return report.IndexEntry{}, err
	}
	path, err := filepath.Abs(file)
	name := said.name(path) // what items are named after
	entry := run.IndexEntry(postmortem.Parse(name, src, s.DocumentPolicy()), src, said.all[name])
	entry.File = filepath.ToSlash(path)
	return entry, err
}

// hereSaid is what the commits of the repository of the current folder say that
// Prometheus said.
type hereSaid struct {
	root string
	all  run.Observations
}

// observedHere asks git for it. Without git, or outside of a repository, there is
// nothing.
func observedHere(ctx context.Context) hereSaid {
	here := hereSaid{hereGit(ctx, ".", "rev-parse", "--show-toplevel"), run.Observations{}}
	if here.root == "" {
		return here
	}
	messages := hereGit(ctx, ".", "log", "--format=%B%x00", "--grep=^Post-Mortem-Evidence: ", "HEAD", "--")
	for message := range strings.SplitSeq(messages, "\x00") {
		here.all.Add(message)
	}
	return here
}

// name is what the repository calls a file; its path outside of one.
func (h hereSaid) name(file string) string {
	if h.root == "" {
		return filepath.ToSlash(file)
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	if name, err := filepath.Rel(h.root, file); err == nil {
		file = name
	}
	return filepath.ToSlash(file)
}

// writeIndex writes the page to a file, unless that is somebody else's, and says
// what became of it. It says nothing of a page that went into a pipe or device,
// which may be where that would be read.
func writeIndex(ctx context.Context, output string, page []byte) (done string, err error) {
	to, err := outlet.At(output)
	if err != nil {
		return "", err
	}
	if to.Through {
		return "", to.Write(ctx, page)
	}
	if !to.Absent {
		present, err := os.ReadFile(to.Path)
		switch {
		case err != nil:
			return "", fmt.Errorf("write the index: %w", err)
		case bytes.Equal(present, page):
			return "is up to date", nil
		case len(bytes.TrimSpace(present)) > 0 && !report.IsIndex(present):
			return "", fmt.Errorf("%s was not written by pm-todos, so it is left as it is; give another file by --output, or remove this one", output)
		}
	}
	return "written", to.Write(ctx, page)
}
