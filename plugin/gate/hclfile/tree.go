package hclfile

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/item"
)

// IsConfiguration reports whether a path is that of a file of Terraform, OpenTofu
// or Terragrunt, but for values of variables.
func IsConfiguration(file string) bool {
	switch path.Ext(strings.TrimSuffix(file, ".json")) {
	case ".tf", ".tofu", ".hcl":
		return true
	}
	return false
}

// IsHCL reports whether a path is that of a file in HCL, values of variables
// included.
func IsHCL(file string) bool {
	return slices.Contains([]string{".tf", ".tofu", ".hcl", ".tfvars"}, path.Ext(strings.ToLower(file)))
}

// Tree is the configuration of a repository on one side of a change. Trees of
// which one was made from the other parse a text once.
type Tree struct {
	Paths   []string // of the whole repository
	texts   map[string][]byte
	folders map[string][]string
	parsed  map[reading]result
}

// reading is a text as a file of a name.
type reading struct {
	name  string
	start *byte
	size  int
}

type result struct {
	file File
	err  error
}

// NewTree is a repository with these paths, and the texts of its configuration.
func NewTree(paths []string, texts map[string][]byte) *Tree {
	return newTree(paths, texts, map[reading]result{})
}

func newTree(paths []string, texts map[string][]byte, parsed map[reading]result) *Tree {
	t := &Tree{Paths: paths, texts: texts, folders: map[string][]string{}, parsed: parsed}
	for _, name := range t.Names() {
		t.folders[path.Dir(name)] = append(t.folders[path.Dir(name)], name)
	}
	return t
}

// Sides are the tree as it was and as it would be with a change of files. A side
// on which nothing differs is the tree that it was made from.
func (t *Tree) Sides(files []item.File) (before, after *Tree) {
	paths := t.Paths
	for _, file := range files {
		if file.Kind == item.Added {
			paths = append(paths[:len(paths):len(paths)], file.Path)
		}
	}
	before = t.with(paths, files, func(f item.File) []byte { return f.Old })
	return before, before.with(paths, files, func(f item.File) []byte { return f.New })
}

// with is the tree with other texts of files, without those that have none.
func (t *Tree) with(paths []string, files []item.File, text func(item.File) []byte) *Tree {
	texts := maps.Clone(t.texts)
	if texts == nil {
		texts = map[string][]byte{}
	}
	same := len(paths) == len(t.Paths)
	for _, file := range files {
		was, there := texts[file.Path]
		now := text(file)
		if name := strings.ToLower(path.Clean(file.Path)); now != nil && (IsConfiguration(name) || IsHCL(name)) {
			texts[file.Path] = now
			same = same && there && bytes.Equal(was, now)
		} else {
			delete(texts, file.Path)
			same = same && !there
		}
	}
	if same {
		return t
	}
	return newTree(paths, texts, t.parsed)
}

// Names are the files of the tree, sorted.
func (t *Tree) Names() []string { return slices.Sorted(maps.Keys(t.texts)) }

// In is the files of a folder, sorted.
func (t *Tree) In(folder string) []string { return t.folders[folder] }

// Text is the content of a file.
func (t *Tree) Text(name string) []byte { return t.texts[name] }

// Parse is a file of the tree, parsed.
func (t *Tree) Parse(name string) (File, error) {
	text := t.texts[name]
	if len(text) == 0 {
		return read(name, text)
	}
	key := reading{name, &text[0], len(text)}
	known, ok := t.parsed[key]
	if !ok {
		known.file, known.err = read(name, text)
		t.parsed[key] = known
	}
	return known.file, known.err
}
