package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/forge"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/edit"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// rowsBranch is where the rows of documents wait for a person to merge them, when
// the branch takes no direct pushes.
const rowsBranch = "pm-todos/documents"

const rowsRef = gitrepo.RowsRef

// waiting is what waits on rowsBranch. Anybody who may push can write there: it
// decides what is not done again and what is written there again, and a person
// looks at all of it before it is on the branch.
type waiting struct {
	head  string                 // "" when there is no such branch
	base  string                 // commit that it was rendered on, of a head of ours
	ours  bool                   // nobody else has a commit on it
	edits map[string][]edit.Edit // by document: what the branch does not have yet
	items map[record.Ref]string  // what was implemented, by the commit that is on the branch
	held  bool                   // rows of this run could not be written there
}

// readWaiting reads what waits, and takes the items out of those to be worked on
// that are done and whose row waits there.
func (j *job) readWaiting() error {
	j.waiting = waiting{head: j.repo.Seen(rowsRef)[rowsRef]}
	if j.waiting.head == "" {
		return nil
	}
	if err := j.waiting.read(j.Settings, j.repo, j.read); err != nil {
		return fmt.Errorf("read %s: %w", rowsBranch, err)
	}
	waits := func(todo item.Item) bool {
		commit, waits := j.waiting.items[record.RefOf(todo)]
		if waits {
			j.outcomes = append(j.outcomes, item.Outcome{
				Item: todo, State: item.Skipped, Reason: reason.DoneWaitingForMerge, Commit: commit, Branch: rowsBranch,
			})
		}
		return waits
	}
	j.read.Safe, j.read.Approval = slices.DeleteFunc(j.read.Safe, waits), slices.DeleteFunc(j.read.Approval, waits)
	return nil
}

func (w *waiting) read(s settings.Settings, repo *gitrepo.Repo, sel access.Selection) error {
	head, err := repo.Lookup(w.head)
	if err != nil {
		return err
	}
	merged, err := repo.Contains(sel.Commit, w.head)
	if err != nil || merged {
		w.ours = merged // nothing of it is lost
		return err
	}
	onTop, err := repo.Contains(sel.Commit, head.Parent)
	if err != nil {
		return err
	}
	w.base = head.Parent
	w.ours = onTop && !head.Merge && record.IsDocs(head.Message) && head.Author == s.Repository.Author
	changed, err := repo.Changed(sel.Commit, w.head, access.DocumentFolders(s.Documents.PostMortems)...)
	if err != nil {
		return err
	}
	files := access.DocumentPaths(changed, s.Documents.PostMortems)
	if err := errors.Join(repo.Prefetch(w.head, files), repo.Prefetch(sel.Commit, files)); err != nil {
		return err
	}
	w.edits, w.items = map[string][]edit.Edit{}, map[record.Ref]string{}
	for _, file := range files {
		there, err := repo.ReadFile(w.head, file)
		here, errHere := repo.ReadFile(sel.Commit, file)
		if err != nil || errHere != nil {
			continue // no file here, or none that could be edited
		}
		w.edits[file] = missing(sel.Parse(file, there), sel.Parse(file, here))
	}
	return w.name(s, repo, sel.Commit)
}

// missing is what this program wrote into a document there and is not here. What
// was implemented, merged and opened again is not missing, nor is what a person
// gave other details since.
func missing(there, here *postmortem.Document) []edit.Edit {
	written := edit.Written(here)
	return slices.DeleteFunc(edit.Written(there), func(one edit.Edit) bool {
		now, found := findItem(here, one.Item.ID)
		return !found || now.Class == postmortem.ClassDone || now.Details != one.Item.Details ||
			slices.ContainsFunc(written, func(w edit.Edit) bool {
				return w.Item.ID == one.Item.ID && (w.Row.By == one.Row.By || w.Row.By == postmortem.Resolver)
			})
	})
}

// name completes the commits of what was implemented, of which a row may show the
// begin alone, and drops what is on no commit of the branch.
func (w *waiting) name(s settings.Settings, repo *gitrepo.Repo, tip string) error {
	shown := map[string]string{}
	for _, edits := range w.edits {
		for _, one := range edits {
			if one.Row.Commit != "" {
				shown[one.Row.Commit] = ""
			}
		}
	}
	left := len(shown)
	err := repo.Log(tip, func(c gitrepo.Commit) bool {
		for begin, whole := range shown {
			if whole == "" && strings.HasPrefix(c.Hash, begin) {
				shown[begin] = c.Hash
				left--
			}
		}
		return left > 0
	})
	if err != nil {
		return err
	}
	for file, edits := range w.edits {
		edits = slices.DeleteFunc(edits, func(one edit.Edit) bool { return one.Done && shown[one.Row.Commit] == "" })
		for _, one := range edits {
			if one.Row.Commit = shown[one.Row.Commit]; one.Done {
				w.items[record.Ref{Document: file, Item: one.Item.ID}] = one.Row.Commit
			}
			one.Row.URL = s.CommitLink(one.Row.Commit)
		}
		if w.edits[file] = edits; len(edits) == 0 {
			delete(w.edits, file)
		}
	}
	return nil
}

// stale reports whether a branch of ours says what the branch has by now, or was
// rendered from documents that others changed since.
func (w *waiting) stale(repo *gitrepo.Repo, tip string) bool {
	if w.head == "" || !w.ours {
		return false
	}
	for file := range w.edits {
		if touched, err := repo.Touched(w.base, tip, file); touched || err != nil {
			return true
		}
	}
	return len(w.edits) == 0
}

// publishRows brings an update to the branch. Where the branch does not take it, be
// it that it takes no direct pushes or wants commits that this program does not
// make, the rows wait on a branch of their own, in the place of what waited there.
func (j *job) publishRows(ctx context.Context, u *update) (Published, error) {
	put := func(ctx context.Context, build func(tip string) (string, error)) (string, error) {
		tip, err := j.repo.Publish(ctx, build)
		if errors.Is(err, gitrepo.ErrPushRefused) || errors.Is(err, gitrepo.ErrDenied) {
			return j.putRows(ctx, u, build, err)
		}
		return tip, err
	}
	done, err := u.publish(ctx, put, j.Log)
	if err == nil && done.Branch == "" && j.waiting.ours && j.waiting.head != "" && (len(j.waiting.edits) == 0 || done.Commit != "") {
		// All of it is on the branch.
		if err := j.repo.SetRef(ctx, rowsRef, j.waiting.head, ""); err != nil {
			j.Log.Warn().Str("stage", "documents").Str("branch", rowsBranch).Err(err).Msg("the branch could not be deleted, though all of it is merged; a later run tries again")
		}
		j.waiting = waiting{}
	}
	if done.Branch != "" {
		j.notes = append(j.notes, j.Repository.Branch+" does not take the rows of documents by a push, so they wait on "+rowsBranch+" for a person to merge them")
	}
	return done, err
}

// putRows puts an update that the branch refused onto rowsBranch, unless that says
// the same already. It is never put over what somebody else pushed there.
func (j *job) putRows(ctx context.Context, u *update, build func(tip string) (string, error), refusal error) (tip string, err error) {
	if tip, err = j.repo.Fetch(ctx); err != nil {
		return "", err
	}
	made, err := build(tip)
	if err != nil || made == tip {
		return tip, err
	}
	w := &j.waiting
	if same, err := sameRows(j.repo, tip, made, w.head); err != nil || same {
		u.done.Commit, u.done.Files = "", nil
		return tip, err
	}
	err = gitrepo.ErrRefMoved
	if w.head == "" || w.ours {
		err = j.repo.SetRef(ctx, rowsRef, w.head, made)
	}
	if errors.Is(err, gitrepo.ErrRefMoved) {
		w.held = true
		u.done = Published{Broken: u.done.Files, Warnings: []string{"somebody else has a commit on " + rowsBranch + ", which stays as it is: merge it or delete it, and the next run writes the rows"}}
		return tip, nil
	}
	if err != nil {
		return "", fault.WithFix(err, "let the account of git_username make and move branches below %s", gitrepo.OwnBranches)
	}
	u.done.Branch = rowsBranch
	w.head, w.base, w.ours = made, tip, true
	j.Log.Info().Str("stage", "documents").Str("branch", rowsBranch).Err(refusal).
		Msg("the branch does not take the rows by a push: they wait on this one for a person to merge them")
	return tip, nil
}

// sameRows reports whether a commit has what another one changes on the tip.
func sameRows(repo *gitrepo.Repo, tip, made, head string) (bool, error) {
	if head == "" {
		return false, nil
	}
	wanted, err := repo.Changed(tip, made)
	for _, file := range wanted {
		if touched, err := repo.Touched(head, made, file); touched || err != nil {
			return false, err
		}
	}
	return err == nil, err
}

// openRowsPull opens the pull request of the rows that wait; where it was opened
// already, it shows by itself what the branch has now, or that somebody else's commit
// there keeps rows from it.
func (j *job) openRowsPull(ctx context.Context) {
	w := j.waiting
	theirs := w.held && !w.ours
	if ctx.Err() != nil || w.head == "" || !theirs && (!w.ours || len(w.edits) == 0 && j.docs.Branch == "") {
		return
	}
	f, err := j.Forge()
	if f == nil || err != nil {
		return // putForward says why
	}
	if theirs {
		j.tellHeld(ctx, f)
		return
	}
	files, err := j.repo.Changed(w.base, w.head)
	if err == nil {
		p := report.Render(j.summary()).RowsPull(files)
		var pull *forge.Pull
		var opened bool
		pull, opened, err = forge.Ensure(ctx, f, forge.Request{Head: rowsBranch, Base: j.Repository.Branch, Title: p.Title, Body: p.Body, Commit: w.head})
		if opened {
			link := strings.ReplaceAll(j.PullTemplate(), "{number}", strconv.FormatInt(pull.Number, 10))
			j.notes = append(j.notes, strings.TrimSpace("the pull request of the rows: "+link))
			j.Log.Info().Str("stage", "documents").Str("branch", rowsBranch).Int64("number", pull.Number).Msg("opened a pull request")
		}
	}
	if err != nil {
		j.Log.Warn().Str("stage", "documents").Str("branch", rowsBranch).Err(fmt.Errorf("%s: %w", f.Name(), err)).
			Msg("the pull request could not be opened; the branch waits, and the next run tries again")
	}
}

// tellHeld comments once on the pull request of the rows, when there is one.
func (j *job) tellHeld(ctx context.Context, f forge.Forge) {
	pull, err := f.Find(ctx, rowsBranch, j.Repository.Branch, 0)
	if err == nil && pull != nil && pull.State == forge.Open {
		err = f.Comment(ctx, pull.Number, "Somebody else has a commit on this branch, so pm-todos leaves it as it is and writes no more rows here. "+
			"Merge this pull request, or close it and delete its branch: the next run then writes the rows that are missing.")
	}
	if err != nil {
		j.Log.Warn().Str("stage", "documents").Str("branch", rowsBranch).Err(fmt.Errorf("%s: %w", f.Name(), err)).
			Msg("the pull request of the rows could not be commented on; the next run tries again")
	}
}
