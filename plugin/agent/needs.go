package agent

import "github.com/pm-todos/pm-todos/plugin/sandbox"

// Needs is what Claude Code needs of the account that it runs as: its login, and
// the variables by which a key, a gateway or a token is given. Other settings, hooks,
// servers, commands and past sessions lie in the same folder and are left out.
func Needs() sandbox.Needs {
	return sandbox.Needs{
		ConfigVariable: "CLAUDE_CONFIG_DIR",
		ConfigFolder:   ".claude",
		Login:          ".credentials.json",
		Settings:       "settings.json",
		Environment: []string{
			"ANTHROPIC_*", "CLAUDE_CODE_*", "AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION", "AWS_DEFAULT_REGION", "CLOUD_ML_REGION",
		},
		KeyFile: ".claude.json",
		KeyName: "primaryApiKey",
	}
}
