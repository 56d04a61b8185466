package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/audit"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/reason"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/git"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
)

// killRounds says how many rounds TestRandomKillsLoseNothing has, and killSeed
// what the first of them is made from, to repeat one.
const (
	killRounds = "PM_TODOS_KILL_ROUNDS"
	killSeed   = "PM_TODOS_KILL_SEED"
)

// TestRandomKillsLoseNothing kills runs, one after the other, at moments that
// nobody chose, and lets others run to the end.
func TestRandomKillsLoseNothing(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	rounds, seed := uint64(3), uint64(time.Now().UnixNano())
	for name, number := range map[string]*uint64{killRounds: &rounds, killSeed: &seed} {
		if text := os.Getenv(name); text != "" {
			*number = must[uint64](t)(strconv.ParseUint(text, 10, 64))
		}
	}
	for round := range rounds {
		t.Run(fmt.Sprintf("%s=%d", killSeed, seed+round), func(t *testing.T) {
			t.Parallel()
			newKilled(t).round(rand.New(rand.NewPCG(seed+round, 0)))
		})
	}
}

// killed is a site with two items of two stacks, and what its states held before
// any run.
type killed struct {
	*site
	held map[string]uint64 // serial of each stack's state
}

// linesOfARun are about as many as an undisturbed run over both items logs.
const linesOfARun = 30

func newKilled(t *testing.T) killed {
	t.Helper()
	k := killed{site: twoStacks(t), held: map[string]uint64{}}
	for _, stack := range []string{"monitoring", "uptime-kuma"} {
		k.held[stack] = k.serial(stack)
	}
	return k
}

// round kills one to three runs, and looks after each of them and at the end.
func (k killed) round(random *rand.Rand) {
	k.t.Helper()
	// Runs that are killed after they wrote an attempt and before its apply use it up.
	settings := map[string]string{"PLUGIN_MAX_ATTEMPTS": "9", "PLUGIN_SCOPE": "all"}
	if random.IntN(2) == 0 && k.Terraform.DelayApply(200*time.Millisecond) != nil {
		k.t.Fatal("no delay")
	}
	for range 1 + random.IntN(3) {
		k.kill(settings, 1+random.IntN(linesOfARun), time.Duration(random.ExpFloat64()*float64(50*time.Millisecond)), random.IntN(2) == 0)
		k.nothingFalse()
		k.freeLock()
	}
	code := k.run(settings)
	for tries := 1; code == 1 && tries < 3; tries++ { // what a kill interrupted is told once as a failed attempt
		k.says(string(reason.Interrupted))
		code = k.run(settings)
	}
	k.wants(0, code)
	k.nothingFalse()
	k.everythingOnce()
	k.nothingPending()
	// What killed runs left on the host goes with the next run that works there.
	must[string](k.t)(k.Repo.Commit(standin.SampleBranch, "one more\n", map[string]string{
		"docs/post-mortems/2026-01-02-more.md": document("| P2 | Add an alert on swap | Alert | over 50 % | TODO |"),
	}))
	k.wants(0, k.run(settings))
	k.nothingPending()
	// A run that is killed while it makes its folder leaves an empty one of
	// nobody's, which goes by its age.
	if kept := must[[]string](k.t)(filepath.Glob(filepath.Join(k.Home, ".cache", "pm-todos", "runs", "*", "*"))); len(kept) > 0 {
		k.t.Errorf("the host still has %v", kept)
	}
}

// kill runs the program and kills it a while after it logged so many lines, if
// it lives that long.
func (k killed) kill(settings map[string]string, lines int, after time.Duration, wipe bool) {
	k.t.Helper()
	k.t.Logf("SIGKILL %s after line %d, temporary directory lost: %v", after, lines, wipe)
	seen := 0
	code := k.executed(settings, func(p process, _ string) {
		if seen++; seen != lines {
			return
		}
		time.Sleep(after)
		if err := p.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			k.t.Error(err)
		}
		if wipe {
			if err := os.RemoveAll(p.temporary); err != nil {
				k.t.Error(err)
			}
		}
	})
	if code != -1 && code != 0 && (code != 1 || !strings.Contains(k.last, string(reason.Interrupted))) {
		k.t.Errorf("the run that was to be killed ended with %d\n%s", code, k.last)
	}
}

// nothingFalse checks what must hold at any moment: a row is Done only when its
// fix is applied and on the branch, nothing was applied twice, and nothing is on
// the branch but judged fixes and their rows.
func (k killed) nothingFalse() {
	k.t.Helper()
	applied := map[string]int{}
	for _, call := range must[[]terraform.Call](k.t)(k.Terraform.Calls()) {
		if call.Args[0] == "apply" && strings.Contains(call.Dir, "/.cache/pm-todos/runs/") {
			if applied[call.Plan]++; applied[call.Plan] > 1 {
				k.t.Errorf("the plan %s was applied twice", call.Plan)
			}
		}
	}
	fixes := 0
	for _, commit := range must[[]git.Commit](k.t)(k.Repo.Log(k.Second + ".." + standin.SampleBranch)) {
		_, plan, fix := strings.Cut(commit.Body, "Post-Mortem-Plan: sha256:")
		plan, _, _ = strings.Cut(plan, "\n")
		switch {
		case fix && applied[plan] == 1 && len(commit.Files) == 1 && strings.HasPrefix(commit.Files[0], "stacks/"):
			fixes++
		case !fix && len(commit.Files) == 1 && commit.Files[0] == alertDocument:
		default:
			k.t.Errorf("on the branch without having been judged and applied: %+v", commit)
		}
	}
	if done := strings.Count(k.file(alertDocument), "| Done |"); done > fixes {
		k.t.Errorf("%d rows are Done, and %d fixes on the branch:\n%s", done, fixes, k.file(alertDocument))
	}
	for _, finding := range k.verified().Findings {
		if finding.Code != audit.NotDone && finding.Code != audit.Unsettled { // that the next run goes on with
			k.t.Errorf("verify finds %+v", finding)
		}
	}
}

// verified is what the command verify finds on the branch.
func (k killed) verified() audit.Result {
	k.t.Helper()
	settings := must[settings.Settings](k.t)(settings.FromEnvironment(k.Settings()))
	var log bytes.Buffer
	console, closeConsole := console.New("test", settings, &log, false)
	found, err := verify(k.t.Context(), settings, console, nil)
	if err := errors.Join(err, closeConsole()); err != nil {
		k.t.Fatalf("verify: %v\n%s", err, log.String())
	}
	return found
}

// serial is that of a stack's state, which each apply that changes something
// raises by one.
func (k killed) serial(stack string) uint64 {
	k.t.Helper()
	var state struct {
		Serial uint64 `json:"serial"`
	}
	if err := json.Unmarshal(must[[]byte](k.t)(os.ReadFile(filepath.Join(k.StateDir, stack+".tfstate"))), &state); err != nil {
		k.t.Fatal(err)
	}
	return state.Serial
}

// everythingOnce checks that both items are done, each by one commit and one
// apply.
func (k killed) everythingOnce() {
	k.t.Helper()
	if found := k.verified(); len(found.Findings) > 0 || found.Rows != 2 || found.Fixes != 2 {
		k.t.Errorf("verify finds %+v", found)
	}
	if doc := k.file(alertDocument); strings.Count(doc, "| Done |") != 2 || strings.Count(doc, "postmortem-todo-resolver |") != 2 {
		k.t.Errorf("the rows are not done once:\n%s", doc)
	}
	for stack, before := range k.held {
		if serial := k.serial(stack); serial != before+1 {
			k.t.Errorf("the state of %s has serial %d, want %d", stack, serial, before+1)
		}
	}
	tip := k.tip()
	k.wants(0, k.run(map[string]string{"PLUGIN_SCOPE": "all"}))
	if k.tip() != tip {
		k.t.Errorf("a run with nothing to do made a commit: %q", k.subjects())
	}
}
