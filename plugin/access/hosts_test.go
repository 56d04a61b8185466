package access_test

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/settings"
)

// Gemini CLI runs what a folder tells it to, and is never started outside of a
// sandbox.
func TestThreat26_AnAgentThatNeedsASandboxIsNotStartedWithoutOne(t *testing.T) {
	for _, c := range []struct {
		command, kind string
		mode, want    sandbox.Mode
	}{
		{"claude", "", sandbox.Off, sandbox.Off},
		{"codex", "", sandbox.Auto, sandbox.Auto},
		{"gemini", "", sandbox.Off, sandbox.Require},
		{"wrapper", "gemini", sandbox.Auto, sandbox.Require},
	} {
		var s settings.Settings
		s.Agent = settings.Agent{Command: c.command, Kind: c.kind, Sandbox: sandbox.Policy{Mode: c.mode}}
		if _, need, _ := access.Needs(s, "terraform", ""); need.Sandbox.Mode != c.want || need.Agent != c.command {
			t.Errorf("%s %s, sandbox %s: %+v", c.command, c.kind, c.mode, need)
		}
	}
}
