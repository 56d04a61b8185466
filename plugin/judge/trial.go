package judge

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// Trial is what the diff gate says of a harmless change: one more line in a file
// of a stack, for an item of a type.
type Trial struct {
	Stack    string
	Kind     string // of the file: *.tf, or a name
	Type     string
	Lane     gate.Lane // the best that an item could get
	Findings []item.Finding
}

// Trials tries one more line in a file of each kind in each of some stacks, for
// each type of item, on top of a commit. The commits that it makes stay in the
// clone.
func Trials(repo *gitrepo.Repo, s settings.Settings, tip string, stacks []string) ([]Trial, error) {
	paths, err := repo.Files(tip)
	if err != nil {
		return nil, fmt.Errorf("list the files of %.12s: %w", tip, err)
	}
	var all []Trial
	var chosen []string
	for _, stack := range stacks {
		for _, file := range samples(paths, stack) {
			all = append(all, Trial{Stack: stack, Kind: kindOf(file)})
			chosen = append(chosen, file)
		}
	}
	if err := repo.Prefetch(tip, chosen); err != nil {
		return nil, fmt.Errorf("fetch a file of each kind: %w", err)
	}
	changes := make([]*item.Change, len(chosen))
	for i, file := range chosen {
		if changes[i], err = oneMoreLine(repo, tip, file); err != nil {
			return nil, fmt.Errorf("try a line in %s: %w", file, err)
		}
	}
	scope := s.ScopeIn(paths)
	rules := policy.Rules{Scope: scope, Wrapper: s.TerraformCommands(slices.Contains(paths, settings.Wrapper)).Program}
	var tried []Trial
	for _, kind := range s.Documents.SafeTypes {
		allowed, err := rules.Diff(repo, kind, tip)
		if err != nil {
			return nil, err
		}
		for i, trial := range all {
			if changes[i] == nil {
				continue
			}
			trial.Type = kind
			trial.Lane, trial.Findings = bestLane(*changes[i], allowed)
			tried = append(tried, trial)
		}
	}
	return tried, nil
}

// bestLane is the lane that a change could get at best: what several stacks use
// can still be proposed.
func bestLane(change item.Change, allowed gate.DiffPolicy) (gate.Lane, []item.Finding) {
	verdict := gate.Compare(change, allowed).Verdict()
	if verdict.Passed() {
		if card.Has(allowed.Type) {
			return gate.Automatic, nil
		}
		return gate.Approval, nil
	}
	allowed.ByHand = true
	if gate.Compare(change, allowed).Verdict().Passed() {
		return gate.Approval, verdict.Findings
	}
	return gate.Forbidden, verdict.Findings
}

// samples are the first file of each kind in a folder and below.
func samples(paths []string, folder string) []string {
	var found []string
	kinds := map[string]bool{}
	for _, file := range paths {
		if (folder == "." || strings.HasPrefix(file, folder+"/")) && !kinds[kindOf(file)] {
			kinds[kindOf(file)] = true
			found = append(found, file)
		}
	}
	return found
}

// kindOf is what files have in common that are treated alike. Files of
// Terragrunt and of lock files have a meaning by their names.
func kindOf(file string) string {
	name := path.Base(file)
	if ext := path.Ext(name); ext != "" && ext != ".hcl" && ext != name {
		return "*" + ext
	}
	return name
}

// comments begin one in files of these kinds; in others an empty line is added.
var comments = map[string]string{
	".tf": "#", ".hcl": "#", ".tfvars": "#", ".yaml": "#", ".yml": "#", ".toml": "#", ".sh": "#", ".py": "#", ".tmpl": "#", ".tpl": "#",
}

// oneMoreLine is the change, nil for what has no lines: a link, or a file that is
// too large.
func oneMoreLine(repo *gitrepo.Repo, tip, file string) (*item.Change, error) {
	content, err := repo.ReadFile(tip, file)
	if errors.Is(err, gitrepo.ErrNotRegular) || errors.Is(err, gitrepo.ErrTooLarge) {
		return nil, nil //nolint:nilnil // there is nothing to try, and nothing is wrong
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	line := "\n"
	if comment := comments[path.Ext(file)]; comment != "" {
		line = comment + " tried by pm-todos doctor\n"
	}
	if len(content) > 0 && content[len(content)-1] != '\n' {
		line = "\n" + line
	}
	hash, err := repo.WithFiles(tip, map[string][]byte{file: append(content, line...)}, "try a line")
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	commit, err := repo.Lookup(hash)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	change, err := repo.Diff(tip, commit.Tree)
	return &change, err //nolint:wrapcheck // the caller names the file
}
