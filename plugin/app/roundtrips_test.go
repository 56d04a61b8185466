package app

import (
	"fmt"
	"testing"
)

// TestOneItemTakesFewRoundTrips counts the sessions on the host: an item beyond
// the first costs under a dozen.
func TestOneItemTakesFewRoundTrips(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	sessions := func(items int) int {
		var rows []string
		for i := range items {
			rows = append(rows, fmt.Sprintf("| P2 | Add an alert on disk usage of volume %d | Alert | over 80 %% | TODO |", i))
		}
		o := only("2026-01-01-alert.md", document(rows...))
		s := newSite(t, o)
		s.wants(0, s.run(nil))
		if done := len(s.subjects()); done != items+1 {
			t.Fatalf("%d commits for %d items: %q", done, items, s.subjects())
		}
		return s.SSH.Sessions()
	}
	one, two := sessions(1), sessions(2)
	t.Logf("a run of one item takes %d round trips, a further item %d", one, two-one)
	if two-one >= 12 || one >= 20 {
		t.Errorf("a run of one item takes %d round trips, a further item %d", one, two-one)
	}
}
