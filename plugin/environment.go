package plugin

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/secret"
)

// settingPrefix begins the variables in which Woodpecker hands settings on.
const settingPrefix = "PLUGIN_"

// variable is the environment variable of a setting.
func variable(setting string) string { return settingPrefix + strings.ToUpper(setting) }

// CleanEnvironment unsets the empty variables among PLUGIN_* and CI_*. Call it
// before the app runs: Woodpecker sets a variable for a setting whose value is
// empty, and the flags would take that for a value and not look at the next
// variable or the default.
func CleanEnvironment() error {
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		ours := strings.HasPrefix(name, settingPrefix) || strings.HasPrefix(name, "CI_")
		if !ours || strings.TrimSpace(value) != "" {
			continue
		}
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset the empty variable %s: %w", name, err)
		}
	}
	return nil
}

// forgetSecrets unsets the variables that hold secrets once they are read, so
// that no child process inherits them.
func forgetSecrets() error {
	names := []string{"CI_NETRC_USERNAME", "CI_NETRC_PASSWORD"}
	for _, e := range entries() {
		if e.secret {
			names = append(names, variable(e.name))
		}
	}
	for _, name := range names {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset %s after reading it: %w", name, err)
		}
	}
	return nil
}

// readCI reads what Woodpecker says of the pipeline.
func readCI(get func(string) string) CI {
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
	known := settingNames()
	var problems []Problem
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		short, ours := strings.CutPrefix(name, settingPrefix)
		setting := strings.ToLower(short)
		if !ours || strings.TrimSpace(value) == "" || (slices.Contains(known, setting) && short == strings.ToUpper(short)) {
			continue
		}
		text := "is not a setting; remove it (docs/settings.md lists them all)"
		if near := nearest(setting, known); near != "" {
			text = fmt.Sprintf("is not a setting; did you mean %s?", near)
		}
		problems = append(problems, Problem{Setting: setting, Text: text})
	}
	slices.SortFunc(problems, func(a, b Problem) int { return strings.Compare(a.Setting, b.Setting) })
	return problems
}

// nearest is the known name that a wrong one most likely stands for, or "".
func nearest(name string, known []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, one := range known {
		// camelCase arrives without its hump: vaultAddr as vaultaddr.
		d := distance(strings.ReplaceAll(name, "_", ""), strings.ReplaceAll(one, "_", ""))
		if strings.HasPrefix(one, name+"_") {
			d = min(d, 2) // budget for budget_usd
		}
		if d < least {
			best, least = one, d
		}
	}
	return best
}

// distance is Levenshtein's: how many letters to insert, delete or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
