package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
	"github.com/pm-todos/pm-todos/plugin/relay"
)

// line is one way that a connection is hurt: after so many bytes in one
// direction.
type line struct {
	how      string // cut, freeze, corrupt, delay
	toServer bool
	after    int64
}

// hurtRelay is a TCP relay for that. It counts what passes in each direction and
// reports whether the point was reached.
type hurtRelay struct {
	line
	address  string
	sent     atomic.Int64 // to the server
	received atomic.Int64 // from the server
	reached  atomic.Bool
	frozen   chan struct{}
	once     sync.Once
}

func hurt(t testing.TB, to string, l line) *hurtRelay {
	t.Helper()
	r := &hurtRelay{line: l, frozen: make(chan struct{})}
	r.address, _ = relay.Open(t, to, func(to, from net.Conn, toServer bool) {
		passed := &r.received
		if toServer {
			passed = &r.sent
		}
		r.pump(to, from, passed, toServer == r.toServer)
	})
	return r
}

func (r *hurtRelay) pump(to, from net.Conn, passed *atomic.Int64, hurting bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		before := passed.Add(int64(n)) - int64(n)
		if hurting && r.how != "" && before+int64(n) > r.after {
			r.reached.Store(true)
			switch r.how {
			case "cut":
				_, _ = to.Write(buffer[:max(r.after-before, 0)])
				return
			case "freeze":
				r.once.Do(func() { close(r.frozen) })
			case "corrupt":
				if at := r.after - before; at >= 0 {
					buffer[at] ^= 0x55
				}
			case "delay":
				time.Sleep(20 * time.Millisecond)
			}
		}
		select {
		case <-r.frozen:
			// Both sides stay open and hear nothing, until the test ends.
			_, _ = from.Read(make([]byte, 1<<20))
			for err == nil {
				_, err = from.Read(buffer)
			}
			return
		default:
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// visit connects and does what a run does first.
func visit(ctx context.Context, s sshclient.Login, r repository) error {
	h, err := Dial(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = h.Close() }()
	h.shell.Tempo = quick()
	run, err := h.OpenRun(ctx, "", fmt.Sprintf("visit-%d", s.Target.Port), nil) // many at the same time
	if err != nil {
		return err
	}
	ws, err := run.Workspace(ctx, "agent", r.commit, sends(r.pack), AgentTree, Prepare{})
	if err != nil {
		return err
	}
	exit, err := ws.Supervise(ctx, Process{Argv: []string{"sh", "-c", "(trap '' TERM HUP; sleep 600) & sleep 0.3; head -c 100000 /dev/zero; sleep 0.2"}, Grace: time.Second})
	if err == nil && !exit.OK() {
		err = fmt.Errorf("the agent ended with %+v", exit.Reason)
	}
	return err
}

// TestConnectionHurtAtEveryPoint cuts, freezes, corrupts and delays a connection
// from its first byte to its last, in both directions.
func TestConnectionHurtAtEveryPoint(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, map[string]string{"a": noise(40_000)})
	hostKey, _ := newKey(t)
	client, key := newKey(t)
	server := serve(t, client.PublicKey(), hostKey)
	settings := func(address string) sshclient.Login {
		target, err := sshclient.ParseTarget("tester@" + address)
		if err != nil {
			t.Fatal(err)
		}
		return sshclient.Login{
			Target: target, Key: secretOf(key), KnownHosts: knownHosts(address, hostKey.PublicKey()),
			ConnectTimeout: 5 * time.Second, KeepAlive: 2 * time.Second,
		}
	}
	whole := hurt(t, server.address, line{})
	if err := visit(t.Context(), settings(whole.address), r); err != nil {
		t.Fatal(err)
	}
	home := strings.TrimPrefix(server.env[0], "HOME=")
	t.Cleanup(func() {
		eventually(t, "no process of the host is left", func() bool { return len(processesOf(home)) == 0 })
	})
	for _, how := range []string{"cut", "freeze", "corrupt", "delay"} {
		for _, toServer := range []bool{true, false} {
			total := map[bool]int64{true: whole.sent.Load(), false: whole.received.Load()}[toServer]
			// Of the greeting, of the handshake, of a script, of the pack or the output.
			points := []int64{10, 900, total / 5, total * 4 / 5}
			if everyCase() {
				points = append(points, 0, 300, 1500, total/20, total/2)
			}
			if how == "delay" {
				points = points[:1]
			}
			for _, after := range points {
				l := line{how, toServer, after}
				t.Run(fmt.Sprintf("%s to server %v after %d of %d", how, toServer, after, total), func(t *testing.T) {
					t.Parallel()
					relay := hurt(t, server.address, l)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					judgeHurt(t, relay, key, visit(ctx, settings(relay.address), r))
				})
			}
		}
	}
}

func judgeHurt(t *testing.T, relay *hurtRelay, key string, err error) {
	t.Helper()
	switch {
	case relay.how == "delay" || !relay.reached.Load():
		if err != nil {
			t.Errorf("nothing was lost, and it ended with %v", err)
		}
		return
	case err == nil:
		t.Error("it is said to have worked")
		return
	case errors.Is(err, context.DeadlineExceeded):
		t.Errorf("it took more than its time: %v", err)
	case relay.how != "corrupt" && (fault.Of(err) != fault.Temporary || !errors.Is(err, script.ErrLost) && !errors.Is(err, sshclient.ErrUnreachable)):
		t.Errorf("got %v (%s)", err, fault.Of(err))
	case fault.Of(err) != fault.Temporary && fault.Of(err) != fault.Failed:
		t.Errorf("got %v (%s)", err, fault.Of(err))
	}
	for text := range strings.Lines(key) {
		if text = strings.TrimSpace(text); len(text) > 8 && strings.Contains(err.Error(), text) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

// processesOf is every process whose environment names the folder.
func processesOf(folder string) (found []string) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range all {
		environment, err := os.ReadFile(file)
		if err == nil && bytes.Contains(environment, []byte(folder)) {
			found = append(found, file)
		}
	}
	return found
}

func TestAgentThatFloodsIsEnded(t *testing.T) {
	r := makeRepository(t, oneFile)
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		const most = 1 << 20
		exit, err := ws.Supervise(t.Context(), Process{
			Argv: []string{"sh", "-c", `echo $$ >pids; head -c 20000000 /dev/zero | tr '\0' x; while :; do sleep 1; done`}, MaxOutput: most, Grace: time.Second,
		})
		if err != nil || exit.Reason != Flooded || !exit.Truncated || len(exit.Stdout) != most {
			t.Errorf("ended with %q, %d bytes, truncated %v, %v", exit.Reason, len(exit.Stdout), exit.Truncated, err)
		}
		gone(t, pids(t, filepath.Join(ws.tree(), "pids"), 1))
	})
}

func TestReadOnlyFileSystemIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "ro,size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a read-only file system cannot be mounted here (%v: %s)", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	h, err := Local(filepath.Join(dir, "cache"))
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"Preflight": func() error { _, err := h.Preflight(t.Context(), Need{}); return err },
		"OpenRun":   func() error { _, err := h.OpenRun(t.Context(), "", "r", nil); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "cannot be written") || fault.Of(err) != fault.Failed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
