package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// aged makes a run directory look unused for two days.
func aged(t *testing.T, dir string) {
	t.Helper()
	long := time.Now().Add(-48 * time.Hour)
	for _, file := range []string{dir + "/stamp", dir} {
		if err := os.Chtimes(file, long, long); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUnsettledAppliesAreKept(t *testing.T) {
	anywhere(t, func(t *testing.T, w *world) {
		run, ws, sum := planned(t, w)
		if _, err := ws.Apply(t.Context(), applySpec("one", sum)); err != nil {
			t.Fatal(err)
		}
		if err := run.Close(t.Context()); err != nil || !exists(run.dir) {
			t.Errorf("Close took an unsettled apply away: %v", err)
		}
		aged(t, run.dir)
		if err := w.Reclaim(t.Context(), "other-remote", "mine", nil); err != nil || !exists(run.dir) {
			t.Errorf("a run of another remote took it away: %v", err)
		}
		if err := w.Settled(t.Context(), "one"); err != nil {
			t.Fatal(err)
		}
		if exists(run.dir + "/apply/one/plan.tfplan") {
			t.Error("the plan file of a settled apply is kept")
		}
		if status, err := w.FenceApply(t.Context(), "one", sum); err != nil || !status.Settled || !status.Ended || status.SHA256 != "" {
			t.Errorf("settled is read as %+v, %v", status, err)
		}
		if err := run.Close(t.Context()); err != nil || exists(run.dir) {
			t.Errorf("Close left a settled run: %v", err)
		}
		if err := run.Close(t.Context()); err != nil {
			t.Errorf("closing twice: %v", err)
		}
	})
}

// TestReclaimTakesAtOnceWhatNoJournalNeeds has directories of runs that were
// killed, a moment ago and long ago, of the own remote and of another one.
func TestReclaimTakesAtOnceWhatNoJournalNeeds(t *testing.T) {
	anywhere(t, func(t *testing.T, w *world) {
		r := makeRepository(t, terraformFiles("slow-apply="))
		dirs := map[string]string{}
		killed := func(owner, id string) *Run {
			run, err := w.OpenRun(t.Context(), owner, id, nil)
			if err != nil {
				t.Fatal(err)
			}
			dirs[id] = run.dir
			return run
		}
		began := func(id string) {
			write(t, dirs[id]+"/apply/"+id+"/began", "", 0o600)
			write(t, dirs[id]+"/apply/"+id+"/plan.tfplan", "a plan", 0o600)
		}
		for _, id := range []string{"mine", "killed", "settled-by-a-person", "asked-for"} {
			killed("remote", id)
		}
		for _, id := range []string{"another-fresh", "another-old", "another-old-unsettled"} {
			killed("another-remote", id)
		}
		killed("", "without-lock")
		for _, id := range []string{"settled-by-a-person", "asked-for", "another-old-unsettled"} {
			began(id)
		}
		write(t, dirs["killed"]+"/deep/locked/file", "x", 0o400)
		if err := os.Chmod(dirs["killed"]+"/deep/locked", 0); err != nil {
			t.Fatal(err)
		}
		ws, err := killed("remote", "running").Workspace(t.Context(), "work", r.commit, sends(r.pack), Checkout, Prepare{})
		if err != nil {
			t.Fatal(err)
		}
		plan, err := ws.Plan(t.Context(), planSpec())
		if err != nil {
			t.Fatal(err)
		}
		// As the others have it, so that a journal of none of them is told by its apply.
		for _, dir := range dirs {
			write(t, dir+"/ws/work/plan/"+plan.SHA256+".tfplan", "plan of plan", 0o600)
		}
		for _, id := range []string{"another-old", "another-old-unsettled"} {
			aged(t, dirs[id])
		}
		done := make(chan error, 1)
		go func() {
			_, err := ws.Apply(t.Context(), applySpec("runs", plan.SHA256))
			done <- err
		}()
		stack, _ := started(t, ws)
		err = w.Reclaim(t.Context(), "remote", "mine", []Journaled{{Apply: "asked-for", SHA256: strings.Repeat("0", 64)}})
		if err != nil {
			t.Error(err)
		}
		for id, want := range map[string]bool{
			"mine": true, "killed": false, "settled-by-a-person": false, "asked-for": true, "running": true,
			"another-fresh": true, "another-old": false, "another-old-unsettled": true, "without-lock": true,
		} {
			if exists(dirs[id]) != want {
				t.Errorf("after Reclaim %s is there: %v, want %v", id, !want, want)
			}
		}
		write(t, stack+"/go-on", "", 0o600)
		if err := <-done; err != nil {
			t.Error(err)
		}
		// The journal of a run that was killed before its apply needs the saved plan.
		if err := w.Reclaim(t.Context(), "remote", "mine", []Journaled{{Apply: "to-begin", SHA256: plan.SHA256}}); err != nil || !exists(dirs["running"]) {
			t.Errorf("a plan that a journal names was taken away: %v", err)
		}
	})
}

func TestPlanFilesGoFirst(t *testing.T) {
	// As if the removal of the folder were cut short.
	bin := t.TempDir()
	write(t, bin+"/rm", "#!/bin/sh\ncase $2 in */runs/run-1) exit 1 ;; esac\nexec /bin/rm \"$@\"\n", 0o755)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	run, ws, sum := planned(t, localWorld(t))
	file := filepath.Join(filepath.Dir(ws.tree()), "plan", sum+".tfplan")
	if !exists(file) {
		t.Fatal("no plan file is there")
	}
	if err := run.Close(t.Context()); err == nil || exists(file) {
		t.Errorf("closing: %v, the plan file is there: %v", err, exists(file))
	}
}

func TestRunWhoseDirectoryWasTakenOverAppliesNothing(t *testing.T) {
	t.Parallel()
	w := localWorld(t)
	run, ws, sum := planned(t, w)
	if err := os.RemoveAll(run.dir); err != nil {
		t.Fatal(err)
	}
	status, err := ws.Apply(t.Context(), applySpec("one", sum))
	if !errors.Is(err, errFenced) || fault.Of(err) != fault.Temporary || status != (ApplyStatus{}) {
		t.Errorf("got %+v, %v", status, err)
	}
}
