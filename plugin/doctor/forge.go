package doctor

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// forge looks whether pushes of this pipeline's forge do anything.
func forge(_ context.Context, p *patient, say voice) {
	switch clone := p.Settings.CI.CloneURL; {
	case clone == "":
		say.skip("", "outside a pipeline: CI_REPO_CLONE_URL is not set")
	case p.Settings.ForeignForge():
		say.warn("", "remote is on another forge than this pipeline: its pushes do nothing, as they should when it is a mirror",
			"if this pipeline is to do the work, set remote: "+gitrepo.RedactURL(clone))
	default:
		say.ok("", "pushes of this pipeline's forge are acted on")
	}
}
