package item

import (
	"time"

	"github.com/pm-todos/pm-todos/plugin/reason"
)

// State is what became of an item in one run.
type State string

// The states. Every item that a run looked at ends in exactly one of them.
const (
	Done         State = "done"          // applied, confirmed and on the branch
	Proposed     State = "proposed"      // on a branch for a person to merge
	Refused      State = "refused"       // a gate said no, or there was nothing to do
	Failed       State = "failed"        // the machinery broke: agent, plan, verify
	Skipped      State = "skipped"       // needs a person, found before anything was paid
	NotAttempted State = "not-attempted" // safe, but this run ended before it
	NeedsPerson  State = "needs-person"  // applied in part, unknown, or not on the branch
)

// Outcome is what became of one item in one run. The Follow-up table, the
// commit messages, the log, the summaries and Slack are all rendered from it.
type Outcome struct {
	Item     Item
	State    State
	Reason   reason.Code   // reason code, empty when done
	Findings []Finding     // when a gate refused
	Err      error         // when something failed
	Stack    string        // folder, when known
	Commit   string        // full hash of the fix commit on the branch
	Branch   string        // branch that keeps refused or proposed work
	Pull     int64         // number of the pull request of that branch, 0 when there is none
	Journal  string        // ref that keeps the fix commit of an item that needs a person, while it is not on the branch
	PlanHash string        // SHA-256 of the plan file that was judged last
	Counts   Counts        // resources that this plan touches
	Watched  string        // what Prometheus must have loaded before it is done, see Watched
	Unloaded bool          // it has not, and later runs ask for nothing else
	Observed string        // what Prometheus says of the rules, "" when nothing
	Briefly  string        // the same in a few words, "" when an earlier run asked
	CostUSD  float64       // what the agent cost, its whole slice when unknown
	Duration time.Duration // from its base to its end
	Attempt  int           // 1 for the first
	Refused  []string      // servers that the sandbox kept its agent from, as host:port
	Final    bool          // no later run tries it: max_attempts is reached, or nothing could pass
	Approver string        // who merged its proposal, "" when nobody did or nobody can say
	Settled  bool          // left by an earlier run, ended by this one
	Command  string        // what a person runs to close it, when one must
}
