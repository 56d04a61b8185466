package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/workflow"
)

// workflows looks for pipelines that the push of a proposal's branch would start:
// they could apply what nobody approved.
func workflows(_ context.Context, p *patient, say voice) {
	push := workflow.Push{
		Branch:  proposal.Branch(record.Ref{Document: "docs/post-mortems/2026-01-01-example.md", Item: "0123456789ab"}),
		Default: p.Settings.Repository.Branch,
		Files:   slices.DeleteFunc(slices.Clone(p.paths), func(file string) bool { return !allowed(p.Settings.Terraform.AllowPaths, file) }),
	}
	found := map[workflow.Answer][]string{}
	for _, file := range p.paths {
		if !workflow.Is(file) {
			continue
		}
		text, err := p.repo.ReadFile(p.tip, file)
		if err != nil {
			say.fail(file, err)
			continue
		}
		answer := workflow.Starts(file, text, push)
		found[answer] = append(found[answer], file)
	}
	const fix = "in the workflow, allow pushes of the branches that people work on alone, or exclude " + proposal.Branches + "**"
	if starts := found[workflow.Yes]; len(starts) > 0 {
		err := fault.WithFix(errors.New(strings.Join(starts, ", ")+" would run on the branch of a proposal, and could apply what nobody approved"), "%s", fix)
		if p.Settings.Proposes() && p.Settings.Mode != settings.ModeDryRun {
			say.fail("", err)
		} else {
			say.caution("", err)
		}
	}
	if perhaps := found[workflow.Perhaps]; len(perhaps) > 0 {
		say.warn("", "whether "+strings.Join(perhaps, ", ")+" would run on the branch of a proposal cannot be read there", fix)
	}
	if len(found[workflow.Yes])+len(found[workflow.Perhaps]) == 0 {
		say.ok("", "no other workflow of the repository runs on the branches of proposals")
	}
}

// allowed reports whether a change may touch a file.
func allowed(globs []string, file string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { return doublestar.MatchUnvalidated(glob, file) })
}
