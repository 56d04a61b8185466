package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// wrapper stands in for a Terraform wrapper that comes with the repository.
// Files in the stack tell it what to do.
const wrapper = `#!/bin/sh
verb=$1
last=
for last; do :; done
echo "$verb in $PWD: $*" >>"$PWD/calls"
if [ -f "fail-$verb" ]; then
	printf '\033[31mError: \033[0m'
	cat "fail-$verb"
	printf 'on stderr\n' >&2
	exit 3
fi
case $verb in
plan)
	[ ! -f slow ] || {
		# As Terraform does: it holds a lock, and releases it when interrupted.
		trap 'sleep 1; rm lock; echo released >released; exit 1' INT TERM
		echo $$ >lock
		while :; do sleep 0.1; done
	}
	for argument; do
		case $argument in -out=*) printf 'plan of %s' "$verb" >"${argument#-out=}" ;; esac
	done
	[ -f detailed ] && exit 2
	;;
show) cat "$last" >/dev/null && printf '{"format_version":"1.2"}\n'; echo noise >&2; [ ! -f swap ] || echo swapped >"$last" ;;
apply)
	[ -f "$last" ] || exit 9
	[ ! -f prints ] || exec sh ./prints
	[ ! -f ../../../prints ] || exec sh ../../../prints
	[ ! -f slow-apply ] || {
		echo $$ >applying
		while [ ! -f go-on ]; do sleep 0.1; done
	}
	cat "$last" >>applied
	echo "Apply complete"
	[ ! -f fails ] || exit 1
	;;
esac
exit 0
`

func terraformFiles(more ...string) map[string]string {
	files := map[string]string{"scripts/tg*": wrapper, "stacks/a/main.tf": "x\n"}
	for _, name := range more {
		name, text, _ := strings.Cut(name, "=")
		files["stacks/a/"+name] = text + "\n"
	}
	return files
}

func planSpec() PlanSpec {
	return PlanSpec{
		Dir: "stacks/a",
		Commands: Commands{
			Program: "scripts/tg", Init: []string{"init", "-input=false"},
			Plan: []string{"plan", "-out={plan}", "$(touch PWNED)"}, Show: []string{"show", "-json", "{plan}"},
		},
	}
}

func applySpec(id, sum string) ApplySpec {
	return ApplySpec{ID: id, Dir: "stacks/a", Program: "scripts/tg", Args: []string{"apply", "--non-interactive", "{plan}"}, SHA256: sum, Commit: fixCommit}
}

// fixCommit is the commit that the applies of tests are of.
var fixCommit = strings.Repeat("c", 40)

func TestPlanInOneTrip(t *testing.T) {
	r := makeRepository(t, terraformFiles())
	anywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, Checkout, Prepare{})
		plan, err := ws.Plan(t.Context(), planSpec())
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("plan of plan"))
		if plan.SHA256 != hex.EncodeToString(sum[:]) || string(plan.Show) != "{\"format_version\":\"1.2\"}\n" {
			t.Errorf("got %+v %q", plan, plan.Show)
		}
		calls := read(t, ws.tree()+"/stacks/a/calls")
		if !strings.HasPrefix(calls, "init in "+ws.tree()+"/stacks/a: init -input=false\nplan in ") || exists(ws.tree()+"/stacks/a/PWNED") {
			t.Errorf("the wrapper was called as\n%s", calls)
		}
	})
}

func TestPlanThatFailsSaysWhere(t *testing.T) {
	for _, c := range []struct {
		file, step string
		kind       fault.Kind
		cause      error
	}{
		{"fail-init=no provider", "init", fault.Failed, nil},
		{"fail-plan=bad reference", "plan", fault.Failed, nil},
		{"fail-plan=Error acquiring the state lock", "plan", fault.Temporary, ErrStateLock},
		{"fail-show=write /x: no space left on device", "show", fault.Temporary, script.ErrDiskFull},
		{"fail-plan=fork/exec /x/provider: resource temporarily unavailable", "plan", fault.Temporary, script.ErrProcesses},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			r := makeRepository(t, terraformFiles(c.file))
			_, ws := space(t, localWorld(t).Host, r, Checkout, Prepare{})
			_, err := ws.Plan(t.Context(), planSpec())
			var failed *CommandError
			if !errors.As(err, &failed) {
				t.Fatalf("got %v", err)
			}
			_, text, _ := strings.Cut(c.file, "=")
			if failed.Step != c.step || failed.Code != 3 || failed.Output != "Error: "+text+"\non stderr" || fault.Of(err) != c.kind {
				t.Errorf("got %#v of kind %s", failed, fault.Of(err))
			}
			if c.cause != nil && !errors.Is(err, c.cause) {
				t.Errorf("%v is not %v", err, c.cause)
			}
			if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("the message is %q", err)
			}
		})
	}
}

func TestErrorOfACommandNamesTheLineThatSaysMost(t *testing.T) {
	failed := &CommandError{Host: "h", Step: "plan", Code: 1, Output: "Initializing\n╷\n│ Error: Unsupported argument\n│ \n╵"}
	if want := "plan on h ended with exit code 1: Error: Unsupported argument"; failed.Error() != want {
		t.Errorf("got %q, want %q", failed, want)
	}
}

func TestPlanRefusesWhatCannotBeJudged(t *testing.T) {
	t.Parallel()
	h := localWorld(t).Host
	plan := func(spec PlanSpec, files ...string) error {
		_, ws := space(t, h, makeRepository(t, terraformFiles(files...)), Checkout, Prepare{})
		_, err := ws.Plan(t.Context(), spec)
		return err
	}
	if err := plan(planSpec(), "swap="); !errors.Is(err, errPlanChanged) {
		t.Errorf("a plan file that changes while it is shown: %v", err)
	}
	spec := planSpec()
	spec.Plan = []string{"plan"}
	if err := plan(spec); err == nil || !strings.Contains(err.Error(), "-out={plan}") {
		t.Errorf("no plan file: %v", err)
	}
	spec = planSpec()
	spec.MaxShow = 10
	if err := plan(spec); !errors.Is(err, script.ErrTooLarge) {
		t.Errorf("more JSON than is taken: %v", err)
	}
	spec = planSpec()
	spec.Dir = "stacks/none"
	if err := plan(spec); err == nil || !strings.Contains(err.Error(), "stacks/none") {
		t.Errorf("an absent stack: %v", err)
	}
	if err := plan(planSpec(), "detailed="); err == nil {
		t.Error("exit code 2 passed without -detailed-exitcode")
	}
	spec = planSpec()
	spec.Plan = append(spec.Plan, "-detailed-exitcode")
	if err := plan(spec, "detailed="); err != nil {
		t.Errorf("with -detailed-exitcode: %v", err)
	}
}

func TestCancelledPlanReleasesItsLock(t *testing.T) {
	r := makeRepository(t, terraformFiles("slow="))
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, Checkout, Prepare{})
		stack := filepath.Join(ws.tree(), "stacks/a")
		ctx, cancel := context.WithCancel(t.Context())
		onceThere(t, stack+"/lock", cancel)
		spec := planSpec()
		spec.MaxShow = 1 << 20
		j, err := ws.planJob(spec)
		if err != nil {
			t.Fatal(err)
		}
		// As Plan does, with less patience.
		j.Grace, j.Timeout = 3*time.Second, time.Minute
		if _, err := ws.do(ctx, j); !errors.Is(err, context.Canceled) || fault.Of(err) != fault.Temporary {
			t.Errorf("got %v", err)
		}
		if exists(stack+"/lock") || read(t, stack+"/released") != "released\n" {
			t.Error("the plan was killed without time to release its lock")
		}
	})
}

func TestStackWithAnOddName(t *testing.T) {
	files := terraformFiles()
	files["stacks/"+oddName] = "x\n"
	r := makeRepository(t, files)
	dir := filepath.Dir("stacks/" + oddName)
	anywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, Checkout, Prepare{})
		spec := planSpec()
		spec.Dir = dir
		plan, err := ws.Plan(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		apply := applySpec("a", plan.SHA256)
		apply.Dir = dir
		if status, err := ws.Apply(t.Context(), apply); err != nil || !status.Ended || status.Code != 0 || !exists(filepath.Join(ws.tree(), dir, "applied")) {
			t.Errorf("%+v, %v", status, err)
		}
		spec.Dir = dir + "/absent\n"
		if _, err := ws.Plan(t.Context(), spec); err == nil || fault.Of(err) != fault.Failed || strings.Contains(err.Error(), "\n") {
			t.Errorf("a folder that is not there: %v", err)
		}
	})
}
