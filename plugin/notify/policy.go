package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Policy says of which runs people are told.
type Policy string

// The policies, as the setting spells them.
const (
	Always  Policy = "always"  // every run
	Changes Policy = "changes" // runs with news, see report.View.News
	Failure Policy = "failure" // runs in which something failed or a person must look
	Fixes   Policy = "fixes"   // runs in which something was done, told to those who reported it
)

// Policies are the policies of the targets.
type Policies struct {
	Slack Policy `json:"slack"`
	Chat  Policy `json:"chat"`
}

// ReadPolicies reads one word for both targets, or a map of JSON that has a word for
// each; what it leaves out is Changes. The text of its error follows the setting's
// name.
func ReadPolicies(value string) (Policies, error) {
	value = strings.TrimSpace(value)
	if !strings.HasPrefix(value, "{") {
		p := Policy(strings.ToLower(value))
		return Policies{p, p}, p.check()
	}
	all := Policies{Changes, Changes}
	decoder := json.NewDecoder(strings.NewReader(value))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil || decoder.More() {
		return all, fault.WithFix(errors.New("is no map of slack and chat"), `write {"slack": "changes", "chat": "failure"}, or one word for both`)
	}
	return all, errors.Join(all.Slack.check(), all.Chat.check())
}

func (p Policy) check() error {
	if p == Always || p == Changes || p == Failure || p == Fixes {
		return nil
	}
	return fmt.Errorf("%s is not one of %s, %s, %s or %s", text.Quote(string(p)), Always, Changes, Failure, Fixes)
}

// start reports whether the message that work starts is wanted. It is for runs
// that are about to pay for an item.
func (p Policy) start(mode string) bool { return p != Failure && p != Fixes && mode != dryRun }

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
	case p == Fixes:
		return v.Totals.Done > 0
	default:
		return v.Failed() || v.News()
	}
}

const dryRun = "dry-run"
