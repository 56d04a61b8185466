package app

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin"
)

// TestThreat26_TerraformPutFirstByTheAgentNeverRuns: without a sandbox an agent puts
// a program where the next plan would find it. No run uses the host until a person
// has looked.
func TestThreat26_TerraformPutFirstByTheAgentNeverRuns(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Make NodeDown wait longer | Alert | it is noisy | TODO |"))
	o.AgentScript = "mkdir -p ~/.local/bin && printf '#!/bin/sh\\ntouch ~/RAN\\n' >~/.local/bin/terraform && chmod +x ~/.local/bin/terraform\n" + standin.SampleAgent
	s := newSite(t, o)
	before := fmt.Sprint(s.state("monitoring"))
	unboxed := map[string]string{"PLUGIN_SANDBOX": "off", "PLUGIN_SCOPE": "all"}
	s.wants(1, s.run(unboxed))
	s.wantsEnded("failed host-altered")
	s.says("/.local/bin/terraform")
	if n := s.paid(); n != 1 {
		t.Errorf("%d agents were paid, want one", n)
	}
	s.wants(1, s.run(unboxed))
	s.says("an earlier run found that", "/.local/bin/terraform")
	if n := s.paid(); n != 1 {
		t.Errorf("%d agents were paid on a host that nobody has looked at", n)
	}
	if after := fmt.Sprint(s.state("monitoring")); after != before {
		t.Errorf("the state changed: %s", after)
	}
	if _, err := os.Stat(filepath.Join(s.Home, "RAN")); err == nil {
		t.Error("the agent's program ran")
	}
}
