package agent

import "github.com/pm-todos/pm-todos/plugin/sandbox"

// Needs is what Claude Code needs of the account that it runs as: its login, and
// the variables by which a key, a gateway or a token is given. Settings, hooks,
// servers, commands and past sessions lie in the same folder and are left out.
func Needs() sandbox.Needs {
	return sandbox.Needs{
		ConfigVariable: "CLAUDE_CONFIG_DIR",
		ConfigFolder:   ".claude",
		Login:          ".credentials.json",
		Environment:    []string{"ANTHROPIC_*", "CLAUDE_CODE_*"},
	}
}
