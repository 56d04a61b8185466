package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"pm-todos/plugin/pattern"
	"pm-todos/plugin/plain"
)

// Report is what a run of the agent came to. Only the change itself says
// whether it did anything: a run in which every tool was denied ends well too.
type Report struct {
	OK        bool    // the run ended as a success
	Subtype   string  // of the last result; "" when there was none
	Problem   string  // one line, when not OK
	CostUSD   float64 // list price in dollars
	CostKnown bool    // false when no result told the cost, or the output was cut: charge the whole slice
	Turns     int     // of the model
	Denials   int     // tool calls that were denied
	Quota     bool    // rate or usage limit, overload, no connection to the model: temporary
	NoLogin   bool    // not logged in, or the credential or the account is refused: somebody must mend it
}

// maxProblem bounds the problem, in characters.
const maxProblem = 300

// result is the last line of a run. Its other fields decide nothing.
type result struct {
	Subtype string            `json:"subtype"`
	IsError *bool             `json:"is_error"`
	Result  string            `json:"result"`
	Errors  []json.RawMessage `json:"errors"`
	Turns   int               `json:"num_turns"`
	Cost    *float64          `json:"total_cost_usd"`
	Denials []json.RawMessage `json:"permission_denials"`
}

// Decode reads the output of a run in the format stream-json: one JSON object
// per line, of which the last result counts and unknown types are ignored.
// Exit is the exit code; -1 and the like stand for an end that had none.
func Decode(stdout []byte, exit int, stderr string) Report {
	var last *result
	cost, known, cut := 0.0, false, false
	for line := range bytes.SplitSeq(stdout, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		one, good := readLine(line)
		cut = !good
		if one == nil {
			continue
		}
		last = one
		if one.Cost != nil && *one.Cost >= 0 && !math.IsInf(*one.Cost, 0) {
			cost, known = max(cost, *one.Cost), true
		}
	}
	if last == nil {
		r := Report{Problem: plain.Line(noResult(exit, stderr), maxProblem)}
		r.classify(strings.TrimSpace(stderr))
		return r
	}
	r := Report{
		Subtype: plain.Line(last.Subtype, 60), Turns: last.Turns, Denials: len(last.Denials),
		CostUSD: cost, CostKnown: known && !cut,
	}
	r.OK = exit == 0 && !cut && last.Subtype == "success" && last.IsError != nil && !*last.IsError
	if !r.OK {
		r.Problem = plain.Line(problem(last, exit, cut, stderr), maxProblem)
		if last.IsError == nil || *last.IsError {
			r.classify(strings.TrimSpace(last.Result))
		}
	}
	return r
}

// readLine reads one line; the result is nil when it is of another type. Good
// is false when the line is no whole JSON object, as the last one is when the
// output was cut.
func readLine(line []byte) (one *result, good bool) {
	var head struct {
		Type string `json:"type"`
	}
	if line[0] != '{' || json.Unmarshal(line, &head) != nil {
		return nil, false
	}
	if head.Type != "result" {
		return nil, true
	}
	one = &result{}
	if json.Unmarshal(line, one) != nil {
		return nil, false
	}
	return one, true
}

// noResult says why there is no result.
func noResult(exit int, stderr string) string {
	text := fmt.Sprintf("it ended with exit code %d and without a result", exit)
	if line := lastLine(stderr); line != "" {
		text += ": " + line
	}
	return text
}

// problem says why a run with a result is no success.
func problem(last *result, exit int, cut bool, stderr string) string {
	var parts []string
	if cut {
		parts = append(parts, "its output was cut off")
	}
	if len(last.Errors) > 0 {
		var text string
		if json.Unmarshal(last.Errors[0], &text) != nil {
			text = string(last.Errors[0])
		}
		parts = append(parts, text)
	}
	if last.IsError != nil && *last.IsError && last.Result != "" {
		parts = append(parts, last.Result)
	}
	if line := lastLine(stderr); len(parts) == 0 && line != "" {
		parts = append(parts, line)
	}
	if len(parts) == 0 {
		parts = append(parts, "its result does not say that it succeeded, or it did not end by itself")
	}
	return fmt.Sprintf("exit code %d: %s", exit, strings.Join(parts, "; "))
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// What the program itself says, at the start of its text: the words of the
// model come without these beginnings and decide nothing.
var (
	quotaText = pattern.Lazy(`(?i)^(API Error: (\(?(408|409|429|5\d\d)\b|Request rejected \(429\)|Connection|Rate|Overloaded|Repeated|Request timed out|Unable to connect|The server)|` +
		`API Error.{0,40}(overloaded|rate.?limit|timed out|ECONN|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|fetch failed|socket)|` +
		`Claude( AI)? usage limit|You've (hit|reached) your|You.re out of|.{0,20}usage limit reached|Server is temporarily|Request timed out|Unable to connect|Connection error|Overloaded)`)
	loginText = pattern.Lazy(`(?i)^(Not logged in|Invalid (API key|auth)|Please run /login|Failed to authenticate|Login expired|OAuth|.{0,40}(run /login|session has expired)|API Error: \(?(401|403)\b|` +
		`Credit balance|Your (organization|account|subscription)|This organization)`)
)

// classify tells what waiting mends from what somebody must mend.
func (r *Report) classify(text string) {
	switch {
	case loginText().MatchString(text):
		r.NoLogin = true
	case quotaText().MatchString(text):
		r.Quota = true
	}
}

var versionPattern = pattern.Lazy(`^\s*v?(\d{1,4})\.(\d{1,4})\.(\d{1,6})\b`)

// MinVersion is the oldest version of Claude Code whose flags and output this
// package was measured with.
const MinVersion = "2.1.197"

// Version reads what `claude --version` prints ("2.1.330 (Claude Code)"). The
// error says what to do when it is not readable or older than MinVersion.
func Version(printed string) (string, error) {
	got, ok := numbers(printed)
	if !ok {
		return "", fmt.Errorf("read the agent's version from %q: no number such as %s; is agent_command Claude Code?", plain.Line(printed, 60), MinVersion)
	}
	version := fmt.Sprintf("%d.%d.%d", got[0], got[1], got[2])
	least, _ := numbers(MinVersion)
	for i := range got {
		if got[i] != least[i] {
			if got[i] < least[i] {
				return version, fmt.Errorf("the agent is Claude Code %s; at least %s is needed, run its update on the host", version, MinVersion)
			}
			break
		}
	}
	return version, nil
}

func numbers(text string) ([3]int, bool) {
	var n [3]int
	match := versionPattern().FindStringSubmatch(text)
	if match == nil {
		return n, false
	}
	for i := range n {
		for _, digit := range match[i+1] {
			n[i] = n[i]*10 + int(digit-'0')
		}
	}
	return n, true
}
