package script

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Causes that callers tell apart with errors.Is. Every error of a Shell but a
// *Failure is marked with its fault kind as well.
var (
	// ErrLost: the connection ended or froze in the middle. Temporary.
	ErrLost = errors.New("connection lost")
	// ErrDiskFull: no space is left on the host. Temporary.
	ErrDiskFull = errors.New("no space left")
	// ErrProcesses: the host has no memory or no process left to start a program
	// with. Temporary.
	ErrProcesses = errors.New("cannot start processes")
	// ErrTooLarge: the host has more to send than is taken.
	ErrTooLarge = errors.New("too large")
	// ErrAnswer: what the host answered cannot be read.
	ErrAnswer = errors.New("unreadable answer")

	errTimeout = errors.New("time is over")
)

// Failure is a script that ended by "fail CODE".
type Failure struct {
	Doing   string // of the job, one line
	Code    string // as the scripts name it
	Subject string // what it is about, one line
	Detail  string // the line of standard error that says most
}

// Error names the code.
func (f *Failure) Error() string { return f.Doing + ": the script failed with " + f.Code }

// failure is the error of an answer that has a fail line. That the disk is full
// or no process is left explains whatever failed.
func (s *Shell) failure(doing string, a *Answer, stderr string) error {
	detail := TellingLine(Tail([]byte(stderr)))
	free := a.Number("free")
	switch {
	case a.Blocks["full"] != nil, IsFull(stderr), free >= 0 && free < 1024:
		if detail != "" {
			detail = ": " + detail
		}
		place := cmp.Or(text.Line(string(a.Block("full")), 300), "~/.cache/pm-todos")
		return fault.Mark(fault.Temporary, fmt.Errorf("%s: %w on %s:%s, free some there%s", doing, ErrDiskFull, s.Name, place, detail))
	case IsProcessLimit(stderr):
		return s.NoProcesses(doing, errors.New(detail))
	}
	return &Failure{Doing: doing, Code: text.Line(a.Get("fail"), 60), Subject: text.Line(string(a.Block("fail-text")), 300), Detail: detail}
}

// NoProcesses is the error of a host that starts no more programs.
func (s *Shell) NoProcesses(doing string, cause error) error {
	return fault.Mark(fault.Temporary, fmt.Errorf("%s: %s %w, its memory or the account's limit of processes is used up: %w", doing, s.Name, ErrProcesses, cause))
}

// processLimit is what shells and runtimes say when they get no process, no
// thread or no memory for one: dash, bash, busybox, ksh, git, Go, and the C library.
var processLimit = pattern.Lazy(`(?i)can(?:no|')t fork|fork(?:/exec)?\b[^\n]{0,200}(?:resource temporarily unavailable|cannot allocate memory)|failed to create new OS thread|pthread_create failed`)

// IsProcessLimit reports whether output tells that no process could be started.
func IsProcessLimit(output string) bool { return processLimit().MatchString(output) }

// IsFull reports whether output tells of a full disk or a used up quota.
func IsFull(output string) bool {
	output = strings.ToLower(output)
	return strings.Contains(output, "no space left on device") || strings.Contains(output, "disk quota exceeded")
}

// TellingLine is the first line that names an error, else the last one.
func TellingLine(output string) string {
	last := ""
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(strings.Trim(strings.TrimSpace(line), "│╷╵"))
		if strings.HasPrefix(line, "Error") || strings.HasPrefix(line, "error:") || strings.HasPrefix(line, "fatal:") {
			return text.Cut(line, 300)
		}
		if line != "" {
			last = line
		}
	}
	return text.Cut(last, 300)
}

// tailLength is how much of a command's output goes into an error.
const tailLength = 8 << 10

// Tail is the end of untrusted output as text that may be printed: no control,
// escape or invisible characters but newline and tab, at most about 8 KiB.
func Tail(output []byte) string {
	if len(output) > 2*tailLength {
		output = output[len(output)-2*tailLength:]
	}
	text := text.Text(string(output), 0)
	if len(text) > tailLength {
		text = text[len(text)-tailLength:]
		for len(text) > 0 && !utf8.RuneStart(text[0]) {
			text = text[1:]
		}
		text = "…" + text
	}
	return strings.TrimSpace(text)
}
