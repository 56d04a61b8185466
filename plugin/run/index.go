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
	"strconv"
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/dashboard"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/proposal"
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
	page, present, err := indexFiles(s, repo, tip)
	switch {
	case err != nil:
		p.Warnings = append(p.Warnings, fmt.Sprintf("the index was not written: %v", err))
		return nil
	case page == "", !changes && !dashboard.IsOwn(present.Page):
		return nil // no page is wanted, or none is there that could be stale
	}
	written, err := renderIndex(s, repo, tip, page, present, sel, contents)
	stale := map[string][]byte{}
	if err == nil {
		stale = staleIndex(page, present, written)
		// A path that cannot be written must not take the documents with it.
		_, err = repo.WithFiles(tip, stale, "index")
	}
	if err != nil {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the index was not written: %v", err))
		return nil
	}
	maps.Copy(contents, stale)
	if len(stale) == 0 {
		return nil
	}
	return dates
}

// staleIndex is what is to be written of an index, by its path.
func staleIndex(page string, present, written dashboard.Files) map[string][]byte {
	stale := map[string][]byte{}
	then := present.At(page)
	for i, file := range written.At(page) {
		if !bytes.Equal(*file.Content, *then[i].Content) {
			stale[file.Path] = *file.Content
		}
	}
	return stale
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
	defer func() { err = access.Released(ctx, err, lock.Release) }()
	held, cancel := whileHeld(ctx, lock)
	defer cancel()
	u := newUpdate(s, j.repo, j.read, nil, j.waiting.edits, now)
	u.files, u.page = slices.Sorted(maps.Keys(j.waiting.edits)), true
	if done, err = j.publishRows(held, u); err != nil {
		done.Commit = ""
	}
	return done, err
}

// indexFiles is where the index page is kept, and what stands there and beside it,
// nothing when nothing does. The path is empty when no page is wanted: the setting is
// unset, and no page of ours is at the usual place.
func indexFiles(s settings.Settings, repo *gitrepo.Repo, tip string) (page string, present dashboard.Files, err error) {
	wanted := s.Documents.Index != ""
	page = path.Clean(cmp.Or(s.Documents.Index, settings.DefaultIndex))
	files := present.At(page)
	if err := repo.Prefetch(tip, []string{files[0].Path, files[1].Path, files[2].Path}); err != nil && wanted {
		return page, present, err
	}
	for _, file := range files {
		*file.Content, err = repo.ReadFile(tip, file.Path)
		switch absent := errors.Is(err, gitrepo.ErrNotFound); {
		case file.Path == page && !wanted && (err != nil || !dashboard.IsOwn(present.Page)):
			return "", dashboard.Files{}, nil //nolint:nilerr // what cannot be read there is no page of ours
		case err != nil && !absent:
			return page, present, err
		case len(bytes.TrimSpace(*file.Content)) > 0 && !dashboard.IsOwn(*file.Content):
			return page, present, fmt.Errorf("%s was not written by pm-todos; remove it, or set index to another path", file.Path)
		}
	}
	return page, present, nil
}

// renderIndex is the index of every document at the tip, with the contents that some
// will have. Its day is that of the tip, so that the same tip gives the same bytes.
func renderIndex(s settings.Settings, repo *gitrepo.Repo, tip, page string, present dashboard.Files, sel access.Selection, contents map[string][]byte) (dashboard.Files, error) {
	documents, err := documentsAt(s, repo, tip)
	if err != nil {
		return dashboard.Files{}, err
	}
	head, err := repo.Lookup(tip)
	if err != nil {
		return dashboard.Files{}, err
	}
	known := dashboard.Known{Recorded: dashboard.Recall(present.JSON), Targets: s.Report.Targets, Commit: s.CommitLink, Proposal: openProposals(s, repo), Today: head.Time}
	err = repo.Log(tip, func(c gitrepo.Commit) bool {
		known.History.AddCommit(c.Hash, c.Message, c.Time)
		return true
	})
	if err != nil {
		return dashboard.Files{}, err
	}
	var listed []dashboard.Document
	for _, file := range documents {
		src, changed := contents[file]
		if !changed {
			if src, err = repo.ReadFile(tip, file); err != nil {
				continue // the reading of the documents has said so
			}
		}
		listed = append(listed, known.Read(sel.Parse(file, src), file))
	}
	return dashboard.Write(page, listed, s.Report.Targets, present, head.Time)
}

// openProposals is what waits to be merged, and where.
func openProposals(s settings.Settings, repo *gitrepo.Repo) func(record.Ref) (branch, link string) {
	records, _ := proposal.Records(repo)
	return func(ref record.Ref) (branch, link string) {
		r := records[ref]
		if r == nil || r.State != proposal.Offered {
			return "", ""
		}
		branch = proposal.Branch(ref)
		if r.Pull > 0 {
			return branch, strings.ReplaceAll(s.PullTemplate(), "{number}", strconv.FormatInt(r.Pull, 10))
		}
		return branch, strings.ReplaceAll(s.BranchTemplate(), "{branch}", branch)
	}
}
