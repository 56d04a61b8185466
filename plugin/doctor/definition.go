package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
)

// definition looks for orders of the repository's own agent definition that
// contradict the built-in contract.
func definition(_ context.Context, p *patient, say voice) {
	file := agent.DefinitionFile(p.Settings.Agent.Name)
	text, err := p.repo.ReadFile(p.tip, file)
	if errors.Is(err, gitrepo.ErrNotFound) {
		say.ok(file, "the repository has none; the built-in one is used")
		return
	}
	if err != nil {
		say.fail(file, err)
		return
	}
	orders, ignored := agent.Orders(text)
	note := ""
	if len(ignored) > 0 {
		note = "; without effect here: " + strings.Join(ignored, ", ")
	}
	if len(orders) == 0 {
		say.ok(file, "its prompt agrees with the built-in contract"+note)
		return
	}
	for _, order := range orders {
		say.warn(file, fmt.Sprintf("line %d orders to %s: %s", order.Line, order.What, order.Text), "")
	}
	say.warn(file, "the contract comes last and wins, but an agent that is told both may stop and ask"+note,
		"take these lines out: this program plans, applies, commits, pushes and marks rows itself")
}
