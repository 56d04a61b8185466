package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/standin"
)

// patientOptions are those of a site with an item that names an alert and states no
// value; its agent chooses one.
func patientOptions() standin.Options {
	o := only("2026-01-01-alert.md", document(patientRow))
	o.AgentScript = `sed -i 's/for: 5m$/for: 10m/' stacks/monitoring/alerts.tf` + "\n"
	return o
}

func patientSite(t *testing.T) *site {
	t.Helper()
	return newSite(t, patientOptions())
}

const patientRow = "| P2 | Make NodeDown wait longer | Alert | it is noisy | TODO |"

// unproved are the findings of the only item of the last run.
func (s *site) unproved() (found []string) {
	s.t.Helper()
	items := s.items()
	if len(items) != 1 {
		s.t.Fatalf("%d items", len(items))
	}
	findings, _ := items[0]["findings"].([]any)
	for _, finding := range findings {
		f, _ := finding.(map[string]any)
		found = append(found, fmt.Sprint(f["code"], " ", f["place"], ": ", f["detail"]))
	}
	return found
}

const unprovedWait = "unproved terraform_data.alerts: input.groups[name=nodes].rules[alert=NodeDown].for: the item does not state the new value"

func TestWhatIsNotProvedWaitsForAPerson(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := patientSite(t)
	leave := map[string]string{"PLUGIN_SCOPE": "all", "PLUGIN_DOUBTFUL": "leave"}
	before := fmt.Sprint(s.state("monitoring"))
	s.wants(0, s.run(leave))
	s.wantsEnded("refused needs-approval")
	if got := s.unproved(); len(got) != 1 || got[0] != unprovedWait {
		t.Errorf("findings %q, want %q", got, unprovedWait)
	}
	s.says("the item does not state the new value", "returning the findings to the agent, once")
	if n := s.paid(); n != 2 {
		t.Errorf("%d agents were paid, want one and its second turn", n)
	}
	if after := fmt.Sprint(s.state("monitoring")); after != before {
		t.Errorf("the state changed: %s", after)
	}
	if doc := s.file(alertDocument); !strings.Contains(doc, "| it is noisy | TODO |") || !strings.Contains(doc, "| — | Make NodeDown wait longer | P2 | Alert | — | Needs human review |") {
		t.Errorf("the row does not say that it needs a person:\n%s", doc)
	}
	branch, _ := s.items()[0]["branch"].(string)
	if kept := must[string](t)(s.Repo.ReadFile(branch, "stacks/monitoring/alerts.tf")); !strings.Contains(kept, "for: 10m") {
		t.Errorf("the branch %q does not hold the work:\n%s", branch, kept)
	}
	s.nothingLeft()

	tip := s.tip()
	s.wants(0, s.run(leave))
	s.wantsEnded("skipped needs-approval")
	if n := s.paid(); n != 2 || s.tip() != tip {
		t.Errorf("%d agents were paid for the same text, commits %q", n, s.subjects())
	}

	// The same item says what it wants.
	stated := strings.Replace(s.file(alertDocument), "it is noisy", "10 minutes, it is noisy", 1)
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "Say how long\n", map[string]string{alertDocument: stated}))
	s.wants(0, s.run(leave))
	s.wantsEnded("done")
	if n := s.paid(); n != 3 {
		t.Errorf("%d agents were paid", n)
	}
	if after := fmt.Sprint(s.state("monitoring")); !strings.Contains(after, "for: 10m") {
		t.Errorf("it was not applied: %s", after)
	}
}

// TestWhatIsNotProvedIsProposed goes on to a person who states the value: then the
// proposal is taken back, and the item is done by itself.
func TestWhatIsNotProvedIsProposed(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := patientSite(t)
	all := map[string]string{"PLUGIN_SCOPE": "all"}
	before := fmt.Sprint(s.state("monitoring"))
	s.wants(0, s.run(all))
	s.wantsEnded("proposed")
	s.says("opened a pull request")
	if got := s.unproved(); len(got) != 1 || got[0] != unprovedWait {
		t.Errorf("findings %q, want %q", got, unprovedWait)
	}
	branch, _ := s.items()[0]["branch"].(string)
	if offered := must[string](t)(s.Repo.ReadFile(branch, "stacks/monitoring/alerts.tf")); !strings.Contains(offered, "for: 10m") {
		t.Errorf("the branch %q does not hold the work:\n%s", branch, offered)
	}
	if pull := s.Git.Forge.Pulls()[0]; !strings.Contains(pull.Body, "the item does not state the new value") || pull.Head != branch {
		t.Errorf("the pull request: %+v", pull)
	}
	if after := fmt.Sprint(s.state("monitoring")); after != before || strings.Contains(s.file(alertDocument), "Needs human review") {
		t.Error("it was applied, or its row says that a person must do it")
	}
	s.wants(0, s.run(all))
	s.wantsEnded("proposed proposed")
	if link, _ := s.items()[0]["pull_request_url"].(string); !strings.HasSuffix(link, "/1") {
		t.Errorf("the link of the pull request is %q", link)
	}

	stated := strings.Replace(s.file(alertDocument), "it is noisy", "10 minutes, it is noisy", 1)
	must[string](t)(s.Repo.Commit(standin.SampleBranch, "Say how long\n", map[string]string{alertDocument: stated}))
	s.wants(0, s.run(all))
	s.wantsEnded("not-attempted proposal-withdrawn")
	if pull := s.Git.Forge.Pulls()[0]; pull.State != "closed" || len(pull.Comments) != 1 || !strings.Contains(pull.Comments[0], "says something else by now") {
		t.Errorf("the pull request: %+v", pull)
	}
	s.says(`the proposal of "Make NodeDown wait longer" was withdrawn: its item in ` + alertDocument + " says something else by now")
	if refs := must[map[string]string](t)(s.Repo.Refs("refs/heads/pm-todos/")); len(refs) > 0 {
		t.Errorf("branches %v", refs)
	}
	s.wants(0, s.run(all))
	s.wantsEnded("done")
	if n := s.paid(); n != 3 {
		t.Errorf("%d agents were paid", n)
	}
	s.nothingLeft()
}

// TestItemOfAnyTypeIsProposedOnceAPersonApprovedIt has one that the rules would
// prove if it were an alert; no agent is paid for one that nobody approved.
func TestItemOfAnyTypeIsProposedOnceAPersonApprovedIt(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document(
		"| P2 | Make NodeDown wait 10 minutes | Runbook | | Approved |",
		"| P2 | Move Vault | Migration | | TODO |"))
	o.AgentScript = `sed -i 's/for: 5m$/for: 10m/' stacks/monitoring/alerts.tf` + "\n"
	s := newSite(t, o)
	before := fmt.Sprint(s.state("monitoring"))
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all", "PLUGIN_DOUBTFUL": "leave"}))
	s.says("no safe item")
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.wantsEnded("proposed")
	if n, pulls := s.paid(), s.Git.Forge.Pulls(); n != 1 || len(pulls) != 1 || !strings.Contains(pulls[0].Title, "Runbook") {
		t.Errorf("%d agents were paid; pull requests %+v", n, pulls)
	}
	if after := fmt.Sprint(s.state("monitoring")); after != before {
		t.Error("it was applied")
	}
	s.Git.Forge.End(1, "closed")
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	s.wantsEnded("skipped proposal-declined")
}

func TestNobodyIsPaidWhereNothingCanPass(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings map[string]string
		files    map[string]string
		reason   string
	}{
		"no stack matches":       {map[string]string{"PLUGIN_STACKS": "live/*"}, nil, "no-stack"},
		"the stack is protected": {map[string]string{"PLUGIN_PROTECTED": "monitoring"}, nil, "protected-stack"},
		"its state is in git":    {map[string]string{"PLUGIN_DOUBTFUL": "leave"}, map[string]string{"state/stacks/monitoring/terraform.tfstate.enc": "x\n"}, "state-in-git"},
		"no path may change":     {map[string]string{"PLUGIN_TYPE_PATHS": `{"Alert":"stacks/none/**"}`}, nil, "outside-type-paths"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
			for path, text := range c.files {
				o.Files[path] = text
			}
			s := newSite(t, o)
			s.wants(0, s.run(c.settings))
			s.wantsEnded("skipped " + c.reason)
			if n := s.paid(); n != 0 {
				t.Errorf("%d agents were paid", n)
			}
			if doc := s.file(alertDocument); !strings.Contains(doc, "Needs human review") {
				t.Errorf("the row does not say that it needs a person:\n%s", doc)
			}
			s.nothingLeft()
		})
	}
}
