package app

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
)

// twoItems is a document with an item on each of two stacks.
var twoItems = document(
	"| P1 | Add an alert on disk usage | Alert | over 80 % | TODO |",
	"| P2 | Add a monitor for the cache | Monitor | every minute | TODO |",
)

// twoStacks is a site with an item on each of two stacks.
func twoStacks(t *testing.T) *site { return newSite(t, only("2026-01-01-alert.md", twoItems)) }

// needsSigned is a hook that takes a commit onto the branch only when it is
// signed. It has nothing to say of an update that brings no commit.
const needsSigned = `#!/bin/sh
[ "$1" = refs/heads/main ] || exit 0
for commit in $(git rev-list "$3" --not --branches); do
	git cat-file commit "$commit" | grep -q '^gpgsig ' || { echo "commits must be signed" >&2; exit 1; }
done
`

// attempts is how many attempts the ledger counts for the items of a run.
func (s *site) attempts() (counted int) {
	s.t.Helper()
	ledger, damaged := record.ReadLedger([]byte(must[string](s.t)(s.Repo.ReadFile(record.LedgerRef, "ledger.jsonl"))))
	if damaged > 0 {
		s.t.Errorf("%d damaged lines in the ledger", damaged)
	}
	for _, item := range s.items() {
		counted += ledger.Attempts(record.Ref{Document: item["document"].(string), Item: item["id"].(string)})
	}
	return counted
}

// items are the items of the last run's summary.json.
func (s *site) items() (items []map[string]any) {
	s.t.Helper()
	encoded := must[[]byte](s.t)(json.Marshal(s.summary()["items"]))
	if err := json.Unmarshal(encoded, &items); err != nil {
		s.t.Fatal(err)
	}
	return items
}

// ended are state and reason of the items of the last run, in order.
func (s *site) ended() (ended []string) {
	s.t.Helper()
	for _, item := range s.items() {
		ended = append(ended, strings.TrimSpace(fmt.Sprint(item["state"], " ", item["reason"])))
	}
	return ended
}

func (s *site) wantsEnded(want ...string) {
	s.t.Helper()
	if got := s.ended(); !slices.Equal(got, want) {
		s.t.Errorf("items ended as %q, want %q", got, want)
	}
}

func (s *site) paid() int {
	s.t.Helper()
	return len(must[[]agent.Call](s.t)(s.Agent.Calls()))
}

func TestFailure_ProtectedBranchIsTheRunsFailureAndPaysNobody(t *testing.T) {
	t.Parallel()
	s := twoStacks(t)
	if err := s.Repo.Protect(standin.SampleBranch); err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(s.state("monitoring"), s.state("uptime-kuma"))
	for range 2 {
		s.wants(1, s.run(map[string]string{"PLUGIN_SCOPE": "all", "PLUGIN_MAX_ATTEMPTS": "1"}))
		s.wantsEnded("not-attempted push-refused", "not-attempted push-refused")
		told, _ := s.summary()["error"].(string)
		if !strings.Contains(told, "this branch is protected") || !strings.Contains(told, "mode: propose") || strings.Contains(told, "\n") {
			t.Errorf("the run's error is %q", told)
		}
	}
	if s.paid() != 0 || before != fmt.Sprint(s.state("monitoring"), s.state("uptime-kuma")) {
		t.Errorf("%d agents were paid, the stacks are %v and %v", s.paid(), s.state("monitoring"), s.state("uptime-kuma"))
	}
	s.nothingLeft()

	if err := s.Repo.Protect(""); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all", "PLUGIN_MAX_ATTEMPTS": "1"}))
	s.wantsEnded("done", "done")
}

// An apply whose outcome nobody knows counts for more than the temporary
// trouble of the runs after it, unless another run is at work.
func TestFailure_OpenApplyGoesBeforeTemporaryTrouble(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	held := s.alerts()
	s.disturbed(nil, "planning again: the plan must be empty", func(p process) { s.signal(p, os.Kill) })
	open := func(want string) {
		t.Helper()
		s.wants(3, s.run(nil))
		s.wantsEnded("needs-person apply-unconfirmed")
		s.says(want, "Add an alert on disk usage")
	}
	s.seal(true)
	s.wants(75, s.run(map[string]string{"PLUGIN_LOCK_TIMEOUT": "1s"})) // the lease of the run that was killed is not over
	s.freeLock()
	open("sealed")
	s.seal(false)

	release, err := terraform.HoldStateLock(s.StateDir+"/monitoring.tfstate", "somebody's apply")
	if err != nil {
		t.Fatal(err)
	}
	s.wants(3, s.run(map[string]string{"PLUGIN_PLAN_ARGS": "plan -input=false -lock-timeout=1s -out={plan}"}))
	s.wantsEnded("needs-person apply-unconfirmed")
	if err := release(); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(nil))
	s.doneOnce(held)
	s.noJournal()
}
