package app

import (
	"fmt"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin"
)

// TestOneItemTakesFewRoundTrips counts the sessions on the host and the requests to
// the remote, of the first run of a repository, over one item, and of a later one, over
// two.
func TestOneItemTakesFewRoundTrips(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	row := "| P2 | Add an alert on disk usage of volume %d | Alert | over 80 %% | TODO |"
	s := newSite(t, only("2026-01-01-alert.md", document(fmt.Sprintf(row, 0))))
	count := func(commits int) (sessions, requests int) {
		sessions, requests, before := s.SSH.Sessions(), len(s.Git.Requests()), len(s.subjects())
		s.wants(0, s.run(nil))
		if made := len(s.subjects()) - before; made != commits {
			t.Fatalf("%d commits, want %d: %q", made, commits, s.subjects())
		}
		return s.SSH.Sessions() - sessions, len(s.Git.Requests()) - requests
	}
	sessions, requests := count(2)
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "more\n", map[string]string{
		"docs/post-mortems/2026-02-02-more.md": document(fmt.Sprintf(row, 1), fmt.Sprintf(row, 2)),
	}))
	moreSessions, moreRequests := count(3)
	t.Logf("a run of one item takes %d sessions and %d requests, a later one of two items %d and %d", sessions, requests, moreSessions, moreRequests)
	// One more for each agent that is so slow that the log tells what it prints.
	if sessions > 5 || moreSessions > 10 {
		t.Errorf("a run of one item takes %d sessions, one of two items %d", sessions, moreSessions)
	}
	// One of them writes down what the first run of a repository compares with.
	if requests > 16 || moreRequests > 20 {
		t.Errorf("a first run of one item takes %d requests, a later one of two items %d", requests, moreRequests)
	}
}
