package target_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/target"
)

const day = 24 * time.Hour

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want target.Targets
		err  string // of each problem, separated by a line
	}{
		"days, weeks and hours": {text: `{"P0":"36h","p1":" 7D ","P2":"2w","P3":"90 d"}`, want: target.Targets{"P0": 36 * time.Hour, "P1": 7 * day, "P2": 14 * day, "P3": 90 * day}},
		"none":                  {text: `{}`, want: target.Targets{}},
		"another priority":      {text: `{"P4":"7d"}`, want: target.Targets{}, err: `"P4" is not one of P0, P1, P2, P3`},
		"another unit":          {text: `{"P0":"7m","P1":"soon","P2":"3d"}`, want: target.Targets{"P2": 3 * day}, err: "P0: \"7m\" is not a number of hours, days or weeks\nP1: \"soon\" is not"},
		"no time":               {text: `{"P0":"0d"}`, want: target.Targets{}, err: `P0: "0d" leaves no time`},
		"a number":              {text: `{"P0":7}`, err: "is not a map of texts"},
		"no map":                {text: `7d`, err: "is not a map of texts"},
		"null":                  {text: `null`, err: "is not a map of texts"},
	} {
		got, err := target.Read(test.text)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		said := ""
		if err != nil {
			said = err.Error()
		}
		for want := range strings.SplitSeq(test.err, "\n") {
			if !strings.Contains(said, want) || (test.err == "") != (err == nil) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}

func TestDue(t *testing.T) {
	opened := time.Date(2026, 4, 14, 0, 0, 0, 0, time.UTC)
	targets := target.Targets{"P0": 7 * day}
	if due, ok := targets.Due("P0", opened); !ok || !due.Equal(time.Date(2026, 4, 21, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("P0: %v, %t", due, ok)
	}
	if _, ok := targets.Due("P1", opened); ok {
		t.Error("a priority without a target has one")
	}
}

func TestLength(t *testing.T) {
	for want, limit := range map[string]time.Duration{"7 days": 7 * day, "36 hours": 36 * time.Hour, "1 day": day} {
		if got := target.Length(limit); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
