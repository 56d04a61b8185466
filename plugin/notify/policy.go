package notify

import "github.com/pm-todos/pm-todos/plugin/report"

// Policy says of which runs people are told.
type Policy string

// The policies, as the setting spells them.
const (
	Always  Policy = "always"  // every run
	Changes Policy = "changes" // runs with news, see report.View.News
	Failure Policy = "failure" // runs in which something failed or a person must look
)

// start reports whether the message that work starts is wanted. It is for runs
// that are about to pay for an item.
func (p Policy) start(mode string) bool { return p != Failure && mode != dryRun }

// result reports whether the result of a run is wanted. A dry run posts
// nothing.
func (p Policy) result(v report.View) bool {
	switch {
	case v.Mode == dryRun:
		return false
	case p == Always:
		return true
	case p == Failure:
		return v.Failed()
	default:
		return v.Failed() || v.News()
	}
}

const dryRun = "dry-run"
