package app

import (
	"fmt"
	"strings"
	"testing"
)

// What several stacks use is proposed with a plan of each, never applied here, and
// done once each plan is empty.
func TestSharedModuleIsProposedForEachStackThatUsesIt(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Raise the threads of modules/nfs from 8 to 16 | Config | both stacks use it | TODO |"))
	o.Terraform = oldestTerraform(t)
	o.Files["modules/nfs/main.tf"] = "resource \"terraform_data\" \"nfs\" {\n  input = {\n    threads = 8\n  }\n}\n"
	for _, stack := range []string{"blue", "green"} {
		o.Files["stacks/"+stack+"/main.tf"] = "terraform {\n  backend \"local\" {\n    path = \"@STATE@/" + stack + ".tfstate\"\n  }\n}\n\nmodule \"nfs\" {\n  source = \"../../modules/nfs\"\n}\n"
	}
	o.AgentScript = "sed -i 's/threads = 8/threads = 16/' modules/nfs/main.tf\n"
	s := newSite(t, o)
	states := func() string { return fmt.Sprint(s.state("blue"), s.state("green")) }
	before := states()
	propose := map[string]string{"PLUGIN_MODE": "propose", "PLUGIN_SCOPE": "all", "PLUGIN_ALLOW_PATHS": "stacks/**,modules/**"}
	s.wants(0, s.run(propose))
	s.wantsEnded("proposed")
	pull := s.Git.Forge.Pulls()[0]
	for _, want := range []string{"stacks/blue, stacks/green", "2 to update", "whoever merges it applies it"} {
		if !strings.Contains(pull.Body, want) {
			t.Errorf("the pull request does not say %q:\n%s", want, pull.Body)
		}
	}
	s.byHand(mergeProposals)
	s.applyTip("blue")
	s.wants(0, s.run(propose))
	s.wantsEnded("proposed proposal-merged")
	if strings.Contains(before, states()) {
		t.Error("nothing was applied by hand")
	}
	s.applyTip("green")
	s.wants(0, s.run(propose))
	s.wantsEnded("done")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| both stacks use it | Done |") {
		t.Errorf("not done:\n%s", doc)
	}
	if found, code := s.verifies("main"); code != 0 || found.Rows != 1 {
		t.Errorf("verify ended with %d: %+v", code, found)
	}
}
