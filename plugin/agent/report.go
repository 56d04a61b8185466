package agent

import (
	"fmt"
	"strings"
)

// Report is what a run of the agent came to. Only the change itself says
// whether it did anything: a run in which every tool was denied ends well too.
type Report struct {
	OK        bool     // the run ended as a success
	Subtype   string   // of the last result; "" when there was none
	Problem   string   // one line, when not OK
	CostUSD   float64  // list price in dollars, the most that any result told
	CostKnown bool     // false when the last result did not tell the cost, or the output was cut: charge the whole slice
	Turns     int      // of the model
	Denials   int      // tool calls that were denied
	Login     error    // its login was changed and did not go back to the account; nil when all is well
	Ended     string   // why its program was ended from outside, by who supervised it; "" when it ended by itself
	Refused   []string // servers that its sandbox kept it from, as host:port, by who supervised it

	// Outside: account, model, network or the program itself is out of order, and
	// the item is not to blame. No other item fares better now.
	Outside bool
	// Doubtful, of those: the first request was refused, which an item's text can
	// bring about as well as the account.
	Doubtful bool
	NoLogin  bool // of those too: not logged in, or the login is refused
}

// maxProblem bounds the problem, in characters.
const maxProblem = 300

// noResult says why there is no result.
func noResult(exit int, stderr string) string {
	text := fmt.Sprintf("it ended with exit code %d and without a result", exit)
	if line := lastLine(stderr); line != "" {
		text += ": " + line
	}
	return text
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// ended is what a program said about its end that was no success.
func ended(exit int, cut bool, said string) string {
	if cut {
		return fmt.Sprintf("exit code %d: its output was cut off", exit)
	}
	if said == "" {
		said = "it did not end by itself"
	}
	return fmt.Sprintf("exit code %d: %s", exit, said)
}

// refused tells whose trouble it is that a model's server refused a request, by the
// status of its answer, 0 for none: of a program that says nothing else in data.
// What an item's text can bring about as well stays doubtful, whatever the program
// had done until then.
func (r *Report) refused(status int, answered bool) {
	r.Outside, r.Doubtful = true, !isAccounts(status)
	if status == 400 && answered {
		r.Outside, r.Doubtful = false, false
	}
	r.NoLogin = status == 401 || status == 403
}

// isAccounts reports whether a status of HTTP tells of the account, the model or
// the network, and not of the request.
func isAccounts(status int) bool {
	switch status {
	case 401, 402, 403, 404, 408, 409, 429:
		return true
	}
	return status >= 500
}
