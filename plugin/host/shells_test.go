package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shells are those of this machine that the scripts must work with.
func shells(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, argv := range map[string][]string{"sh": {"sh"}, "dash": {"dash"}, "bash": {"bash", "--posix"}, "busybox": {"busybox", "sh"}} {
		if path, err := exec.LookPath(argv[0]); err == nil {
			found[name] = append([]string{path}, argv[1:]...)
		}
	}
	return found
}

// TestEveryShellAndItsTools does a whole item where sh is one of the shells that
// hosts have, with the tools of coreutils and with those of busybox.
func TestEveryShellAndItsTools(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, terraformFiles())
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := sshWorld(t)
			tools := t.TempDir()
			if name == "busybox" {
				if out, err := exec.Command(argv[0], "--install", "-s", tools).CombinedOutput(); err != nil {
					t.Skipf("busybox installs no links: %v: %s", err, out)
				}
			} else if err := os.Symlink(argv[0], filepath.Join(tools, "sh")); err != nil {
				t.Fatal(err)
			}
			w.server.env[1] = "PATH=" + tools + ":" + os.Getenv("PATH")
			if err := wholeItem(t.Context(), w.Host, r, nil); err != nil {
				t.Fatal(err)
			}
			_, ws := space(t, w.Host, r, AgentTree, Prepare{})
			// The program's parent, which is the task's shell, is the shell in question.
			exit := sh(t, ws, `readlink /proc/$PPID/exe`)
			if real, err := filepath.EvalSymlinks(argv[0]); err != nil || strings.TrimSpace(string(exit.Stdout)) != real {
				t.Errorf("the task was run by %s, want %s", exit.Stdout, real)
			}
			for text, want := range map[string]int{"exit 7": 7, "kill -9 $$": 137, "kill -9 $PPID; sleep 1": 137} {
				exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", text}})
				if err != nil || exit.Code != want || exit.Reason != "" || exit.Orphans {
					t.Errorf("%s: code %d (%s), %v; want %d", text, exit.Code, exit.Reason, err, want)
				}
			}
		})
	}
}
