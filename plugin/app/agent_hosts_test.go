package app

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/ssh"
)

// apart is a site whose agent has a user of its own, with a key of its own, and
// the settings for it.
func apart(t *testing.T) (s *site, agentHost *ssh.Server, claude *agent.Agent, settings map[string]string) {
	t.Helper()
	s = alertSite(t)
	home := t.TempDir()
	agentHost, err := ssh.Start(ssh.Options{User: "agent", Home: home})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := agentHost.Close(); err != nil {
			t.Error(err)
		}
	})
	if claude, err = agent.Install(home, ""); err != nil {
		t.Fatal(err)
	}
	if err := claude.SetScript(standin.SampleAgent); err != nil {
		t.Fatal(err)
	}
	// Terraform's host has no agent, and the agent's no Terraform.
	if err := os.Remove(s.Agent.Program); err != nil {
		t.Fatal(err)
	}
	s.Vault.SetSecret("ci/infra", map[string]string{
		"devvm_ssh_key": s.SSH.PrivateKey(), "agent_key": agentHost.PrivateKey(), "slack_webhook": s.Slack.WebhookURL(),
		"known_hosts": s.SSH.KnownHosts() + "\n" + agentHost.KnownHosts() + "\n",
	})
	return s, agentHost, claude, map[string]string{"PLUGIN_AGENT_HOSTS": agentHost.Target(), "PLUGIN_VAULT_AGENT_FIELD": "agent_key"}
}

// killedRun leaves on a host what a run that was killed long ago left.
func killedRun(t *testing.T, home string, began bool) string {
	t.Helper()
	id := map[bool]string{false: "20260101t000000z-00000000", true: "20260102t000000z-00000000"}[began]
	dir := filepath.Join(home, ".cache", "pm-todos", "runs", id)
	stamp := filepath.Join(dir, "stamp")
	files := map[string]string{stamp: ""}
	if began {
		files[filepath.Join(dir, "apply", "a1", "began")] = "2026-01-01T00:00:00Z\n"
	}
	for file, content := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-72 * time.Hour)
	for _, path := range []string{stamp, dir} {
		if err := os.Chtimes(path, long, long); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestThreat9_AgentWithHostAndKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	s, agentHost, agent, settings := apart(t)
	old := killedRun(t, agentHost.Home(), false)
	s.wants(0, s.run(settings))
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
	calls, err := agent.Calls()
	if err != nil || len(calls) != 1 || !strings.HasPrefix(calls[0].Dir, agentHost.Home()) {
		t.Errorf("the agent was called %d times: %v", len(calls), err)
	}
	if strings.Contains(s.last, "the agent runs as the user who holds Terraform's credentials") {
		t.Errorf("it warns of one user though there are two:\n%s", s.last)
	}
	s.nothingLeft()
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("what a killed run left on the agent's host is still there: %v", err)
	}
	if runs, err := os.ReadDir(filepath.Dir(old)); err != nil || len(runs) != 0 {
		t.Errorf("the agent's host still has %v, %v", runs, err)
	}
	h := newHunt(s)
	h.add("the agent's key", agentHost.PrivateKey())
	h.search("the log", []byte(s.last))
	h.files(s.Workspace(), s.Home, agentHost.Home())
	h.nothing(t)

	s.wants(0, s.doctor(settings))
	s.says("ok       agent user   the agent has hosts and a key of its own", "ok       key          agent_hosts: ssh-ed25519",
		"ok       reach        "+agentHost.Target(), "ok       agent        "+agentHost.Target(), "ok       terraform    "+s.SSH.Target())

	// The key of Terraform's host opens nothing on the agent's.
	wrong := maps.Clone(settings)
	wrong["PLUGIN_VAULT_AGENT_FIELD"] = "devvm_ssh_key"
	s.wants(1, s.doctor(wrong))
	s.says("FAIL     login        " + agentHost.Target())
}
