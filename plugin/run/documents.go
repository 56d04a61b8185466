package run

import (
	"context"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/postmortem"
	"github.com/pm-todos/pm-todos/plugin/report"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// remember writes down what a first run compares with, before anything can cut it
// short: the next push has another CI_PREV_COMMIT_SHA. That it cannot be written
// ends no run; what it would take is needed again soon, and refused there.
func remember(ctx context.Context, s settings.Settings, c console.Console, repo *gitrepo.Repo, sel access.Selection, run string) {
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

// tellSafe names the items that a run would try to implement, for runs that end
// before that.
func tellSafe(s settings.Settings, sel access.Selection, log zerolog.Logger) {
	if !s.CI.PullRequest() && s.Mode != settings.ModeDryRun {
		return
	}
	var safe access.Sparing
	for _, item := range sel.Safe() {
		if !safe.Next() {
			continue
		}
		log.Info().Str("stage", "documents").Str("document", item.Document).Str("item", item.ID).
			Str("priority", item.Priority).Str("type", item.Type).
			Msgf("%s:%d: safe, to be implemented: %s", text.Line(item.Document, 0), item.Line, text.Line(item.Action, 120))
	}
	safe.Rest(log, "documents", "items are safe, to be implemented")
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
	return report.Left{Item: access.ChangeItem(doc, item), Reason: item.Reason(), Evidence: doc.Evidence(item)}
}
