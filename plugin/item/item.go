// Package item holds the values that several rooms share: what an agent
// changed, what a plan would do, what a gate said of it, and what became of
// the item. It is data only and imports no other room.
package item

import "github.com/pm-todos/pm-todos/plugin/reason"

// Item names the follow-up item that a value belongs to.
type Item struct {
	Document string   // path in the repository
	ID       string   // identity of the item, see postmortem.Item
	Line     int      // in the document as it was read, counted from 1
	Date     string   // YYYY-MM-DD of the post-mortem
	Priority string   // P0 to P3
	Action   string   // Markdown of the action cell
	Type     string   // canonical type name, else the cell's text
	Details  string   // Markdown of the details cell
	Owner    string   // Markdown of the owner cell, or what a task says
	Due      string   // likewise of the due date
	Incident Incident // that the post-mortem is of
	Approval bool     // only what a person approved may be applied for it
}

// Kind says how a file differs between the base and the change.
type Kind string

// The kinds of difference. A rename is a deletion and an addition.
const (
	Added    Kind = "added"
	Modified Kind = "modified"
	Deleted  Kind = "deleted"
)

// File is one path that differs.
type File struct {
	Path             string
	Kind             Kind
	OldMode, NewMode uint32 // git's file modes (0o100644, 0o100755, 0o120000, 0o160000), 0 when absent
	OldSize, NewSize int64  // bytes
	Old, New         []byte // content; nil when absent, not a blob, or over the reader's cap
	Filtered         bool   // the base's .gitattributes give the path a filter (git-crypt, LFS)
}

// Change is the difference between a base commit and what the agent left, both
// as objects in this program's own clone.
type Change struct {
	Files []File // sorted by path
}

// Plan is the outcome of planning one stack.
type Plan struct {
	SHA256 string // of the saved plan file, lower-case hex
	Show   []byte // what the show command printed, unparsed and untrusted
}

// Counts is how many resources a plan touches.
type Counts struct {
	Create int `json:"create"`
	Update int `json:"update"`
}

// Finding is one reason of a gate to refuse.
type Finding struct {
	Code   reason.Code `json:"code"`   // short, stable, kebab-case
	Place  string      `json:"place"`  // path, path:line or resource address
	Detail string      `json:"detail"` // one sentence, no values from the plan
}

// String is the finding as one line for logs and for the agent.
func (f Finding) String() string {
	line := string(f.Code)
	if f.Place != "" {
		line += " " + f.Place
	}
	if f.Detail != "" {
		line += ": " + f.Detail
	}
	return line
}

// Verdict is what a gate says. It lets the change pass only when there is no
// finding.
type Verdict struct {
	Stack    string    // the one stack that the change touches, when there is one
	Stacks   []string  // every stack that it is of: those that use a module which it changes, too
	ByHand   bool      // nothing of it may be applied here: several stacks, or one whose state is tracked in git
	Counts   Counts    // of the plan gate
	Findings []Finding // every reason to refuse, not only the first
}

// Passed reports whether nothing was found.
func (v Verdict) Passed() bool { return len(v.Findings) == 0 }
