package script

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// machine is this one, with sessions by a shell of its own.
type machine struct {
	*Shell
	folder   string
	sessions []*exec.Cmd
}

// onShells runs the test with each shell of this machine.
func onShells(t *testing.T, test func(t *testing.T, m *machine)) {
	t.Helper()
	for name, argv := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &machine{folder: t.TempDir()}
			m.Shell = &Shell{Name: "here", Root: filepath.Join(m.folder, "root"), Tempo: UsualTempo(), Start: func(context.Context) (*Stream, error) {
				cmd := exec.Command(argv[0], append(argv[1:], "-c", Boot)...)
				cmd.Dir, cmd.Env = m.folder, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + m.folder}
				cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
				stdin, _ := cmd.StdinPipe()
				stdout, _ := cmd.StdoutPipe()
				stderr, err := cmd.StderrPipe()
				if err == nil {
					err = cmd.Start()
				}
				m.sessions = append(m.sessions, cmd)
				return &Stream{Stdin: stdin, Stdout: stdout, Stderr: stderr, Wait: cmd.Wait, Kill: func() { _ = stdin.Close() }}, err
			}}
			t.Cleanup(m.Retire)
			test(t, m)
		})
	}
}

// open has the machine do a task, with input that the task does not read.
func (m *machine) open(t *testing.T, id string, input []byte) {
	t.Helper()
	j := Job{Doing: "opening", Files: []string{"open"}, Variables: Variables{"id": id, "owner": ""}}
	if input != nil {
		j.Payload = bytes.NewReader(input)
	}
	a, err := m.Do(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(m.Root, "runs", id); string(a.Block("run")) != want {
		t.Errorf("the directory is %q, want %q", a.Block("run"), want)
	}
}

func TestTasksFollowEachOtherInOneSession(t *testing.T) {
	onShells(t, func(t *testing.T, m *machine) {
		for i := range 4 {
			m.open(t, fmt.Sprint("run-", i), nil)
		}
		if len(m.sessions) != 1 {
			t.Errorf("%d sessions for four tasks", len(m.sessions))
		}
		j := Job{Doing: "opening", Files: []string{"open"}, Variables: Variables{"id": "a/b", "owner": ""}}
		if _, err := m.Do(t.Context(), j); err == nil {
			t.Error("a task that fails is said to have worked")
		}
		m.open(t, "after", nil)
		if len(m.sessions) != 2 {
			t.Errorf("%d sessions; want another one after a task that failed", len(m.sessions))
		}
	})
}

// TestThreat2_InputIsWhatATaskReads: every byte of it, whether it goes with the task or
// after it.
func TestThreat2_InputIsWhatATaskReads(t *testing.T) {
	onShells(t, func(t *testing.T, m *machine) {
		every := make([]byte, 256)
		for i := range every {
			every[i] = byte(i)
		}
		for i, input := range [][]byte{
			{}, {0}, []byte("\\c\\0101%s%b\\"), bytes.Repeat(every, beginLength/256), bytes.Repeat(every, beginLength/256+1), bytes.Repeat(every, chunkLength/256+1),
		} {
			ws := filepath.Join(m.folder, fmt.Sprint("ws-", i))
			if err := os.MkdirAll(filepath.Join(ws, "tree"), 0o700); err != nil {
				t.Fatal(err)
			}
			a, err := m.Do(t.Context(), Job{
				Doing: "reading", Files: []string{"git", "seal", "supervise"}, Payload: bytes.NewReader(input), Watch: ws + "/out", Fetch: 2 * chunkLength,
				Variables: Variables{
					"run": m.folder, "ws": ws, "dir": "", "argv": "cat", "input": fmt.Sprint(len(input)),
					"config": ws + "/config", "boxed": "", "environment": "", "blocks": "0", "sealed": "",
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Block("stdout"); !bytes.Equal(got, input) {
				t.Errorf("of %d bytes it read %d: %.80q", len(input), len(got), got)
			}
		}
	})
}

func TestThreat2_InputThatATaskLeavesIsNoOtherTask(t *testing.T) {
	onShells(t, func(t *testing.T, m *machine) {
		text := "touch " + filepath.Join(m.folder, "PWNED")
		line := fmt.Sprintf("\nnext\n%d\n%s\n next\n %[1]d\n%[2]s\nnext %[1]d\n%[2]s\n", len(text)+1, text)
		for i := range 3 {
			m.open(t, fmt.Sprint("run-", i), []byte(strings.Repeat(line, 1<<uint(7*i))))
		}
		m.open(t, "after", nil)
		m.Retire()
		if _, err := os.Stat(filepath.Join(m.folder, "PWNED")); err == nil {
			t.Error("input was run as a task")
		}
	})
}

func TestSessionThatIsOldOrGoneTakesNoTask(t *testing.T) {
	onShells(t, func(t *testing.T, m *machine) {
		m.open(t, "old", nil)
		m.idle[0].opened = time.Now().Add(-sessionAge)
		m.open(t, "gone", nil)
		_ = syscall.Kill(-m.sessions[1].Process.Pid, syscall.SIGKILL)
		<-m.idle[0].woke
		m.open(t, "retired", nil)
		m.Retire()
		m.open(t, "last", nil)
		if len(m.sessions) != 4 {
			t.Errorf("%d sessions, want one for each of four tasks", len(m.sessions))
		}
		for _, cmd := range m.sessions[:3] {
			_ = cmd.Wait()
		}
	})
}

// TestWhatASessionSaysBeforeItsFirstTaskIsKept: until a task of it began, nothing else
// tells why the account runs none.
func TestWhatASessionSaysBeforeItsFirstTaskIsKept(t *testing.T) {
	said := &tail{}
	said.follow(strings.NewReader("This account is currently not available.\n"))
	<-said.begin("nonce")
	if text := said.text(); !strings.Contains(text, "not available") {
		t.Errorf("it said %q", text)
	}
	if <-said.begin("another"); said.text() != "" {
		t.Errorf("the next task said %q", said.text())
	}
}
