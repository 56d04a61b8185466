package host

import "github.com/pm-todos/pm-todos/plugin/host/script"

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

var sentences = map[EndReason]string{
	TimedOut:  "its time was over",
	Idled:     "it printed nothing for too long",
	Flooded:   "it printed too much",
	Finished:  "it was done and did not end",
	Cancelled: "the run was cancelled",
	Lost:      "the connection was lost",
}

// Exit is how a process on the host ended. All of it is the host's word.
type Exit struct {
	Code      int       // exit code; 128+n when signal n ended it, 143 when ended from outside
	Reason    EndReason // why it was ended; empty when it ended by itself
	Stdout    []byte    // its end, when it was longer than is taken
	Stderr    []byte    // likewise
	Truncated bool      // the beginning of Stdout or Stderr is missing
	Orphans   bool      // something of it could not be ended
	Login     error     // what became of a login that it changed in its sandbox, nil when all is well
	Refused   []string  // servers that it asked its proxy for in vain, as host:port; a few, fit for printing
}

// OK reports whether it ended by itself with exit code 0.
func (e Exit) OK() bool { return e.Code == 0 && e.Reason == "" }

// reasons are what the session calls them.
var reasons = map[string]EndReason{"timeout": TimedOut, "idle": Idled, "flood": Flooded, "final": Finished, script.Unheard: Lost}

// exitOf is the Exit that an answer of a job with a watched folder tells of.
func exitOf(a *script.Answer) Exit {
	e := a.Ended()
	exit := Exit{Code: e.Code, Reason: reasons[e.Reason], Orphans: e.Left, Stdout: a.Block("stdout"), Stderr: a.Block("stderr")}
	if e.Reason != "" {
		exit.Code = 143
	} else if code := a.Number("code"); code >= 0 {
		exit.Code = int(code)
	}
	exit.Truncated = a.Number("stdout-size") > int64(len(exit.Stdout)) || a.Number("stderr-size") > int64(len(exit.Stderr))
	return exit
}
