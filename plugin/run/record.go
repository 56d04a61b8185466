package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/postmortem/edit"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
	"github.com/rs/zerolog"
)

// Published is what the documents' update came to.
type Published struct {
	Tip      string   // the branch after it
	Commit   string   // the docs commit, empty when there was nothing to write
	Branch   string   // where the docs commit waits to be merged, empty when it is on the branch itself
	Files    []string // documents that changed
	Warnings []string // rows that a person changed meanwhile, and the like
	Broken   []string // documents that could not take their rows
	Problems []error  // why
}

// Update records the outcomes in their documents: one commit, rendered
// again on every retry from the branch as it is then, so that what people
// changed meanwhile stays.
func Update(ctx context.Context, s settings.Settings, repo *gitrepo.Repo, sel access.Selection, outcomes []item.Outcome, now time.Time, log zerolog.Logger) (Published, error) {
	return newUpdate(s, repo, sel, outcomes, nil, now).publish(ctx, repo.Publish, log)
}

// update is one commit of the documents to be.
type update struct {
	s        settings.Settings
	repo     *gitrepo.Repo
	sel      access.Selection
	files    []string                  // documents that get rows
	outcomes map[string][]item.Outcome // by document
	waiting  map[string][]edit.Edit    // what earlier runs wrote that is not merged yet, by document
	page     bool                      // the index page may change by itself
	now      time.Time
	done     Published
}

func newUpdate(s settings.Settings, repo *gitrepo.Repo, sel access.Selection, outcomes []item.Outcome, waiting map[string][]edit.Edit, now time.Time) *update {
	u := &update{s: s, repo: repo, sel: sel, outcomes: map[string][]item.Outcome{}, waiting: waiting, now: now}
	u.files = recorded(sel, outcomes)
	for file := range waiting {
		if !slices.Contains(u.files, file) {
			u.files = append(u.files, file)
		}
	}
	slices.Sort(u.files)
	for _, out := range outcomes {
		u.outcomes[out.Item.Document] = append(u.outcomes[out.Item.Document], out)
	}
	return u
}

// publisher puts the commit that build makes of the branch's tip where it belongs.
type publisher func(ctx context.Context, build func(tip string) (string, error)) (tip string, err error)

// publish makes the commit and brings it to the remote.
func (u *update) publish(ctx context.Context, put publisher, log zerolog.Logger) (Published, error) {
	if len(u.files) == 0 && !u.page {
		return Published{Tip: u.repo.Tip()}, nil
	}
	tip, err := put(ctx, u.build)
	done := u.done
	if err != nil {
		return done, fmt.Errorf("publish the documents: %w", err)
	}
	done.Tip = tip
	var warned access.Sparing
	for _, warning := range done.Warnings {
		if warned.Next() {
			log.Warn().Str("stage", "documents").Msg(warning)
		}
	}
	warned.Rest(log, "documents", "warnings")
	if done.Commit != "" {
		log.Info().Str("stage", "documents").Str("commit", done.Commit).Int("documents", len(done.Files)).
			Msg("rows updated in " + text.Counted(len(done.Files), "file"))
	}
	return done, nil
}

// build is the commit on a tip of the branch, the tip itself when nothing differs.
func (u *update) build(tip string) (string, error) {
	u.done = Published{}
	contents := map[string][]byte{}
	var dates, approvers []string
	// What cannot be read below is gone from the branch, and not the remote.
	if err := u.repo.Prefetch(tip, u.files); err != nil {
		return "", err
	}
	for _, file := range u.files {
		content, date, err := u.render(u.repo, tip, file)
		if err != nil {
			return "", err
		}
		if content != nil {
			contents[file] = content
			u.done.Files = append(u.done.Files, file)
			dates = append(dates, date)
			for _, out := range u.outcomes[file] {
				approvers = append(approvers, out.Approver)
			}
		}
	}
	if stale := u.done.addIndex(u.s, u.repo, tip, u.sel, contents, u.now); len(dates) == 0 {
		dates = stale
	}
	if len(contents) == 0 {
		return tip, nil
	}
	commit, err := u.repo.WithFiles(tip, contents, record.DocsMessage(dates, approvers))
	u.done.Commit = commit
	return commit, err
}

// recorded is the documents that get rows: those in which something was done
// or refused, and those that the triggering push changed.
func recorded(sel access.Selection, outcomes []item.Outcome) []string {
	files := map[string]bool{}
	for _, out := range outcomes {
		if _, ok := outcomeRow(out, "", ""); ok {
			files[out.Item.Document] = true
		}
	}
	for _, doc := range sel.Documents {
		if sel.Pushed[doc.File] {
			files[doc.File] = true
		}
	}
	return slices.Sorted(maps.Keys(files))
}

// fileReader reads a file of a commit.
type fileReader interface {
	ReadFile(commit, path string) ([]byte, error)
}

// render is a document with its rows, nil when nothing in it changes or it is
// gone from the branch. One that cannot take its rows does not hold up the
// others; one that cannot be read now is an error, since its rows would be lost.
func (u *update) render(files fileReader, tip, file string) (content []byte, date string, err error) {
	p := &u.done
	src, err := files.ReadFile(tip, file)
	switch {
	case errors.Is(err, gitrepo.ErrNotFound):
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s is gone from the branch; what was done for it stands in the commits", file))
		return nil, "", nil // a document that a person removed is no failure of the run
	case errors.Is(err, gitrepo.ErrNotRegular), errors.Is(err, gitrepo.ErrTooLarge):
		p.Broken = append(p.Broken, file)
		p.Problems = append(p.Problems, err)
		return nil, "", nil
	case err != nil:
		return nil, "", fault.Mark(fault.Temporary, fmt.Errorf("the rows of %s are not written; the next run writes them: %w", file, err))
	}
	doc := u.sel.Parse(file, src)
	edits, implemented := documentEdits(u.s, doc, u.outcomes[file], u.now)
	edits = append(slices.Clone(u.waiting[file]), edits...)
	if implemented || u.sel.Pushed[file] {
		edits = append(edits, skippedEdits(doc, u.s.Proposes())...)
	}
	result, err := edit.Update(file, src, edits)
	if err != nil {
		// What it could do safely, it did.
		p.Broken = append(p.Broken, file)
		p.Problems = append(p.Problems, err)
	}
	for _, refusal := range result.Refused {
		p.Warnings = append(p.Warnings, fmt.Sprintf("%s: %s keeps its status: %s", file, refusal.Item.Action, refusal.Why))
	}
	if !result.Changed {
		return nil, "", nil
	}
	return result.Content, itemDate(doc.Date, u.now), nil
}

// documentEdits is what the outcomes of a document change in it.
func documentEdits(s settings.Settings, doc *postmortem.Document, outcomes []item.Outcome, now time.Time) (edits []edit.Edit, implemented bool) {
	for _, out := range outcomes {
		row, ok := outcomeRow(out, now.UTC().Format(time.DateOnly), s.CommitLink(out.Commit))
		if !ok {
			continue
		}
		todo, found := findItem(doc, out.Item.ID)
		if !found {
			// The row is gone or reworded; what was done is logged all the same.
			todo = postmortem.Item{ID: out.Item.ID, File: doc.File, Action: out.Item.Action, Type: out.Item.Type}
		}
		done := out.State == item.Done
		implemented = implemented || done
		edits = append(edits, edit.Edit{Item: todo, Done: done && found, Row: &row})
	}
	return edits, implemented
}

// outcomeRow is the row that an outcome adds to the Follow-up Implementation
// table, if it adds one.
func outcomeRow(out item.Outcome, today, url string) (edit.Row, bool) {
	row := edit.Row{Action: out.Item.Action, Priority: out.Item.Priority, Type: out.Item.Type, By: postmortem.HumanReview}
	switch out.State {
	case item.Done:
		row.Date, row.Commit, row.URL, row.By = today, out.Commit, url, postmortem.Resolver
		return row, true
	case item.Refused:
		return row, true
	case item.Skipped:
		return row, out.Final || out.Reason == reason.MaxAttempts || out.Reason == reason.NeedsApproval
	case item.Failed:
		return row, out.Reason == reason.VerifyFailed && !out.Unloaded || out.Final
	default:
		return row, false
	}
}

// skippedEdits is one row for every open item of a document that is left to a
// person. What a person works on already, and rows that nobody could act on as
// they stand, need no word of ours, and neither does what this run or the next one
// puts before a person as a proposal.
func skippedEdits(doc *postmortem.Document, proposes bool) []edit.Edit {
	var edits []edit.Edit
	for _, item := range doc.Skipped() {
		if proposes && item.Lane == postmortem.LaneApproval {
			continue
		}
		switch item.Reason() {
		case reason.InProgress, reason.PartlyDone, reason.Duplicate, reason.Placeholder,
			reason.InvisibleCharacters, reason.TooLong:
			continue
		}
		edits = append(edits, edit.Edit{Item: item, Row: &edit.Row{
			Action: item.Action, Priority: string(item.Priority), Type: item.Type, By: postmortem.HumanReview,
		}})
	}
	return edits
}

// itemDate is the date that a commit names a post-mortem by.
func itemDate(date string, now time.Time) string {
	if date == "" {
		return now.UTC().Format(time.DateOnly)
	}
	return date
}

// record is the end of the work: documents first, then the books, so that a
// run that is killed in between is settled by the next.
func (j *job) record(ctx context.Context, resolver *resolve.Resolver) error {
	defer j.lap("record")
	outcomes := latest(j.outcomes)
	if ctx.Err() == nil {
		return j.recordNow(ctx, resolver, outcomes)
	}
	// What was completed is recorded, in the little time that is left.
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && len(outcomes) > 0 && !has(outcomes, item.NotAttempted) {
		cause = nil // late, but every item came to its turn
	}
	return access.Closed(ctx, cause, func(ending context.Context) error { return j.recordNow(ending, resolver, outcomes) })
}

// has reports whether an outcome is in a state.
func has(outcomes []item.Outcome, state item.State) bool {
	return slices.ContainsFunc(outcomes, func(out item.Outcome) bool { return out.State == state })
}

func (j *job) recordNow(ctx context.Context, resolver *resolve.Resolver, outcomes []item.Outcome) error {
	if resolver.Refused() && !has(outcomes, item.Done) {
		return resolver.WriteResults(ctx) // there is nothing to record that the remote would take
	}
	docs, err := j.publishRows(ctx, newUpdate(j.Settings, j.repo, j.read, outcomes, j.waiting.edits, time.Now()))
	if err != nil {
		return errors.Join(err, resolver.WriteResults(ctx))
	}
	j.docs = docs
	completed, pushed, err := completedAt(j.Settings, j.repo, j.read, docs)
	if err != nil {
		return err
	}
	// What a broken document could not record keeps its journal: the next run
	// comes back to it.
	recorded := slices.DeleteFunc(slices.Clone(outcomes), func(out item.Outcome) bool { return slices.Contains(docs.Broken, out.Item.Document) })
	err = resolver.Finish(ctx, completed, recorded, unfinished(j.read, pushed, outcomes, resolver.Unfinished(), j.others, j.Documents.MaxAttempts))
	return errors.Join(append(docs.Problems, err)...)
}

// completedAt is the commit that the next run compares with: the branch as this
// one leaves it, unless documents were pushed meanwhile that it never read as they are.
func completedAt(s settings.Settings, repo *gitrepo.Repo, sel access.Selection, docs Published) (commit string, pushed []string, err error) {
	before := docs.Tip
	if docs.Commit != "" {
		commit, err := repo.Lookup(docs.Commit)
		if err != nil {
			return "", nil, fmt.Errorf("read the docs commit: %w", err)
		}
		before = commit.Parent
	}
	changed, err := repo.Changed(sel.Commit, before)
	if err != nil {
		return "", nil, fmt.Errorf("look for documents pushed meanwhile: %w", err)
	}
	if pushed = access.DocumentPaths(changed, s.Documents.PostMortems); len(pushed) > 0 {
		return sel.Commit, pushed, nil
	}
	return docs.Tip, nil, nil
}

// unfinished is the items that the next run takes up though nobody changed
// their documents: those of this run that may be tried again or were never
// started, and those that other runs left, until this one looked last, in documents
// that it did not read as they are now, or that fall to others.
func unfinished(sel access.Selection, pushed []string, outcomes []item.Outcome, earlier []record.Ref, others []item.Item, maxAttempts int) []record.Ref {
	refs := map[record.Ref]bool{}
	ended := map[record.Ref]bool{}
	for _, out := range outcomes {
		ref := record.RefOf(out.Item)
		ended[ref] = true
		if again(out, maxAttempts) {
			refs[ref] = true
		}
	}
	for _, todo := range sel.Todo() {
		if ref := record.RefOf(todo); !ended[ref] {
			refs[ref] = true
		}
	}
	unread := map[string]bool{}
	for _, file := range sel.All {
		unread[file] = true
	}
	for _, doc := range sel.Documents {
		delete(unread, doc.File)
	}
	for _, file := range pushed {
		unread[file] = true
	}
	elsewhere := map[record.Ref]bool{}
	for _, todo := range others {
		elsewhere[record.RefOf(todo)] = true
	}
	for _, ref := range earlier {
		if !ended[ref] && unread[ref.Document] || elsewhere[ref] {
			refs[ref] = true
		}
	}
	return slices.Collect(maps.Keys(refs))
}

// again reports whether the next run has something to do for an item.
func again(out item.Outcome, maxAttempts int) bool {
	switch out.State {
	case item.NotAttempted, item.NeedsPerson, item.Proposed:
		return true
	case item.Refused, item.Failed:
		return out.Unloaded || out.Attempt < maxAttempts && out.Commit == ""
	case item.Skipped:
		return out.Reason == reason.StackDrifts || out.Reason == reason.StackClosed
	default:
		return false
	}
}
