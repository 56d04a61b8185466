package app

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/record"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
)

// process is the program as a process of its own, with settings changed.
func (s *site) process(change map[string]string) *exec.Cmd {
	s.t.Helper()
	program, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	environment := s.Settings()
	environment["PLUGIN_LOCK_TIMEOUT"] = "1m"
	maps.Copy(environment, change)
	cmd := exec.Command(program)
	cmd.Env = append(cmd.Environ(), runVariable+"=1", "NO_COLOR=1")
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// process is the program as a process of its own, on a site.
type process struct {
	*exec.Cmd
	temporary string // its TMPDIR
}

// disturbed runs the program as a process of its own and disturbs it once, when
// it logs a text. It tells the code that it ended with, -1 when a signal ended
// it.
func (s *site) disturbed(settings map[string]string, text string, disturb func(process)) int {
	s.t.Helper()
	done := false
	code := s.executed(settings, func(p process, line string) {
		if !done && strings.Contains(line, text) {
			done = true
			disturb(p)
		}
	})
	if !done {
		s.t.Fatalf("the run never said %q:\n%s", text, s.last)
	}
	return code
}

// executed runs the program as a process of its own, has each line of its log
// seen as it is written, and tells the code that it ended with, -1 when a signal
// ended it.
func (s *site) executed(settings map[string]string, see func(p process, line string)) int {
	s.t.Helper()
	p := process{Cmd: s.process(settings), temporary: s.t.TempDir()}
	p.Env = append(p.Env, "TMPDIR="+p.temporary)
	out, err := p.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	p.Stderr = p.Stdout
	if err := p.Start(); err != nil {
		s.t.Fatal(err)
	}
	var log strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		log.WriteString(lines.Text() + "\n")
		see(p, lines.Text())
	}
	_ = p.Wait() // its end is what this is about
	s.last = log.String()
	if testing.Verbose() {
		s.t.Log(s.last)
	}
	return p.ProcessState.ExitCode()
}

func (s *site) signal(p process, sig os.Signal) {
	if err := p.Process.Signal(sig); err != nil {
		s.t.Error(err)
	}
}

// freeLock frees all locks: it lets the next run in without waiting for the lease of a
// run that was killed.
func (s *site) freeLock() {
	s.t.Helper()
	for _, place := range []string{"refs/pm-todos/lock", "refs/pm-todos/locks/"} {
		refs, err := s.Repo.Refs(place)
		if err != nil {
			s.t.Fatal(err)
		}
		for ref := range refs {
			if err := s.Repo.SetRef(ref, ""); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

const alertDocument = "docs/post-mortems/2026-01-01-alert.md"

func alertSite(t *testing.T) *site {
	return newSite(t, only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |")))
}

// doneOnce checks that the one item of an alert site is done, by one commit and
// one apply.
func (s *site) doneOnce(held int) {
	s.t.Helper()
	if doc := s.file(alertDocument); strings.Count(doc, "| Done |") != 1 || strings.Count(doc, "postmortem-todo-resolver |") != 1 {
		s.t.Errorf("the row is not done once:\n%s", doc)
	}
	fixes := 0
	for _, subject := range s.subjects() {
		if strings.HasPrefix(subject, "fix(") {
			fixes++
		}
	}
	if fixes != 1 {
		s.t.Errorf("%d fix commits: %q", fixes, s.subjects())
	}
	if n := s.alerts(); n != held+1 {
		s.t.Errorf("monitoring has %d alerts, want %d: %v", n, held+1, s.state("monitoring"))
	}
	if applies := s.applies(); len(applies) != 1 {
		s.t.Errorf("%d applies of stacks/monitoring, want 1: %q", len(applies), applies)
	}
}

// applies are the saved plans that were applied to the stack monitoring by runs
// of the program.
func (s *site) applies() []string {
	s.t.Helper()
	var plans []string
	if s.Terraform.Dir == "" {
		for line := range strings.Lines(string(must[[]byte](s.t)(os.ReadFile(s.recorded)))) {
			plans = append(plans, strings.TrimSpace(line))
		}
		return plans
	}
	for _, call := range must[[]terraform.Call](s.t)(s.Terraform.Calls()) {
		if call.Args[0] == "apply" && strings.Contains(call.Dir, "/.cache/pm-todos/runs/") {
			plans = append(plans, call.Args[len(call.Args)-1])
		}
	}
	return plans
}

// TestDisturbedRunIsSettledByTheNext kills a run, and takes its temporary directory,
// when its apply is through. What it applied counts for more than the temporary trouble
// of the runs after it, unless another run is at work.
func TestDisturbedRunIsSettledByTheNext(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	held := s.alerts()
	if code := s.disturbed(nil, "planning again: the plan must be empty", func(p process) {
		s.signal(p, syscall.SIGKILL)
		_, _ = p.Process.Wait()
		if err := os.RemoveAll(p.temporary); err != nil {
			t.Error(err)
		}
	}); code != -1 {
		t.Errorf("the killed run ended with %d", code)
	}
	s.seal(true)
	s.wants(75, s.run(map[string]string{"PLUGIN_LOCK_TIMEOUT": "1s"})) // the lease of the run that was killed is not over
	s.freeLock()
	s.wants(3, s.run(nil))
	s.wantsEnded("needs-person apply-unconfirmed")
	s.says("sealed", "Add an alert on disk usage")
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
	s.nothingLeft()
}

// recovers disturbs a run at its apply and lets others run after it: nothing is lost,
// nothing is applied twice, no row is falsely Done.
func (s *site) recovers(settings map[string]string, disturb func(process), codes ...int) {
	s.t.Helper()
	held := s.alerts()
	if code := s.disturbed(settings, "applying the judged plan", disturb); !slices.Contains(codes, code) {
		s.t.Errorf("the disturbed run ended with %d, want one of %v\n%s", code, codes, s.last)
	}
	if doc := s.file(alertDocument); strings.Contains(doc, "| Done |") && s.alerts() != held+1 {
		s.t.Errorf("falsely done:\n%s", doc)
	}
	s.freeLock()
	code := s.run(settings)
	if code == 1 {
		// Disturbed before its apply: a failed attempt, and done in the same run.
		s.says(string(reason.Interrupted))
		code = s.run(settings)
	}
	s.wants(0, code)
	s.doneOnce(held)
	s.noJournal()
}

func TestTerminatedRunIsSettledByTheNext(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := alertSite(t)
	if err := s.Terraform.DelayApply(300 * time.Millisecond); err != nil {
		t.Fatal(err)
	}
	s.recovers(nil, func(p process) { s.signal(p, syscall.SIGTERM) }, 0, 3, 75)
}

// TestDisturbedRunWithRealComponents has OpenSSH's server, through a proxy that cuts
// the connection, and a real Terraform.
func TestDisturbedRunWithRealComponents(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	terraform := oldestTerraform(t)
	for _, way := range []string{"SIGKILL", "connection cut"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
			recorded := filepath.Join(t.TempDir(), "applies")
			o.Terraform = filepath.Join(t.TempDir(), "terraform")
			script := fmt.Sprintf("#!/bin/sh\ncase $1:$PWD in apply:*/.cache/pm-todos/runs/*) echo \"$@\" >>'%s'; sleep 0.3 ;; esac\nexec '%s' \"$@\"\n", recorded, terraform)
			if err := os.WriteFile(o.Terraform, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			s, settings := realSite(t, o)
			s.recorded = recorded
			if way == "SIGKILL" {
				s.recovers(settings, func(p process) { s.signal(p, syscall.SIGKILL) }, -1)
			} else {
				s.recovers(settings, func(process) { s.cut() }, 0, 1, 3, 75)
			}
		})
	}
}

func (s *site) noJournal() {
	s.t.Helper()
	refs, err := s.Repo.Refs(record.JournalPrefix)
	if err != nil || len(refs) > 0 {
		s.t.Errorf("journals are left: %v, %v", refs, err)
	}
}

func TestCancelledRunEndsTheAgentAndIsTemporary(t *testing.T) {
	t.Parallel()
	s := alertSite(t)
	if err := s.Agent.SetOutcome(agent.Hang); err != nil {
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
}

// TestFailure_ConfirmingPlanThatCannotBeReadIsNoPendingChange has what show prints
// become unreadable when the apply is through.
func TestFailure_ConfirmingPlanThatCannotBeReadIsNoPendingChange(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	o := only("2026-01-01-alert.md", document("| P2 | Add an alert on disk usage | Alert | over 80 % | TODO |"))
	applied := filepath.Join(t.TempDir(), "applied")
	o.Files["scripts/tg"] = strings.Replace(wrapper, "esac", `apply) : >'`+applied+`' ;;
show) if [ -e '`+applied+`' ]; then terraform "$verb" "$@" | sed 's/^./[monitoring "x"] &/'; exit; fi ;;
esac`, 1)
	s := newSite(t, o)
	held := s.alerts()
	s.wants(3, s.run(nil))
	s.wantsEnded("needs-person apply-unconfirmed")
	s.says("the plan after the apply cannot be read")
	if err := os.Remove(applied); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(nil))
	s.doneOnce(held)
	s.noJournal()
}
