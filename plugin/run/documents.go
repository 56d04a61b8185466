package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve/journal"
	"github.com/pm-todos/pm-todos/plugin/resolve/schedule"
	"github.com/pm-todos/pm-todos/plugin/resolve/shard"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// readDocuments reads the documents as they are at a commit. It is called again
// once the branch stands still.
func (j *job) readDocuments(commit string) error {
	defer j.lap("documents")
	read, err := access.Select(j.Settings, j.repo, commit, j.Log)
	if err != nil {
		return err // what was read before is told all the same
	}
	j.read = read
	j.deal = sync.OnceValues(func() (shard.Dealer, error) {
		paths, err := j.repo.Files(commit)
		if err != nil {
			return shard.Dealer{}, fmt.Errorf("list the files: %w", err)
		}
		return shard.New(j.repo, j.ScopeIn(paths), paths), nil
	})
	if err := j.split(); err != nil {
		return err
	}
	skipped, unclear, problems := 0, 0, 0
	for _, doc := range j.read.Documents {
		skipped, unclear, problems = skipped+doc.Count(postmortem.ClassSkipped), unclear+doc.Count(postmortem.ClassUnclear), problems+len(doc.Problems)
	}
	j.Log.Info().Str("stage", "documents").Int("documents", len(j.read.Documents)).Int("of", len(j.read.All)).
		Int("safe", len(j.read.Safe)).Int("approval", len(j.read.Approval)).Int("skipped", skipped).Int("unclear", unclear).Int("problems", problems).
		Msgf("%d of %s read", len(j.read.Documents), text.Counted(len(j.read.All), "post-mortem"))
	if j.CI.PullRequest() || j.Mode == settings.ModeDryRun {
		j.nameTodo()
	}
	return nil
}

// split leaves to other runs the items that do not fall to the shard of this one.
func (j *job) split() error {
	of := j.Documents.Shard
	if j.others = nil; of.Of == 0 {
		return nil
	}
	dealer, err := j.deal()
	if err != nil {
		return err
	}
	var safe, approval []item.Item
	j.read.Safe, safe = dealer.Split(of, j.read.Safe)
	j.read.Approval, approval = dealer.Split(of, j.read.Approval)
	j.others = slices.Concat(safe, approval)
	j.Log.Info().Str("stage", "documents").Str("shard", of.String()).Int("safe", len(j.read.Safe)).Int("approval", len(j.read.Approval)).
		Msgf("%s left to other shards", text.Counted(len(j.others), "item"))
	return nil
}

// firstLots is the lot of the item that a run begins with which applies, as far as the
// documents say it by now; the resolver sees to those that it comes to.
func (j *job) firstLots() ([]string, error) {
	todo := schedule.Order(j.read.Todo())
	if len(todo) == 0 || j.Mode != settings.ModeApply || j.Unplanned() {
		return nil, nil
	}
	dealer, err := j.deal()
	return []string{dealer.Lot(todo[0])}, err
}

// nameTodo names the items that a run would take up, for runs that end before that.
func (j *job) nameTodo() {
	var named access.Sparing
	for _, todo := range j.read.Todo() {
		what := "safe, to be implemented"
		if todo.Approval {
			what = "needs an approval, to be proposed"
		}
		if named.Next() {
			j.Log.Info().Str("stage", "documents").Str("document", todo.Document).Str("item", todo.ID).
				Str("priority", todo.Priority).Str("type", todo.Type).
				Msgf("%s:%d: %s: %s", text.Line(todo.Document, 0), todo.Line, what, text.Line(todo.Action, 120))
		}
	}
	named.Rest(j.Log, "documents", "items are to be implemented or proposed")
}

// remember writes down what a first run compares with, before anything can cut it
// short: the next push has another CI_PREV_COMMIT_SHA. That it cannot be written
// ends no run; what it would take is needed again soon, and refused there.
func (j *job) remember(ctx context.Context) {
	if j.Documents.Scope != settings.ScopeChanged || j.Documents.Since != "" || j.Mode == settings.ModeDryRun {
		return
	}
	base := j.read.Base
	if j.read.Note != "" {
		base = "" // everything was taken
	}
	if err := journal.Begin(ctx, j.repo, j.id, j.Documents.Shard.String(), base); err != nil {
		j.Log.Warn().Str("stage", "documents").Err(err).Msg("if this run is cut short, the next one will not know what to read")
	}
}

// documentsAt is the paths of all documents of a commit, whose texts are in the clone
// then.
func documentsAt(s settings.Settings, repo *gitrepo.Repo, commit string) ([]string, error) {
	paths, err := repo.Files(commit, access.DocumentFolders(s.Documents.PostMortems)...)
	if err != nil {
		return nil, fmt.Errorf("list the files of %.12s: %w", commit, err)
	}
	documents := access.DocumentPaths(paths, s.Documents.PostMortems)
	return documents, repo.Prefetch(commit, documents)
}

// row is an item as it stands at a commit, by what names it across runs; ok is
// false when it is gone. open says that a run may take it up. A person may have
// changed its row since it was read, and a ref may name any document.
func (j *job) row(commit string, ref record.Ref) (row item.Item, open, ok bool, err error) {
	if len(access.DocumentPaths([]string{ref.Document}, j.Documents.PostMortems)) == 0 {
		return row, false, false, nil
	}
	src, err := j.repo.ReadFile(commit, ref.Document)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return row, false, false, nil
	}
	if err != nil {
		return row, false, false, fmt.Errorf("read %s: %w", ref.Document, err)
	}
	doc := j.read.Parse(ref.Document, src)
	found, ok := findItem(doc, ref.Item)
	if !ok {
		return row, false, false, nil
	}
	return access.ChangeItem(doc, found), found.Lane != "", true, nil
}

// findItem is the item of a document with an id.
func findItem(doc *postmortem.Document, id string) (postmortem.Item, bool) {
	for _, one := range doc.Items {
		if one.ID == id {
			return one, true
		}
	}
	return postmortem.Item{}, false
}
