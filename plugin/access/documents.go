package access

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/rs/zerolog"
)

// Selection is the documents that a run looks at, as they are at one commit.
type Selection struct {
	Commit     string
	Base       string          // compared with, for scope changed
	All        []string        // every document of the repository
	Pushed     map[string]bool // changed since the base by a push
	Documents  []*postmortem.Document
	Safe       []item.Item // that may be acted on, of all documents
	Approval   []item.Item // that may become proposals at most, when the settings want those
	Unreadable []string    // documents that could not be read, with the reason
	Note       string      // why more was read than asked for

	policy classify.Policy
	parsed map[source]*postmortem.Document
}

// source is a document's text, by its hash.
type source struct {
	file string
	text [sha256.Size]byte
}

// Parse is a document as it is in some commit. Each of its texts is parsed once.
func (sel Selection) Parse(file string, src []byte) *postmortem.Document {
	key := source{file, sha256.Sum256(src)}
	if sel.parsed[key] == nil {
		sel.parsed[key] = postmortem.Parse(file, src, sel.policy)
	}
	return sel.parsed[key]
}

// Select picks the documents that the scope names at a commit, and
// parses them. A document that cannot be read does not stop the others.
func Select(s settings.Settings, repo *gitrepo.Repo, commit string, log zerolog.Logger) (Selection, error) {
	sel := Selection{
		Commit: commit, Pushed: map[string]bool{},
		policy: s.DocumentPolicy(), parsed: map[source]*postmortem.Document{},
	}
	paths, err := repo.Files(commit, DocumentFolders(s.Documents.PostMortems)...)
	if err != nil {
		return sel, fmt.Errorf("list the files of %.12s: %w", commit, err)
	}
	sel.All = DocumentPaths(paths, s.Documents.PostMortems)
	wanted, err := sel.narrow(s, repo)
	if err != nil {
		return sel, err
	}
	if sel.Note != "" {
		log.Warn().Str("stage", "documents").Msg(sel.Note)
	}
	if err := repo.Prefetch(commit, wanted); err != nil {
		return sel, err
	}
	var unread Sparing
	for _, file := range wanted {
		var src []byte
		err := gitrepo.CheckPath(file) // no row could be marked in it
		if err != nil {
			err = fault.WithFix(fmt.Errorf("no row can be marked in it, so nothing of it is read: %w", err), "rename it with git mv")
		} else {
			src, err = repo.ReadFile(commit, file)
		}
		if err != nil {
			sel.Unreadable = append(sel.Unreadable, fmt.Sprintf("%s: %v", text.Line(file, 0), err))
			if unread.Next() {
				log.Error().Str("stage", "documents").Str("document", file).Err(err).Msg("the document cannot be read; the others continue")
			}
			continue
		}
		doc := sel.Parse(file, src)
		sel.Documents = append(sel.Documents, doc)
		for _, one := range doc.Items {
			switch {
			case one.Safe():
				sel.Safe = append(sel.Safe, ChangeItem(doc, one))
			case one.Lane == postmortem.LaneApproval && s.Proposes():
				sel.Approval = append(sel.Approval, ChangeItem(doc, one))
			}
		}
	}
	unread.Rest(log, "documents", "documents cannot be read")
	return sel, nil
}

// Known are all items that were read, by what names them across runs.
func (sel Selection) Known() map[record.Ref]item.Item {
	known := map[record.Ref]item.Item{}
	for _, doc := range sel.Documents {
		for _, one := range doc.Items {
			known[record.Ref{Document: doc.File, Item: one.ID}] = ChangeItem(doc, one)
		}
	}
	return known
}

// Todo is what a run may take up: to apply it, or to propose it.
func (sel Selection) Todo() []item.Item { return slices.Concat(sel.Safe, sel.Approval) }

// DocumentFolders are the folders that the globs lead into.
func DocumentFolders(globs []string) []string {
	folders := make([]string, 0, len(globs))
	for _, glob := range globs {
		folder, _ := doublestar.SplitPattern(glob)
		folders = append(folders, folder)
	}
	return folders
}

// documentLevels is how many levels of folders are needed to list what the
// globs name, the top folder being one.
func documentLevels(globs []string) int {
	levels := 1
	for _, folder := range DocumentFolders(globs) {
		if folder != "." {
			levels = max(levels, strings.Count(folder, "/")+2)
		}
	}
	return levels
}

// DocumentPaths are the paths that the globs name and that are post-mortems.
func DocumentPaths(paths, globs []string) []string {
	var found []string
	for _, path := range paths {
		matches := slices.ContainsFunc(globs, func(glob string) bool {
			ok, err := doublestar.Match(glob, path)
			return err == nil && ok
		})
		if matches && postmortem.IsDocument(path) {
			found = append(found, path)
		}
	}
	return found
}

// narrow is the documents of the scope: all of them, or those changed since
// the base together with those that the ledger holds unfinished items of.
func (sel *Selection) narrow(s settings.Settings, repo *gitrepo.Repo) ([]string, error) {
	if s.Documents.Scope == settings.ScopeAll {
		return sel.All, nil
	}
	log, err := repo.ReadLog(record.LedgerRef)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	ledger, _ := record.ReadLedger(log.Lines)
	switch {
	case s.Documents.Since != "":
		sel.Base = s.Documents.Since
	case ledger.Completed(s.Documents.Shard.String()) != "":
		sel.Base = ledger.Completed(s.Documents.Shard.String())
	default:
		sel.Base = s.CI.PrevSHA
	}
	if sel.Base == "" || sel.Base == record.NoCommit {
		sel.Base = ""
		sel.Note = "no earlier commit is known to compare with: taking all documents"
		return sel.All, nil
	}
	changed, err := repo.Changed(sel.Base, sel.Commit, DocumentFolders(s.Documents.PostMortems)...)
	if errors.Is(err, gitrepo.ErrUnknownBase) {
		sel.Note = fmt.Sprintf("the commit %.12s to compare with is not in the history (a force-push?): taking all documents", sel.Base)
		return sel.All, nil
	}
	if err != nil {
		return nil, fmt.Errorf("compare %.12s with %.12s: %w", sel.Base, sel.Commit, err)
	}
	unfinished := map[string]bool{}
	for _, ref := range ledger.Unfinished() {
		unfinished[ref.Document] = true
	}
	pushed := map[string]bool{}
	for _, file := range changed {
		pushed[file] = true
	}
	var wanted []string
	for _, file := range sel.All {
		if pushed[file] {
			sel.Pushed[file] = s.CI.Event == "push"
		}
		if pushed[file] || unfinished[file] {
			wanted = append(wanted, file)
		}
	}
	return wanted, nil
}

// ChangeItem is an item of a document as it goes through a run.
func ChangeItem(doc *postmortem.Document, todo postmortem.Item) item.Item {
	return item.Item{
		Document: doc.File, ID: todo.ID, Line: todo.Line, Date: doc.Date,
		Priority: string(todo.Priority), Action: todo.Action, Type: todo.Type, Details: todo.Details, Owner: todo.Owner, Due: todo.Due, Incident: doc.Incident,
		Approval: todo.Lane == postmortem.LaneApproval,
	}
}
