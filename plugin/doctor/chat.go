package doctor

import (
	"context"

	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// chat tells where messages would go. It sends none.
func chat(_ context.Context, p *patient, say voice) {
	targets := notify.Open(p.keys.Chats, p.Settings.Repository.Way, p.Log).Targets()
	for _, target := range targets {
		say.ok(target.Kind, "messages go to "+target.Place+", notify is "+string(target.Policy)+" (nothing was posted)")
	}
	switch {
	case len(targets) > 0:
	case p.unusable == "" && p.Settings.Report.Digest == settings.WeeklyDigest:
		say.warn("", "not configured: nobody is told the digest", "add slack_webhook to the Vault secret or to the settings, or set digest: off")
	case p.unusable != "" && p.Settings.NeedsVault():
		say.skip("", "the webhook may be in Vault")
	default:
		say.add(Skipped, "", "not configured: nobody is told but the log", "to be told, add slack_webhook to the Vault secret or to the settings")
	}
}
