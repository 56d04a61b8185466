package resolve

import (
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// What a check-up asks of this room without working on any item.

// DefinitionFile is the path of the repository's own definition of an agent.
func DefinitionFile(name string) string { return ".claude/agents/" + name + ".md" }

// DefinitionOrders are the lines of a definition that order what is not the
// agent's work here, one sentence each, and the keys of its head that have no
// effect.
func DefinitionOrders(file []byte) (orders, ignored []string) {
	found, ignored := agent.Orders(file)
	for _, order := range found {
		orders = append(orders, fmt.Sprintf("line %d orders to %s: %s", order.Line, order.What, order.Text))
	}
	return orders, ignored
}

// StackFolders is the folders that the globs of the setting stacks name among
// the paths of a repository, sorted.
func StackFolders(paths, globs []string) []string { return place.Stacks(paths, globs) }

// definition is the repository's own, else that of the settings.
func (a *attempt) definition() (agent.Definition, error) {
	file, err := a.repo.ReadFile(a.base, DefinitionFile(a.opts.Agent.Name))
	if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
		return agent.Definition{}, fmt.Errorf("read the agent definition: %w", err)
	}
	return a.opts.Agent.Kind.Definition(file, a.opts.Agent.Name, a.opts.Agent.Model), nil
}
