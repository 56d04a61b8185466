package app

import (
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/forge"
)

const rowsBranch = "pm-todos/documents"

// byHand runs shell commands in a clone of the remote, as a person who may push
// wherever they like. It lifts what the branch is protected by.
func (s *site) byHand(commands string) {
	s.t.Helper()
	if err := s.Repo.InstallHook("update", ""); err != nil {
		s.t.Fatal(err)
	}
	script := `git clone -q "$1" "$2/work" && cd "$2/work" && git config user.name x && git config user.email x@example.org && ` + commands
	if out, err := exec.Command("sh", "-ec", script, "sh", s.Repo.Path(), s.t.TempDir()).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

const mergeProposals = `for p in $(git for-each-ref --format='%(refname)' refs/remotes/origin/pm-todos/propose); do git merge -q --no-ff -m "Merge a proposal" "$p"; done && git push -q origin HEAD`

func (s *site) waitingRows() string {
	s.t.Helper()
	return must[string](s.t)(s.Repo.ReadFile(rowsBranch, alertDocument))
}

// mergeBy is somebody who merges the open proposal by a button of the forge: the script
// does what that does, in a clone, with the proposed commit as $P.
func (s *site) mergeBy(account, button, script string) {
	s.t.Helper()
	s.byHand(`P=$(git for-each-ref --format='%(objectname)' refs/remotes/origin/pm-todos/propose) && ` + script + ` && git push -q origin HEAD`)
	for _, pull := range s.Git.Forge.Pulls() {
		s.Git.Forge.Change(pull.Number, func(p *forge.Pull) {
			p.State, p.Button, p.MergedBy, p.MergedAs = "merged", button, account, s.tip()
		})
	}
}

// applyTip applies a stack as the branch has it, as the owner's own pipeline
// does.
func (s *site) applyTip(stack string) {
	s.t.Helper()
	script := `git clone -q "$1" "$2/work" && cd "$2/work/stacks/$4" && "$3" init -input=false >/dev/null && "$3" apply -input=false -auto-approve`
	cmd := exec.Command("sh", "-ec", script, "sh", s.Repo.Path(), s.t.TempDir(), s.Terraform.Program, stack)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

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

// patientOptions are those of a site with an item that names an alert and states no
// value; its agent chooses one.
func patientOptions() standin.Options {
	o := only("2026-01-01-alert.md", document("| P2 | Make NodeDown wait longer | Alert | it is noisy | TODO |"))
	o.AgentScript = `sed -i 's/for: 5m$/for: 10m/' stacks/monitoring/alerts.tf` + "\n"
	return o
}

// TestProposalGoesItsWholeWay has an item that names an alert and states no value, and a
// branch that takes signed commits alone: the work is proposed, squashed by a person
// whose forge signs it, and applied; its row waits on a branch of its own until it is
// merged. Nothing is done or said twice.
func TestProposalGoesItsWholeWay(t *testing.T) {
	t.Parallel()
	notShort(t)
	s := newSite(t, patientOptions())
	settings := map[string]string{"PLUGIN_SCOPE": "all", "PLUGIN_INDEX": settings.DefaultIndex, "CI_FORGE_TYPE": "github"}
	signed := func() {
		t.Helper()
		if err := s.Repo.InstallHook("update", needsSigned); err != nil {
			t.Fatal(err)
		}
	}
	signed()
	before := fmt.Sprint(s.state("monitoring"))
	s.wants(0, s.run(settings))
	s.wantsEnded("proposed")
	s.says("opened a pull request", "returning the findings to the agent, once")
	if got := s.unproved(); len(got) != 1 || got[0] != unprovedWait {
		t.Errorf("findings %q, want %q", got, unprovedWait)
	}
	pull := s.Git.Forge.Pulls()[0]
	if pull.Base != standin.SampleBranch || fmt.Sprint(pull.Labels) != "[pm-todos]" || !strings.Contains(pull.Body, "the item does not state the new value") {
		t.Errorf("the pull request: %+v", pull)
	}
	if offered := must[string](t)(s.Repo.ReadFile(pull.Head, "stacks/monitoring/alerts.tf")); !strings.Contains(offered, "for: 10m") {
		t.Errorf("the branch %q does not hold the work:\n%s", pull.Head, offered)
	}
	if said := s.Git.Forge.Statuses(pull.Commit); len(said) != 1 || fmt.Sprint(s.state("monitoring")) != before || s.paid() != 2 {
		t.Errorf("its commit has the statuses %q, %d turns were paid, and the stack is %v", said, s.paid(), s.state("monitoring"))
	}
	if err := s.Repo.InstallHook("update", ""); err != nil {
		t.Fatal(err)
	}
	s.indexLeadsTo(pull)

	s.mergeBy("ana", "squash", `git merge -q --squash "$P" && git commit -q -m "Wait longer"`)
	signed()
	tip := s.tip()
	s.wants(0, s.run(settings))
	s.wantsEnded("done")
	s.says("the plan does what was approved", "approved by ana", "commits must be signed", "the branch does not take the rows by a push")
	if after := fmt.Sprint(s.state("monitoring")); !strings.Contains(after, "for: 10m") || s.tip() != tip || s.items()[0]["commit"] != tip {
		t.Errorf("the state is %s, the commits %q, done as %v", after, s.subjects(), s.items()[0]["commit"])
	}
	if !strings.Contains(s.waitingRows(), "| it is noisy | Done |") {
		t.Errorf("the row does not wait:\n%s", s.waitingRows())
	}
	if page := must[string](t)(s.Repo.ReadFile(rowsBranch, "docs/post-mortems/index.html")); !strings.Contains(page, `<li class="done">`) {
		t.Errorf("the index page does not wait with it:\n%s", page)
	}
	if message := s.git("", nil, "log", "-1", "--format=%B", rowsBranch); !strings.Contains(message, "Approved-by: ana") {
		t.Errorf("the commit of the documents does not say who approved:\n%s", message)
	}
	pulls := s.Git.Forge.Pulls()
	if last := pulls[len(pulls)-1]; len(pulls) != 2 || last.Head != rowsBranch || !strings.Contains(last.Body, alertDocument) {
		t.Errorf("pull requests: %+v", pulls)
	}

	// Nothing is done again, and nothing said.
	logins, waiting := s.SSH.Logins(), must[string](t)(s.Repo.Tip(rowsBranch))
	s.wants(0, s.run(settings))
	s.wantsEnded("skipped done-waiting-for-merge")
	if now := must[string](t)(s.Repo.Tip(rowsBranch)); now != waiting || s.SSH.Logins() != logins || len(s.Git.Forge.Pulls()) != 2 || s.paid() != 2 || len(s.applies()) != 1 {
		t.Errorf("a run with nothing to do moved %s to %s, or did more: %d turns, applies %v", waiting, now, s.paid(), s.applies())
	}

	// A person changes the document: the rows are rendered on what it is now.
	s.byHand(`printf '\nA later thought.\n' >>` + alertDocument + ` && git commit -q -am "Think" && git push -q origin HEAD`)
	signed()
	s.wants(0, s.run(settings))
	if rows := s.waitingRows(); !strings.Contains(rows, "| it is noisy | Done |") || !strings.Contains(rows, "A later thought.") {
		t.Errorf("not rendered on the tip:\n%s", rows)
	}

	// Merged by a squash: the branch goes.
	s.byHand(`git merge -q --squash origin/` + rowsBranch + ` && git commit -q -m "Rows" && git push -q origin HEAD`)
	s.wants(0, s.run(settings))
	if refs := must[map[string]string](t)(s.Repo.Refs("refs/heads/" + rowsBranch)); len(refs) > 0 || !strings.Contains(s.file(alertDocument), "| it is noisy | Done |") {
		t.Errorf("the branch is left: %v, and the document is\n%s", refs, s.file(alertDocument))
	}
	s.linksResolve(s.file(alertDocument))
	if found, code := s.verifies(standin.SampleBranch); code != 0 || found.Rows != 1 {
		t.Errorf("verify ended with %d: %+v", code, found)
	}
	s.nothingLeft()
	s.nothingSecret()
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
	s.mergeBy("ana", "merge", `git merge -q --no-ff -m "Merge the proposal" "$P" && sed -i s/10m/20m/ stacks/monitoring/locals.tf && git commit -q -a -m "More patience"`)
	s.wants(0, s.run(github))
	s.wantsEnded("proposed differs-from-approved")
	s.says("planning what was merged without that", "nothing shows that it still gets the value that was proposed")
	if applies := s.applies(); len(applies) > 0 {
		t.Errorf("applied: %v", applies)
	}
	s.mergeBy("ana", "merge", `sed -i s/20m/10m/ stacks/monitoring/locals.tf && echo theirs >NOTES && git add . && git commit -q -m "Less patience"`)
	s.wants(0, s.run(github))
	s.wantsEnded("done")
	s.says("planning what was merged without that", "approved by ana")
	s.nothingLeft()
}

// What a person pushed to the branch of the rows is never taken away.
func TestRowsAreNotPutOverSomebodyElsesCommit(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	propose := map[string]string{"PLUGIN_MODE": "propose", "PLUGIN_SCOPE": "all"}
	s.byHand(`git checkout -q -b ` + rowsBranch + ` && echo theirs >theirs && git add theirs && git commit -q -m "docs: update post-mortem follow-up" && git push -q origin HEAD`)
	theirs := must[string](t)(s.Repo.Tip(rowsBranch))
	s.asksForAPull(rowsBranch)
	s.wants(0, s.run(propose))
	s.byHand(mergeProposals)
	s.applyTip("monitoring")
	if err := s.Repo.Protect(standin.SampleBranch); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(propose))
	s.says("somebody else has a commit on " + rowsBranch)
	s.wants(0, s.run(propose))
	if theirs := s.Git.Forge.Pulls()[0]; len(theirs.Comments) != 1 || !strings.Contains(theirs.Comments[0], "writes no more rows here") || theirs.State != "open" {
		t.Errorf("after two runs the pull request of the branch is %+v", theirs)
	}
	if now := must[string](t)(s.Repo.Tip(rowsBranch)); now != theirs {
		t.Errorf("%s was put over %s", now, theirs)
	}
	if subjects := s.subjects(); slices.ContainsFunc(subjects, func(subject string) bool { return strings.HasPrefix(subject, "docs: ") }) {
		t.Errorf("pushed: %q", subjects)
	}
}

// asksForAPull is a person who opens a pull request of a branch.
func (s *site) asksForAPull(branch string) {
	s.t.Helper()
	call := must[*http.Request](s.t)(http.NewRequest(http.MethodPost, s.Git.BaseURL()+"/api/v1/repos/"+s.Repo.Name()+"/pulls",
		strings.NewReader(`{"head":"`+branch+`","base":"`+standin.SampleBranch+`","title":"Rows"}`)))
	call.Header.Set("Authorization", "Bearer "+s.Git.Forge.Token)
	answer := must[*http.Response](s.t)(http.DefaultClient.Do(call))
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusCreated {
		s.t.Fatalf("%s: %v", answer.Status, err)
	}
}
