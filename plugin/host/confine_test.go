package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// needBubblewrap skips where this machine cannot make a sandbox at all.
func needBubblewrap(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("bwrap"); err != nil {
		t.Skip("bubblewrap is not here: install the package bubblewrap")
	}
	if out, err := exec.Command("bwrap", "--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true").CombinedOutput(); err != nil {
		t.Skipf("bubblewrap makes no sandbox here: %s", out)
	}
}

// programNeeds is what the agent program of these tests needs of its account.
func programNeeds() sandbox.Needs {
	return sandbox.Needs{ConfigVariable: "AGENT_CONFIG", ConfigFolder: ".agent", Login: "login.json", Environment: []string{"AGENT_*"}}
}

func TestThreat26_SandboxIsProvedOnTheHost(t *testing.T) {
	needBubblewrap(t)
	bin := t.TempDir()
	agentProgram(t, filepath.Join(bin, "agent"), `[ -f "$AGENT_CONFIG/login.json" ]`)
	everywhere(t, func(t *testing.T, w *world) {
		facts, err := w.Preflight(t.Context(), Need{
			Agent: filepath.Join(bin, "agent"), Sandbox: sandbox.Policy{Mode: sandbox.Require}, Program: programNeeds(),
		})
		if err != nil || facts.Box == nil {
			t.Fatalf("%+v %v", facts, err)
		}
		for _, one := range facts.Probed {
			if !one.Held {
				t.Errorf("%+v", one)
			}
		}
		left, err := filepath.Glob(filepath.Join(facts.Root, "runs", "*"))
		if err != nil || len(left) != 0 {
			t.Errorf("the probe left %v %v", left, err)
		}
		r := makeRepository(t, oneFile)
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"agent", "--version"}, Box: facts.Box})
		if err != nil || !exit.OK() || !strings.Contains(string(exit.Stdout), "2.1.330") {
			t.Errorf("%+v %v %s %s", exit, err, exit.Stdout, exit.Stderr)
		}
		if _, err := os.Stat(ws.dir + "/in/box"); err != nil {
			t.Error(err)
		}
	})
}
