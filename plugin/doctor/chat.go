package doctor

import (
	"context"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/notify"
)

// chat tells where messages would go. It sends none.
func chat(_ context.Context, p *patient, say voice) {
	config := p.Settings.Report.Config
	config.SlackWebhook = p.keys.SlackWebhook
	targets := notify.Open(config, p.Settings.Repository.Way, p.Log).Targets()
	for _, target := range targets {
		name, place := target[0], target[1]
		say.ok(strings.ToLower(name), "messages go to "+place+", notify is "+string(config.Notify)+" (nothing was posted)")
	}
	switch {
	case len(targets) > 0:
	case p.unusable != "" && p.Settings.NeedsVault():
		say.skip("", "the webhook may be in Vault")
	default:
		say.add(Skipped, "", "not configured: nobody is told but the log", "to be told, add slack_webhook to the Vault secret or to the settings")
	}
}
