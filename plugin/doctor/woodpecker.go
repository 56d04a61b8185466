package doctor

import (
	"context"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/workflow"
)

// woodpecker looks for the workflow file that runs this plugin. What Woodpecker
// keeps in its own settings cannot be seen from here.
func woodpecker(_ context.Context, p *patient, say voice) {
	var found []string
	for _, file := range p.paths {
		if !workflow.Is(file) {
			continue
		}
		if text, err := p.repo.ReadFile(p.tip, file); err == nil && workflow.RunsPlugin(file, text) {
			found = append(found, file)
		}
	}
	fix := "put the example of the README into .woodpecker/postmortem-todos.yml"
	if p.pipeline != nil {
		fix = "commit " + p.pipeline.file + " and push it"
	}
	if len(found) == 0 {
		say.warn("", "no workflow file on the branch has a step that runs pm-todos", fix)
	} else {
		say.ok("", strings.Join(found, ", ")+" runs this plugin")
	}
	say.add(Skipped, "", "whether a push cancels the pipeline of the one before cannot be seen from here",
		"in Woodpecker, project settings, \"Cancel previous pipelines\": leave push out, or a run is cut short by the next push")
}
