package host

import (
	"strconv"
	"strings"
)

// EndReason says why a process was ended from outside.
type EndReason string

// The reasons. A process that ended by itself has none.
const (
	TimedOut  EndReason = "timeout"   // its whole time was over
	Idled     EndReason = "idle"      // it printed nothing for too long
	Flooded   EndReason = "flood"     // it printed more than it may
	Finished  EndReason = "finished"  // it had said its last word, see Process.Final, and did not end
	Cancelled EndReason = "cancelled" // the caller's context ended
	Lost      EndReason = "lost"      // the connection ended, or fell silent
)

func (r EndReason) sentence() string {
	switch r {
	case TimedOut:
		return "its time was over"
	case Idled:
		return "it printed nothing for too long"
	case Flooded:
		return "it printed too much"
	case Finished:
		return "it was done and did not end"
	case Cancelled:
		return "the run was cancelled"
	case Lost:
		return "the connection was lost"
	}
	return string(r)
}

// Exit is how a process on the host ended. All of it is the host's word.
type Exit struct {
	Code      int       // exit code; 128+n when signal n ended it, 143 when ended from outside
	Reason    EndReason // why it was ended; empty when it ended by itself
	Stdout    []byte    // its end, when it was longer than is taken
	Stderr    []byte    // likewise
	Truncated bool      // the beginning of Stdout or Stderr is missing
	Orphans   bool      // something of it could not be ended
}

// OK tells whether it ended by itself with exit code 0.
func (e Exit) OK() bool { return e.Code == 0 && e.Reason == "" }

// ended is the session's word on its task.
type ended struct {
	code   int
	reason EndReason
	left   bool
}

// killed is the code of a task's shell that could not say its own.
const killed = 137

func (a *answer) ended() ended {
	fields := strings.Fields(a.get("ended"))
	if len(fields) != 2 {
		return ended{code: killed, reason: Lost}
	}
	code := killed
	if said, err := strconv.Atoi(a.get("task-code")); err == nil {
		code = said
	}
	reasons := map[string]EndReason{"none": "", "timeout": TimedOut, "idle": Idled, "flood": Flooded, "final": Finished, "gone": Lost, "silent": Lost}
	reason, known := reasons[fields[0]]
	if !known {
		reason = Lost
	}
	return ended{code: code, reason: reason, left: fields[1] != "0"}
}

// exit is the Exit that an answer of a job with a watched folder tells of.
func (a *answer) exit() Exit {
	e := a.ended()
	exit := Exit{Code: e.code, Reason: e.reason, Orphans: e.left, Stdout: a.block("stdout"), Stderr: a.block("stderr")}
	if e.reason != "" {
		exit.Code = 143
	} else if code := a.number("code"); code >= 0 {
		exit.Code = int(code)
	}
	exit.Truncated = a.number("stdout-size") > int64(len(exit.Stdout)) || a.number("stderr-size") > int64(len(exit.Stderr))
	return exit
}
