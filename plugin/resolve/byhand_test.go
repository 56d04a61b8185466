package resolve_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

// A module is no block that the fakes plan, so what two stacks share is a folder in
// one of them that the other one calls. The stack with tracked state is planned as
// it is.
func TestStackWithTrackedStateIsProposedAndNeverApplied(t *testing.T) {
	s := newSite(t, raise)
	s.mode = resolve.Propose
	s.tune = func(o *resolve.Options) { o.Scope.StatePaths = []string{"state/**"} }
	s.Push("their state\n", map[string]string{"state/nfs/terraform.tfstate.enc": "x"})
	s.run()
	out := s.outcome(raise)
	if out.State != item.Proposed || !slices.ContainsFunc(out.Findings, func(f item.Finding) bool { return f.Code == reason.AppliedByHand && f.Place == "stacks/nfs" }) {
		t.Fatalf("ended as %s %s: %v", out.State, out.Reason, out.Findings)
	}
	s.Push("merge it\n", map[string]string{threads: raise.edit(repository[threads])})
	for range 2 {
		s.run()
		s.wantsEnded("proposed proposal-merged")
	}
	files := maps.Clone(repository)
	files[threads] = raise.edit(files[threads])
	fake.Applied(s.World, "stacks/nfs", files)
	s.run()
	s.wantsEnded("done")
	s.wantsPaidAndApplied(1, 0)
}

func TestStackWithTrackedStateIsRefusedWhereFixesAreApplied(t *testing.T) {
	s := newSite(t, raise)
	s.tune = func(o *resolve.Options) { o.Scope.StatePaths = []string{"state/**"} }
	s.Push("their state\n", map[string]string{"state/nfs/terraform.tfstate.enc": "x"})
	s.run()
	if got := string(s.outcome(raise).Reason); !strings.Contains(got, "state-in-git") {
		t.Errorf("ended as %s", got)
	}
}
