// Package audit says from git alone whether a branch bears out what its documents
// say was implemented.
package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/gate/place"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// Codes of what a branch does not prove of the rows that say Done.
const (
	NoCommit     = "no-commit"     // the row of the follow-up table names no commit
	CommitGone   = "commit-gone"   // no commit of that hash is on the branch, nor another one with the item's evidence
	HashOutdated = "hash-outdated" // the fix is on the branch under another hash
	NotOnBranch  = "not-on-branch" // the commit exists beside the branch only
	NoEvidence   = "no-evidence"   // the commit lacks the trailers of a fix, or they are incomplete
	OtherItem    = "other-item"    // its trailers are of another item
	OutsideStack = "outside-stack" // it touches more than the stack it names
	Reverted     = "reverted"      // it was taken back on the branch
	NotDone      = "not-done"      // the fix is on the branch, the row does not say Done
	Unsettled    = "unsettled"     // the same, and its journal waits for a person
	NoRow        = "no-row"        // the fix is on the branch, no row of the follow-up table tells of it
)

// Finding is one claim of a document that its branch does not bear out, or a fix
// on the branch that its document does not tell of.
type Finding struct {
	Document string `json:"document"`
	Line     int    `json:"line"` // counted from 1; 0 when no line of the document is about it
	Code     string `json:"code"`
	Item     string `json:"item,omitempty"` // item id
	Action   string `json:"action,omitempty"`
	Commit   string `json:"commit,omitempty"`
	Detail   string `json:"detail"`
	Fix      string `json:"fix"`
}

// Result is what Verify found, as the command's JSON has it.
type Result struct {
	Repository string     `json:"repository"`
	Branch     string     `json:"branch"`
	Commit     string     `json:"commit"` // that the documents were read from; the caller knows it
	Documents  int        `json:"documents"`
	Rows       int        `json:"rows"`  // that name postmortem.Resolver as who implemented something
	Fixes      int        `json:"fixes"` // fix commits of these documents on the branch
	Findings   []Finding  `json:"findings"`
	Evidence   []Said     `json:"evidence"`
	Proposals  []Proposal `json:"proposals"`
}

// Said is what Prometheus said of the rules of a fix, as its commit has it.
type Said struct {
	Document string `json:"document"`
	Item     string `json:"item"`
	Commit   string `json:"commit"`
	Text     string `json:"text"`
}

// Verify compares what documents say was implemented with what the branch
// holds, both ways, from git alone. The documents are those of the branch's
// tip; stacks are the globs of folders that are planned on their own. The
// errors are those of reading the clone, and of listing the remote's journals.
func Verify(ctx context.Context, repo *gitrepo.Repo, docs []*postmortem.Document, stacks []string) (Result, error) {
	a := auditor{repo: repo, stacks: stacks, docs: map[string]*postmortem.Document{}, reported: map[string]bool{}}
	a.out = Result{Repository: repo.URL(), Branch: repo.Branch(), Findings: []Finding{}, Evidence: []Said{}, Proposals: []Proposal{}}
	var err error
	if a.journals, err = journal.List(ctx, repo); err != nil {
		return a.out, fmt.Errorf("list the journals: %w", err)
	}
	log, err := repo.ReadLog(record.LedgerRef)
	if err != nil {
		return a.out, fmt.Errorf("read the ledger: %w", err)
	}
	a.ledger, _ = record.ReadLedger(log.Lines)
	if err := a.readBranch(); err != nil {
		return a.out, err
	}
	for _, doc := range docs {
		a.docs[doc.File] = doc
	}
	a.out.Documents = len(docs)
	if err := a.readProposals(); err != nil {
		return a.out, err
	}
	for _, doc := range docs {
		for _, row := range doc.Logged() {
			if err := a.row(doc, row); err != nil {
				return a.out, fmt.Errorf("%s:%d: %w", doc.File, row.Line, err)
			}
		}
	}
	for _, fix := range a.fixes {
		if err := a.fix(fix); err != nil {
			return a.out, fmt.Errorf("check the fix commit %.12s: %w", fix.commit.Hash, err)
		}
	}
	return a.out, nil
}

// fixCommit is a commit on the branch that carries evidence.
type fixCommit struct {
	commit   gitrepo.Commit
	evidence record.Evidence
}

// auditor compares documents with one branch.
type auditor struct {
	repo     *gitrepo.Repo
	stacks   []string
	docs     map[string]*postmortem.Document
	journals map[string]string
	ledger   record.Ledger

	messages map[string]string   // of every commit on the branch
	fixes    []fixCommit         // the latest of every item, the latest first
	reverts  map[string][]string // commits that say that they revert a commit
	reported map[string]bool     // findings by what they are about
	doubted  map[record.Ref]bool // items whose row is doubted already
	linked   map[string]bool     // fix commits that a row leads to
	out      Result
}

var revertLine = pattern.Lazy(`(?m)^This reverts commit ([0-9a-f]{40,64})\b`)

// readBranch walks the history of the branch once.
func (a *auditor) readBranch() error {
	a.messages, a.reverts = map[string]string{}, map[string][]string{}
	a.linked, a.doubted = map[string]bool{}, map[record.Ref]bool{}
	seen := map[record.Ref]bool{}
	err := a.repo.Log(a.repo.Tip(), func(c gitrepo.Commit) bool {
		a.messages[c.Hash] = c.Message
		for _, found := range revertLine().FindAllStringSubmatch(c.Message, -1) {
			a.reverts[found[1]] = append(a.reverts[found[1]], c.Hash)
		}
		if e, ok := record.ParseEvidence(c.Message); ok && !seen[e.Ref()] {
			seen[e.Ref()] = true
			a.fixes = append(a.fixes, fixCommit{c, e})
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("read the history of %s: %w", a.repo.Branch(), err)
	}
	return nil
}

// report adds a finding, once for each item and code.
func (a *auditor) report(d Finding, code, detail, fix string) {
	d.Code, d.Detail, d.Fix = code, detail, fix
	key := strings.Join([]string{d.Document, d.Code, d.Item, d.Commit}, "\x00")
	if d.Item == "" {
		key += fmt.Sprint(d.Line)
	}
	if !a.reported[key] {
		a.reported[key], a.doubted[record.Ref{Document: d.Document, Item: d.Item}] = true, true
		a.out.Findings = append(a.out.Findings, d)
	}
}

// row checks one row of a follow-up table that says this program implemented it.
func (a *auditor) row(doc *postmortem.Document, row postmortem.Logged) error {
	a.out.Rows++
	d := Finding{Document: doc.File, Line: row.Line, Commit: row.Commit}
	items := itemsOf(doc, row)
	if len(items) > 0 {
		d.Item, d.Action = items[0].ID, items[0].Action
	}
	if row.Commit == "" {
		a.report(d, NoCommit, "the row names no commit", "link the fix commit by its full hash, or set the item back to TODO")
		return nil
	}
	hash := a.onBranch(row.Commit)
	if hash == "" {
		if hash = a.missing(doc, items, d); hash == "" {
			return nil
		}
	}
	d.Commit = hash
	a.linked[hash] = true
	commit, err := a.repo.Lookup(hash)
	if err != nil {
		return err
	}
	e, ok := record.ParseEvidence(commit.Message)
	if !ok || commit.Merge {
		if a.squashed(doc, items, commit) {
			a.marked(d, items)
			return a.taken(d, commit)
		}
		a.report(d, NoEvidence, fmt.Sprintf("%.12s is no fix commit: the trailers that name item, stack and plan are not in it", hash), "link the commit that holds them; a squash merge may lose them, and the ledger does not name this commit as the merge of the item's proposal")
		return nil
	}
	same, err := a.sameItem(doc, row, commit, e)
	if err != nil {
		return err
	}
	if !same {
		a.report(d, OtherItem, fmt.Sprintf("the trailers of %.12s name the item %s of %s", hash, e.Item, e.Document), "link the fix commit of this item, or set the item back to TODO")
		return nil
	}
	a.marked(d, items)
	return a.content(d, fixCommit{commit, e})
}

// itemsOf is the items of a document that a row of its follow-up table is about.
func itemsOf(doc *postmortem.Document, row postmortem.Logged) []postmortem.Item {
	var items []postmortem.Item
	for _, item := range doc.Items {
		if row.Of(item.Action) {
			items = append(items, item)
		}
	}
	return items
}

// onBranch is the full hash of the commit on the branch that a hash, which may
// be short, names; "" when none or several do.
func (a *auditor) onBranch(hash string) string {
	if _, ok := a.messages[hash]; ok {
		return hash
	}
	found := ""
	for full := range a.messages {
		if !strings.HasPrefix(full, hash) {
			continue
		}
		if found != "" {
			return ""
		}
		found = full
	}
	return found
}

// missing judges a row whose commit is not on the branch. When the item's fix
// is there under another hash, which is what a rewritten history leaves, it is
// returned.
func (a *auditor) missing(doc *postmortem.Document, items []postmortem.Item, d Finding) string {
	for _, item := range items {
		ref := record.Ref{Document: doc.File, Item: item.ID}
		for _, fix := range a.fixes {
			if fix.evidence.Ref() == ref {
				a.report(d, HashOutdated, fmt.Sprintf("%.12s is not on the branch; the fix is there as %.12s", d.Commit, fix.commit.Hash), "link "+fix.commit.Hash+" instead; the history was rewritten since")
				return fix.commit.Hash
			}
		}
		if a.journals[record.JournalRef(ref)] != "" {
			a.report(d, NotOnBranch, fmt.Sprintf("%.12s is not on the branch; the item's journal holds its fix", d.Commit), journal.SettleCommand(item.ID))
			return ""
		}
	}
	a.report(d, CommitGone, fmt.Sprintf("no commit %.12s is on the branch, and no other one has the evidence of this item", d.Commit), "link the commit that holds the fix, or set the item back to TODO")
	return ""
}

// sameItem reports whether a row and the trailers of its commit are about the
// same item. Documents are renamed and rows reworded after they are done, which
// changes ids: then the document as the commit knew it says what the item was.
func (a *auditor) sameItem(doc *postmortem.Document, row postmortem.Logged, commit gitrepo.Commit, e record.Evidence) (bool, error) {
	if e.Document == doc.File {
		for _, item := range doc.Items {
			if item.ID == e.Item && row.Of(item.Action) {
				return true, nil
			}
		}
	} else if _, err := a.repo.ReadFile(a.repo.Tip(), e.Document); !errors.Is(err, gitrepo.ErrNotFound) {
		return false, err // it is there still: this row was copied from it
	}
	src, err := a.repo.ReadFile(commit.Hash, e.Document)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	then := postmortem.Parse(e.Document, src, classify.Policy{})
	return slices.ContainsFunc(then.Items, func(item postmortem.Item) bool {
		return item.ID == e.Item && row.Of(item.Action)
	}), nil
}

// marked checks that one of the items of a row says Done. Items that are gone
// or reworded say nothing.
func (a *auditor) marked(d Finding, items []postmortem.Item) {
	if len(items) == 0 || slices.ContainsFunc(items, func(item postmortem.Item) bool { return item.Class == postmortem.ClassDone }) {
		return
	}
	a.notDone(d, items[0])
}

func (a *auditor) notDone(d Finding, item postmortem.Item) {
	if a.proposed(record.Ref{Document: d.Document, Item: item.ID}) {
		return // a person merged it, and the next run applies it
	}
	d.Line, d.Item, d.Action = item.Line, item.ID, item.Action
	if a.journals[record.JournalRef(record.Ref{Document: d.Document, Item: item.ID})] != "" {
		a.report(d, Unsettled, fmt.Sprintf("the fix %.12s is on the branch, and nobody has said yet whether production is as it says", d.Commit), journal.SettleCommand(item.ID))
		return
	}
	a.report(d, NotDone, fmt.Sprintf("the fix %.12s is on the branch, and the status is %q", d.Commit, item.Status), "set it to Done when production is as the fix says, or revert the commit")
}

// content checks what a fix commit itself says and changes.
func (a *auditor) content(d Finding, fix fixCommit) error {
	if fix.evidence.PlanHash == record.NotPlanned {
		return a.taken(d, fix.commit)
	}
	if !fix.evidence.NamesPlan() || fix.evidence.Stack == "" {
		a.report(d, NoEvidence, fmt.Sprintf("the trailers of %.12s lack the stack, or the SHA-256 of the plan that was judged", fix.commit.Hash), "see who wrote this commit, and look at what it changed")
		return nil
	}
	diff, err := a.repo.Diff(fix.commit.Parent, fix.commit.Tree)
	if err != nil {
		return err
	}
	stacks := fix.evidence.Stacks()
	for _, file := range diff.Files {
		if own := place.StackOf(file.Path, a.stacks); own != fix.evidence.Stack && !slices.Contains(stacks, own) && (own != "" || len(stacks) == 1) {
			a.report(d, OutsideStack, fmt.Sprintf("%.12s changes %s, which is not of its stack %s", fix.commit.Hash, file.Path, fix.evidence.Stack), "see who wrote this commit, and look at what it changed")
			break
		}
	}
	return a.taken(d, fix.commit)
}

// squashed reports whether a commit without evidence is one that the ledger names as
// the merge of an item's proposal, which was done.
func (a *auditor) squashed(doc *postmortem.Document, items []postmortem.Item, commit gitrepo.Commit) bool {
	return slices.ContainsFunc(items, func(one postmortem.Item) bool {
		last := a.ledger.LastResult(record.Ref{Document: doc.File, Item: one.ID})
		return last.State == string(item.Done) && last.Commit == commit.Hash
	})
}

// taken checks that a commit was not taken back.
func (a *auditor) taken(d Finding, commit gitrepo.Commit) error {
	reverted, err := a.reverted(commit)
	if err != nil || !reverted {
		return err
	}
	a.report(d, Reverted, fmt.Sprintf("%.12s was reverted on the branch", commit.Hash), "set the item back to TODO, or to what was decided instead")
	return nil
}

// reverted reports whether a later commit says that it reverts the fix and is not
// reverted itself, or one of the fix's files is as it was before it.
func (a *auditor) reverted(fix gitrepo.Commit) (bool, error) {
	if a.takenBack(fix.Hash) {
		return true, nil
	}
	return proposal.RevertedAt(a.repo, fix.Hash)
}

func (a *auditor) takenBack(hash string) bool {
	return slices.ContainsFunc(a.reverts[hash], func(by string) bool { return !a.takenBack(by) })
}

// fix checks that the document of a fix commit on the branch tells of it.
func (a *auditor) fix(fix fixCommit) error {
	doc := a.docs[fix.evidence.Document]
	if doc == nil {
		return nil // not asked for, or gone from the branch
	}
	a.out.Fixes++
	if said := fix.evidence.Observed; said != "" {
		a.out.Evidence = append(a.out.Evidence, Said{Document: doc.File, Item: fix.evidence.Item, Commit: fix.commit.Hash, Text: text.Line(said, 0)})
	}
	if a.linked[fix.commit.Hash] {
		return nil
	}
	reverted, err := a.reverted(fix.commit)
	if err != nil || reverted {
		return err
	}
	d := Finding{Document: doc.File, Item: fix.evidence.Item, Action: record.ActionOf(fix.commit.Message), Commit: fix.commit.Hash}
	for _, item := range doc.Items {
		if item.ID != fix.evidence.Item {
			continue
		}
		d.Line = item.Line
		if item.Class != postmortem.ClassDone {
			a.notDone(d, item)
			return a.content(d, fix)
		}
	}
	if a.doubted[fix.evidence.Ref()] {
		return a.content(d, fix) // its row is there, and wrong
	}
	a.report(d, NoRow, fmt.Sprintf("the fix %.12s is on the branch, and no row of the Follow-up Implementation table links to it", fix.commit.Hash), "add its row to the table")
	return a.content(d, fix)
}
