package host

import (
	"errors"
	"fmt"

	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// Causes that callers tell apart with errors.Is. Every error of this package
// is marked with its fault kind as well.
var (
	// ErrStateLock: somebody else holds the Terraform state lock. Temporary.
	ErrStateLock = errors.New("terraform state lock is held")
	// ErrAltered: the programs, the account or the workspace of a plan are not what
	// they were before an agent worked there, or the agent left processes behind.
	ErrAltered = errors.New("the host is not as it was before the agent")
	// ErrBegan: this apply began once and does not begin again.
	ErrBegan = errors.New("apply began before")

	// errSnapshot: the snapshot that was kept is gone, or not what its name says.
	errSnapshot = errors.New("the kept snapshot is of no use")
	// errFenced: another run has settled this apply as one that never began, so
	// it must not begin any more.
	errFenced = errors.New("apply was settled by another run")
	// errPlanChanged: the saved plan file is not the one that was judged.
	errPlanChanged = errors.New("plan file is not the judged one")
)

// CommandError is a command that ran on the host and failed. Error is one
// line; Output has more.
type CommandError struct {
	Host   string    // name of the host
	Step   string    // init, plan, show, apply, prepare_command, ...
	Code   int       // its exit code; 128+n when signal n ended it
	Reason EndReason // why it was ended, empty when it ended by itself
	Output string    // end of what it printed, cleaned, at most a few KiB
}

// Error names step, host, exit code and the line that says most.
func (e *CommandError) Error() string {
	text := fmt.Sprintf("%s on %s ended with exit code %d", e.Step, e.Host, e.Code)
	if e.Reason != "" {
		text = fmt.Sprintf("%s on %s was ended: %s", e.Step, e.Host, sentences[e.Reason])
	}
	if line := script.TellingLine(e.Output); line != "" {
		text += ": " + line
	}
	return text
}

// CleanText is untrusted text as one printable piece: no control, escape or
// invisible characters but newline and tab, at most about 8 KiB of its end.
func CleanText(text string) string { return script.Tail([]byte(text)) }
