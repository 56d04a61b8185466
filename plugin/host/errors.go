package host

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/plain"
)

// Causes that callers tell apart with errors.Is. Every error of this package
// is marked with its fault kind as well.
var (
	// ErrUnreachable: no connection came about. Temporary.
	ErrUnreachable = errors.New("host unreachable")
	// ErrLost: the connection ended or froze in the middle. Temporary.
	ErrLost = errors.New("connection lost")
	// ErrHostKey: the host's key is unknown, revoked or another one. Final for
	// this host.
	ErrHostKey = errors.New("host key not accepted")
	// ErrAuth: the host does not accept our key. Final for this host.
	ErrAuth = errors.New("key refused")
	// ErrKey: the private key cannot be used.
	ErrKey = errors.New("unusable private key")
	// ErrStateLock: somebody else holds the Terraform state lock. Temporary.
	ErrStateLock = errors.New("terraform state lock is held")
	// ErrDiskFull: no space is left on the host. Temporary.
	ErrDiskFull = errors.New("no space left")
	// ErrProcesses: the host has no memory or no process left to start a program
	// with. Temporary.
	ErrProcesses = errors.New("cannot start processes")
	// ErrBegan: this apply began once and does not begin again.
	ErrBegan = errors.New("apply began before")
	// ErrFenced: another run has settled this apply as one that never began, so
	// it must not begin any more.
	ErrFenced = errors.New("apply was settled by another run")
	// ErrPlanChanged: the saved plan file is not the one that was judged.
	ErrPlanChanged = errors.New("plan file is not the judged one")
	// ErrTooLarge: the host has more to send than is taken.
	ErrTooLarge = errors.New("too large")
	// ErrAnswer: what the host answered cannot be read.
	ErrAnswer = errors.New("unreadable answer")
	// ErrTimeout: a command took longer than it was given.
	ErrTimeout = errors.New("time is over")
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
		text = fmt.Sprintf("%s on %s was ended: %s", e.Step, e.Host, e.Reason.sentence())
	}
	if line := tellingLine(e.Output); line != "" {
		text += ": " + line
	}
	return text
}

// tellingLine is the first line that names an error, else the last one.
func tellingLine(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(strings.Trim(strings.TrimSpace(line), "│╷╵"))
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "error:") || strings.HasPrefix(line, "fatal:") {
			return cut(line, 300)
		}
		if line != "" {
			last = line
		}
	}
	return cut(last, 300)
}

// heard is an error that a server has a say in, in one short printable line.
type heard struct{ err error }

// Error is the line.
func (h heard) Error() string { return cut(plain.Line(h.err.Error(), 0), 200) }

// Unwrap is the error as it came.
func (h heard) Unwrap() error { return h.err }

func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// tailLength is how much of a command's output goes into an error.
const tailLength = 8 << 10

// clean is the end of untrusted output as text that may be printed.
func clean(output []byte) string {
	if len(output) > 2*tailLength {
		output = output[len(output)-2*tailLength:]
	}
	text := plain.Text(string(output), 0)
	if len(text) > tailLength {
		text = text[len(text)-tailLength:]
		for len(text) > 0 && !utf8.RuneStart(text[0]) {
			text = text[1:]
		}
		text = "…" + text
	}
	return strings.TrimSpace(text)
}

// CleanText is untrusted text as one printable piece: no control, escape or
// invisible characters but newline and tab, at most about 8 KiB of its end.
func CleanText(text string) string { return clean([]byte(text)) }

// lost marks an error that ended the conversation before the answer was whole.
func (h *Host) lost(doing, detail string) error {
	if detail != "" {
		detail = ": " + detail
	}
	return fault.Mark(fault.Temporary, fmt.Errorf("%s on %s: %w before the answer was complete%s", doing, h.name, ErrLost, detail))
}
