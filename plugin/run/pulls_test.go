package run

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin/forge"
)

// TestFailure_StatusThatAForgeRefusedIsSetByTheNextRun has runs that find an open
// proposal, whose pull request an earlier one opened.
func TestFailure_StatusThatAForgeRefusedIsSetByTheNextRun(t *testing.T) {
	t.Parallel()
	const fix = "abc1234def5678abc1234def5678abc1234def56"
	pulls, refuses := &forge.Forge{Token: "t"}, true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuses && r.Method == http.MethodPost {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		pulls.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	run := func() string {
		var log strings.Builder
		j := &job{Console: console.Console{Log: zerolog.New(&log)}, Settings: settings.Settings{Mode: settings.ModePropose}}
		j.Repository.URL, j.Repository.ForgeKind, j.Repository.ForgeToken = server.URL+"/example/infra.git", "gitea", secret.New("t")
		j.outcomes = []item.Outcome{{State: item.Proposed, Reason: reason.Proposed, Branch: "pm-todos/propose/a/1", Commit: fix, Pull: 1}}
		j.putForward(t.Context())
		return log.String()
	}
	if said := run(); !strings.Contains(said, "the next run tries again") || len(pulls.Statuses(fix)) != 0 {
		t.Errorf("refused: %v, and the log says %s", pulls.Statuses(fix), said)
	}
	refuses = false
	for range 2 {
		if said := run(); strings.Contains(said, "warn") || len(pulls.Statuses(fix)) != 1 {
			t.Errorf("%v, and the log says %s", pulls.Statuses(fix), said)
		}
	}
}
