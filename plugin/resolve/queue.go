package resolve

import (
	"cmp"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/change"
)

// Reasons of items that a run did not come to, and of those that this room
// leaves to a person. The gates' and the documents' own reasons stand there.
const (
	ReasonLimit         = "not-attempted-limit"   // max_items
	ReasonBudget        = "not-attempted-budget"  // budget_usd
	ReasonTime          = "not-attempted-time"    // run_timeout, or the run was cut short
	ReasonHost          = "not-attempted-host"    // agent or host cannot work now
	ReasonMaxAttempts   = "max-attempts"          // failed as often as is allowed
	ReasonReopened      = "reopened"              // a landed fix exists already
	ReasonProposed      = "proposed"              // waits on a branch for a person
	ReasonMerged        = "proposal-merged"       // a person merged it, and a plan shows that it is not applied yet
	ReasonDrift         = "stack-drifts"          // changes were pending before ours
	ReasonUnhealthy     = "stack-unhealthy"       // the untouched base cannot be planned
	ReasonClosed        = "stack-closed"          // an unsettled item closes the stack
	ReasonChanged       = "changed-meanwhile"     // a person changed the row after the run began
	ReasonError         = "failed"                // something broke, see the error
	ReasonLocked        = "state-locked"          // somebody else holds the stack's state lock
	ReasonNeedsApproval = "needs-approval"        // its effects are not proved by what it says
	ReasonNoChange      = "no-change"             // the agent changed nothing
	ReasonTimeout       = "item-timeout"          // agent and plans took longer than item_timeout
	ReasonAgent         = "agent-failed"          // agent error, timeout, unreadable output
	ReasonPlanError     = "plan-failed"           // the change cannot be planned
	ReasonBaseMoved     = "base-moved"            // the branch changed the same files meanwhile
	ReasonPushRefused   = "push-refused"          // the remote does not take this run's commits
	ReasonCommit        = "commit-refused"        // the remote refuses this very commit, see journal
	ReasonApply         = "apply-failed"          // ended with an error, or half way
	ReasonReverted      = "fix-reverted"          // somebody took the fix off the branch
	ReasonUnknown       = "apply-unknown"         // nobody knows how it ended
	ReasonForeign       = "journal-not-ours"      // nothing bears out what a journal on the remote says
	ReasonConverge      = "not-converged"         // a plan after the apply is not empty
	ReasonUnconfirmed   = "apply-unconfirmed"     // applied, and the run was cut short
	ReasonNotOnBranch   = "applied-not-on-branch" // the push failed after the apply
	ReasonVerify        = "verify-failed"         // verify_command said no
	ReasonInterrupted   = "interrupted"           // the run was cancelled
)

// Order sorts items the way they are taken: P0 before P3, then by the date of
// their post-mortem, then by document and position in it.
func Order(items []change.Item) []change.Item {
	ordered := slices.Clone(items)
	slices.SortStableFunc(ordered, func(a, b change.Item) int {
		return cmp.Or(
			cmp.Compare(a.Priority, b.Priority),
			cmp.Compare(a.Date, b.Date),
			cmp.Compare(a.Document, b.Document),
			cmp.Compare(a.Line, b.Line),
		)
	})
	return ordered
}

// budgetFloor is the smallest slice worth starting an agent with, in US
// dollars: less ends before the first useful edit and is paid for nothing.
const budgetFloor = 0.05

// slice is what the next item may cost: an even share of what is left over the
// items that remain. It is 0 when the rest is below the floor.
func slice(budget, spent float64, remaining int) float64 {
	rest := budget - spent
	if remaining < 1 || rest < budgetFloor {
		return 0
	}
	return max(rest/float64(remaining), budgetFloor)
}
