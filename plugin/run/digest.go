package run

import (
	"context"
	"slices"
	"time"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/backlog"
	"github.com/pm-todos/pm-todos/plugin/digest"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/note"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// sent is the note about the last digest.
type sent struct {
	Week   string    `json:"week"`
	Time   time.Time `json:"time"`
	Commit string    `json:"commit"` // that it was of
}

// digests reports whether this run may be the one that posts the digest.
func (j *job) digests() bool {
	return j.Report.Digest == settings.WeeklyDigest && j.CI.Event == "cron" && j.Mode != settings.ModeDryRun
}

// tellDigest posts the digest of the week, unless that was done. The run that writes
// down first that it does is the one; when nobody could be told, it takes that back.
func (j *job) tellDigest(ctx context.Context, now []*postmortem.Document) {
	if !j.digests() || ctx.Err() != nil {
		return
	}
	defer j.lap("digest")
	if err := j.digest(ctx, now); err != nil {
		j.Log.Warn().Str("stage", "report").Err(err).Msg("the digest could not be posted; the next run of a cron tries again")
	}
}

func (j *job) digest(ctx context.Context, now []*postmortem.Document) error {
	last, err := note.Read[sent](ctx, j.repo, "digest")
	if err != nil || last.Value.Week == digest.Week(time.Now()) {
		return err
	}
	d := digest.Digest{
		Repository: j.summary().Repository, Branch: j.Repository.Branch, PipelineURL: j.CI.PipelineURL, Targets: j.Report.Targets,
		Open: backlog.Of(now, j.Report.Targets, time.Now()), Redactor: j.Redactor,
	}
	if d.Closed, err = j.closedSince(last.Value.Commit, now); err != nil {
		return err
	}
	d.Since = last.Value.Time
	if d.Empty() {
		return nil
	}
	if len(j.channels.Targets()) == 0 && !j.asked && j.NeedsVault() { // a run with nothing to do has not asked
		keys, err := j.fetchKeys(ctx)
		if err != nil {
			return err
		}
		j.channels = channels(j.Settings, j.Console, keys.Chats)
	}
	former := last.Value
	won, err := last.Write(ctx, sent{Week: digest.Week(time.Now()), Time: time.Now().UTC().Truncate(time.Second), Commit: j.repo.Tip()})
	if err != nil || !won {
		return err
	}
	if told := j.channels.Post(ctx, d.Message()); told > 0 {
		j.Log.Info().Str("stage", "report").Int("targets", told).Msg("posted the digest of the week")
		return nil
	}
	j.Log.Warn().Str("stage", "report").Msg("nobody was told the digest: no chat is set, or none could be told")
	return access.Closed(ctx, nil, func(ending context.Context) error {
		_, err := last.Write(ending, former)
		return err
	})
}

// closedSince are the items that were open at a commit and are done or declined now.
// Of a commit that is not in the history nothing is known.
func (j *job) closedSince(commit string, now []*postmortem.Document) (closed []item.Item, err error) {
	if commit == "" {
		return nil, nil
	}
	if known, err := j.repo.Contains(j.repo.Tip(), commit); err != nil || !known {
		return nil, nil //nolint:nilerr // the branch was rewritten, or the note is not ours
	}
	then, err := j.everything(commit)
	if err != nil {
		return nil, err
	}
	ended := map[record.Ref]bool{}
	for _, doc := range now {
		for _, one := range doc.Items {
			ended[record.Ref{Document: doc.File, Item: one.ID}] = one.Closed()
		}
	}
	for _, o := range backlog.Of(then, nil, time.Now()) {
		if ended[record.RefOf(o.Item)] {
			closed = append(closed, o.Item)
		}
	}
	return slices.Clip(closed), nil
}
