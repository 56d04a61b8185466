package host

import (
	"strings"

	"github.com/pm-todos/pm-todos/plugin/pattern"
)

// Phrases of Terraform and OpenTofu that end an apply before it changed
// anything. They are looked at only after a non-zero exit, and what follows is
// a new plan through the gates, or nothing at all.
const (
	stalePlan   = "Saved plan is stale"
	stateLocked = "Error acquiring the state lock"
)

// changing is what Terraform prints once it has begun to change something. A hook or
// provider that prints one of the phrases above after it proves nothing.
var changing = pattern.Lazy(`(?i)(creating|modifying|destroying)\.\.\.|(creation|modifications|destruction|apply) complete`)

// Stale reports whether an apply ended since its plan was stale, so that nothing was
// applied.
func (s ApplyStatus) Stale() bool { return s.appliedNothing(stalePlan) }

// StateLocked reports whether an apply ended since somebody else had locked the
// state, so that nothing was applied.
func (s ApplyStatus) StateLocked() bool { return s.appliedNothing(stateLocked) }

// appliedNothing reports whether an apply ended with the phrase and changed nothing.
// The host looked through all that was printed, of which Output holds only the end.
func (s ApplyStatus) appliedNothing(phrase string) bool {
	return s.Ended && s.Code != 0 && !s.Progress && strings.Contains(s.Output, phrase) && !changing().MatchString(s.Output)
}
