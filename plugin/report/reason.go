package report

import "strings"

// sentences are the reason codes of outcomes in words. Gates add findings of
// their own, documents bring their sentence along.
var sentences = map[string]string{
	"not-attempted-limit":   "the run had reached max_items; the next run takes it up",
	"not-attempted-budget":  "the run's budget was used up; the next run takes it up",
	"not-attempted-time":    "the run had no time left for it; the next run takes it up",
	"not-attempted-host":    "agent or host could not work; the next run takes it up",
	"interrupted":           "the run was cancelled; the next run takes it up",
	"max-attempts":          "it failed as often as max_attempts allows",
	"reopened":              "it was fixed before and is open again",
	"proposed":              "it waits on a branch to be merged",
	"stack-drifts":          "its stack has pending changes that are not ours; apply or revert them first",
	"stack-unhealthy":       "its stack cannot be planned as it is on the branch",
	"stack-closed":          "its stack is closed until an earlier item is settled",
	"no-change":             "the agent changed nothing",
	"no-effect":             "the plan of the change is empty",
	"agent-failed":          "the agent did not finish its work",
	"plan-failed":           "the change cannot be planned",
	"base-moved":            "the branch changed the same files meanwhile",
	"push-refused":          "the remote does not take our commits",
	"apply-failed":          "the apply ended with an error",
	"apply-unknown":         "nobody knows how the apply ended",
	"apply-unconfirmed":     "it was applied and the run was cut short before the check",
	"not-converged":         "a plan after the apply is not empty",
	"applied-not-on-branch": "it was applied and its commit is not on the branch",
	"verify-failed":         "verify_command failed after the apply",
	"no-stack":              "the change touches no stack",
	"several-stacks":        "the change touches several stacks",
	"shared-module":         "the change touches a file that several stacks use",
	"protected-stack":       "the change touches a protected stack",
	"state-in-git":          "the stack's state is tracked in git",
}

// sentence is a reason code in words; of an unknown one its own words.
func sentence(code string) string {
	if text, ok := sentences[code]; ok {
		return text
	}
	return strings.ReplaceAll(code, "-", " ")
}
