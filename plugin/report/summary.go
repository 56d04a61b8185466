// Package report tells people what a run did: one Summary value, rendered as
// the log's closing table, summary.json, summary.md and the messages that
// plugin/notify posts.
//
// Texts from documents, agent, hosts and servers are taken as hostile: they
// are cleaned, redacted and cut in one place (see Render) and escaped for each
// target.
package report

import (
	"fmt"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Summary is everything there is to tell of one run. It is data only; the zero
// value of a field means that there is nothing to say of it.
type Summary struct {
	Version     string // of this program
	Run         string // id of the run
	Mode        string // apply, propose or dry-run
	Event       string // what started the pipeline: push, cron, manual, pull_request, …
	Repository  string // owner/name, or the redacted URL
	Branch      string
	PipelineURL string
	Started     time.Time
	Duration    time.Duration

	Scope string // changed or all
	Base  string // full hash of the commit that the documents were compared with

	Sandboxed string // yes or no: whether the kernel confines the agent; "" when no host was reached

	Documents []Document
	Outcomes  []item.Outcome // in the order in which they were worked on
	Skipped   []Left         // needs a person, as was clear before the run's work began
	Withdrawn []Withdrawal   // proposals that were taken back
	Unclear   []Left         // reported only: not certainly an open item
	Problems  []Problem      // rows that the parser cannot use

	CostUSD, BudgetUSD float64
	DocsCommit         string // full hash of the docs commit, when there is one

	Err      error      // why the run as a whole ended early
	Exit     fault.Kind // decides the exit code
	Warnings []string
	Notes    []string // such as "not the canonical forge"

	// Known is the reason for which an item (by id) needed a person when
	// it was last met. What is in it is not news for notify: changes.
	Known map[string]reason.Code

	Issues   map[ItemKey]int64 // numbers of those that are open
	Links    Links
	Redactor *secret.Redactor // taken out of everything that is rendered
}

// Links are the templates of the links. An empty one means: no link.
type Links struct {
	Commit string // {sha} is the full hash
	Branch string // {branch} is the name, escaped
	Pull   string // {number} is that of a pull request
	Issue  string // {number} is that of an issue
	Pages  string // {file} is the document's path and {name} its file name without .md, escaped
}

// Document is one document that the run looked at.
type Document struct {
	File    string // path in the repository
	Date    string // YYYY-MM-DD, or empty
	Title   string
	Changed bool // by the push that started the run

	Safe, Skipped, Unclear, Problems int // how many
}

// Left is an item that needs a person, as was clear when the documents were read.
type Left struct {
	Item     item.Item
	Reason   reason.Code
	Evidence func() string // the words of it for which the reason holds, "" when it is not about words; may be nil
}

// Withdrawal is a proposal that was taken back, since its item is not open as it was.
type Withdrawal struct {
	Document string
	Action   string
	Why      string // in our own words, of the item: "is gone from its document"
}

func (w Withdrawal) String() string {
	return fmt.Sprintf("the proposal of \"%s\" was withdrawn: its item in %s %s", text.Line(w.Action, 120), w.Document, w.Why)
}

// Problem is a place in a document that the parser cannot use.
type Problem struct {
	postmortem.Problem
	File string
}
