package doctor

import "context"

// slack tells where messages would go. It sends none.
func slack(_ context.Context, p *patient, say voice) {
	told := ", notify is " + string(p.Settings.Report.Notify) + " (nothing was posted)"
	switch {
	case !p.Settings.Report.SlackToken.Empty():
		say.ok("", "messages go to "+p.Settings.Report.SlackChannel+" by bot token"+told)
	case !p.keys.SlackWebhook.Empty():
		say.ok("", "messages go to the webhook's channel"+told)
	case p.unusable != "" && p.Settings.NeedsVault():
		say.skip("", "the webhook may be in Vault")
	default:
		say.add(Skipped, "", "not configured: nobody is told but the log", "to be told, add slack_webhook to the Vault secret or to the settings")
	}
}
