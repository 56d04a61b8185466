package app

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
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

// stages are what a run says when it comes to a stage at which it may be
// disturbed, from the lock to the push of the documents.
var stages = []string{
	"taking the lock",
	"planning the unchanged base",
	"starting the agent",
	"planning the change",
	"writing the fix commit to its journal",
	"applying the judged plan",
	"planning again: the plan must be empty",
	"pushing the fix",
	"rows updated",
}

// disturbances are the ways to disturb a run. Of each: the exit codes that it
// may have.
var disturbances = map[string]struct {
	do    func(*site, process)
	codes []int
}{
	"SIGKILL": {func(s *site, p process) { s.signal(p, syscall.SIGKILL) }, []int{-1}},
	"SIGKILL and its temporary directory gone": {func(s *site, p process) {
		s.signal(p, syscall.SIGKILL)
		_, _ = p.Process.Wait()
		if err := os.RemoveAll(p.temporary); err != nil {
			s.t.Error(err)
		}
	}, []int{-1}},
	"SIGTERM":        {func(s *site, p process) { s.signal(p, syscall.SIGTERM) }, []int{0, 3, 75}},
	"connection cut": {func(s *site, _ process) { s.cut() }, []int{0, 1, 3, 75}},
}

// recovers disturbs a run at a stage and lets others run after it: nothing is
// lost, nothing is applied twice without a new plan, no row is falsely Done.
func (s *site) recovers(settings map[string]string, way, stage string) {
	s.t.Helper()
	held := s.alerts()
	disturbance := disturbances[way]
	if code := s.disturbed(settings, stage, func(p process) { disturbance.do(s, p) }); !slices.Contains(disturbance.codes, code) {
		s.t.Errorf("the disturbed run ended with %d, want one of %v\n%s", code, disturbance.codes, s.last)
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

// everyCase asks for all cases, and not for those alone that differ most, which
// takes minutes.
const everyCase = "PM_TODOS_EVERY_CASE"

// chosen reports whether a stage is disturbed in a way: without everyCase where
// the way matters most, and with -short at the apply alone, since to the race
// detector one stage is like another.
func chosen(stage string, where ...string) bool {
	if testing.Short() {
		return stage == "applying the judged plan"
	}
	return os.Getenv(everyCase) != "" || slices.Contains(where, stage)
}

func TestDisturbedRunIsSettledByTheNext(t *testing.T) {
	t.Parallel()
	for way, where := range map[string][]string{
		"SIGKILL and its temporary directory gone": {"applying the judged plan"},
		"SIGTERM":        {"applying the judged plan"},
		"connection cut": nil, // TestConnectionCutAtEachStage has it
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			for _, stage := range stages {
				if !chosen(stage, where...) {
					continue
				}
				t.Run(stage, func(t *testing.T) {
					t.Parallel()
					s := alertSite(t)
					if err := s.Terraform.DelayApply(300 * time.Millisecond); err != nil {
						t.Fatal(err)
					}
					s.cut = s.SSH.Cut
					s.recovers(nil, way, stage)
				})
			}
		})
	}
}

// TestDisturbedRunWithRealComponents is the same with OpenSSH's server, through
// a proxy that cuts the connection, and a real Terraform.
func TestDisturbedRunWithRealComponents(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	programs := realTerraforms(t)
	for version, terraform := range programs {
		if version != slices.Min(slices.Collect(maps.Keys(programs))) {
			continue // how a run recovers does not depend on the version
		}
		for way, at := range map[string][]string{
			"SIGKILL":        {"starting the agent", "writing the fix commit to its journal", "applying the judged plan", "planning again: the plan must be empty", "pushing the fix", "rows updated"},
			"SIGTERM":        {"applying the judged plan"},
			"connection cut": {"starting the agent", "applying the judged plan", "planning again: the plan must be empty"},
		} {
			for _, stage := range at {
				if way != "SIGKILL" && os.Getenv(everyCase) == "" || !chosen(stage, "applying the judged plan") {
					continue
				}
				t.Run(version+"/"+way+"/"+stage, func(t *testing.T) {
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
					s.recovers(settings, way, stage)
				})
			}
		}
	}
}

// TestFrozenRunAppliesNothingLater stops a run for longer than its lease, just
// before it starts its apply. Another run settles the item and does it. When the
// first wakes up, it must neither apply nor take anything back.
func TestFrozenRunAppliesNothingLater(t *testing.T) {
	t.Parallel()
	// The last request to the remote between journal and apply is the look for
	// the lock. The run gets an answer from before it was frozen. On a slow machine
	// the lock is renewed meanwhile: it is frozen earlier then, or its apply is over.
	for range 4 {
		if frozenAt(t, requestsBeforeApply) {
			return
		}
	}
	t.Error("the run was never frozen between its look for the lock and its apply")
}

// frozenAt freezes a run at a request after its journal is written, for longer
// than its lease, and reports whether it came to its apply before it noticed.
func frozenAt(t *testing.T, at int) (cameToItsApply bool) {
	t.Helper()
	s := alertSite(t)
	held := s.alerts()
	frozen := make(chan process, 1)
	var running atomic.Pointer[process]
	var requests atomic.Int64
	s.Git.SetMiddleware(answeredLate(func(r *http.Request) {
		p := running.Load()
		if p == nil || !strings.HasSuffix(r.URL.Path, "/info/refs") {
			return
		}
		if refs, err := s.Repo.Refs(record.JournalPrefix); err != nil || len(refs) == 0 {
			return
		}
		if requests.Add(1) == int64(at) {
			s.signal(*p, syscall.SIGSTOP)
			running.Store(nil)
			frozen <- *p
		}
	}))
	first := &site{World: s.World, t: t}
	ended := make(chan int, 1)
	go func() {
		ended <- first.disturbed(nil, "cloning at full depth", func(p process) { running.Store(&p) })
	}()
	var p process
	select {
	case p = <-frozen:
	case code := <-ended:
		t.Fatalf("it was never frozen, and ended with %d:\n%s", code, first.last)
	}
	s.freeLock()
	s.wants(0, s.run(nil))
	nothingBegan := strings.Contains(s.last, string(reason.Interrupted))
	s.doneOnce(held)
	s.signal(p, syscall.SIGCONT)
	code := <-ended
	if code != 75 && code != 3 {
		// 3: it stopped waiting for the host's answer when it saw that the lock is lost.
		t.Errorf("the frozen run ended with %d, want 75 or 3\n%s", code, first.last)
	}
	s.wants(0, s.run(nil))
	s.doneOnce(held)
	if code == 75 {
		// With 3 its run directory stays: it did not see that nothing began, and
		// a later run that works on the host removes it.
		s.nothingLeft()
	}
	return nothingBegan && strings.Contains(first.last, "applying the judged plan")
}

// requestsBeforeApply is how many times a run lists the remote's refs between
// its journal and its apply.
const requestsBeforeApply = 1

// answeredLate has act see a request after its answer was made and before it is
// sent.
func answeredLate(act func(*http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			act(r)
			maps.Copy(w.Header(), answer.Header())
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
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

func TestHalfAppliedStaysWithAPersonUntilItIsSettled(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
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
	s.settle(true)
	s.noJournal()
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("settled as landed, and not done:\n%s", doc)
	}
	s.wants(0, s.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	if calls, err := s.Agent.Calls(); err != nil || len(calls) != 1 {
		t.Errorf("%d agent calls, want 1: %v", len(calls), err)
	}
}

// settle runs the command that the report of the last run named.
func (s *site) settle(landed bool) {
	s.t.Helper()
	before, _, found := strings.Cut(s.last, " --landed\n")
	if !found {
		s.t.Fatalf("the report names no command:\n%s", s.last)
	}
	line := strings.Fields(before[strings.LastIndex(before, "\n"):])
	if err := s.settleItem(line[len(line)-1], landed); err != nil {
		s.t.Fatal(err)
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
	if err := s.Agent.SetOutcome(agent.Success); err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.run(nil)) // the interrupted attempt does not count, the item is taken up
	if doc := s.file(alertDocument); !strings.Contains(doc, "| over 80 % | Done |") {
		t.Errorf("the row is not done:\n%s", doc)
	}
}
