package app

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/audit"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
)

// doneSite is a site in which one item was implemented, and the hash of its fix.
func doneSite(t *testing.T) (s *site, fix string) {
	t.Helper()
	s = alertSite(t)
	s.wants(0, s.run(nil))
	for _, commit := range must[[]git.Commit](t)(s.Repo.Log(standin.SampleBranch)) {
		if strings.HasPrefix(commit.Subject, "fix(") {
			return s, commit.Hash
		}
	}
	t.Fatal("no fix commit")
	return nil, ""
}

// verifies runs the command on a branch of the site's repository.
func (s *site) verifies(branch string, args ...string) (found audit.Result, code int) {
	s.t.Helper()
	args = append([]string{"verify", "--format", "json", "--remote", s.Repo.Path(), "--branch", branch}, args...)
	stdout, stderr, err := runApp(s.t, "", args...)
	if err := json.Unmarshal([]byte(stdout), &found); err != nil {
		s.t.Fatalf("%v: %q %q", err, stdout, stderr)
	}
	documented(s.t, readPage(s.t, "docs/operations.md"), "verify", stdout)
	return found, fault.Of(err).ExitCode()
}

// rewrite makes the history of a branch since a commit again, with another
// committer, so that every hash is new.
func (s *site) rewrite(branch, since string) {
	s.t.Helper()
	cmd := exec.Command("sh", "-ec", `git clone -q --branch "$2" "$1" "$4/work" && cd "$4/work" &&
		git -c user.name=x -c user.email=x@example.org rebase -q --force-rebase "$3" && git push -q --force origin HEAD`,
		"sh", s.Repo.Path(), branch, since, s.t.TempDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}

func TestVerifyFindsWhatTheBranchDoesNotProve(t *testing.T) {
	notShort(t)
	noPipeline(t)
	s, fix := doneSite(t)
	done, alerts := s.file(alertDocument), s.file("stacks/monitoring/alerts.tf")
	before := must[string](t)(s.Repo.ReadFile(s.Second, "stacks/monitoring/alerts.tf"))
	evidence := must[[]git.Commit](t)(s.Repo.Log(fix + "^.." + fix))[0].Body
	forged := strings.NewReplacer("Post-Mortem-Item: ", "Post-Mortem-Item: 0").Replace("forged\n\n" + evidence + "\n")
	for name, test := range map[string]struct {
		change func(branch string)
		code   string
	}{
		"as the run left it": {func(string) {}, ""},
		"row back to TODO": {func(b string) {
			s.commit(b, "x", alertDocument, strings.Replace(done, "| Done |", "| TODO |", 1))
		}, audit.NotDone},
		"table row gone": {func(b string) {
			body, _, _ := strings.Cut(done, "## Follow-up")
			s.commit(b, "x", alertDocument, body)
		}, audit.NoRow},
		"link to nothing": {func(b string) {
			s.commit(b, "x", alertDocument, strings.ReplaceAll(strings.Replace(done, fix[:7]+"`", "abcdef1`", 1), fix, strings.Repeat("ab", 20)))
		}, audit.HashOutdated},
		"link to nothing, of an item without a fix": {func(b string) {
			s.commit(b, "x", alertDocument, strings.NewReplacer("disk usage", "swap usage", fix, strings.Repeat("ab", 20)).Replace(done))
		}, audit.CommitGone + " " + audit.NoRow},
		"no link": {func(b string) {
			at := strings.Index(done, "[`")
			end := at + strings.Index(done[at:], ")") + 1
			s.commit(b, "x", alertDocument, done[:at]+"—"+done[end:])
		}, audit.NoCommit},
		"link to another commit": {func(b string) {
			s.commit(b, "x", alertDocument, strings.ReplaceAll(done, fix, s.Second))
		}, audit.NoEvidence},
		"forged trailers": {func(b string) {
			h := s.commit(b, forged, "stacks/monitoring/x.tf", "# x\n")
			s.commit(b, "x", alertDocument, strings.ReplaceAll(done, fix, h))
		}, audit.OtherItem},
		"another action in the table": {func(b string) {
			at := strings.LastIndex(done, "disk usage")
			s.commit(b, "x", alertDocument, done[:at]+"swap usage"+done[at+len("disk usage"):])
		}, audit.OtherItem},
		"reverted by git": {func(b string) {
			s.commit(b, "Revert\n\nThis reverts commit "+fix+".\n", "stacks/monitoring/alerts.tf", before+"\n# and more\n")
		}, audit.Reverted},
		"reverted by hand": {func(b string) { s.commit(b, "x", "stacks/monitoring/alerts.tf", before) }, audit.Reverted},
		"reverted and brought back": {func(b string) {
			h := s.commit(b, "Revert\n\nThis reverts commit "+fix+".\n", "stacks/monitoring/alerts.tf", before)
			s.commit(b, "Reapply\n\nThis reverts commit "+h+".\n", "stacks/monitoring/alerts.tf", alerts)
		}, ""},
		"more than its stack": {func(b string) {
			h := must[string](t)(s.Repo.Commit(b, "more\n\n"+evidence+"\n", map[string]string{
				"stacks/monitoring/alerts.tf": alerts + "\n# x\n", "stacks/nfs/main.tf": "# x\n",
			}))
			s.commit(b, "x", alertDocument, strings.ReplaceAll(done, fix, h))
		}, audit.OutsideStack},
		"document renamed": {func(b string) {
			must[string](t)(s.Repo.Commit(b, "x", map[string]string{"docs/post-mortems/2026-01-01-other.md": done}, alertDocument))
		}, ""},
		"copied into another document": {func(b string) { s.commit(b, "x", "docs/post-mortems/2026-01-03-copy.md", done) }, audit.OtherItem},
		"history rewritten":            {func(b string) { s.rewrite(b, s.First) }, audit.HashOutdated},
	} {
		t.Run(name, func(t *testing.T) {
			s.t = t
			branch := strings.NewReplacer(" ", "-", ",", "").Replace(name)
			if err := s.Repo.SetRef("refs/heads/"+branch, s.tip()); err != nil {
				t.Fatal(err)
			}
			test.change(branch)
			found, code := s.verifies(branch)
			if found.Documents == 0 || found.Rows == 0 && test.code != audit.NoRow {
				t.Errorf("nothing was looked at: %+v", found)
			}
			var codes []string
			for _, d := range found.Findings {
				codes = append(codes, d.Code)
				if d.Fix == "" || d.Detail == "" {
					t.Errorf("no way out: %+v", d)
				}
			}
			if want := strings.Fields(test.code); strings.Join(codes, " ") != strings.Join(want, " ") || code != min(len(want), 1) {
				t.Errorf("exit code %d, findings %+v, want %q", code, found.Findings, test.code)
			}
		})
	}
	t.Run("repository of the current folder", func(t *testing.T) {
		t.Chdir(s.Repo.Path())
		stdout, _, err := runApp(t, "", "verify")
		if err != nil || !strings.Contains(stdout, "1 document, 1 row implemented by postmortem-todo-resolver, 1 fix commit: 0 findings") {
			t.Errorf("%v: %q", err, stdout)
		}
		if _, _, err := runApp(t, "", "verify", "docs/none.md"); err == nil || !strings.Contains(err.Error(), "docs/none.md") {
			t.Errorf("a document that is not there: %v", err)
		}
		t.Chdir(t.TempDir())
		if _, _, err := runApp(t, "", "verify"); fault.Of(err) != fault.Settings {
			t.Errorf("no repository at all: %v", err)
		}
	})
}

// commit changes one file of a branch.
func (s *site) commit(branch, message, file, content string) string {
	s.t.Helper()
	return must[string](s.t)(s.Repo.Commit(branch, message, map[string]string{file: content}))
}

// TestVerifyTellsOfProposals has one that waits, and then one that a person merged
// and that no run has applied yet.
func TestVerifyTellsOfProposals(t *testing.T) {
	longAndAlike(t)
	noPipeline(t)
	s := alertSite(t)
	s.wants(0, s.run(map[string]string{"PLUGIN_MODE": "propose"}))
	found, code := s.verifies(standin.SampleBranch, alertDocument)
	if code != 0 || len(found.Findings) > 0 || len(found.Proposals) != 1 || found.Proposals[0].State != "open" || !strings.HasPrefix(found.Proposals[0].Branch, "pm-todos/propose/") {
		t.Fatalf("exit code %d: %+v, %+v", code, found.Findings, found.Proposals)
	}
	if err := s.settleItem(found.Proposals[0].Item, true); err == nil || !strings.Contains(err.Error(), "waits on pm-todos/propose/") {
		t.Errorf("settle says of a proposal: %v", err)
	}
	if err := s.Repo.SetRef("refs/heads/"+standin.SampleBranch, found.Proposals[0].Commit); err != nil {
		t.Fatal(err)
	}
	found, code = s.verifies(standin.SampleBranch, alertDocument)
	if code != 0 || len(found.Findings) > 0 || len(found.Proposals) != 1 || found.Proposals[0].State != "merged" || found.Proposals[0].Branch != "" {
		t.Errorf("once it is merged: exit code %d: %+v, %+v", code, found.Findings, found.Proposals)
	}
	const alerts = "stacks/monitoring/alerts.tf"
	s.commit(standin.SampleBranch, "Take it back\n", alerts, must[string](t)(s.Repo.ReadFile(s.Second, alerts)))
	found, code = s.verifies(standin.SampleBranch, alertDocument)
	if code != 0 || len(found.Findings) > 0 || len(found.Proposals) != 1 || found.Proposals[0].State != "reverted" {
		t.Errorf("once it is reverted: exit code %d: %+v, %+v", code, found.Findings, found.Proposals)
	}
}

// TestHalfAppliedIsClosedByTheCommandThatIsTold has verify tell of it, and a person who
// says that it landed.
func TestHalfAppliedIsClosedByTheCommandThatIsTold(t *testing.T) {
	notShort(t)
	noPipeline(t)
	s := alertSite(t)
	if err := s.Terraform.FailApplyAfter(0); err != nil {
		t.Fatal(err)
	}
	s.wants(3, s.run(nil))
	s.says("pm-todos settle")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | TODO |") {
		t.Errorf("the row is not TODO:\n%s", doc)
	}
	if subjects := s.subjects(); len(subjects) != 1 || !strings.HasPrefix(subjects[0], "fix(") {
		t.Errorf("the fix is not published all the same: %q", subjects)
	}
	found, code := s.verifies(standin.SampleBranch, alertDocument)
	if code != 1 || len(found.Findings) != 1 || found.Findings[0].Code != audit.Unsettled || !strings.Contains(found.Findings[0].Fix, "pm-todos settle") {
		t.Errorf("exit code %d: %+v", code, found.Findings)
	}
	s.settle(true)
	s.noJournal()
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("settled as landed, and not done:\n%s", doc)
	}
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	if s.paid() != 1 {
		t.Errorf("%d agents were paid", s.paid())
	}
}
