package agent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// claudeDecode reads the output of a run in the format stream-json: one JSON object
// per line, of which the last result counts and unknown types are ignored, as is
// what stands around the objects. Exit is the exit code; -1 and the like stand
// for an end that had none.
func claudeDecode(stdout []byte, exit int, stderr string) Report {
	s := readStream(stdout)
	if s.last == nil {
		r := Report{Problem: text.Line(noResult(exit, stderr), maxProblem)}
		// The first event comes before the first request: without one, nothing
		// was asked of a model.
		r.Outside, r.CostKnown = !s.answered, !s.begun
		return r
	}
	last := s.last
	r := Report{
		Subtype: text.Line(last.Subtype, 60), Turns: last.Turns, Denials: len(last.Denials),
		CostUSD: s.cost, CostKnown: last.costKnown && !s.cut,
	}
	r.OK = exit == 0 && !s.cut && last.Subtype == "success" && last.IsError != nil && !*last.IsError
	if !r.OK {
		r.Problem = text.Line(problem(last, exit, s.cut, stderr), maxProblem)
		if !s.cut && (last.IsError == nil || *last.IsError) {
			r.blame(last, s.refusal)
		}
	}
	return r
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

// outside are the names that the program gives to errors of the account, the
// model and the network, in the event before a result (Claude Code 2.1.330).
// "unknown" is what it makes of an answer that is none, as gateways give.
var outside = []string{
	"authentication_failed", "billing_error", "model_not_found", "rate_limit", "overloaded", "server_error", "unknown",
}

// blame tells by what the program says in data whose trouble an error is; its
// sentences change with every version. refusal is the name of the error in the
// last event before the result.
func (r *Report) blame(last *result, refusal string) {
	spent := !r.CostKnown || r.CostUSD > 0 || r.Turns > 1
	named := slices.Contains(outside, refusal)
	switch status := last.Status; {
	case isAccounts(status):
		r.Outside = true
	case status >= 400 && named && refusal != "unknown":
		r.Outside = true
	case status >= 400:
		r.Outside, r.Doubtful = !spent, !spent
	case last.Subtype != "success", last.StopReason == "refusal", last.APIError == "max_output_tokens":
	case !spent:
		r.Outside, r.Doubtful = true, refusal == "invalid_request"
	default:
		r.Outside = named || last.APIError == "connection_failed"
	}
	r.NoLogin = r.Outside && (last.Status == 401 || last.Status == 403 || refusal == "authentication_failed")
}
