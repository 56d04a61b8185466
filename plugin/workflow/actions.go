package workflow

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// actionsFolders are where GitHub, Gitea and Forgejo look for workflows.
var actionsFolders = []string{".github/workflows/", ".gitea/workflows/", ".forgejo/workflows/"}

func isActions(file string) bool {
	return isYAML(file) && slices.ContainsFunc(actionsFolders, func(folder string) bool {
		name, ok := strings.CutPrefix(file, folder)
		return ok && !strings.Contains(name, "/")
	})
}

// pushFilter is what `on: push` is narrowed by, see
// https://docs.github.com/actions/using-workflows/workflow-syntax-for-github-actions.
type pushFilter struct {
	Branches       texts `yaml:"branches"`
	BranchesIgnore texts `yaml:"branches-ignore"`
	Paths          texts `yaml:"paths"`
	PathsIgnore    texts `yaml:"paths-ignore"`
	Tags           texts `yaml:"tags"`
	TagsIgnore     texts `yaml:"tags-ignore"`
}

// actions: a push starts it when `on` names push and no filter holds it back.
func actions(content []byte, p Push) Answer {
	var file struct {
		On yaml.Node `yaml:"on"`
	}
	if yaml.Unmarshal(content, &file) != nil {
		return Perhaps
	}
	if file.On.Kind != yaml.MappingNode {
		var events texts
		if file.On.Decode(&events) == nil && slices.Contains(events, "push") {
			return Yes
		}
		return No
	}
	var events map[string]yaml.Node
	if file.On.Decode(&events) != nil {
		return Perhaps
	}
	node, pushes := events["push"]
	var f pushFilter
	switch {
	case !pushes:
		return No
	case node.Decode(&f) != nil:
		return Perhaps
	}
	return f.passes(p)
}

func (f pushFilter) passes(p Push) Answer {
	if onlyTags := len(f.Tags)+len(f.TagsIgnore) > 0 && len(f.Branches)+len(f.BranchesIgnore) == 0; onlyTags {
		return No
	}
	touches := func(file string) bool {
		return (len(f.Paths) == 0 || lastMatch(f.Paths, file)) && f.PathsIgnore.matches(file) != Yes
	}
	filtered := len(f.Paths)+len(f.PathsIgnore) > 0
	if len(f.Branches) > 0 && !lastMatch(f.Branches, p.Branch) || f.BranchesIgnore.matches(p.Branch) == Yes || filtered && !slices.ContainsFunc(p.Files, touches) {
		return No
	}
	return Yes
}

// lastMatch is what the last pattern that is of a name says: a ! before it takes
// away what earlier ones gave.
func lastMatch(patterns texts, name string) bool {
	passes := false
	for _, pattern := range patterns {
		pattern, without := strings.CutPrefix(pattern, "!")
		if (texts{pattern}).matches(name) == Yes {
			passes = !without
		}
	}
	return passes
}
