package app

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/forge"
)

// buttons are what those of a forge do with a proposal of one commit. A squash has
// the words of the person who presses it.
var buttons = map[string]string{
	"merge":  `git merge -q --no-ff -m "Merge the proposal" "$P"`,
	"squash": `git merge -q --squash "$P" && git commit -q -m "Wait longer"`,
	"rebase": `git commit -q --allow-empty -m "Another" && git cherry-pick "$P" >/dev/null`,
}

// press is a person who presses a button of the open proposal's page.
func (s *site) press(account, button string) {
	s.t.Helper()
	for _, pull := range s.Git.Forge.Pulls() {
		s.Git.Forge.Change(pull.Number, func(p *forge.Pull) { p.Button = button })
	}
	s.mergeBy(account, buttons[button])
}

// TestProposalGoesItsWholeWayOnEveryForge has a real git over HTTP, sshd and
// Terraform. What the buttons and the forges do otherwise is in plugin/forge and in
// TestMergedProposalsAreAppliedWithoutAnAgent.
func TestProposalGoesItsWholeWayOnEveryForge(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	terraforms := realTerraforms(t)
	for kind, button := range map[string]string{"forgejo": "merge", "github": "squash", "gitlab": "rebase"} {
		t.Run(kind+", "+button, func(t *testing.T) {
			t.Parallel()
			o := patientOptions()
			o.Terraform = terraforms[slices.Min(slices.Collect(maps.Keys(terraforms)))]
			s, settings := realSite(t, o)
			settings["CI_FORGE_TYPE"], settings["PLUGIN_SCOPE"] = kind, "all"
			before := fmt.Sprint(s.state("monitoring"))
			s.wants(0, s.run(settings))
			s.wantsEnded("proposed")
			pull := s.Git.Forge.Pulls()[0]
			if pull.Base != standin.SampleBranch || fmt.Sprint(pull.Labels) != "[pm-todos]" || !strings.Contains(pull.Body, "the item does not state the new value") {
				t.Errorf("the pull request: %+v", pull)
			}
			if said := s.Git.Forge.Statuses(pull.Commit); len(said) != 1 || fmt.Sprint(s.state("monitoring")) != before {
				t.Errorf("its commit has the statuses %q, and the stack is %v", said, s.state("monitoring"))
			}

			s.press("ana", button)
			merged := s.tip()
			if button == "merge" {
				merged = pull.Commit // it is on the branch, and says for which item
			}
			s.wants(0, s.run(settings))
			s.wantsEnded("done")
			s.says("the plan does what was approved", "approved by ana")
			if after := fmt.Sprint(s.state("monitoring")); !strings.Contains(after, "for: 10m") {
				t.Errorf("it is not applied: %s", after)
			}
			doc := s.file(alertDocument)
			if !strings.Contains(doc, "| it is noisy | Done |") || !strings.Contains(doc, "/commit/"+merged) || s.items()[0]["commit"] != merged {
				t.Errorf("merged as %s, and %v says\n%s", merged, s.items()[0]["commit"], doc)
			}
			s.linksResolve(doc)
			if message := s.git("", nil, "log", "-1", "--format=%B", standin.SampleBranch); !strings.Contains(message, "Approved-by: ana") {
				t.Errorf("the commit of the documents does not say who approved:\n%s", message)
			}
			tip := s.tip()
			s.wants(0, s.run(settings))
			if s.tip() != tip || s.paid() != 2 || len(s.Git.Forge.Pulls()) != 1 {
				t.Errorf("a run with nothing to do: commits %q, %d turns, pull requests %+v", s.subjects(), s.paid(), s.Git.Forge.Pulls())
			}
			s.nothingLeft()
			s.nothingSecret()
		})
	}
}

// TestForgeThatIsDownLosesNoProposal has it down when the pull request is to be
// opened, and when it is asked who merged.
func TestForgeThatIsDownLosesNoProposal(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := patientSite(t)
	github := map[string]string{"PLUGIN_SCOPE": "all", "CI_FORGE_TYPE": "github"}
	s.Git.Forge.Refuse(http.StatusServiceUnavailable)
	s.wants(0, s.run(github))
	s.wantsEnded("proposed")
	s.says("the pull request could not be opened", "503 Service Unavailable")
	branch, _ := s.items()[0]["branch"].(string)
	if _, err := s.Repo.Tip(branch); err != nil || len(s.Git.Forge.Pulls()) != 0 {
		t.Errorf("the branch: %v; pull requests %+v", err, s.Git.Forge.Pulls())
	}
	s.Git.Forge.Refuse(http.StatusUnauthorized)
	s.wants(0, s.run(github))
	s.wantsEnded("proposed proposed")
	s.says("401 Unauthorized", "give forge_token a token that is valid")
	s.Git.Forge.Refuse(0)
	s.wants(0, s.run(github))
	s.wantsEnded("proposed proposed")
	if pulls := s.Git.Forge.Pulls(); len(pulls) != 1 || pulls[0].Head != branch || s.paid() != 2 {
		t.Fatalf("pull requests %+v, %d turns", pulls, s.paid())
	}
	s.press("ana", "squash")
	s.Git.Forge.Refuse(http.StatusServiceUnavailable)
	s.wants(0, s.run(github))
	s.wantsEnded("proposed proposal-merged")
	if applies := s.applies(); len(applies) > 0 {
		t.Errorf("applied, and nobody knows who merged: %v", applies)
	}
	s.Git.Forge.Refuse(0)
	s.wants(0, s.run(github))
	s.wantsEnded("done")
	s.says("approved by ana")
	s.nothingLeft()
}

// TestWhatWasMergedOtherwiseIsNotApplied has a person put more on the branch of a
// proposal and squash both, with no word of the proposal. It is done once somebody
// applied it, as the commit that the forge names.
func TestWhatWasMergedOtherwiseIsNotApplied(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := patientSite(t)
	gitlab := map[string]string{"PLUGIN_SCOPE": "all", "CI_FORGE_TYPE": "gitlab"}
	before := fmt.Sprint(s.state("monitoring"))
	s.wants(0, s.run(gitlab))
	s.wantsEnded("proposed")
	pull := s.Git.Forge.Pulls()[0]
	s.Git.Forge.Change(1, func(p *forge.Pull) { p.Button = "squash" })
	s.mergeBy("ana", `git checkout -q `+pull.Head+` && sed -i 's/for: 10m/for: 20m/' stacks/monitoring/alerts.tf && git commit -q -am "Longer" && git push -q origin HEAD &&
		git checkout -q `+standin.SampleBranch+` && git merge -q --squash `+pull.Head+` && git commit -q -m "Wait longer" && git push -q origin --delete `+pull.Head)
	merged := s.tip()
	for range 2 {
		s.wants(0, s.run(gitlab))
		s.wantsEnded("proposed differs-from-approved")
	}
	if after := fmt.Sprint(s.state("monitoring")); after != before || s.paid() != 2 {
		t.Errorf("%d turns, the stack is %s", s.paid(), after)
	}
	s.applyTip("monitoring")
	s.wants(0, s.run(gitlab))
	s.wantsEnded("done")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| it is noisy | Done |") || !strings.Contains(doc, "/commit/"+merged) {
		t.Errorf("merged as %s:\n%s", merged, doc)
	}
	s.nothingLeft()
}

// TestMergedValueIsTheOneThatWasSeen has a fix take its value from a local one, which
// somebody changes after the merge and changes back.
func TestMergedValueIsTheOneThatWasSeen(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := patientOptions()
	o.Files["stacks/monitoring/locals.tf"] = "locals {\n  patience = \"10m\"\n}\n"
	o.AgentScript = `sed -i 's/for: 5m$/for: ${local.patience}/' stacks/monitoring/alerts.tf` + "\n"
	s := newSite(t, o)
	github := map[string]string{"PLUGIN_SCOPE": "all", "CI_FORGE_TYPE": "github"}
	s.wants(0, s.run(github))
	s.wantsEnded("proposed")
	s.mergeBy("ana", buttons["merge"]+` && sed -i s/10m/20m/ stacks/monitoring/locals.tf && git commit -q -a -m "More patience"`)
	s.wants(0, s.run(github))
	s.wantsEnded("proposed differs-from-approved")
	s.says("planning what was merged without that", "nothing shows that it still gets the value that was proposed")
	if applies := s.applies(); len(applies) > 0 {
		t.Errorf("applied: %v", applies)
	}
	s.mergeBy("ana", `sed -i s/20m/10m/ stacks/monitoring/locals.tf && echo theirs >NOTES && git add . && git commit -q -m "Less patience"`)
	s.wants(0, s.run(github))
	s.wantsEnded("done")
	s.says("planning what was merged without that", "approved by ana")
	s.nothingLeft()
}

// TestFortyItemsHaveNoMoreThanThreePullRequests has a person close one in between.
func TestFortyItemsHaveNoMoreThanThreePullRequests(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	var rows []string
	for n := range 40 {
		rows = append(rows, fmt.Sprintf("| P2 | Make NodeDown wait longer in room %d | Runbook | it is noisy | Approved |", n))
	}
	o := patientOptions()
	o.Files[alertDocument] = document(rows...)
	s := newSite(t, o)
	github := map[string]string{"PLUGIN_SCOPE": "all", "CI_FORGE_TYPE": "github"}
	for opened := 3; opened <= 4; opened++ {
		s.wants(0, s.run(github))
		open := 0
		for _, pull := range s.Git.Forge.Pulls() {
			if pull.State == "open" {
				open++
			}
		}
		if open != 3 || len(s.Git.Forge.Pulls()) != opened || s.paid() != opened {
			t.Errorf("%d of %d pull requests are open, %d agents were paid", open, len(s.Git.Forge.Pulls()), s.paid())
		}
		if held := strings.Count(strings.Join(s.ended(), "\n"), "not-attempted-proposals"); held != 40-opened {
			t.Errorf("%d items wait for a place: %q", held, s.ended())
		}
		s.Git.Forge.End(1, "closed")
	}
}
