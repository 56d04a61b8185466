package doctor

import (
	"context"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// woodpecker looks for the workflow file that runs this plugin. What Woodpecker
// keeps in its own settings cannot be seen from here.
func woodpecker(_ context.Context, p *patient, say voice) {
	var found []string
	for _, file := range p.paths {
		ext := path.Ext(file)
		if ext != ".yml" && ext != ".yaml" || file != ".woodpecker"+ext && path.Dir(file) != ".woodpecker" {
			continue
		}
		text, err := p.repo.ReadFile(p.tip, file)
		if err == nil && runsPlugin(text) {
			found = append(found, file)
		}
	}
	if len(found) == 0 {
		say.warn("", "no workflow file on the branch has a step that runs pm-todos", "put the example of the README into .woodpecker/postmortem-todos.yml")
	} else {
		say.ok("", strings.Join(found, ", ")+" runs this plugin")
	}
	say.add(Skipped, "", "whether a push cancels the pipeline of the one before cannot be seen from here",
		"in Woodpecker, project settings, \"Cancel previous pipelines\": leave push out, or a run is cut short by the next push")
}

// workflowStep is what tells of a workflow's step whether it runs this plugin.
type workflowStep struct {
	Image      string               `yaml:"image"`
	Entrypoint yaml.Node            `yaml:"entrypoint"`
	Settings   map[string]yaml.Node `yaml:"settings"`
}

// runsPlugin reports whether a workflow file has a step that runs this plugin.
// Woodpecker takes steps as a list and as a map by name.
func runsPlugin(workflow []byte) bool {
	var file struct {
		Steps yaml.Node `yaml:"steps"`
	}
	if yaml.Unmarshal(workflow, &file) != nil {
		return false
	}
	var steps []yaml.Node
	switch file.Steps.Kind {
	case yaml.SequenceNode:
		_ = file.Steps.Decode(&steps) // what is no step is passed over below
	case yaml.MappingNode:
		var named map[string]yaml.Node
		_ = file.Steps.Decode(&named)
		for _, node := range named {
			steps = append(steps, node)
		}
	}
	return slices.ContainsFunc(steps, func(node yaml.Node) bool {
		var step workflowStep
		return node.Decode(&step) == nil && step.runsPlugin()
	})
}

// runsPlugin goes by the image's name, and where that is another by settings
// that only this plugin takes together. A step with an entrypoint of its own,
// such as lint, is no run.
func (s workflowStep) runsPlugin() bool {
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
