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
)

const rowsBranch = "pm-todos/documents"

// byHand runs shell commands in a clone of the remote, as a person who may push
// wherever they like.
func (s *site) byHand(commands string) {
	s.t.Helper()
	if err := s.Repo.Protect(""); err != nil {
		s.t.Fatal(err)
	}
	script := `git clone -q "$1" "$2/work" && cd "$2/work" && git config user.name x && git config user.email x@example.org && ` + commands
	if out, err := exec.Command("sh", "-ec", script, "sh", s.Repo.Path(), s.t.TempDir()).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
	if err := s.Repo.Protect(standin.SampleBranch); err != nil {
		s.t.Fatal(err)
	}
}

const mergeProposals = `for p in $(git for-each-ref --format='%(refname)' refs/remotes/origin/pm-todos/propose); do git merge -q --no-ff -m "Merge a proposal" "$p"; done && git push -q origin HEAD`

func (s *site) waitingRows() string {
	s.t.Helper()
	return must[string](s.t)(s.Repo.ReadFile(rowsBranch, alertDocument))
}

// Rows of a branch that takes no direct pushes wait on a branch of their own, and
// nothing is done or said again until they are merged.
func TestRowsOfAProtectedBranchWaitToBeMerged(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	propose := map[string]string{"PLUGIN_MODE": "propose", "PLUGIN_SCOPE": "all", "PLUGIN_INDEX": settings.DefaultIndex}
	if err := s.Repo.Protect(standin.SampleBranch); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(propose))
	s.wantsEnded("proposed")
	s.byHand(mergeProposals)
	s.applyTip("monitoring")
	tip := s.tip()
	s.wants(0, s.run(propose))
	s.wantsEnded("done")
	s.says("the branch does not take the rows by a push", "opened a pull request")
	if s.tip() != tip || !strings.Contains(s.file(alertDocument), "| over 80 % | TODO |") {
		t.Errorf("something was pushed to the protected branch: %q", s.subjects())
	}
	waiting := must[string](t)(s.Repo.Tip(rowsBranch))
	if !strings.Contains(s.waitingRows(), "| over 80 % | Done |") {
		t.Errorf("the row does not wait:\n%s", s.waitingRows())
	}
	if page := must[string](t)(s.Repo.ReadFile(rowsBranch, settings.DefaultIndex)); !strings.Contains(page, `<li class="done">`) {
		t.Errorf("the index page does not wait with it:\n%s", page)
	}
	pulls := s.Git.Forge.Pulls()
	if last := pulls[len(pulls)-1]; last.Head != rowsBranch || !strings.Contains(last.Body, alertDocument) || len(pulls) != 2 {
		t.Errorf("pull requests: %+v", pulls)
	}

	// Nothing is done again, and nothing said.
	logins := s.SSH.Logins()
	s.wants(0, s.run(propose))
	s.wantsEnded("skipped done-waiting-for-merge")
	if now := must[string](t)(s.Repo.Tip(rowsBranch)); now != waiting || s.SSH.Logins() != logins || len(s.Git.Forge.Pulls()) != 2 {
		t.Errorf("a run with nothing to do logged in %d times, and moved %s to %s", s.SSH.Logins()-logins, waiting, now)
	}

	// A person changes the document: the rows are rendered on what it is now.
	s.byHand(`printf '\nA later thought.\n' >>` + alertDocument + ` && git commit -q -am "Think" && git push -q origin HEAD`)
	s.wants(0, s.run(propose))
	if !strings.Contains(s.waitingRows(), "| over 80 % | Done |") || !strings.HasSuffix(s.waitingRows(), "\n") || !strings.Contains(s.waitingRows(), "A later thought.") {
		t.Errorf("not rendered on the tip:\n%s", s.waitingRows())
	}

	// Merged by a squash: the branch goes.
	s.byHand(`git merge -q --squash origin/` + rowsBranch + ` && git commit -q -m "Rows" && git push -q origin HEAD`)
	s.wants(0, s.run(propose))
	if refs := must[map[string]string](t)(s.Repo.Refs("refs/heads/" + rowsBranch)); len(refs) > 0 {
		t.Errorf("the branch is left: %v", refs)
	}
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("not done:\n%s", doc)
	}
	s.linksResolve(s.file(alertDocument))
}

// Rows wait as well where fixes are applied, and the branch does not take the docs
// commit: a merge is applied, nothing of it is pushed, and nothing is said twice.
func TestRowsThatTheBranchRefusesWaitToBeMergedInModeApplyToo(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := patientSite(t)
	apply := map[string]string{"PLUGIN_SCOPE": "all"}
	signed := func(script string) {
		t.Helper()
		if err := s.Repo.InstallHook("update", script); err != nil {
			t.Fatal(err)
		}
	}
	signed(needsSigned)
	s.wants(0, s.run(apply))
	s.wantsEnded("proposed")
	signed("") // a forge signs what it merges
	s.press("ana", "squash")
	signed(needsSigned)
	tip := s.tip()
	s.wants(0, s.run(apply))
	s.wantsEnded("done")
	s.says("approved by ana", "commits must be signed", "the branch does not take the rows by a push")
	if after := fmt.Sprint(s.state("monitoring")); !strings.Contains(after, "for: 10m") || s.tip() != tip {
		t.Errorf("the state is %s, the commits %q", after, s.subjects())
	}
	if !strings.Contains(s.waitingRows(), "| it is noisy | Done |") {
		t.Errorf("the row does not wait:\n%s", s.waitingRows())
	}
	if pulls := s.Git.Forge.Pulls(); len(pulls) != 2 || pulls[1].Head != rowsBranch {
		t.Errorf("pull requests: %+v", pulls)
	}
	logins := s.SSH.Logins()
	s.wants(0, s.run(apply))
	s.wantsEnded("skipped done-waiting-for-merge")
	if s.SSH.Logins() != logins || s.paid() != 2 || len(s.applies()) != 1 {
		t.Errorf("a run with nothing to do logged in; %d turns, applies %v", s.paid(), s.applies())
	}
	signed("")
	s.byHand(`git merge -q --no-ff -m "Rows" origin/` + rowsBranch + ` && git push -q origin HEAD`)
	s.wants(0, s.run(apply))
	if refs := must[map[string]string](t)(s.Repo.Refs("refs/heads/" + rowsBranch)); len(refs) > 0 || !strings.Contains(s.file(alertDocument), "| it is noisy | Done |") {
		t.Errorf("the branch is left: %v, and the document is\n%s", refs, s.file(alertDocument))
	}
	s.linksResolve(s.file(alertDocument))
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
