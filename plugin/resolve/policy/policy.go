// Package policy is what changes are judged by, whoever made them: what the
// owner lets them touch, brought to what the gates ask for.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/secret"
)

// Rules are what every change is judged by, whoever made it.
type Rules struct {
	Scope   Scope
	Secrets []secret.String // must appear in no change
	Wrapper string          // program of the repository that plans and applies, which no change may touch
}

// Diff is what the diff gate may let pass for items of a type, on a base commit.
func (r Rules) Diff(repo seam.Content, kind, base string) (gate.DiffPolicy, error) {
	p, err := r.Scope.diff(repo, kind, base)
	p.Secrets, p.Wrapper = r.Secrets, r.Wrapper
	return p, err
}

// Scope is what a change may touch.
type Scope struct {
	Stacks           []string            // globs of folders planned on their own
	AllowPaths       []string            // globs
	TypePaths        map[string][]string // narrower globs per type
	Protected        []string            // stack names never touched
	StatePaths       []string            // where tracked state would be
	Documents        []string            // globs of the post-mortems
	Unplanned        bool                // nothing is planned or applied here
	AllowResources   map[string][]string // address or type patterns per type
	AutomaticCreates map[string][]string // resource types per type, beside those that cards know
	MaxChanges       int
	Tolerated        []string // addresses that change in every plan
}

// diff is the same without the rules that are not the scope's. The configuration
// of the base is read for it.
func (s Scope) diff(repo seam.Content, kind, base string) (gate.DiffPolicy, error) {
	paths, err := repo.Files(base)
	if err != nil {
		return gate.DiffPolicy{}, fmt.Errorf("list the files of %.12s: %w", base, err)
	}
	files := slices.DeleteFunc(slices.Clone(paths), func(file string) bool { return !gate.IsConfiguration(file) })
	if err := repo.Prefetch(base, files); err != nil {
		return gate.DiffPolicy{}, err
	}
	configuration := map[string][]byte{}
	var unread []string
	for _, file := range files {
		content, err := repo.ReadFile(base, file)
		if errors.Is(err, gitrepo.ErrNotRegular) {
			continue // a link: what it leads to is judged under its own name
		}
		if errors.Is(err, gitrepo.ErrTooLarge) {
			unread = append(unread, file) // the gate leaves its stack to people, and the others go on
			continue
		}
		if err != nil {
			return gate.DiffPolicy{}, fmt.Errorf("read the configuration of %.12s: %w", base, err)
		}
		configuration[file] = content
	}
	return gate.DiffPolicy{
		Type:       kind,
		AllowPaths: s.AllowPaths,
		TypePaths:  s.TypePaths[kind],
		Protected:  s.Protected,
		Stacks:     s.Stacks,
		StatePaths: s.StatePaths,
		Documents:  s.Documents,
		Unplanned:  s.Unplanned,
		BasePaths:  paths,
		BaseFiles:  configuration,
		Unread:     unread,
	}, nil
}

// Plan is what the plan gate may let pass for items of these types, one of each
// together.
func (s Scope) Plan(baseline []byte, kinds ...string) gate.PlanPolicy {
	p := gate.PlanPolicy{
		Mode: gate.Item, Type: strings.Join(kinds, ", "), MaxChanges: s.MaxChanges * len(kinds), Tolerated: s.Tolerated, Baseline: baseline,
	}
	for _, kind := range kinds {
		if len(s.AllowResources[kind]) == 0 {
			p.AllowResources = nil // no limit
			break
		}
		p.AllowResources = append(p.AllowResources, s.AllowResources[kind]...)
	}
	return p
}

// Owner is what the owner lets items of a type do beside the tables of the
// cards.
func (s Scope) Owner(kind string) card.Policy {
	return card.Policy{AutomaticCreates: s.AutomaticCreates[kind]}
}

// Named is the stack of the folders that an item names, "" for none. A type that is
// held to one stack names it as well.
func (s Scope) Named(todo item.Item, stacks []string) string {
	if name := place.StackNamed(todo.Action+"\n"+todo.Details, stacks); name != "" {
		return name
	}
	return place.StackWithin(s.TypePaths[todo.Type], stacks)
}
