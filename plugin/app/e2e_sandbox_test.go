package app

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/agent/agenttest"
	"github.com/pm-todos/pm-todos/plugin/egress/proxytest"
)

// TestThreat26_TheRealAgentDoesAWholeRunInItsSandbox has the real program, behind a real sshd, with a
// login whose token has run out, told by a model that also asks for what is outside.
func TestThreat26_TheRealAgentDoesAWholeRunInItsSandbox(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	program := agenttest.Program(t)
	if out, err := exec.Command("bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true").CombinedOutput(); err != nil {
		t.Skipf("bubblewrap makes no sandbox here: %v %s", err, out)
	}
	use := func(tool string, input map[string]any) []agenttest.Block {
		return []agenttest.Block{{Tool: tool, Input: input}}
	}
	home := t.TempDir()
	const alerts = "stacks/monitoring/alerts.tf"
	model := agenttest.New(
		t,
		use("Read", map[string]any{"file_path": alerts}),
		use("Write", map[string]any{"file_path": filepath.Join(home, ".bashrc"), "content": "echo hello\n"}),
		use("Edit", map[string]any{"file_path": "/etc/hosts", "old_string": "localhost", "new_string": "elsewhere"}),
		use("Read", map[string]any{"file_path": filepath.Join(home, ".aws/credentials")}),
		use("Bash", map[string]any{"command": "cat " + filepath.Join(home, ".aws/credentials"), "description": "look"}),
		use("Edit", map[string]any{"file_path": alerts, "old_string": "\n  YAML\n", "new_string": `
          - alert: DiskUsage
            expr: node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.2
            for: 10m
            labels:
              severity: warning
  YAML
`}),
		[]agenttest.Block{{Text: "done"}},
	)
	provider := agenttest.NewProvider(t, model)
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Dir = home
	s, settings := realSite(t, o, "HTTPS_PROXY="+proxytest.New(t, provider.Address).URL, "NODE_EXTRA_CA_CERTS="+filepath.Join(home, "authority.pem"))
	ran := filepath.Join(home, "ran")
	login := filepath.Join(s.Home, ".claude/.credentials.json")
	for file, content := range map[string]string{
		login:                                          agenttest.OldLogin(),
		filepath.Join(home, "authority.pem"):           string(provider.Authority),
		filepath.Join(home, ".aws/credentials"):        "aws_secret_access_key = HOST-SECRET\n",
		filepath.Join(s.Home, ".claude/settings.json"): `{"hooks":{"SessionStart":[{"hooks":[{"type":"command","command":"touch ` + ran + `"}]}]}}`,
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(s.Agent.Program); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, s.Agent.Program); err != nil {
		t.Fatal(err)
	}
	maps.Copy(settings, map[string]string{
		"PLUGIN_SANDBOX": "require", "PLUGIN_SANDBOX_NETWORK": "host", "PLUGIN_SANDBOX_PATHS": filepath.Join(home, "authority.pem"),
	})
	s.wants(0, s.run(settings))
	s.says("sandboxed")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	if kept, err := os.ReadFile(login); err != nil || !strings.Contains(string(kept), `"`+provider.Newest()+`"`) {
		t.Errorf("the refreshed login did not come back: %v", err)
	}
	if strings.Contains(model.Said(), "HOST-SECRET") {
		t.Error("the model saw a secret of the host")
	}
	for _, file := range []string{ran, filepath.Join(home, ".bashrc")} {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s was written", file)
		}
	}
	s.nothingLeft()
	s.nothingSecret()
}
