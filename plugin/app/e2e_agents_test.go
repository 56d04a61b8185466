package app

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/agent/agenttest"
)

// Other agents do a whole run behind a real sshd, in a sandbox that reaches the
// model alone. Each has its kind by the name of its program.
func TestEndToEndWithOtherRealAgents(t *testing.T) {
	longAndAlike(t)
	if out, err := exec.Command("bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true").CombinedOutput(); err != nil {
		t.Skipf("bubblewrap makes no sandbox here: %v %s", err, out)
	}
	const alerts = "stacks/monitoring/alerts.tf"
	const rule = `
          - alert: DiskUsage
            expr: node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.2
            for: 10m
            labels:
              severity: warning
  YAML
`
	for _, c := range []struct {
		kind, model string
		environment []string // of the account; MODEL is the address of the model
		edit        agenttest.Block
	}{
		{
			kind: "opencode", model: "anthropic/claude-sonnet-4-5", environment: []string{"ANTHROPIC_API_KEY=dummy", "ANTHROPIC_BASE_URL=MODEL/v1"},
			edit: agenttest.Block{Tool: "edit", Input: map[string]any{"filePath": "/workspace/" + alerts, "oldString": "\n  YAML\n", "newString": rule}},
		},
		{
			kind: "gemini", model: "gemini-2.5-pro", environment: []string{"GEMINI_API_KEY=dummy", "GOOGLE_GEMINI_BASE_URL=MODEL"},
			edit: agenttest.Block{Tool: "replace", Input: map[string]any{"file_path": alerts, "old_string": "\n  YAML\n", "new_string": rule, "instruction": "add the alert"}},
		},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			program := agenttest.ProgramOf(t, c.kind)
			model := agenttest.New(t, []agenttest.Block{c.edit}, []agenttest.Block{{Text: "done"}})
			o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
			for i := range c.environment {
				c.environment[i] = strings.ReplaceAll(c.environment[i], "MODEL", model.URL)
			}
			s, settings := realSite(t, o, c.environment...)
			file := filepath.Join(s.Home, ".gemini/settings.json")
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(`{"security":{"auth":{"selectedType":"gemini-api-key"}}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(program, filepath.Join(filepath.Dir(s.Agent.Program), c.kind)); err != nil {
				t.Fatal(err)
			}
			maps.Copy(settings, map[string]string{"PLUGIN_AGENT_COMMAND": c.kind, "PLUGIN_MODEL": c.model, "PLUGIN_SANDBOX": "require"})
			s.wants(0, s.run(settings))
			s.says("sandboxed")
			if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
				t.Errorf("the row is not done:\n%s", doc)
			}
			s.nothingLeft()
			s.nothingSecret()
		})
	}
}
