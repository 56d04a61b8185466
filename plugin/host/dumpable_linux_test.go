package host

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDumpableChild is the process that the test below starts: this one must
// stay as it is.
func TestDumpableChild(t *testing.T) {
	if os.Getenv("PM_TODOS_TEST_DUMPABLE") == "" {
		return // the body of a process that TestThreat9_ProcessIsNotDumpable starts
	}
	if err := NotDumpable(); err != nil {
		t.Fatal(err)
	}
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || n != 0 {
		t.Fatalf("dumpable is %d, %v", n, err)
	}
}

func TestThreat9_ProcessIsNotDumpable(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestDumpableChild$")
	cmd.Env = append(os.Environ(), "PM_TODOS_TEST_DUMPABLE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
