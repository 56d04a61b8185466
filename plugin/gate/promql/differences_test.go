package promql

import (
	"slices"
	"testing"
)

func TestOnlyThresholdsAndRangesMayDiffer(t *testing.T) {
	for _, test := range []struct {
		before, after string
		want          []Difference // nil when it is another expression
	}{
		{`foo > 1`, `foo > 2`, []Difference{{Before: "1", After: "2", Quieter: Higher}}},
		{`foo < 1`, `foo < 2`, []Difference{{Before: "1", After: "2", Quieter: Lower}}},
		{`1 < foo`, `2 < foo`, []Difference{{Before: "1", After: "2", Quieter: Higher}}},
		{`foo < -1`, `foo < -2`, []Difference{{Before: "1", After: "2", Quieter: Higher}}},
		{`foo < 1`, `foo < -2`, []Difference{{Before: "1", After: "2", Quieter: Lower, Sign: true}}},
		{`foo > 2 * bar`, `foo > 3 * bar`, []Difference{{Before: "2", After: "3", Quieter: Higher}}},
		{`foo unless bar > 1`, `foo unless bar > 2`, []Difference{{Before: "1", After: "2", Quieter: EitherWay}}},
		{`rate(foo[5m]) > 1`, `rate(foo[10m]) > 1`, []Difference{{Before: "5m", After: "10m", Quieter: Higher, Range: true}}},
		{`foo > 1 and bar < 5`, `foo > 2 and bar < 6`, []Difference{{Before: "1", After: "2", Quieter: Higher}, {Before: "5", After: "6", Quieter: Lower}}},
		{`sum by (a) (foo) > 1`, "sum(foo)\n  by (a) > 1", []Difference{}},
		{`foo == 1`, `foo == 2`, nil},
		{`foo != 1`, `foo != 2`, nil},
		{`foo > 1`, `foo >= 1`, nil},
		{`foo > 1`, `bar > 1`, nil},
		{`foo{a="b"} > 1`, `foo{a="c"} > 1`, nil},
		{`rate(foo[5m]) > 1`, `increase(foo[5m]) > 1`, nil},
		{`foo offset 1h > 1`, `foo offset 2h > 1`, nil},
		{`quantile(0.9, foo) > 1`, `quantile(0.5, foo) > 1`, nil},
		{`clamp_max(foo, 5) > 1`, `clamp_max(foo, 0) > 1`, nil},
		{`foo > 1`, `foo > bool 1`, nil},
		{`foo and on (a) bar`, `foo and on (b) bar`, nil},
		{`foo + 1 > 2`, `foo + 3 > 2`, nil},
	} {
		before, errBefore := Parse(test.before)
		after, errAfter := Parse(test.after)
		if errBefore != nil || errAfter != nil {
			t.Errorf("%s → %s: %v %v", test.before, test.after, errBefore, errAfter)
			continue
		}
		got, ok := Differences(before, after)
		if ok != (test.want != nil) || ok && !slices.Equal(got, test.want) {
			t.Errorf("%s → %s: %v %v, want %v", test.before, test.after, got, ok, test.want)
		}
	}
}
