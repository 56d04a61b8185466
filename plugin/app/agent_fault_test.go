package app

import (
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin/agent"
)

// TestFailureAgentAccountOutOfOrderIsNoItemsFault has more bad days than an item
// may have attempts.
func TestFailureAgentAccountOutOfOrderIsNoItemsFault(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	if err := s.Agent.SetOutcome(agent.Quota); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{"PLUGIN_SCOPE": "all", "PLUGIN_MAX_ATTEMPTS": "1"}
	for range 2 {
		s.wants(75, s.run(settings))
		s.says("the agent cannot work now", "cost $0.00")
		if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | TODO |") {
			t.Fatalf("the row is not TODO:\n%s", doc)
		}
	}
	if err := s.Agent.SetOutcome(agent.Success); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(settings))
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
}

func TestFailureAgentThatDoesNotExitAfterItsResult(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	if err := s.Agent.SetOutcome(agent.Linger); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(nil))
	s.says("cost $0.42")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
}

func TestFailureHostThatDiesUnderTheAgentCountsNoAttempt(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	for range 2 {
		s.onLog = &trigger{text: "starting the agent", act: s.SSH.Cut}
		s.wants(75, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
		s.wantsEnded("not-attempted not-attempted-host")
		if n := s.attempts(); n != 0 {
			t.Errorf("%d attempts are counted", n)
		}
	}
	s.onLog = nil
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.wantsEnded("done")
}
