package report

import (
	"fmt"
	"strings"
)

// Reason is a reason code in words.
type Reason struct {
	Code     string
	Sentence string // what it means, without a full stop
	Fix      string // what a person can do about it, a full sentence
}

// ReasonGroup is the reasons that are given at one point of a run.
type ReasonGroup struct {
	Title   string
	Reasons []Reason
}

// Reasons lists the codes of outcomes and of the gates' findings. Those that a
// document itself gives rise to come with their own sentences, see
// postmortem.Reason.
func Reasons() []ReasonGroup { return reasonGroups }

// reasonOf is the known reason of a code.
var reasonOf = func() map[string]Reason {
	all := map[string]Reason{}
	for _, group := range reasonGroups {
		for _, one := range group.Reasons {
			all[one.Code] = one
		}
	}
	return all
}()

// sentence is a reason code in words; of an unknown one its own words.
func sentence(code string) string {
	if known, ok := reasonOf[code]; ok {
		return known.Sentence
	}
	return strings.ReplaceAll(code, "-", " ")
}

// ReasonTables is the reference of the codes in Markdown, one table for each
// group.
func ReasonTables(groups []ReasonGroup) string {
	var b strings.Builder
	cell := strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", `\<`, ">", `\>`)
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| code | what it means | what to do |\n|---|---|---|\n", group.Title)
		for _, one := range group.Reasons {
			means := strings.ToUpper(one.Sentence[:1]) + strings.TrimSuffix(one.Sentence[1:], ".") + "."
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", one.Code, cell.Replace(means), cell.Replace(one.Fix))
		}
	}
	return b.String()
}
