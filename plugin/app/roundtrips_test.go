package app

import (
	"fmt"
	"testing"
)

// TestOneItemTakesFewRoundTrips counts the sessions on the host and the requests to
// the remote, of a run of one item and of a further one.
func TestOneItemTakesFewRoundTrips(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	count := func(items int) (sessions, requests int) {
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
		return s.SSH.Sessions(), len(s.Git.Requests())
	}
	sessions, requests := count(1)
	moreSessions, moreRequests := count(2)
	moreSessions, moreRequests = moreSessions-sessions, moreRequests-requests
	t.Logf("a run of one item takes %d sessions and %d requests, a further item %d and %d", sessions, requests, moreSessions, moreRequests)
	if sessions > 13 || moreSessions > 7 {
		t.Errorf("a run of one item takes %d sessions, a further item %d", sessions, moreSessions)
	}
	if requests > 19 || moreRequests > 6 {
		t.Errorf("a run of one item takes %d requests, a further item %d", requests, moreRequests)
	}
}
