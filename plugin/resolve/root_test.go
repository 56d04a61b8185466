package resolve_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/item"
	"github.com/pm-todos/pm-todos/plugin/resolve"
	"github.com/pm-todos/pm-todos/plugin/resolve/fake"
)

func inRoot(o *resolve.Options) {
	o.Scope.Stacks, o.Scope.AllowPaths, o.Scope.Documents = []string{"."}, []string{"**"}, []string{"docs/**"}
}

func TestRepositoryThatIsOneStackIsPlannedAtItsRoot(t *testing.T) {
	one := raise
	one.file = "main.tf"
	s := newSite(t, one)
	s.tune = inRoot
	files := map[string]string{"main.tf": repository[threads]}
	s.Push("the stack at the root\n", files)
	fake.Applied(s.World, ".", files)
	s.run()
	s.wantsEnded("done")
	if end := s.run(); !end.idle {
		t.Errorf("another run found something to do: %+v", s.outcomes)
	}
	if got := s.fixes(one); len(got) != 1 || got[0].Stack != "." {
		t.Errorf("published: %+v", got)
	}
	if !s.done(one) {
		t.Error("its row is still open")
	}
}

func TestAgentChangesNoPostMortemEvenWhereItMayChangeEverything(t *testing.T) {
	one := raise
	one.file, one.edit = document, func(text string) string { return text + "DONE|cccc|Config|another|\n" }
	s := newSite(t, one)
	s.tune = inRoot
	fake.Applied(s.World, ".", maps.Clone(repository))
	s.run()
	if out := s.outcome(one); out.State != item.Refused || !slices.ContainsFunc(out.Findings, func(f item.Finding) bool { return f.Place == document }) {
		t.Errorf("ended as %s %s: %v", out.State, out.Reason, out.Findings)
	}
}
