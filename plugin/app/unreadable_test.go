package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFailure_PlanThatCannotBeReadIsNoDrift has a wrapper of which every line
// begins with the stack's name.
func TestFailure_PlanThatCannotBeReadIsNoDrift(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	o.Files["scripts/tg"] = `#!/bin/sh
case $1 in
plan) terraform init -input=false >/dev/null ;;
show) terraform "$@" | sed 's/^./[monitoring "x"] &/'; exit ;;
esac
exec terraform "$@"
`
	s := newSite(t, o)
	s.wants(75, s.run(nil))
	s.says("stack-unhealthy", "the plan of the unchanged base of stacks/monitoring cannot be read", `[monitoring`)
	for _, wrong := range []string{"stack-drifts", "starting the agent"} {
		if strings.Contains(s.last, wrong) {
			t.Errorf("the log says %q:\n%s", wrong, s.last)
		}
	}
}

// TestFailure_ConfirmingPlanThatCannotBeReadIsNoPendingChange has what show prints
// become unreadable when the apply is through.
func TestFailure_ConfirmingPlanThatCannotBeReadIsNoPendingChange(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	applied := filepath.Join(t.TempDir(), "applied")
	o.Files["scripts/tg"] = strings.Replace(wrapper, "esac", `apply) : >'`+applied+`' ;;
show) if [ -e '`+applied+`' ]; then terraform "$verb" "$@" | sed 's/^./[monitoring "x"] &/'; exit; fi ;;
esac`, 1)
	s := newSite(t, o)
	held := s.alerts()
	for range 2 {
		s.wants(3, s.run(nil))
		s.wantsEnded("needs-person apply-unconfirmed")
		s.says("the plan after the apply cannot be read")
	}
	if err := os.Remove(applied); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(nil))
	s.doneOnce(held)
	s.noJournal()
}
