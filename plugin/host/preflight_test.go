package host

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
)

// agentProgram is a program that answers as the agent does.
func agentProgram(t *testing.T, file, login string) {
	t.Helper()
	write(t, file, "#!/bin/sh\ncase \"$*\" in\n--version) printf '2.1.330 (Agent)\\033[0m\\n' ;;\n'auth status --json') "+login+" ;;\n*) exit 9 ;;\nesac\n", 0o755)
}

func TestPreflightFacts(t *testing.T) {
	workdir := checkout(t)
	bin := t.TempDir()
	agentProgram(t, filepath.Join(bin, "agent"), `echo '{"loggedIn":true}'`)
	write(t, filepath.Join(bin, "tf"), "#!/bin/sh\n", 0o755)
	everywhere(t, func(t *testing.T, w *world) {
		facts, err := w.Preflight(t.Context(), Need{
			Agent: filepath.Join(bin, "agent"), Status: askLogin, Terraform: filepath.Join(bin, "tf"), Workdir: workdir, Carry: []string{"**/.terraform.lock.hcl", "dev.kubeconfig"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if facts.UID != os.Getuid() || facts.AgentVersion != "2.1.330 (Agent)" || !facts.AgentLoggedIn || !strings.HasPrefix(facts.Git, "git version") ||
			facts.TerraformPath != filepath.Join(bin, "tf") || facts.Free <= 0 || !filepath.IsAbs(facts.Root) {
			t.Errorf("got %+v", facts)
		}
	})
}

// TestPreflightRecognisesAnAccountByItsFiles comes to an account by two names, to
// another one, and to the first for another run.
func TestPreflightRecognisesAnAccountByItsFiles(t *testing.T) {
	anywhere(t, func(t *testing.T, w *world) {
		alias := *w.Host
		alias.shell.Name = "alias"
		met := func(h *Host, run string) string {
			facts, err := h.Preflight(t.Context(), Need{Meeting: run})
			if err != nil {
				t.Fatal(err)
			}
			return facts.Met
		}
		first, other := w.Name(), localWorld(t)
		other.shell.Name = "other"
		for i, got := range []string{met(w.Host, "one"), met(&alias, "one"), met(other.Host, "one"), met(&alias, "two"), met(w.Host, "two"), met(w.Host, "")} {
			if want := []string{first, first, "other", "alias", "alias", first}[i]; got != want {
				t.Errorf("the account is known as %q, not as %q", got, want)
			}
		}
		run, err := w.OpenRun(t.Context(), "", "two", nil)
		if err != nil {
			t.Fatal(err)
		}
		for mark, there := range map[string]bool{"one": true, "two": false} {
			if exists(filepath.Dir(run.dir)+"/.met-"+mark) != there {
				t.Errorf("once run two works, the mark of %s is there: %t", mark, !there)
			}
		}
		long := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(filepath.Dir(run.dir)+"/.met-one", long, long); err != nil {
			t.Fatal(err)
		}
		if err := w.Reclaim(t.Context(), "owner", "two", nil); err != nil || exists(filepath.Dir(run.dir)+"/.met-one") {
			t.Errorf("the mark of a run that was killed is left: %v", err)
		}
	})
}

func TestPreflightFindsTheAgentInTheHome(t *testing.T) {
	t.Parallel()
	w := sshWorld(t)
	home := strings.TrimPrefix(w.server.env[0], "HOME=")
	agentProgram(t, filepath.Join(home, ".local/bin/my-agent"), `echo '{"loggedIn":false}'; exit 1`)
	facts, err := w.Preflight(t.Context(), Need{Agent: "my-agent", Status: askLogin, Terraform: "scripts/tg"})
	if err == nil || !strings.Contains(err.Error(), "not logged in") || facts.AgentPath != filepath.Join(home, ".local/bin/my-agent") {
		t.Errorf("got %+v, %v", facts, err)
	}
	agentProgram(t, filepath.Join(home, ".local/bin/my-agent"), `echo "unknown command auth" >&2; exit 1`)
	facts, err = w.Preflight(t.Context(), Need{Agent: "my-agent", Status: askLogin})
	if err != nil || facts.AgentLoggedIn || len(facts.Warnings) == 0 || !strings.Contains(facts.Warnings[0].Error(), "logged in") {
		t.Errorf("an agent without that command: %+v, %v", facts, err)
	}
}

func TestPreflightNamesAllThatIsMissing(t *testing.T) {
	anywhere(t, func(t *testing.T, w *world) {
		workdir := checkout(t)
		_, err := w.Preflight(t.Context(), Need{
			Agent: "no-such-agent", Status: askLogin, Terraform: "no-such-terraform", Workdir: workdir, Carry: []string{"gone.kubeconfig", "*.any"}, MinFree: 1 << 60,
		})
		if fault.Of(err) != fault.Failed || !errors.Is(err, script.ErrDiskFull) {
			t.Errorf("got %v (%s)", err, fault.Of(err))
		}
		for _, part := range []string{`agent "no-such-agent"`, `"no-such-terraform"`, `"gone.kubeconfig"`, "MiB are needed", w.Name()} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %s", err, part)
			}
		}
		if strings.Contains(err.Error(), "*.any") {
			t.Error("a pattern without match counts as missing")
		}
		_, err = w.Preflight(t.Context(), Need{Workdir: "/absent", Carry: []string{"x"}})
		if err == nil || !strings.Contains(err.Error(), "/absent") {
			t.Errorf("an absent workdir: %v", err)
		}
		if _, err = w.Preflight(t.Context(), Need{Agent: "$(touch PWNED)", Status: askLogin, Terraform: "; touch PWNED"}); err == nil || exists("PWNED") {
			t.Errorf("odd names: %v", err)
		}
	})
}

func TestNoHomeAndReadOnlyCache(t *testing.T) {
	t.Parallel()
	w := sshWorld(t)
	home := strings.TrimPrefix(w.server.env[0], "HOME=")
	w.server.env[0] = "HOME=" + home + "/absent"
	for name, call := range map[string]func() error{
		"OpenRun":   func() error { _, err := w.OpenRun(t.Context(), "", "r", nil); return err },
		"Preflight": func() error { _, err := w.Preflight(t.Context(), Need{}); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "home folder") || exists(home+"/absent") {
			t.Errorf("%s without home: %v", name, err)
		}
	}
	w.shell.Retire() // a session has the environment of its start
	// A file where the folder should be stops root as well.
	write(t, filepath.Join(home, ".cache"), "", 0o600)
	w.server.env[0] = "HOME=" + home
	for name, call := range map[string]func() error{
		"OpenRun":   func() error { _, err := w.OpenRun(t.Context(), "", "r", nil); return err },
		"Preflight": func() error { _, err := w.Preflight(t.Context(), Need{}); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "cannot be written") || !strings.Contains(err.Error(), home) {
			t.Errorf("%s with an unwritable folder: %v", name, err)
		}
	}
}

// noise is text that does not compress.
func noise(length int) string {
	raw := make([]byte, length)
	_, _ = rand.Read(raw)
	return string(raw)
}

// smallDisk is a folder with 3 MB of room.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a small file system cannot be mounted here (%v: %s)", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

func TestFullDiskIsNamed(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	h, err := Local(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := makeRepository(t, terraformFiles())
	run, ws := space(t, h, r, Checkout, Prepare{})
	plan, err := ws.Plan(t.Context(), planSpec())
	if err != nil {
		t.Fatal(err)
	}
	work, err := run.Workspace(t.Context(), "agent", r.commit, sends(r.pack), AgentTree, Prepare{})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "filler"), "", 0o600)
	_ = exec.Command("sh", "-c", `cat /dev/zero >"$0" 2>/dev/null`, filepath.Join(dir, "filler")).Run()
	if _, err := h.Preflight(t.Context(), Need{}); !errors.Is(err, script.ErrDiskFull) {
		t.Errorf("Preflight: %v", err)
	}
	for what, do := range map[string]func() error{
		"Plan":      func() error { _, err := ws.Plan(t.Context(), planSpec()); return err },
		"Supervise": func() error { _, err := ws.Supervise(t.Context(), Process{Argv: []string{"echo", "x"}}); return err },
		"Export":    func() error { _, _, err := work.Export(t.Context(), 1<<20); return err },
	} {
		// Nothing of it is believed, and it passes.
		if err := do(); !errors.Is(err, script.ErrDiskFull) || fault.Of(err) != fault.Temporary || !strings.Contains(err.Error(), "no space left on "+h.Name()+":"+dir) {
			t.Errorf("%s: %v (%s)", what, err, fault.Of(err))
		}
	}
	big := makeRepository(t, map[string]string{"a": noise(300_000)})
	if _, err := run.Workspace(t.Context(), "big", big.commit, sends(big.pack), Checkout, Prepare{}); !errors.Is(err, script.ErrDiskFull) {
		t.Errorf("Workspace: %v", err)
	}
	if status, err := ws.Apply(t.Context(), applySpec("a", plan.SHA256)); !errors.Is(err, script.ErrDiskFull) || status != (ApplyStatus{}) {
		t.Errorf("Apply: %+v, %v", status, err)
	}
	if err := run.Close(t.Context()); err != nil || exists(run.dir) {
		t.Errorf("Close: %v", err)
	}
}

func TestThreat6_FoldersOfOthersAreNotUsed(t *testing.T) {
	t.Parallel()
	for name, ruin := range map[string]func(t *testing.T, root string) error{
		"a link": func(t *testing.T, root string) error {
			return errors.Join(os.MkdirAll(root, 0o700), os.Symlink(t.TempDir(), root+"/runs"))
		},
		"of another account": func(t *testing.T, root string) error {
			if os.Getuid() != 0 {
				t.Skip("only root could work in a folder of another account")
			}
			return errors.Join(os.MkdirAll(root+"/runs", 0o700), os.Chown(root, 65534, 65534))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := localWorld(t)
			if err := ruin(t, w.shell.Root); err != nil {
				t.Fatal(err)
			}
			for what, call := range map[string]func() error{
				"OpenRun":   func() error { _, err := w.OpenRun(t.Context(), "", "r", nil); return err },
				"Preflight": func() error { _, err := w.Preflight(t.Context(), Need{}); return err },
				"Reclaim":   func() error { return w.Reclaim(t.Context(), "remote", "r", nil) },
			} {
				if err := call(); err == nil || fault.Of(err) != fault.Failed || !strings.Contains(err.Error(), "is a link or belongs to another account") {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	// A link to where there is more room is the account's own business.
	w := localWorld(t)
	roomy := t.TempDir()
	if err := errors.Join(os.Remove(w.shell.Root), os.Symlink(roomy, w.shell.Root)); err != nil {
		t.Fatal(err)
	}
	run, ws := space(t, w.Host, makeRepository(t, oneFile), AgentTree, Prepare{})
	if sh(t, ws, "cat a"); !strings.HasPrefix(run.dir, roomy) {
		t.Errorf("the run is in %s", run.dir)
	}
	if _, err := w.Preflight(t.Context(), Need{}); err != nil {
		t.Error(err)
	}
}
