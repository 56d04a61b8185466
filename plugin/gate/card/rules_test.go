package card

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/gate/fact"
	"github.com/pm-todos/pm-todos/plugin/item"
)

func TestRulesOfAPlanAreFoundWhereverTheyStand(t *testing.T) {
	values := func(rules string) []string {
		return []string{"serverFiles:\n  alerting_rules.yml:\n    groups:\n      - name: nodes\n        rules:\n" + rules}
	}
	const old = "          - alert: NodeDown\n            expr: up == 0\n            for: 5m\n"
	object := map[string]any{
		"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "metadata": map[string]any{"name": "nfs"},
		"spec": map[string]any{"groups": []any{map[string]any{"name": "nfs", "rules": []any{
			map[string]any{"record": "nfs:rate", "expr": "rate(nfs_total[5m])"}, map[string]any{"alert": "NFS", "expr": "nfs:rate > 5", "for": "10m"},
		}}}},
	}
	show, err := json.Marshal(map[string]any{"format_version": "1.2", "resource_changes": []any{
		map[string]any{"address": "helm_release.prometheus", "mode": "managed", "type": "helm_release", "change": map[string]any{
			"actions": []string{"update"}, "after_unknown": map[string]any{},
			"before": map[string]any{"values": values(old + "          - {alert: Same, expr: up == 1}\n")},
			"after":  map[string]any{"values": values("          - {alert: NodeDown, expr: up == 0, for: 15m}\n          - {alert: Same, expr: up == 1}\n          - {alert: New, expr: node_load1 > 5, labels: {severity: page}}\n")},
		}},
		map[string]any{"address": "kubernetes_manifest.nfs", "mode": "managed", "type": "kubernetes_manifest", "change": map[string]any{
			"actions": []string{"create"}, "before": nil, "after": map[string]any{"manifest": object}, "after_unknown": map[string]any{},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := fact.Show(show)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := fact.Read(shown, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []item.Rule{
		{Name: "NodeDown", Expr: "up == 0", For: 15 * time.Minute},
		{Name: "New", Expr: "node_load1 > 5", Added: true},
		{Name: "nfs:rate", Record: true, Expr: "rate(nfs_total[5m])", Added: true},
		{Name: "NFS", Expr: "nfs:rate > 5", For: 10 * time.Minute, Added: true},
	}
	if got := Rules(plan); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
