package schedule

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSliceNeverPromisesMoreThanIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		budget, spent float64
		remaining     int
		want          float64
	}{
		"even shares":        {6, 0, 3, 2},
		"of what is left":    {6, 5, 2, 0.5},
		"overspent":          {6, 7, 2, 0},
		"below the floor":    {6, 5.96, 1, 0},
		"share at the floor": {0.2, 0, 100, BudgetFloor},
		"no budget":          {0, 0, 1, 0},
		"nothing remains":    {5, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := slice(test.budget, test.spent, test.remaining); !cmp.Equal(got, test.want) {
				t.Errorf("slice = %v, want %v", got, test.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		budget := rapid.Float64Range(0, 100).Draw(t, "budget")
		spent := rapid.Float64Range(0, 100).Draw(t, "spent")
		n := rapid.IntRange(1, 20).Draw(t, "items")
		if got := slice(budget, spent, n); got > max(budget-spent, 0) {
			t.Fatalf("a slice of %v of what is left, %v", got, budget-spent)
		}
	})
}
