package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/change"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// selection is the documents that a run looks at, as they are at one commit.
type selection struct {
	Commit     string
	Base       string          // compared with, for scope changed
	All        []string        // every document of the repository
	Pushed     map[string]bool // changed since the base by a push
	Documents  []*postmortem.Document
	Unreadable []string // documents that could not be read, with the reason
	Note       string   // why more was read than asked for
}

// selectDocuments picks the documents that the scope names at a commit, and
// parses them. A document that cannot be read does not stop the others.
func selectDocuments(s settings.Settings, repo *gitrepo.Repo, commit string, log zerolog.Logger) (selection, error) {
	sel := selection{Commit: commit, Pushed: map[string]bool{}}
	paths, err := repo.Files(commit, documentFolders(s.Documents.PostMortems)...)
	if err != nil {
		return sel, fmt.Errorf("list the files of %.12s: %w", commit, err)
	}
	sel.All = documentPaths(paths, s.Documents.PostMortems)
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
	policy := documentPolicy(s)
	var unread sparing
	for _, file := range wanted {
		var src []byte
		err := gitrepo.CheckPath(file) // no row could be marked in it
		if err != nil {
			err = fmt.Errorf("no row can be marked in it, so nothing of it is read: %w; rename it with git mv", err)
		} else {
			src, err = repo.ReadFile(commit, file)
		}
		if err != nil {
			sel.Unreadable = append(sel.Unreadable, fmt.Sprintf("%s: %v", text.Line(file, 0), err))
			if unread.next() {
				log.Error().Str("stage", "documents").Str("document", file).Err(err).Msg("the document cannot be read; the others go on")
			}
			continue
		}
		sel.Documents = append(sel.Documents, postmortem.Parse(file, src, policy))
	}
	unread.rest(log, "documents", "documents cannot be read")
	return sel, nil
}

// documentFolders are the folders that the globs lead into.
func documentFolders(globs []string) []string {
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
	for _, folder := range documentFolders(globs) {
		if folder != "." {
			levels = max(levels, strings.Count(folder, "/")+2)
		}
	}
	return levels
}

// documentPaths are the paths that the globs name and that are post-mortems.
func documentPaths(paths, globs []string) []string {
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
func (sel *selection) narrow(s settings.Settings, repo *gitrepo.Repo) ([]string, error) {
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
	case ledger.Completed() != "":
		sel.Base = ledger.Completed()
	default:
		sel.Base = s.CI.PrevSHA
	}
	if sel.Base == "" || sel.Base == resolve.NoCommit {
		sel.Base = ""
		sel.Note = "no earlier commit is known to compare with: taking all documents"
		return sel.All, nil
	}
	changed, err := repo.Changed(sel.Base, sel.Commit, documentFolders(s.Documents.PostMortems)...)
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

// remember writes down what a first run compares with, before anything can cut it
// short: the next push has another CI_PREV_COMMIT_SHA. That it cannot be written
// ends no run; what it would take is needed again soon, and refused there.
func (sel selection) remember(ctx context.Context, s settings.Settings, c Console, repo *gitrepo.Repo, run string) {
	if s.Documents.Scope != settings.ScopeChanged || s.Documents.Since != "" || s.Mode == settings.ModeDryRun {
		return
	}
	base := sel.Base
	if sel.Note != "" {
		base = "" // everything was taken
	}
	if err := resolve.Begin(ctx, repo, run, base); err != nil {
		c.Log.Warn().Str("stage", "documents").Err(err).Msg("should this run be cut short, the next one will not know what it was to read")
	}
}

// safe is the items that may be acted on, of all documents.
func (sel selection) safe() []change.Item {
	var items []change.Item
	for _, doc := range sel.Documents {
		for _, item := range doc.Safe() {
			items = append(items, changeItem(doc, item))
		}
	}
	return items
}

// tellSafe names the items that a run would try to implement, for runs that end
// before that.
func tellSafe(s settings.Settings, sel selection, log zerolog.Logger) {
	if !s.CI.PullRequest() && s.Mode != settings.ModeDryRun {
		return
	}
	var safe sparing
	for _, item := range sel.safe() {
		if !safe.next() {
			continue
		}
		log.Info().Str("stage", "documents").Str("document", item.Document).Str("item", item.ID).
			Str("priority", item.Priority).Str("type", item.Type).
			Msgf("%s:%d: safe, to be implemented: %s", text.Line(item.Document, 0), item.Line, text.Line(item.Action, 120))
	}
	safe.rest(log, "documents", "items are safe, to be implemented")
}

// known is every item that was read, by what names it across runs.
func (sel selection) known() map[record.Ref]change.Item {
	items := map[record.Ref]change.Item{}
	for _, doc := range sel.Documents {
		for _, item := range doc.Items {
			items[record.Ref{Document: doc.File, Item: item.ID}] = changeItem(doc, item)
		}
	}
	return items
}

func changeItem(doc *postmortem.Document, item postmortem.Item) change.Item {
	return change.Item{
		Document: doc.File, ID: item.ID, Line: item.Line, Date: doc.Date,
		Priority: string(item.Priority), Action: item.Action, Type: item.Type, Details: item.Details,
	}
}

// findItem is the item of a document with an id.
func findItem(doc *postmortem.Document, id string) (postmortem.Item, bool) {
	for _, item := range doc.Items {
		if item.ID == id {
			return item, true
		}
	}
	return postmortem.Item{}, false
}

// leftItem is an item that is left to people, for the report.
func leftItem(doc *postmortem.Document, item postmortem.Item) report.Left {
	return report.Left{Item: changeItem(doc, item), Reason: item.Reason(), Evidence: doc.Evidence(item)}
}

// documentPolicy is what the settings say of which items are safe.
func documentPolicy(s settings.Settings) postmortem.Policy {
	policy := postmortem.Policy{
		Inferred:   s.Documents.InferredTypes,
		Protected:  s.Terraform.Protected,
		AllowPaths: s.Terraform.AllowPaths,
	}
	for _, name := range s.Documents.SafeTypes {
		policy.SafeTypes = append(policy.SafeTypes, postmortem.Type(name))
	}
	return policy
}
