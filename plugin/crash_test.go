package plugin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"pm-todos/plugin/resolve"
	"pm-todos/plugin/standin"
)

// process is the program as a process of its own, with some settings changed.
func (s *site) process(change map[string]string) *exec.Cmd {
	s.t.Helper()
	program, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	settings := s.Settings()
	settings["PLUGIN_LOCK_TIMEOUT"] = "5s"
	maps.Copy(settings, change)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), runVariable+"=1", "NO_COLOR=1")
	for name, value := range settings {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// killedAt runs the program as a process of its own and kills it when it logs a
// text. It tells whether the text came.
func (s *site) killedAt(text string) bool {
	s.t.Helper()
	cmd := s.process(nil)
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	found := false
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if testing.Verbose() {
			s.t.Log(lines.Text())
		}
		if !found && strings.Contains(lines.Text(), text) {
			found = true
			if err := cmd.Process.Kill(); err != nil {
				s.t.Error(err)
			}
		}
	}
	_ = cmd.Wait() // its end is what this is about
	return found
}

// freeLock lets the next run in without waiting for the end of the lease of a
// run that was killed.
func (s *site) freeLock() {
	s.t.Helper()
	refs, err := s.Repo.Refs("refs/pm-todos/lock")
	if err != nil {
		s.t.Fatal(err)
	}
	for ref := range refs {
		if err := s.Repo.SetRef(ref, ""); err != nil {
			s.t.Fatal(err)
		}
	}
}

const alertDocument = "docs/post-mortems/2026-01-01-alert.md"

func alertSite(t *testing.T) *site {
	return newSite(t, only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |")))
}

func TestKilledRunIsSettledByTheNext(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{
		"taking the lock",
		"the agent works",
		"planning the change",
		"goes to its journal",
		"applying the judged plan",
		"planning once more",
		"pushing the fix",
		"documents updated",
	} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			s := alertSite(t)
			if err := s.Terraform.DelayApply(300 * time.Millisecond); err != nil {
				t.Fatal(err)
			}
			if !s.killedAt(stage) {
				t.Fatalf("the run never said %q", stage)
			}
			s.freeLock()
			code := s.run(nil)
			if code == 1 {
				// Killed before its apply: a failed attempt, and done in the same run.
				s.says(resolve.ReasonInterrupted)
				code = s.run(nil)
			}
			s.wants(0, code)
			if doc := s.file(alertDocument); strings.Count(doc, "| Done |") != 1 || strings.Count(doc, "postmortem-todo-resolver |") != 1 {
				t.Errorf("the row is not done once:\n%s", doc)
			}
			fixes := 0
			for _, subject := range s.subjects() {
				if strings.HasPrefix(subject, "fix(") {
					fixes++
				}
			}
			if fixes != 1 {
				t.Errorf("%d fix commits: %q", fixes, s.subjects())
			}
			if n := len(s.state("monitoring")); n != s.before("monitoring")+1 {
				t.Errorf("monitoring has %d resources: %v", n, s.state("monitoring"))
			}
			s.noJournal()
		})
	}
}

// before is how many resources a stack of the sample has at first.
func (s *site) before(stack string) int {
	s.t.Helper()
	fresh := newSite(s.t, standin.Options{})
	return len(fresh.state(stack))
}

func (s *site) noJournal() {
	s.t.Helper()
	refs, err := s.Repo.Refs(resolve.JournalPrefix)
	if err != nil || len(refs) > 0 {
		s.t.Errorf("journals are left: %v, %v", refs, err)
	}
}

func TestHalfAppliedStaysWithAPersonUntilItIsSettled(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	if err := s.Terraform.FailApplyAfter(0); err != nil {
		t.Fatal(err)
	}
	s.wants(3, s.run(nil))
	s.says("pm-todos settle")
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | TODO |") {
		t.Errorf("the row is not TODO:\n%s", doc)
	}
	subjects := s.subjects()
	if len(subjects) != 1 || !strings.HasPrefix(subjects[0], "fix(") {
		t.Errorf("the fix is not published all the same: %q", subjects)
	}
	s.wants(3, s.run(nil)) // and every run after it
	if calls, err := s.Agent.Calls(); err != nil || len(calls) != 1 {
		t.Errorf("%d agent calls, want 1: %v", len(calls), err)
	}

	for _, landed := range []bool{true, false} {
		name := map[bool]string{true: "landed", false: "abandoned"}[landed]
		t.Run("settled as "+name, func(t *testing.T) {
			t.Parallel()
			s := alertSite(t)
			if err := s.Terraform.FailApplyAfter(0); err != nil {
				t.Fatal(err)
			}
			s.wants(3, s.run(nil))
			s.settle(landed)
			s.noJournal()
			if done := strings.Contains(s.file(alertDocument), "| over 80 % | Done |"); done != landed {
				t.Errorf("settled as %s, done is %v:\n%s", name, done, s.file(alertDocument))
			}
			s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
			if calls, err := s.Agent.Calls(); err != nil || len(calls) != 1 {
				t.Errorf("%d agent calls, want 1: %v", len(calls), err)
			}
		})
	}
}

// settle runs the command that the report of the last run named.
func (s *site) settle(landed bool) {
	s.t.Helper()
	_, rest, found := strings.Cut(s.last, "pm-todos settle ")
	if !found {
		s.t.Fatalf("the report names no command:\n%s", s.last)
	}
	item := strings.Fields(rest)[0]
	settings, err := settingsFrom(s.Settings())
	if err != nil {
		s.t.Fatal(err)
	}
	var out bytes.Buffer
	console, closeConsole := NewConsole("test", settings, &out, false)
	err = errors.Join(settle(s.t.Context(), settings, console, item, landed), closeConsole())
	if err != nil {
		s.t.Fatalf("settle: %v\n%s", err, out.String())
	}
}

func TestCancelledRunEndsTheAgentAndIsTemporary(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	if err := s.Agent.SetOutcome(standin.AgentHang); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		for ctx.Err() == nil {
			if calls, err := s.Agent.Calls(); err == nil && len(calls) > 0 {
				cancel(Cancelled(os.Interrupt))
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	s.wants(75, s.runContext(ctx, nil))
	s.nothingLeft()
	if out, err := exec.Command("pgrep", "-f", s.Home).Output(); err == nil {
		t.Errorf("processes of the agent are left: %s", out)
	}
	if err := s.Agent.SetOutcome(standin.AgentSuccess); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(nil)) // the interrupted attempt does not count, the item is taken up
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
}
