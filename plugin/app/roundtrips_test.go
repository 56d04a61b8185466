package app

import (
	"fmt"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin"
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
	// One more for each agent that is so slow that the log tells what it prints.
	if sessions > 5 || moreSessions > 5 {
		t.Errorf("a run of one item takes %d sessions, a further item %d", sessions, moreSessions)
	}
	// One of them writes down what the first run of a repository compares with.
	if requests > 16 || moreRequests > 5 {
		t.Errorf("a first run of one item takes %d requests, a further item %d", requests, moreRequests)
	}
}

// TestOneItemOfALaterRunTakesFewerRequests counts them in a run that finds the ledger of
// another one.
func TestOneItemOfALaterRunTakesFewerRequests(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	s.wants(0, s.run(nil))
	before, done := len(s.Git.Requests()), len(s.subjects())
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "one more\n", map[string]string{
		"docs/post-mortems/2026-02-02-more.md": document("| P2 | Add an alert on disk usage of volume 1 | Alert | over 80 % | TODO |"),
	}))
	s.wants(0, s.run(nil))
	if n := len(s.subjects()) - done; n != 3 { // with that of the person
		t.Fatalf("%d commits: %q", n, s.subjects())
	}
	if n := len(s.Git.Requests()) - before; n > 15 {
		t.Errorf("a later run of one item takes %d requests", n)
	}
}
