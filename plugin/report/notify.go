package report

import (
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/fault"
)

// Policy says when Slack is told of a run.
type Policy string

// The policies, as the setting spells them.
const (
	Always  Policy = "always"  // every run
	Changes Policy = "changes" // runs with news, see Policy.Result
	Failure Policy = "failure" // runs in which something failed or a person must look
)

// ParsePolicy reads the setting; empty is Changes.
func ParsePolicy(text string) (Policy, error) {
	switch p := Policy(text); p {
	case "":
		return Changes, nil
	case Always, Changes, Failure:
		return p, nil
	default:
		return "", fmt.Errorf("notify %q is not known: use always, changes or failure", text)
	}
}

// Start reports whether the message that work starts is wanted. It is for runs
// that are about to pay for an item.
func (p Policy) Start(mode string) bool { return p != Failure && mode != "dry-run" }

// Result reports whether the result of a run is wanted. A dry run posts nothing.
//
// Changes speaks when something was done, proposed, refused or failed, when a
// person must look, when the run itself failed, when an item was left to people
// for a reason that Known does not have, and once, "nothing to do" included,
// for a push that changed a document. It is silent when the same items are met
// again.
func (p Policy) Result(s Summary) bool {
	switch {
	case s.Mode == "dry-run":
		return false
	case p == Always:
		return true
	case p == Failure:
		return failed(s)
	default:
		return failed(s) || news(s)
	}
}

func failed(s Summary) bool {
	if s.Err != nil || s.Exit != fault.None {
		return true
	}
	for _, outcome := range s.Outcomes {
		if outcome.State == change.Failed || outcome.State == change.NeedsPerson {
			return true
		}
	}
	return false
}

// waits reports whether nothing was tried for the item in this run: it was only
// found where an earlier run had left it.
func waits(o change.Outcome) bool {
	return o.State == change.Skipped || o.State == change.Proposed && o.Attempt == 0
}

func news(s Summary) bool {
	for _, outcome := range s.Outcomes {
		switch {
		case outcome.State == change.NotAttempted:
		case outcome.Reason != "" && outcome.Reason == s.Known[outcome.Item.ID] && waits(outcome):
		default:
			return true
		}
	}
	for _, left := range s.Skipped {
		if s.Known[left.Item.ID] != left.Reason {
			return true
		}
	}
	if s.Event != "push" {
		return false
	}
	for _, document := range s.Documents {
		if document.Changed {
			return true
		}
	}
	return false
}
