package run

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/edit"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// addIndex adds the index page to the files of a docs commit when it differs
// from the one on the branch: together with documents that the run changed, or
// by itself after a push that changed some. It is the page of every document at
// the tip, as contents will make it. Nothing about the page is worth failing the
// documents for: what is in its way is a warning. The dates are those by which a
// commit of the page alone is named.
func (p *Published) addIndex(s settings.Settings, repo *gitrepo.Repo, tip string, sel access.Selection, contents map[string][]byte, now time.Time) (dates []string) {
	for _, doc := range sel.Documents {
		if sel.Pushed[doc.File] {
			dates = append(dates, itemDate(doc.Date, now))
		}
	}
	changes := len(contents) > 0
	if !changes && len(dates) == 0 {
		return nil
	}
	file, present, err := indexPage(s, repo, tip)
	switch {
	case err != nil:
		p.Warnings = append(p.Warnings, fmt.Sprintf("the index was not written: %v", err))
		return nil
	case file == "", !changes && !report.IsIndex(present):
		return nil // no page is wanted, or none is there that could be stale
	}
	page, err := renderIndex(s, repo, tip, file, sel, contents)
	if err == nil && bytes.Equal(page, present) {
		return nil
	}
	if err == nil {
		// A path that cannot be written must not take the documents with it.
		_, err = repo.WithFiles(tip, map[string][]byte{file: page}, "index")
	}
	if err != nil {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the index was not written: %v", err))
		return nil
	}
	contents[file] = page
	return dates
}

// refreshIndex writes the index page again after a push that changed documents
// and left nothing to do: the page alone, in a docs commit of its own, under the
// lock like everything that a run writes. Vault and hosts are not needed for
// it. A page that nobody asked for, or that is not stale, costs no request; what
// is in the way is a warning, and the next run that gets so far mends it.
func (j *job) refreshIndex(ctx context.Context) Published {
	now := time.Now()
	var done Published
	stale := map[string][]byte{}
	done.addIndex(j.Settings, j.repo, j.read.Commit, j.read, stale, now)
	if j.Mode == settings.ModeDryRun {
		return Published{}
	}
	if len(stale) > 0 || j.waiting.stale(j.repo, j.read.Commit) {
		var err error
		if done, err = j.publishIndex(ctx, now); err != nil {
			done.Warnings = append(done.Warnings, fmt.Sprintf("the index was not written: %v", err))
		}
	}
	for _, warning := range done.Warnings {
		j.Log.Warn().Str("stage", "documents").Msg(warning)
	}
	if done.Commit != "" && len(done.Files) == 0 {
		j.Log.Info().Str("stage", "documents").Str("commit", done.Commit).Msg("index written")
	}
	return done
}

// publishIndex commits the page alone, beside the rows that wait to be merged. It
// does not wait for another run.
func (j *job) publishIndex(ctx context.Context, now time.Time) (done Published, err error) {
	s := j.Settings
	s.Terraform.LockTimeout = time.Second
	lock, err := Lock(ctx, s, j.Console, j.repo, gitrepo.Lease{Run: j.id, Host: "none"})
	if err != nil {
		return done, err
	}
	defer func() { err = access.Closed(ctx, err, lock.Release) }()
	held, cancel := whileHeld(ctx, lock)
	defer cancel()
	u := newUpdate(s, j.repo, j.read, nil, j.waiting.edits, now)
	u.files, u.page = slices.Sorted(maps.Keys(j.waiting.edits)), true
	if done, err = j.publishRows(held, u); err != nil {
		done.Commit = ""
	}
	return done, err
}

// indexPage is where the index page is kept and what stands there, nil when
// nothing does. The path is empty when no page is wanted: the setting is unset,
// and no page of ours is at the usual place.
func indexPage(s settings.Settings, repo *gitrepo.Repo, tip string) (page string, present []byte, err error) {
	wanted := s.Documents.Index != ""
	page = path.Clean(cmp.Or(s.Documents.Index, settings.DefaultIndex))
	present, err = repo.ReadFile(tip, page)
	absent := errors.Is(err, gitrepo.ErrNotFound)
	switch {
	case !wanted && (err != nil || !report.IsIndex(present)):
		return "", nil, nil //nolint:nilerr // what cannot be read there is no page of ours
	case absent:
		return page, nil, nil
	case err != nil:
		return page, nil, err
	case len(bytes.TrimSpace(present)) > 0 && !report.IsIndex(present):
		return page, nil, fmt.Errorf("%s was not written by pm-todos; remove it, or set index to another path", page)
	}
	return page, present, nil
}

// renderIndex is the page of every document at the tip, with the contents that
// some will have.
func renderIndex(s settings.Settings, repo *gitrepo.Repo, tip, page string, sel access.Selection, contents map[string][]byte) ([]byte, error) {
	documents, err := documentsAt(s, repo, tip)
	if err != nil {
		return nil, err
	}
	said, err := observedOn(repo, tip)
	if err != nil {
		return nil, err
	}
	var entries []report.IndexEntry
	for _, file := range documents {
		src, changed := contents[file]
		if !changed {
			if src, err = repo.ReadFile(tip, file); err != nil {
				continue // the reading of the documents has said so
			}
		}
		entries = append(entries, IndexEntry(sel.Parse(file, src), src, said[file]))
	}
	return report.Index(page, entries)
}

// IndexEntry is a document as the index page lists it, with what Prometheus said
// of its items. An open item is as old as its document.
func IndexEntry(doc *postmortem.Document, src []byte, said map[string]string) report.IndexEntry {
	safe, skipped := doc.Safe(), doc.Skipped()
	entry := report.IndexEntry{
		File: doc.File, Title: doc.Title, Date: doc.Date, Severity: doc.Severity,
		Open: len(safe) + len(skipped), Left: len(skipped) + reviewed(doc.File, src, safe), Unclear: len(doc.Unclear()),
	}
	for _, item := range skipped {
		if item.Lane == postmortem.LaneApproval {
			entry.Approval++
		}
	}
	for _, item := range doc.Items {
		if item.Class == postmortem.ClassDone {
			entry.Done++
			if line := said[item.ID]; line != "" {
				entry.Evidence = append(entry.Evidence, line)
			}
		}
	}
	if entry.Open > 0 {
		entry.Oldest = doc.Date
	}
	return entry
}

// reviewed is how many of the items that could be automatic needed a person
// after all: those that stand in the Follow-up Implementation table already, for
// which nothing would be added to it.
func reviewed(file string, src []byte, safe []postmortem.Item) int {
	if len(safe) == 0 || !bytes.Contains(src, []byte(postmortem.HumanReview)) {
		return 0
	}
	var edits []edit.Edit
	for _, item := range safe {
		edits = append(edits, edit.Edit{Item: item, Row: &edit.Row{By: postmortem.HumanReview}})
	}
	result, err := edit.Update(file, src, edits)
	if err != nil {
		return 0
	}
	row := []byte(postmortem.HumanReview)
	added := bytes.Count(result.Content, row) - bytes.Count(src, row)
	return max(0, len(safe)-added)
}
