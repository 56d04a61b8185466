package host

import (
	"encoding/json"
	"errors"
	"os/exec"
	"testing"
)

func TestRealTerraform(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("terraform is not installed")
	}
	r := makeRepository(t, map[string]string{
		"stacks/a/main.tf": "resource \"terraform_data\" \"x\" {\n  input = \"one\"\n}\n",
		"stacks/b/main.tf": "resource \"terraform_data\" \"x\" {\n  input = var.none\n}\n",
	})
	anywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, Checkout, Prepare{})
		spec := PlanSpec{
			Dir: "stacks/a",
			Commands: Commands{
				Program: "terraform", Init: []string{"init", "-input=false", "-lockfile=readonly"},
				Plan: []string{"plan", "-input=false", "-lock-timeout=5s", "-out={plan}"}, Show: []string{"show", "-json", "{plan}"},
			},
		}
		actions := func() string {
			plan, err := ws.Plan(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			var shown struct {
				Changes []struct {
					Change struct{ Actions []string }
				} `json:"resource_changes"`
			}
			if err := json.Unmarshal(plan.Show, &shown); err != nil || len(shown.Changes) != 1 {
				t.Fatalf("%v in %s", err, plan.Show)
			}
			if shown.Changes[0].Change.Actions[0] == "create" {
				status, err := ws.Apply(t.Context(), ApplySpec{Commit: fixCommit, ID: "a", Dir: spec.Dir, Program: "terraform", Args: []string{"apply", "-input=false", "{plan}"}, SHA256: plan.SHA256})
				if err != nil || !status.Ended || status.Code != 0 {
					t.Fatalf("%+v, %v", status, err)
				}
			}
			return shown.Changes[0].Change.Actions[0]
		}
		if got := actions(); got != "create" {
			t.Errorf("the first plan says %s", got)
		}
		if got := actions(); got != "no-op" {
			t.Errorf("the plan after the apply says %s", got)
		}
		spec.Dir = "stacks/b"
		var failed *CommandError
		if _, err := ws.Plan(t.Context(), spec); !errors.As(err, &failed) || failed.Error() != "plan on "+w.Name()+" ended with exit code 1: Error: Reference to undeclared input variable" {
			t.Errorf("got %v", err)
		}
	})
}
