package settings

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Prefix begins the variables in which Woodpecker hands settings on.
const Prefix = "PLUGIN_"

// FromEnvironment reads the settings of a whole run from an environment that is
// handed in.
func FromEnvironment(environment map[string]string) (Settings, error) {
	values := map[string]string{}
	for _, e := range All() {
		for _, name := range append([]string{e.Variable()}, e.CI...) {
			if text := environment[name]; values[e.Name] == "" && strings.TrimSpace(text) != "" {
				values[e.Name] = text
			}
		}
	}
	var pairs []string
	for name, value := range environment {
		pairs = append(pairs, name+"="+value)
	}
	ci := ReadCI(func(name string) string { return environment[name] })
	return Read(func(setting string) string { return values[setting] }, ci, pairs)
}

// ReadCI reads what Woodpecker says of the pipeline.
func ReadCI(get func(string) string) CI {
	return CI{
		Event:          get("CI_PIPELINE_EVENT"),
		SHA:            get("CI_COMMIT_SHA"),
		Ref:            get("CI_COMMIT_REF"),
		Branch:         get("CI_COMMIT_BRANCH"),
		PrevSHA:        get("CI_PREV_COMMIT_SHA"),
		DefaultBranch:  get("CI_REPO_DEFAULT_BRANCH"),
		PipelineNumber: get("CI_PIPELINE_NUMBER"),
		PipelineURL:    get("CI_PIPELINE_URL"),
		RepoName:       get("CI_REPO"),
		RepoURL:        get("CI_REPO_URL"),
		CloneURL:       get("CI_REPO_CLONE_URL"),
		ForgeType:      get("CI_FORGE_TYPE"),
		Workspace:      get("CI_WORKSPACE"),
		StepType:       get("CI_STEP_TYPE"),
		Netrc: Netrc{
			Machine:  get("CI_NETRC_MACHINE"),
			Username: secret.New(get("CI_NETRC_USERNAME")),
			Password: secret.New(get("CI_NETRC_PASSWORD")),
		},
	}
}

// unknownSettings finds the PLUGIN_* variables that are no setting: mostly a
// slip of the pen, and a slip in a safety setting must not pass unnoticed.
func unknownSettings(environ []string) []Problem {
	known := names()
	var problems []Problem
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		short, ours := strings.CutPrefix(name, Prefix)
		setting := strings.ToLower(short)
		if !ours || strings.TrimSpace(value) == "" || (slices.Contains(known, setting) && short == strings.ToUpper(short)) {
			continue
		}
		fix := "remove it (docs/settings.md lists them all)"
		if near := text.Nearest(setting, known); near != "" {
			fix = "did you mean " + near + "?"
		}
		problems = append(problems, Problem{Setting: setting, Text: "is not a setting", Fix: fix})
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.Setting, b.Setting) })
	return problems
}
