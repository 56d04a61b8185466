package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
)

func planned(t *testing.T, w *world, files ...string) (*Run, *Workspace, string) {
	t.Helper()
	run, ws := space(t, w.Host, makeRepository(t, terraformFiles(files...)), Checkout, Prepare{})
	plan, err := ws.Plan(t.Context(), planSpec())
	if err != nil {
		t.Fatal(err)
	}
	return run, ws, plan.SHA256
}

func TestApplyOfTheJudgedPlan(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, ws, sum := planned(t, w)
		status, err := ws.Apply(t.Context(), applySpec("one", sum))
		if err != nil || !status.Began || !status.Ended || status.Code != 0 || status.Running || status.Unknown || status.Output != "Apply complete" ||
			status.Commit != fixCommit || status.SHA256 != sum {
			t.Fatalf("got %+v, %v", status, err)
		}
		again, err := ws.Apply(t.Context(), applySpec("one", sum))
		if !errors.Is(err, ErrBegan) || fault.Of(err) != fault.Person || again != (ApplyStatus{}) {
			t.Errorf("the same apply once more: %+v, %v", again, err)
		}
		if got := read(t, ws.tree()+"/stacks/a/applied"); got != "plan of plan" {
			t.Errorf("applied was %q", got)
		}
		later, err := w.FenceApply(t.Context(), "one", sum)
		if err != nil || later != status {
			t.Errorf("asked later: %+v, %v; want %+v", later, err, status)
		}
	})
}

func TestApplyThatFails(t *testing.T) {
	anywhere(t, func(t *testing.T, w *world) {
		_, ws, sum := planned(t, w, "fails=")
		status, err := ws.Apply(t.Context(), applySpec("one", sum))
		if err != nil || !status.Ended || status.Code != 1 || status.Output != "Apply complete" {
			t.Errorf("got %+v, %v", status, err)
		}
	})
}

func TestProgressIsLookedForInAllThatAnApplyPrinted(t *testing.T) {
	t.Parallel()
	w := localWorld(t)
	_, ws, sum := planned(t, w)
	for i, c := range []struct {
		prints string
		want   bool
	}{
		{"true", false},
		{"echo 'x.a: Reading...'; yes again | head -n 20000", false},
		{"echo 'x.a: Creating...'", true},
		{"echo 'x.a: Still modifying... [10s elapsed]'; head -c 9000 /dev/zero | tr '\\0' .", true},
		{"printf '\\377\\0 x.a: DESTROYING...'; head -c 100000 /dev/zero | tr '\\0' .", true},
		{"echo 'x.a: Destruction complete after 1s'; yes again | head -n 20000", true},
		{"rm ../../../../../apply/*/log", true}, // nobody can tell
	} {
		write(t, ws.dir+"/prints", c.prints+"; echo 'Error: Saved plan is stale'; exit 1\n", 0o600)
		id := fmt.Sprint("apply-", i)
		status, err := ws.Apply(t.Context(), applySpec(id, sum))
		if err != nil || !status.Ended || status.Code != 1 || status.Progress != c.want {
			t.Errorf("%s: got %+v, %v", c.prints, status, err)
		}
		if later, err := w.FenceApply(t.Context(), id, sum); err != nil || later != status {
			t.Errorf("%s: asked later: %+v, %v", c.prints, later, err)
		}
	}
}

func TestAppliesAreNotTriedTwiceByTerragrunt(t *testing.T) {
	t.Parallel()
	_, ws, sum := planned(t, localWorld(t), `prints=echo "$TERRAGRUNT_NO_AUTO_RETRY $TG_NO_AUTO_RETRY"`)
	status, err := ws.Apply(t.Context(), applySpec("one", sum))
	if err != nil || status.Output != "true true" {
		t.Errorf("got %+v, %v", status, err)
	}
}

func TestThreat6_OnlyTheJudgedPlanFileIsApplied(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		run, ws, sum := planned(t, w)
		other := strings.Repeat("0", 64)
		if status, err := ws.Apply(t.Context(), applySpec("x", other)); !errors.Is(err, errPlanChanged) || status != (ApplyStatus{}) {
			t.Errorf("a plan that nobody saved: %+v, %v", status, err)
		}
		file := filepath.Join(run.dir, "ws/work/plan", sum+".tfplan")
		write(t, file, "another plan", 0o600)
		if status, err := ws.Apply(t.Context(), applySpec("x", sum)); !errors.Is(err, errPlanChanged) || status != (ApplyStatus{}) {
			t.Errorf("a plan file that was replaced: %+v, %v", status, err)
		}
		if exists(ws.tree() + "/stacks/a/applied") {
			t.Error("it was applied all the same")
		}
		status, err := w.FenceApply(t.Context(), "x", sum)
		if err != nil || status != (ApplyStatus{}) {
			t.Errorf("a refused apply counts as %+v, %v", status, err)
		}
	})
}

// started waits until the slow apply is in its program.
func started(t *testing.T, ws *Workspace) (stack string, pid []int) {
	t.Helper()
	stack = filepath.Join(ws.tree(), "stacks/a")
	return stack, pids(t, stack+"/applying", 1)
}

func TestApplySurvivesTheEndOfTheWaiting(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, ws, sum := planned(t, w, "slow-apply=")
		ctx, cancel := context.WithCancel(t.Context())
		onceThere(t, ws.tree()+"/stacks/a/applying", cancel)
		status, err := ws.Apply(ctx, applySpec("one", sum))
		if !errors.Is(err, context.Canceled) || fault.Of(err) != fault.Person || !status.Unknown {
			t.Errorf("got %+v, %v", status, err)
		}
		stack, pid := started(t, ws)
		if !lives(pid[0]) {
			t.Fatal("the apply ended with the waiting")
		}
		wait := time.Second
		eventually(t, "a wait that is given up tells that the apply runs", func() bool {
			short, stop := context.WithTimeout(t.Context(), wait)
			wait *= 2 // a busy machine may need longer to tell anything
			defer stop()
			status, err := w.FenceApply(short, "one", sum)
			return errors.Is(err, context.DeadlineExceeded) && status.Running && status.Began && !status.Unknown
		})
		write(t, stack+"/go-on", "", 0o600)
		if status, err := w.FenceApply(t.Context(), "one", sum); err != nil || !status.Ended || status.Code != 0 || status.Running {
			t.Errorf("at its end: %+v, %v", status, err)
		}
	})
}

func TestApplySurvivesACutConnection(t *testing.T) {
	overSSH(t, func(t *testing.T, w *world) {
		run, ws, sum := planned(t, w, "slow-apply=")
		onceThere(t, ws.tree()+"/stacks/a/applying", w.cut)
		status, err := ws.Apply(t.Context(), applySpec("one", sum))
		if !errors.Is(err, script.ErrLost) || fault.Of(err) != fault.Person || !status.Unknown {
			t.Errorf("got %+v, %v", status, err)
		}
		stack, pid := started(t, ws)
		write(t, stack+"/go-on", "", 0o600)
		gone(t, pid)
		// Another process, later: it has only the folder.
		h, err := Local(filepath.Dir(filepath.Dir(run.dir)))
		if err != nil {
			t.Fatal(err)
		}
		status, err = h.FenceApply(t.Context(), "one", sum)
		if err != nil || !status.Ended || status.Code != 0 || status.Output != "Apply complete" {
			t.Errorf("read later: %+v, %v", status, err)
		}
	})
}

func TestApplyThatWasKilledIsUnknown(t *testing.T) {
	t.Parallel()
	w := localWorld(t)
	run, ws, sum := planned(t, w, "slow-apply=")
	done := make(chan ApplyStatus, 1)
	go func() {
		status, _ := ws.Apply(t.Context(), applySpec("one", sum))
		done <- status
	}()
	_, pid := started(t, ws)
	leader := pids(t, filepath.Join(run.dir, "apply/one/pid"), 1)
	for _, p := range []int{leader[0], pid[0]} {
		process, err := os.FindProcess(p)
		if err == nil {
			err = process.Kill()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if status := <-done; !status.Began || !status.Unknown || status.Ended || status.Running {
		t.Errorf("got %+v", status)
	}
	status, err := w.FenceApply(t.Context(), "one", sum)
	if err != nil || !status.Unknown || !status.Began {
		t.Errorf("asked later: %+v, %v", status, err)
	}
	if status, err := w.FenceApply(t.Context(), "other", strings.Repeat("0", 64)); err != nil || status != (ApplyStatus{Unknown: true}) {
		t.Errorf("of an apply whose plan nobody saved: %+v, %v", status, err)
	}
	if status, err := w.FenceApply(t.Context(), "never", sum); err != nil || status != (ApplyStatus{}) {
		t.Errorf("of an apply that never began: %+v, %v", status, err)
	}
}

func TestFencedApplyNeverBegins(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		run, ws, sum := planned(t, w)
		for range 2 {
			if status, err := w.FenceApply(t.Context(), "one", sum); err != nil || status != (ApplyStatus{}) {
				t.Errorf("of an apply that never began: %+v, %v", status, err)
			}
		}
		status, err := ws.Apply(t.Context(), applySpec("one", sum))
		if !errors.Is(err, errFenced) || fault.Of(err) != fault.Temporary || status != (ApplyStatus{}) {
			t.Errorf("it began after it was fenced: %+v, %v", status, err)
		}
		if exists(ws.tree() + "/stacks/a/applied") {
			t.Error("it was applied all the same")
		}
		if status, err := w.FenceApply(t.Context(), "one", sum); err != nil || status != (ApplyStatus{}) {
			t.Errorf("asked later: %+v, %v", status, err)
		}
		if status, err := ws.Apply(t.Context(), applySpec("two", sum)); err != nil || !status.Ended || status.Code != 0 {
			t.Errorf("another apply of the run: %+v, %v", status, err)
		}
		if err := errors.Join(w.Settled(t.Context(), "two"), run.Close(t.Context())); err != nil || exists(run.dir) {
			t.Errorf("a fence keeps the run directory: %v", err)
		}
	})
}

// TestApplyOrFence lets the two race: one of them wins, and both know it.
func TestApplyOrFence(t *testing.T) {
	t.Parallel()
	w := localWorld(t)
	run, ws, sum := planned(t, w)
	applied, fenced := 0, 0
	// How far the apply is when the fence is put up: files in its directory.
	for i, moment := range []string{"", ".", "plan.tfplan", "reserve", "pid", "claim", "began", "status"} {
		id := fmt.Sprint("apply-", i)
		began := make(chan error, 1)
		go func() {
			status, err := ws.Apply(t.Context(), applySpec(id, sum))
			if err == nil && (!status.Ended || status.Code != 0) {
				err = fmt.Errorf("%+v", status)
			}
			began <- err
		}()
		if moment != "" {
			eventually(t, "the apply has come to "+moment, func() bool {
				dir := filepath.Join(run.dir, "apply", id)
				return exists(filepath.Join(dir, moment)) || exists(filepath.Join(dir, "status"))
			})
		}
		status, err := w.FenceApply(t.Context(), id, sum)
		if err != nil {
			t.Fatal(err)
		}
		switch err := <-began; {
		case err == nil && status.Ended:
			applied++
		case err != nil && fault.Of(err) != fault.Person && status == (ApplyStatus{}):
			fenced++
		case errors.Is(err, ErrBegan) && status == (ApplyStatus{}):
			fenced++ // met between the tombstone's directory and its mark
		default:
			t.Errorf("the apply says %v, the fence %+v", err, status)
		}
	}
	if got := strings.Count(read(t, ws.tree()+"/stacks/a/applied"), "plan of plan"); got != applied || applied < 2 {
		t.Errorf("%d applies ran, %d said so, %d were fenced", got, applied, fenced)
	}
	t.Logf("%d applied, %d fenced", applied, fenced)
}

func TestApplyWaitsForAFenceThatIsHalfPutUp(t *testing.T) {
	t.Parallel()
	run, ws, sum := planned(t, localWorld(t))
	dir := filepath.Join(run.dir, "apply/one")
	if err := os.MkdirAll(dir+"/claim", 0o700); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { write(t, dir+"/fenced", "now", 0o600) })
	status, err := ws.Apply(t.Context(), applySpec("one", sum))
	if !errors.Is(err, errFenced) || status != (ApplyStatus{}) {
		t.Errorf("got %+v, %v", status, err)
	}
}

// TestClosingNeverMeetsAnApplyThatBegins stops an apply on its way to its claim
// and closes its run.
func TestClosingNeverMeetsAnApplyThatBegins(t *testing.T) {
	t.Parallel()
	const (
		wait  = `echo >"$apply/waits"; while [ ! -e "$GO_ON" ]; do nap; done`
		pid   = `printf '%s\n' "$$ $birth" >"$apply/pid" || exit 1`
		claim = `mkdir "$apply/claim" || exit 1`
	)
	for moment, c := range map[string]struct {
		steps        []string
		kept, begins bool
	}{
		"unseen":           {[]string{wait, pid, claim}, false, false},
		"before its claim": {[]string{pid, wait, claim}, true, false},
		"with its claim":   {[]string{pid, claim, wait}, true, true},
	} {
		t.Run(moment, func(t *testing.T) {
			t.Parallel()
			run, err := localWorld(t).OpenRun(t.Context(), "", "run", nil)
			if err != nil {
				t.Fatal(err)
			}
			goOn, dir := filepath.Join(t.TempDir(), "go-on"), filepath.Join(run.dir, "apply/one")
			write(t, dir+"/plan.tfplan", "plan", 0o600)
			parts, err := script.Detached(script.Variables{"apply": dir}, "state")
			if err != nil {
				t.Fatal(err)
			}
			text := script.Boot + "\nbirth $$\n" + strings.Join(c.steps, "\n") + "\nmark \"$apply\" began\n"
			starting := exec.Command("setsid", "sh", "-c", text)
			starting.Stdin = strings.NewReader(parts + "\n")
			starting.Env = append(os.Environ(), "GO_ON="+goOn)
			if err := starting.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the apply has come so far", func() bool { return exists(dir + "/waits") })
			err = run.Close(t.Context())
			there := exists(run.dir)
			write(t, goOn, "", 0o600)
			ended := starting.Wait()
			if err != nil || there != c.kept || (ended == nil) != c.begins || exists(dir+"/began") != c.begins {
				t.Errorf("closing: %v, kept: %v; the apply: %v", err, there, ended)
			}
		})
	}
}
