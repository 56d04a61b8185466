package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/urfave/cli/v2"

	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// errUnread stands for files that were named one by one already.
var errUnread = errors.New("not every file could be read")

// documentSettings are the settings that decide which items are safe.
var documentSettings = []string{"safe_types", "inferred_types", "protected", "stacks", "allow_paths"}

// searchSettings are those, and which files are documents.
var searchSettings = append([]string{"post_mortems"}, documentSettings...)

// pathArguments are the arguments of a command that takes files. name is what
// its usage calls one of them.
func pathArguments(c *cli.Context, name string) ([]string, error) {
	given, stray := operands(c, "-")
	if stray != "" {
		return nil, usageError("%s stands behind a %s; put flags before the files, and -- before a file of that name", text.Quote(stray), name)
	}
	return given, nil
}

// operands are the arguments of a command without the "--" that ends its flags.
// stray is one before that which begins like a flag. The parser of flags has
// taken a "--" right behind them already: only then is such a one the first.
func operands(c *cli.Context, mark string) (words []string, stray string) {
	given := c.Args().Slice()
	ended := len(given) > 0 && given[0] != "-" && strings.HasPrefix(given[0], "-")
	for _, one := range given {
		switch {
		case ended, one == "-":
			words = append(words, one)
		case one == "--":
			ended = true
		case strings.HasPrefix(one, mark):
			return nil, one
		default:
			words = append(words, one)
		}
	}
	return words, ""
}

// tellProblem names a file that cannot be used, where the others go on.
func tellProblem(c *cli.Context, err error) error {
	if _, err := fmt.Fprintf(c.App.ErrWriter, "pm-todos: %s: %s\n", c.Command.Name, text.Line(err.Error(), 0)); err != nil {
		return fmt.Errorf("print an error: %w", err)
	}
	return nil
}

// searchArguments are the settings and paths of a command that looks for documents,
// and takes more settings than that needs.
func searchArguments(c *cli.Context, more ...string) (s settings.Settings, paths []string, err error) {
	if s, err = someSettings(c, slices.Concat(searchSettings, more)); err == nil {
		paths, err = pathArguments(c, "PATH")
	}
	return s, paths, err
}

// findDocuments are the documents that paths name: a file is taken as it is, a
// folder stands for the Markdown files below it. Without paths they are those
// below the current folder that the globs name. unread is what could not be
// looked at; the rest was found all the same.
func findDocuments(paths, globs []string) (files []string, unread []error) {
	seen := map[string]bool{}
	add := func(file string) {
		if key := path.Clean(filepath.ToSlash(file)); !seen[key] {
			seen[key] = true
			files = append(files, file)
		}
	}
	if len(paths) == 0 {
		files, unread = matchingDocuments(os.DirFS("."), globs)
		return files, unread
	}
	for _, one := range paths {
		info, err := os.Stat(one)
		switch {
		case one == "-":
			add(one)
		case err != nil:
			unread = append(unread, err)
		case !info.IsDir():
			add(one)
		default:
			below, problems := documentsBelow(one)
			unread = append(unread, problems...)
			for _, file := range below {
				add(file)
			}
		}
	}
	return files, unread
}

// matchingDocuments are the documents of a folder that globs name.
func matchingDocuments(root fs.FS, globs []string) (files []string, unread []error) {
	for _, pattern := range globs {
		// Links could lead out of the folder, or around in it for ever.
		err := doublestar.GlobWalk(root, path.Clean(pattern), func(file string, entry fs.DirEntry) error {
			if entry.Type().IsRegular() && postmortem.IsDocument(file) {
				files = append(files, file)
			}
			return nil
		}, doublestar.WithFailOnIOErrors(), doublestar.WithNoFollow())
		if err != nil {
			unread = append(unread, fmt.Errorf("look for %s: %w", pattern, err))
		}
	}
	slices.Sort(files)
	return slices.Compact(files), unread
}

// markdown are the extensions of Markdown files.
var markdown = []string{".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd"}

// documentsBelow are the Markdown files below a folder that may be documents.
// Links below it, and folders whose names begin with a dot, are left out.
func documentsBelow(folder string) (files []string, unread []error) {
	root := folder + string(filepath.Separator) // a link to a folder is walked too when it is named
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			unread = append(unread, err) // what is beside it is walked all the same
		case entry.IsDir() && file != root && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.Type().IsRegular() && slices.Contains(markdown, strings.ToLower(filepath.Ext(file))) && postmortem.IsDocument(file):
			files = append(files, file)
		}
		return nil
	})
	if err != nil {
		unread = append(unread, err)
	}
	return files, unread
}
