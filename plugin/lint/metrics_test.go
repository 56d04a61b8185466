package lint

import (
	"slices"
	"testing"
)

func TestWhatAlertsMeasureIsFound(t *testing.T) {
	for details, want := range map[string][]string{
		"`rate(a_b[5m]) > 5` for 10m":                          {"rate(a_b[5m]) > 5"},
		"``sum(x) > 1`` and `up == 0`":                         {"sum(x) > 1", "up == 0"},
		"on node_load_average above 5; node_load_average.":     {"node_load_average"},
		"`node_load_average`":                                  {"node_load_average"},
		"`node-exporter`, `read-only`, `soft,timeo=600`, `up`": nil,
		"see stacks/a_b.tf, ./c_d/e_f, @g_h, $i_j, k_l{...}":   {"k_l"},
		"node_nfs..., node_nfs_*, NFS_…, a_b@example.org":      nil,
		`label instance_id="x", a_b()`:                         nil,
		"`a_b > {{ .Values.x }}`":                              {"a_b"},
	} {
		var got []string
		for _, m := range MeasuredIn(inspect("## Action items", "", "| Action | Type | Details | Status |", "|---|---|---|---|", "| Add alert | Alert | "+details+" | TODO |")) {
			got = append(got, m.Rule.Expr)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", details, got, want)
		}
	}
	for _, row := range []string{"| Set x | Config | `a_b > 1` | TODO |", "| Add alert | Alert | `a_b > 1` | Done |"} {
		if got := MeasuredIn(inspect("## Action items", "", "| Action | Type | Details | Status |", "|---|---|---|---|", row)); len(got) > 0 {
			t.Errorf("%s: %v", row, got)
		}
	}
}
