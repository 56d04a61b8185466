// Package scaffold holds the files that a repository needs to work with this
// program: the pipelines, the agent definition, the skills with their template,
// and the guide for reporters. It fills them in for one installation, and writes
// them into a repository without ever changing what is there.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"
)

// The embedded files stand at the paths that they get in the repository. Their
// directives are written [[ ]], since Markdown, YAML and shell have no use for
// that.
//
//go:embed all:template
var embedded embed.FS

// TemplatePath is where a repository keeps its own template of a post-mortem.
const TemplatePath = ".claude/skills/post-mortem/template.md"

// Folder is where post-mortems are kept.
const Folder = "docs/post-mortems"

// ignoreFile is often there already: then its lines count, not their order.
const ignoreFile = ".gitignore"

// What publishes the post-mortems as web pages: the value pages.
const (
	pagesByWoodpecker = "woodpecker"
	pagesByActions    = "actions"
	pagesByNobody     = "none"
)

// pages are the files that publish post-mortems.
var pages = map[string]string{
	pagesByWoodpecker: ".woodpecker/pages.yml",
	pagesByActions:    ".github/workflows/post-mortem-pages.yml",
}

// order is that of the files in lists: what has to be filled in comes first.
var order = []string{
	".woodpecker/postmortem-todos.yml",
	".woodpecker/postmortem-lint.yml",
	pages[pagesByWoodpecker],
	pages[pagesByActions],
	".claude/agents/postmortem-todo-resolver.md",
	".claude/skills/post-mortem/SKILL.md",
	TemplatePath,
	".claude/skills/cluster-health/SKILL.md",
	"docs/reporting-an-issue.md",
	ignoreFile,
}

// File is one file of a repository.
type File struct {
	Path    string // with slashes, relative to the repository's root
	Content []byte
}

// Files are the files of an installation, filled in with values by the names of
// Values. A value that is missing and has no default becomes a placeholder, see
// Blanks. The error names every value that cannot be used.
func Files(values map[string]string) ([]File, error) {
	if err := check(values); err != nil {
		return nil, err
	}
	files := make([]File, 0, len(order))
	publisher, _ := valueOf(values, "pages") // a value that is known
	for _, name := range order {
		if slices.Contains(slices.Collect(maps.Values(pages)), name) && name != pages[publisher] {
			continue
		}
		content, err := render(name, values)
		if err != nil {
			return nil, err
		}
		files = append(files, File{Path: name, Content: content})
	}
	return files, nil
}

// Template is the embedded template of a post-mortem.
func Template() []byte {
	content, err := fs.ReadFile(embedded, "template/"+TemplatePath)
	if err != nil {
		panic(err) // it is compiled in
	}
	return content
}

func render(name string, values map[string]string) ([]byte, error) {
	source, err := fs.ReadFile(embedded, "template/"+name)
	if err != nil {
		return nil, fmt.Errorf("embedded file %s: %w", name, err)
	}
	t, err := template.New(path.Base(name)).Delims("[[", "]]").Funcs(functions(values)).Parse(string(source))
	if err != nil {
		return nil, fmt.Errorf("embedded file %s: %w", name, err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return nil, fmt.Errorf("fill in %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// functions are what the templates may call.
func functions(values map[string]string) template.FuncMap {
	return template.FuncMap{
		"value": func(name string) (string, error) { return valueOf(values, name) },
		"given": func(name string) bool { return values[name] != "" },
		// A setting that works without a value is a comment until it has one.
		"optional": func(name string) string {
			if values[name] != "" {
				return ""
			}
			return "# "
		},
		"yaml":  yamlScalar,
		"shell": func(text string) (string, error) { return syntax.Quote(text, syntax.LangPOSIX) },
		"cell":  func(text string) string { return strings.ReplaceAll(text, "|", `\|`) },
		// The page above the single post-mortems.
		"overview": func() string {
			at, _, _ := strings.Cut(values["pages-url"], "{")
			return at[:strings.LastIndexByte(at, '/')+1]
		},
	}
}

// yamlScalar is text as a value of a YAML block mapping.
func yamlScalar(text string) (string, error) {
	scalar, err := yaml.Marshal(text)
	return strings.TrimSuffix(string(scalar), "\n"), err
}

// check finds the values that are unknown or are not one plain line.
func check(values map[string]string) error {
	var problems []error
	for name, text := range values {
		i := slices.IndexFunc(known, func(v Value) bool { return v.Name == name })
		if i < 0 {
			problems = append(problems, fmt.Errorf("%s is nothing that the files ask for", name))
			continue
		}
		if err := oneLine(text); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		if name == "pages" && text != "" && !slices.Contains([]string{pagesByWoodpecker, pagesByActions, pagesByNobody}, text) {
			problems = append(problems, fmt.Errorf("pages: %q is not one of %s, %s or %s", text, pagesByWoodpecker, pagesByActions, pagesByNobody))
		}
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(problems...)
}
