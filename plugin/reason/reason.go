// Package reason holds every reason code once: why an item was not simply done,
// in words, with its way out and whose turn it is. The rooms give the codes; the
// log, the summaries and the docs read what is said of them here.
package reason

import (
	"fmt"
	"strings"
	"sync"

	"github.com/pm-todos/pm-todos/plugin/text"
)

// Turn says whose turn it is when an item ends with a reason.
type Turn string

// The turns, as the docs say them.
const (
	Author    Turn = "the author of the document"
	NextRun   Turn = "the next run"
	Person    Turn = "a person; runs only report the item"
	Retried   Turn = "the next run, up to `max_attempts`; then a person"
	PersonNow Turn = "a person, now: the run ends with exit code 3"
)

// Group is the reasons that are given at one point of a run.
type Group struct {
	Title   string
	Turn    Turn
	Reasons []Entry
}

// Entry is a code in words.
type Entry struct {
	Code   Code
	Clause string // what it means, without a capital and a full stop
	Fix    string // what a person can do about it, full sentences
}

// Groups lists all codes in the order in which they may come up.
func Groups() []Group { return groups }

// OfDocuments are the reasons that documents themselves give rise to, in the
// order in which the first that applies is told.
var OfDocuments = func() []Code {
	var codes []Code
	for _, one := range groups[0].Reasons {
		codes = append(codes, one.Code)
	}
	return codes
}()

var entries = sync.OnceValue(func() map[Code]Entry {
	all := map[Code]Entry{}
	for _, group := range Groups() {
		for _, one := range group.Reasons {
			all[one.Code] = one
		}
	}
	return all
})

// Clause is what the code means, without a capital and a full stop. A code of
// another version, which a ledger may hold, says its own words.
func (c Code) Clause() string {
	if known, ok := entries()[c]; ok {
		return known.Clause
	}
	return strings.ReplaceAll(string(c), "-", " ")
}

// Sentence is the clause as a sentence.
func (c Code) Sentence() string { return text.Capital(c.Clause()) + "." }

// Fix says what a person can do about it.
func (c Code) Fix() string { return entries()[c].Fix }

// intro is docs/reasons.md down to the first table.
const intro = `# Reason codes

<!-- Written by ` + "`go generate`" + ` from plugin/reason/table.go. Change it there. -->

Every item that did not end as done has a reason code: in the log's closing table, in ` + "`summary.json`" + ` (` + "`reason`" + `, and ` + "`code`" + ` of each
finding), in ` + "`summary.md`" + `, and in Slack. The codes are stable; the sentences may be improved. Exit codes and recovery are in
[operations](operations.md). If the plan gate refused the work, it is kept on a branch, which the report names; if the diff gate refused it,
only the findings are kept.
`

// Page is docs/reasons.md.
func Page() string {
	var b strings.Builder
	b.WriteString(intro)
	cell := strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", `\<`, ">", `\>`)
	for _, group := range Groups() {
		fmt.Fprintf(&b, "\n## %s\n\nWho acts next: %s.\n\n| code | what it means | what to do |\n|---|---|---|\n", group.Title, group.Turn)
		for _, one := range group.Reasons {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", one.Code, cell.Replace(one.Code.Sentence()), cell.Replace(one.Fix))
		}
	}
	return b.String()
}
