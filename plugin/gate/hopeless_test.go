package gate_test

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/reason"
)

func TestMoneyIsNotSpentWhereNothingCanPass(t *testing.T) {
	policy := gate.DiffPolicy{
		Type: "Alert", AllowPaths: []string{"stacks/**"}, Stacks: []string{"stacks/*"}, Protected: []string{"vault"}, StatePaths: []string{"state/**"},
		BasePaths: []string{
			"stacks/monitoring/main.tf", "stacks/monitoring/values.yaml", "stacks/vault/main.tf", "stacks/old/main.tf", "state/stacks/old/terraform.tfstate.enc",
		},
	}
	for stack, want := range map[string]reason.Code{
		"stacks/monitoring": "", "stacks/vault": reason.ProtectedStack, "stacks/old": reason.StateInGit, "stacks/absent": reason.NoStack,
	} {
		findings := gate.Hopeless([]string{stack}, policy)
		switch {
		case want == "" && findings != nil:
			t.Errorf("%s: %v", stack, findings)
		case want != "" && (len(findings) == 0 || findings[0].Code != want):
			t.Errorf("%s: %v, want %s", stack, findings, want)
		}
	}
	policy.TypePaths = []string{"stacks/monitoring/*.yaml"}
	if findings := gate.Hopeless([]string{"stacks/monitoring"}, policy); findings != nil {
		t.Errorf("one kind of file may change: %v", findings)
	}
	policy.TypePaths = []string{"stacks/other/**"}
	if findings := gate.Hopeless([]string{"stacks/monitoring"}, policy); len(findings) == 0 || findings[0].Code != reason.OutsideTypePaths {
		t.Errorf("%v", findings)
	}
}
