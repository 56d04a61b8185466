// Package workflow tells of the pipelines of a repository what a push of a branch
// would start. It reads the files alone: what a CI keeps in settings of its own
// cannot be seen there. Each kind of file has a file of its own.
package workflow

import (
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"
)

// Answer is whether something is started.
type Answer int

// The answers. What depends on more than the file says is Perhaps.
const (
	No Answer = iota
	Perhaps
	Yes
)

// Push is a push of a branch.
type Push struct {
	Branch  string
	Default string   // the branch that people work on
	Files   []string // of which it changes some
}

// kind is one kind of workflow files.
type kind struct {
	is     func(file string) bool
	starts func(content []byte, p Push) Answer
}

var kinds = []kind{
	{isWoodpecker, woodpecker},
	{isActions, actions},
	{func(file string) bool { return file == ".gitlab-ci.yml" }, gitlab},
}

// Starts reports whether a push starts something that the file says. Steps that
// run this program do not count: they end by themselves on branches of its own.
func Starts(file string, content []byte, p Push) Answer {
	for _, k := range kinds {
		if k.is(file) {
			return k.starts(content, p)
		}
	}
	return No
}

// Is reports whether a path is that of a workflow.
func Is(file string) bool {
	return slices.ContainsFunc(kinds, func(k kind) bool { return k.is(file) })
}

func isYAML(file string) bool { return path.Ext(file) == ".yml" || path.Ext(file) == ".yaml" }

// texts is one text or a list of them.
type texts []string

// UnmarshalYAML takes both.
func (t *texts) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*t = texts{node.Value}
		return nil
	}
	var list []string
	err := node.Decode(&list)
	*t = list
	return err
}

// matches reports whether one of the globs is of a name.
func (t texts) matches(name string) Answer {
	found := No
	for _, glob := range t {
		if strings.Contains(glob, "$") {
			found = max(found, Perhaps) // a variable that only the CI knows
		} else if ok, err := doublestar.Match(glob, name); ok && err == nil {
			return Yes
		}
	}
	return found
}
