package gate_test

import (
	"testing"

	"github.com/pm-todos/pm-todos/plugin/gate"
	"github.com/pm-todos/pm-todos/plugin/gate/card"
	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestThreat23_FilesOfALocalChartAreNeverAutomatic(t *testing.T) {
	for path, want := range map[string]gate.Lane{
		"stacks/monitoring/values.yaml":                         gate.Automatic,
		"stacks/monitoring/charts/prometheus/templates/x.yaml":  gate.Approval,
		"stacks/monitoring/overlay/production/values/rules.yml": gate.Approval,
	} {
		const before = "groups:\n  - name: a\n    rules:\n      - alert: A\n        expr: up == 0\n"
		const after = before + "      - alert: NodeGone\n        expr: absent(up{job=\"node\"})\n"
		show := show(t, valuesChange(t, before, after))
		got := gate.Judge(show, gate.PlanPolicy{}, gate.Request{
			Item:  card.Item{Type: "Alert", Action: "Add an alert"},
			Stack: "stacks/monitoring",
			Changeset: gate.Compare(item.Change{Files: []item.File{{
				Path: path, Kind: item.Modified, OldMode: 0o100644, NewMode: 0o100644, Old: []byte(before), New: []byte(after),
			}}}, gate.DiffPolicy{BasePaths: []string{
				"stacks/monitoring/charts/prometheus/Chart.yaml", "stacks/monitoring/overlay/kustomization.yaml", path,
			}}),
		})
		if got.Lane != want {
			t.Errorf("%s: %s, want %s\n%s", path, got.Lane, want, factsOf(got))
		}
	}
}
