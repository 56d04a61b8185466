// Package journal is what stands on the remote of applies that began or were
// about to: one ref for each item, with its fix commit. What is read of it is a
// claim until something bears it out.
package journal

import (
	"fmt"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/resolve/seam"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Refs below refs/pm-todos/ can be written by anybody who may push refs, and
// that may be more people than those who may push the branch. So a journal is a
// claim. It is acted upon when the diff rules let its commit pass, from a parent
// that is on the branch, and when the run directory on the Terraform host names
// that commit and holds the plan file: those were there before the apply began.
// The ledger is a claim too; all that is taken from it here is which host to ask
// first.

// Left is what a journal on the remote says was left: a claim, until Judge and
// the run directory bear it out.
type Left struct {
	Name     string          // of the journal ref
	Fix      string          // the journaled commit
	Item     item.Item       // of the documents, else what the commit says of it
	Evidence record.Evidence // zero when the commit has none of the item that the ref is of
	commit   gitrepo.Commit
	foreign  *Foreign // why it is not believed, when that is known already
}

// Foreign is a journal that is not believed, and why.
type Foreign struct {
	Findings []item.Finding
	Err      error
}

// Error says why.
func (f *Foreign) Error() string { return f.Err.Error() }

// Unwrap is the cause.
func (f *Foreign) Unwrap() error { return f.Err }

// Foreignf is a *Foreign of these words.
func Foreignf(format string, args ...any) error { return &Foreign{Err: fmt.Errorf(format, args...)} }

// Read reads a journal. known are the items of the documents, by reference:
// the name of a ref tells its item even when the commit does not. The error is a
// *Foreign one, with all that can be said of the journal, or that of a remote
// that does not answer.
func Read(repo seam.Remote, name, fix string, known map[record.Ref]item.Item) (Left, error) {
	left := Left{Name: name, Fix: fix, Item: item.Item{ID: strings.TrimPrefix(name, record.JournalPrefix), Action: "a journal that this program did not write"}}
	for ref, item := range known {
		if record.JournalRef(ref) == name {
			left.Item = item
		}
	}
	var err error
	if left.commit, err = repo.Lookup(fix); err != nil {
		return left, doubted(fmt.Errorf("read the journal %s: %w", name, err))
	}
	evidence, ok := record.ParseEvidence(left.commit.Message)
	if !ok || record.JournalRef(evidence.Ref()) != name {
		return left, Foreignf("the journal %s holds a commit that this program did not make for it", name)
	}
	left.Evidence = evidence
	if left.Item.Document == "" {
		// The row is gone from the documents; the commit still says what it was.
		left.Item = item.Item{
			Document: text.Line(evidence.Document, 0), ID: text.Line(evidence.Item, 100), Action: record.ActionOf(left.commit.Message),
		}
	}
	return left, nil
}

// doubted makes an error of reading a journal's objects one of the journal,
// unless it is the remote's trouble: whoever wrote the ref chose the objects.
func doubted(err error) error {
	if fault.Of(err) == fault.Temporary {
		return err
	}
	return &Foreign{Err: err}
}

// Judge holds the commit of a journal against the diff rules. The error is a
// *Foreign one when it does not pass.
func (l Left) Judge(repo seam.Remote, rules policy.Rules) error {
	if l.commit.Merge || l.commit.Parent == "" {
		return Foreignf("its commit %.12s is not made on one parent", l.Fix)
	}
	if !l.Evidence.NamesPlan() {
		return Foreignf("its commit %.12s names no plan file by its SHA-256", l.Fix)
	}
	onBranch, err := repo.Contains(repo.Tip(), l.commit.Parent)
	if err != nil {
		return doubted(fmt.Errorf("look for the parent of %.12s: %w", l.Fix, err))
	}
	if !onBranch {
		return Foreignf("its commit %.12s starts from %.12s, which is not on the branch", l.Fix, l.commit.Parent)
	}
	if l.Evidence.Merged != "" {
		return l.judgeMerged(repo)
	}
	allowed, err := rules.Diff(repo, l.Item.Type, l.commit.Parent)
	if err != nil {
		return doubted(err)
	}
	diff, err := repo.Diff(l.commit.Parent, l.commit.Tree)
	if err != nil {
		return doubted(fmt.Errorf("read what %.12s changes: %w", l.Fix, err))
	}
	verdict := gate.Compare(diff, allowed).Verdict()
	switch {
	case !verdict.Passed():
		return &Foreign{verdict.Findings, fmt.Errorf("its commit %.12s changes what no item may change: %s", l.Fix, verdict.Findings[0])}
	case verdict.Stack != l.Evidence.Stack:
		return Foreignf("its commit %.12s changes %s and names another stack", l.Fix, verdict.Stack)
	}
	return nil
}

// judgeMerged holds the commit of a journal against the branch, which held its
// change before it was made: it changes nothing itself.
func (l Left) judgeMerged(repo seam.Remote) error {
	parent, err := repo.Lookup(l.commit.Parent)
	if err != nil {
		return doubted(fmt.Errorf("read the parent of %.12s: %w", l.Fix, err))
	}
	if parent.Tree != l.commit.Tree {
		return Foreignf("its commit %.12s says that it is of merged proposals, and changes something", l.Fix)
	}
	for _, merged := range l.Merged() {
		there, err := repo.Contains(l.commit.Parent, merged)
		if err != nil {
			return doubted(fmt.Errorf("look for %.12s on the branch: %w", merged, err))
		}
		if !there {
			return Foreignf("its commit %.12s names %.12s as merged, which is not on the branch", l.Fix, merged)
		}
	}
	return nil
}

// Merged are the commits of the branch that were applied, where a person merged
// them: the item's own is the first.
func (l Left) Merged() []string { return strings.Fields(l.Evidence.Merged) }
