package workflow

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func isWoodpecker(file string) bool {
	return isYAML(file) && (path.Dir(file) == ".woodpecker" || strings.TrimSuffix(file, path.Ext(file)) == ".woodpecker")
}

// woodpeckerFile is what tells of a workflow when it runs, see
// https://woodpecker-ci.org/docs/usage/workflow-syntax.
type woodpeckerFile struct {
	When      conditions `yaml:"when"`
	SkipClone bool       `yaml:"skip_clone"`
	Steps     yaml.Node  `yaml:"steps"`
}

// woodpeckerStep is what tells of a step when it runs, and whether it is this
// program.
type woodpeckerStep struct {
	Name        string               `yaml:"name"`
	When        conditions           `yaml:"when"`
	Image       string               `yaml:"image"`
	Entrypoint  yaml.Node            `yaml:"entrypoint"`
	Commands    yaml.Node            `yaml:"commands"`
	Environment yaml.Node            `yaml:"environment"`
	Settings    map[string]yaml.Node `yaml:"settings"`
}

// woodpecker: the workflow runs when one of its conditions is met, or it has none;
// so do its steps then.
func woodpecker(content []byte, p Push) Answer {
	var file woodpeckerFile
	text := strings.NewReplacer("${CI_REPO_DEFAULT_BRANCH}", p.Default).Replace(string(content))
	if yaml.Unmarshal([]byte(text), &file) != nil {
		return Perhaps
	}
	most := No
	for _, step := range file.steps() {
		if !step.runsPlugin() {
			most = max(most, step.When.meet("push", p))
		}
	}
	return min(most, file.When.meet("push", p))
}

// RunsPlugin reports whether a workflow of Woodpecker has a step that runs this
// plugin.
func RunsPlugin(file string, content []byte) bool {
	var read woodpeckerFile
	return isWoodpecker(file) && yaml.Unmarshal(content, &read) == nil && slices.ContainsFunc(read.steps(), woodpeckerStep.runsPlugin)
}

// steps are a list or a map by name. What is no step is passed over.
func (f woodpeckerFile) steps() (steps []woodpeckerStep) {
	var nodes []yaml.Node
	switch f.Steps.Kind {
	case yaml.SequenceNode:
		_ = f.Steps.Decode(&nodes) // never fails for nodes
	case yaml.MappingNode:
		var named map[string]yaml.Node
		_ = f.Steps.Decode(&named)
		for name, node := range named {
			step := woodpeckerStep{Name: name}
			if node.Decode(&step) == nil {
				steps = append(steps, step)
			}
		}
	}
	for _, node := range nodes {
		var step woodpeckerStep
		if node.Decode(&step) == nil {
			steps = append(steps, step)
		}
	}
	return steps
}

// runsPlugin goes by the image's name, and where that is another by settings
// that only this plugin takes together. A step with an entrypoint of its own,
// such as lint, is no run.
func (s woodpeckerStep) runsPlugin() bool {
	if !s.Entrypoint.IsZero() {
		return false
	}
	if strings.Contains(path.Base(s.Image), "pm-todos") {
		return true
	}
	has := func(setting string) bool {
		_, ok := s.Settings[setting]
		return ok
	}
	return has("hosts") && slices.ContainsFunc([]string{"vault_addr", "git_password", "agent_hosts", "post_mortems"}, has)
}

// conditions of which one must be met, if there are any.
type conditions []condition

// condition is met when all of it is.
type condition struct {
	Event    filter    `yaml:"event"`
	Branch   filter    `yaml:"branch"`
	Ref      filter    `yaml:"ref"`
	Path     filter    `yaml:"path"`
	Evaluate yaml.Node `yaml:"evaluate"`
}

// UnmarshalYAML takes one condition or a list of them.
func (c *conditions) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.MappingNode {
		*c = make(conditions, 1)
		return node.Decode(&(*c)[0])
	}
	var list []condition
	err := node.Decode(&list)
	*c = list
	return err
}

func (c conditions) meet(event string, p Push) Answer {
	if len(c) == 0 {
		return Yes
	}
	most := No
	for _, one := range c {
		most = max(most, one.meets(event, p))
	}
	return most
}

// meets looks at branch and files of pushes alone: of other events the one is
// not known before, and Woodpecker does not look at the other.
func (c condition) meets(event string, p Push) Answer {
	most := c.Event.passes(event)
	if !c.Evaluate.IsZero() {
		most = min(most, Perhaps) // an expression over what the CI knows
	}
	if event != "push" {
		return most
	}
	touched := No
	for _, file := range p.Files {
		touched = max(touched, c.Path.passes(file))
	}
	if len(c.Path.Include) == 0 && len(c.Path.Exclude) == 0 {
		touched = Yes
	}
	return min(most, touched, c.Branch.passes(p.Branch), c.Ref.passes("refs/heads/"+p.Branch))
}

// filter passes what it includes, or anything, and does not exclude.
type filter struct {
	Include texts `yaml:"include"`
	Exclude texts `yaml:"exclude"`
}

// UnmarshalYAML takes what is included alone as well.
func (f *filter) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return node.Decode(&f.Include)
	}
	type plain filter
	return node.Decode((*plain)(f))
}

func (f filter) passes(name string) Answer {
	included := Yes
	if len(f.Include) > 0 {
		included = f.Include.matches(name)
	}
	return min(included, Yes-f.Exclude.matches(name))
}
