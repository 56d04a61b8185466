package workflow

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// gitlabKeys are the keys of .gitlab-ci.yml that are no jobs, see
// https://docs.gitlab.com/ci/yaml/.
var gitlabKeys = []string{"default", "include", "stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "spec"}

// gitlabJob is what tells of a job when it runs.
type gitlabJob struct {
	Rules  yaml.Node `yaml:"rules"`
	Only   yaml.Node `yaml:"only"`
	Except yaml.Node `yaml:"except"`
	When   string    `yaml:"when"`

	Extends yaml.Node `yaml:"extends"`
}

// gitlab: a job runs on every push unless something narrows it. Rules are
// expressions over what the CI knows, and files that are included are elsewhere.
func gitlab(content []byte, p Push) Answer {
	var file map[string]yaml.Node
	if yaml.Unmarshal(content, &file) != nil {
		return Perhaps
	}
	most := No
	if _, elsewhere := file["include"]; elsewhere {
		most = Perhaps
	}
	for name, node := range file {
		var job gitlabJob
		if strings.HasPrefix(name, ".") || slices.Contains(gitlabKeys, name) || node.Decode(&job) != nil {
			continue
		}
		most = max(most, job.runs(p))
	}
	if workflow, ruled := file["workflow"]; ruled && !workflow.IsZero() {
		return min(most, Perhaps)
	}
	return most
}

func (j gitlabJob) runs(p Push) Answer {
	if j.When == "manual" {
		return No
	}
	if !j.Rules.IsZero() || !j.Extends.IsZero() {
		return Perhaps
	}
	var only, except texts
	if !j.Only.IsZero() && j.Only.Decode(&only) != nil || !j.Except.IsZero() && j.Except.Decode(&except) != nil {
		return Perhaps // maps with rules of their own
	}
	named := func(list texts) bool {
		return slices.Contains(list, p.Branch) || slices.Contains(list, "branches") || slices.Contains(list, "pushes")
	}
	pattern := func(list texts) bool {
		return slices.ContainsFunc(list, func(one string) bool { return strings.HasPrefix(one, "/") || strings.HasPrefix(one, "$") })
	}
	switch {
	case named(except):
		return No
	case len(only) > 0 && !named(only) && !pattern(only):
		return No
	case pattern(only) && !named(only) || pattern(except):
		return Perhaps
	}
	return Yes
}
