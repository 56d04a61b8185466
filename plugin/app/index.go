package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/dashboard/localgit"
	"github.com/pm-todos/pm-todos/plugin/outlet"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// indexSettings are what the index reads beside the documents.
var indexSettings = []string{"slo"}

// indexCommand writes the dashboard of all post-mortems.
func indexCommand() *cli.Command {
	return &cli.Command{
		Name:      "index",
		Usage:     "write the dashboard of all post-mortems",
		UsageText: "pm-todos index [--output FILE] [flags] [PATH...]",
		Description: "The page lists every post-mortem with its items and what became of them, and draws what is open and who closed it.\n" +
			"It needs no server and no other files. Beside it stand the same as JSON (index.json) and an Atom feed (index.atom).\n" +
			"A PATH is a file, or a folder for the Markdown files below it; without one, it reads the documents below the current\n" +
			"folder that match post_mortems. When items were done is read from the repository's history, by git.\n\n" +
			"An existing file is overwritten only if it is such a page. A plugin run updates the page together with\n" +
			"the documents, see the setting index. While nothing else differs, the time of writing stays.\n\n" +
			"The exit code is 1, and nothing is written, if a document cannot be read or FILE is not such a page.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{
				Name: "output", EnvVars: []string{settings.Prefix + "INDEX"}, DefaultText: settings.DefaultIndex,
				Usage: "file to write, or a pipe; - is standard output",
			},
		}, settingFlags(slices.Concat(searchSettings, indexSettings)...)...),
		Action: indexAction,
	}
}

func indexAction(c *cli.Context) error {
	s, paths, err := searchArguments(c, indexSettings...)
	if err != nil {
		return err
	}
	output := c.String("output")
	if output == "" {
		output = settings.DefaultIndex
	}
	files, unread := findDocuments(paths, s.Documents.PostMortems)
	base := output
	if output == "-" {
		base = settings.DefaultIndex
	}
	if base, err = filepath.Abs(base); err != nil {
		return fmt.Errorf("write the index: %w", err)
	}
	to, err := presentIndex(output)
	if err != nil {
		return err
	}
	documents, err := readForIndex(c, s, files, to)
	if err = errors.Join(append(unread, err)...); err != nil {
		return fmt.Errorf("the index was not written, since documents are missing from it: %w", err)
	}
	written, err := dashboard.Write(filepath.ToSlash(base), documents, s.Report.Targets, to.present, time.Now())
	if err != nil {
		return err
	}
	if output == "-" {
		_, err := c.App.Writer.Write(written.Page)
		return err
	}
	done, err := to.write(c.Context, written)
	if err != nil || done == "" {
		return err
	}
	_, err = fmt.Fprintf(c.App.Writer, "%s %s, with %s\n", output, done, text.Counted(len(documents), "post-mortem"))
	return err
}

// readForIndex reads the documents as the index lists them, with what the repository of
// the current folder and the index that is there know of them.
func readForIndex(c *cli.Context, s settings.Settings, files []string, to indexPlace) ([]dashboard.Document, error) {
	here := localgit.At(c.Context, ".")
	var parsed []*postmortem.Document
	var paths, names []string
	var unread []error
	for _, file := range files {
		src, err := readDocument(file, c.App.Reader)
		path, errPath := filepath.Abs(file)
		if err = errors.Join(err, errPath); err != nil {
			unread = append(unread, err)
			continue
		}
		doc := postmortem.Parse(here.Name(path), src, s.DocumentPolicy())
		parsed, paths, names = append(parsed, doc), append(paths, filepath.ToSlash(path)), append(names, doc.File)
	}
	history, err := here.History(c.Context, names, s.DocumentPolicy())
	known := dashboard.Known{History: history, Recorded: dashboard.Recall(to.present.JSON), Targets: s.Report.Targets, Today: time.Now()}
	var documents []dashboard.Document
	for i, doc := range parsed {
		documents = append(documents, known.Read(doc, paths[i]))
	}
	return documents, errors.Join(append(unread, err)...)
}

// indexPlace is where the index goes, and what is there. Nothing is where the page goes
// into a pipe or device: then nothing stands beside it.
type indexPlace struct {
	page    outlet.Outlet
	path    string // of the page
	present dashboard.Files
}

// presentIndex looks at what is there, and refuses what is somebody else's.
func presentIndex(output string) (to indexPlace, err error) {
	if output == "-" { // as it would be where it is kept, unless something else is there
		kept, err := presentIndex(settings.DefaultIndex)
		if err != nil {
			return to, nil //nolint:nilerr // nothing is written there
		}
		return indexPlace{present: kept.present}, nil
	}
	if to.page, err = outlet.At(output); err != nil || to.page.Through {
		return to, err
	}
	to.path = output
	for _, file := range to.present.At(output) {
		*file.Content, err = os.ReadFile(file.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return to, fmt.Errorf("write the index: %w", err)
		}
		if len(bytes.TrimSpace(*file.Content)) > 0 && !dashboard.IsOwn(*file.Content) {
			return to, fmt.Errorf("%s was not written by pm-todos, so it is left as it is; give another file by --output, or remove this one", file.Path)
		}
	}
	return to, nil
}

// write writes the index, and says what became of it. It says nothing of a page that
// went into a pipe or device, which may be where that would be read.
func (to indexPlace) write(ctx context.Context, index dashboard.Files) (done string, err error) {
	if to.page.Through {
		return "", to.page.Write(ctx, index.Page)
	}
	done = "is up to date"
	present := to.present.At(to.path)
	for i, file := range index.At(to.path) {
		if bytes.Equal(*file.Content, *present[i].Content) {
			continue
		}
		if err := outlet.Write(ctx, file.Path, *file.Content); err != nil {
			return "", err
		}
		done = "written"
	}
	return done, nil
}
