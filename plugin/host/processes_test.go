package host

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// namespaced says to a test that nothing but itself has processes in its namespace.
const namespaced = "PM_TODOS_TEST_NAMESPACED"

// TestOneItemStartsFewProcesses counts what the scripts start on a host for one item,
// whose agent works as the account that plans: in a namespace of processes, by the
// number that the kernel gave the latest of them. Shells that fork count, and so do
// some threads of this test.
func TestOneItemStartsFewProcesses(t *testing.T) {
	if os.Getenv(namespaced) == "" {
		t.Parallel()
		countAlone(t)
		return
	}
	r := makeRepository(t, terraformFiles())
	d := dwell(t)
	write(t, d.bin+"/terraform", "#!/bin/sh\n", 0o755)
	pins := d.shares(nil)
	before, began := latestProcess(t), time.Now()
	if err := wholeItem(t.Context(), d.Host, r, &pins); err != nil {
		t.Fatal(err)
	}
	d.shell.Retire()
	started, seconds := latestProcess(t)-before, int(time.Since(began).Seconds())
	t.Logf("an item starts %d processes in %d s", started, seconds)
	// It is 340 with dash; bash forks more often. Whatever waits looks up to ten times
	// in a second.
	if started > 450+30*seconds {
		t.Errorf("an item starts %d processes in %d s", started, seconds)
	}
}

// countAlone runs this test again where it is alone.
func countAlone(t *testing.T) {
	t.Helper()
	enter := []string{"--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--die-with-parent", "--"}
	if out, err := exec.Command("bwrap", append(enter, "true")...).CombinedOutput(); err != nil {
		t.Skipf("bubblewrap makes no namespace of processes here: %v %s", err, out)
	}
	cmd := exec.Command("bwrap", append(enter, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")...)
	cmd.Env = append(os.Environ(), namespaced+"=1", "GOMAXPROCS=2") // fewer threads
	out, err := cmd.CombinedOutput()
	if t.Logf("%s", out); err != nil {
		t.Error(err)
	}
}

// latestProcess is the number of the process that was started last, which nothing has
// to be started to know.
func latestProcess(t *testing.T) int {
	t.Helper()
	fields := strings.Fields(read(t, "/proc/loadavg"))
	number, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		t.Fatal(err)
	}
	return number
}
