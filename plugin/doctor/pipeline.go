package doctor

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/workflow"
)

// Pipeline is a workflow file of Woodpecker from which the settings are taken.
// What the environment says goes before: that is how somebody tells what only
// Woodpecker knows.
type Pipeline struct {
	file   string
	step   workflow.Step
	remote string // of the checkout that holds the file
	branch string
	told   func(setting string) bool // by the environment or a flag
}

// ReadPipeline reads a workflow. git asks the checkout that holds it, with "" for
// what it does not know; given is what the environment and the flags say.
func ReadPipeline(file string, given settings.Lookup, git func(arguments ...string) string) (*Pipeline, error) {
	content, err := os.ReadFile(file) //nolint:gosec // a file that the user names
	if err != nil {
		return nil, fmt.Errorf("read the pipeline: %w", err)
	}
	p := &Pipeline{
		file: file, remote: git("remote", "get-url", "origin"),
		told: func(setting string) bool { return strings.TrimSpace(given(setting)) != "" },
	}
	if scheme, rest, ok := strings.Cut(p.remote, "@"); ok && !strings.Contains(scheme, "/") && !strings.Contains(rest, "://") {
		// How people reach it; a pipeline has the https address.
		p.remote = "https://" + strings.Replace(rest, ":", "/", 1)
	}
	_, p.branch, _ = strings.Cut(git("symbolic-ref", "--short", "refs/remotes/origin/HEAD"), "/")
	if p.branch == "" {
		p.branch = git("symbolic-ref", "--short", "HEAD")
	}
	p.step, err = workflow.ReadStep(content, map[string]string{
		"CI_REPO_DEFAULT_BRANCH": p.branch, "CI_COMMIT_BRANCH": p.branch, "CI_REPO_CLONE_URL": p.remote,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// Lookup finds the text of a setting: what the environment or a flag says, else
// what the workflow does, else what a pipeline of this checkout would know.
func (p *Pipeline) Lookup(given settings.Lookup) settings.Lookup {
	return func(setting string) string {
		if p.told(setting) {
			return given(setting)
		}
		if text := p.step.Settings[setting]; text != "" {
			return text
		}
		return map[string]string{"remote": p.remote, "branch": p.branch}[setting]
	}
}

// CI is what a pipeline would know beside its settings.
func (p *Pipeline) CI(ci settings.CI) settings.CI {
	ci.StepType = "plugin"
	if ci.CloneURL == "" {
		ci.CloneURL = p.remote
	}
	if ci.DefaultBranch == "" {
		ci.DefaultBranch = p.branch
	}
	return ci
}

// Environ is the settings of the workflow as the variables in which they would
// arrive.
func (p *Pipeline) Environ() (pairs []string) {
	for _, all := range []map[string]string{p.step.Settings, p.step.Secrets, p.step.Variables} {
		for name, text := range all {
			pairs = append(pairs, variableOf(name)+"="+text)
		}
	}
	return pairs
}

func variableOf(setting string) string { return settings.Prefix + strings.ToUpper(setting) }

// secretOf is the secret from which a setting comes, whose value was not told.
func (p *Pipeline) secretOf(setting string) (string, bool) {
	if p == nil || p.told(setting) {
		return "", false
	}
	secret, ok := p.step.Secrets[setting]
	return secret, ok
}

// look tells what the workflow alone shows.
func (p *Pipeline) look(s settings.Settings, readable bool, say voice) {
	say.ok("", fmt.Sprintf("the step %s of %s, with %d settings", p.step.Name, p.file, len(p.step.Settings)+len(p.step.Secrets)+len(p.step.Variables)))
	if len(p.step.Matrix) > 0 {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(p.step.Matrix)) {
			parts = append(parts, name+"="+p.step.Matrix[name])
		}
		say.ok("", "looked at with the first values of the matrix: "+strings.Join(parts, ", "))
	}
	p.unknown(say)
	if len(p.step.NoPlugin) > 0 {
		say.fail("", fmt.Errorf("with %s beside its settings the step is no plugin, and gets neither settings nor the secrets that are for plugins", strings.Join(p.step.NoPlugin, " and ")))
	}
	if !p.step.SkipClone {
		say.warn("", "the workspace is cloned for nothing", "skip_clone: true beside steps")
	}
	if readable {
		p.starts(s, say)
	}
}

// unknown tells what was not looked at.
func (p *Pipeline) unknown(say voice) {
	for _, setting := range slices.Sorted(maps.Keys(p.step.Secrets)) {
		if !p.told(setting) {
			say.add(Skipped, setting, "comes from the secret "+p.step.Secrets[setting]+", which only Woodpecker has", "to have it checked: export "+variableOf(setting))
		}
	}
	for _, setting := range slices.Sorted(maps.Keys(p.step.Variables)) {
		if !p.told(setting) {
			say.add(Skipped, setting, "has the variable "+p.step.Variables[setting]+", which only a pipeline knows", "to have it checked: export "+variableOf(setting))
		}
	}
}

// starts looks at the conditions: does what should start a run do so, and nothing
// else?
func (p *Pipeline) starts(s settings.Settings, say voice) {
	when := "when"
	push := func(files ...string) workflow.Push {
		return workflow.Push{Branch: s.Repository.Branch, Default: p.branch, Files: files}
	}
	document, change := pathIn(s.Documents.PostMortems), pathIn(s.Terraform.AllowPaths)
	if p.step.Meets("push", push(document)) == workflow.No {
		say.warn(when, fmt.Sprintf("a push of %s to %s starts no run", document, s.Repository.Branch), "in when, name the event push, the branch "+s.Repository.Branch+" and the path "+strings.Join(s.Documents.PostMortems, ", "))
	}
	if s.Proposes() && p.step.Meets("push", push(change)) == workflow.No {
		say.warn(when, fmt.Sprintf("the merge of a proposal, which changes files such as %s, starts no run", change), "in when, add the paths "+strings.Join(s.Terraform.AllowPaths, ", "))
	}
	if p.step.Meets("cron", workflow.Push{}) == workflow.No {
		say.warn(when, "no cron job takes up what a push missed", "in when: - event: cron")
	}
	if p.step.Meets("manual", workflow.Push{}) == workflow.No {
		say.warn(when, "nobody can start a run by hand", "in when: - event: manual")
	}
	if p.step.Meets("pull_request", workflow.Push{}) != workflow.No && len(p.step.Secrets) > 0 {
		say.warn(when, "pull requests start it, and whoever opens one may edit this file and take its secrets", "give pull requests a workflow of their own, without secrets; here, take the event out of when")
	}
	for _, event := range []string{"tag", "release", "deployment"} {
		if p.step.Meets(event, workflow.Push{}) != workflow.No {
			say.warn(when, "the event "+event+" starts a run too", "in when, name the events push, cron and manual")
			return
		}
	}
}

// pathIn is a path that the first of some globs matches.
func pathIn(globs []string) string {
	if len(globs) == 0 {
		return ""
	}
	return strings.NewReplacer("**", "x", "*", "x", "?", "x").Replace(globs[0])
}
