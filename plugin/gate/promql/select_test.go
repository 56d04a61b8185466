package promql

import (
	"slices"
	"testing"
)

func TestSelectorsOfAnExpressionAreFoundOnce(t *testing.T) {
	for source, want := range map[string][]Selector{
		`rate(foo{job="a"}[5m]) > 5 and foo{job="a"}`: {{"foo", `foo{job="a"}`}},
		`{job="a"} > 1`:             {{"", `{job="a"}`}},
		`{__name__="foo",x!="y"}`:   {{"foo", `foo{x!="y"}`}},
		`absent(foo) or up == 0`:    {{"foo", "foo"}, {"up", "up"}},
		`max_over_time(foo[1h:5m])`: {{"foo", "foo"}},
	} {
		e, err := Parse(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
		} else if got := e.Selectors(); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}

func TestExpressionsThatAreWrittenInAnotherWayAreTheSame(t *testing.T) {
	for _, pair := range [][2]string{
		{`sum by (a) (rate(foo[90m])) > 0.50`, "sum(rate(foo[1h30m]))\n by(a) > 0.5"},
		{`(foo{a="b"}) > 5e-1`, `foo{a='b'} > 0.5`},
		{`foo offset 60s > 2*60`, `foo offset 1m > 120`},
	} {
		a, errA := Parse(pair[0])
		b, errB := Parse(pair[1])
		if errA != nil || errB != nil || a.Canonical() != b.Canonical() {
			t.Errorf("%q and %q: %v %v", a.Canonical(), b.Canonical(), errA, errB)
		}
	}
	a, _ := Parse(`foo > 5`)
	b, _ := Parse(`foo > 6`)
	if a.Canonical() == b.Canonical() {
		t.Error("two thresholds are one")
	}
}

func TestRecordedMetricsAreReplacedByWhatIsRecorded(t *testing.T) {
	recorded := map[string]Expression{}
	for name, source := range map[string]string{"a:b": `sum(rate(foo[5m]))`, "c:d": `a:b / 2`, "x:x": `x:x + 1`} {
		recorded[name], _ = Parse(source)
	}
	for source, want := range map[string]string{
		`a:b > 5`:                `sum(rate(foo[5m])) > 5`,
		`c:d > 5`:                `(sum(rate(foo[5m])) / 2) > 5`,
		`max_over_time(a:b[1h])`: `max_over_time(sum(rate(foo[5m]))[1h:])`,
		`bar > 5`:                `bar > 5`,
		`a:b{job="x"} > 5`:       "",
		`x:x > 5`:                "",
	} {
		e, err := Parse(source)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := e.With(recorded)
		if ok != (want != "") || got != want {
			t.Errorf("%s: %q %v, want %q", source, got, ok, want)
		}
		if ok {
			if _, err := Parse(got); err != nil {
				t.Errorf("%s: %q: %v", source, got, err)
			}
		}
	}
}
