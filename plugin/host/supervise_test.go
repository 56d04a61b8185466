package host

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/host/script"
	"github.com/pm-todos/pm-todos/plugin/host/sshclient"
)

var oneFile = map[string]string{"a": "a\n", "sub/b": "b\n"}

// evil is text that does something in any place where it is not quoted.
var evil = []string{
	"$(touch PWNED)", "`touch PWNED`", "'; touch PWNED; '", "\"; touch PWNED; \"", "a\nb\n\ntouch PWNED\n", "a && touch PWNED",
	"-rf", "--", "", " ", "*", "~", "!", "$HOME", "\\", "\\\\0101", "%s%n", "\x01\x02\x1b[31m", "\x7f", "ünï\u3000\u202e", "\xff\xfe\x81\x88", "'", "''", "#x", "{a,b}", "a=b", "\t\r\n", "if", "set -- x",
}

func TestThreat2_ShellInjectionFromArgumentsAndValues(t *testing.T) {
	r := makeRepository(t, oneFile)
	everywhere(t, func(t *testing.T, w *world) {
		run, ws := space(t, w.Host, r, AgentTree, Prepare{})
		exit, err := ws.Supervise(t.Context(), Process{
			Argv:  append([]string{"sh", "-c", `printf '%s\000' "$VALUE" "$@"; cat`, "sh"}, evil...),
			Env:   map[string]string{"VALUE": strings.Join(evil, "|")},
			Stdin: []byte("$(touch PWNED)\n"),
		})
		if err != nil || !exit.OK() {
			t.Fatalf("%+v %v\n%s", exit.Reason, err, exit.Stderr)
		}
		want := strings.Join(append([]string{strings.Join(evil, "|")}, evil...), "\x00") + "\x00$(touch PWNED)\n"
		if string(exit.Stdout) != want {
			t.Errorf("the program got\n%q, want\n%q", exit.Stdout, want)
		}
		for _, name := range evil {
			if err := checkID("", name); err == nil && name != "if" {
				t.Errorf("%q is taken for an id", name)
			}
		}
		found, err := exec.Command("find", run.dir, "-name", "PWNED*").Output()
		if err != nil || len(found) > 0 {
			t.Errorf("a value was run: %s %v", found, err)
		}
	})
}

func TestThreat2_FoldersAndNamesThatLeadOutAreRefused(t *testing.T) {
	r := makeRepository(t, map[string]string{"a": "a\n", "out@": "/tmp", "in@": "sub", "sub/b": "b\n"})
	w := localWorld(t)
	_, ws := space(t, w.Host, r, AgentTree, Prepare{})
	for _, dir := range []string{"..", "../x", "/etc", "sub/../..", "out", "absent", "a\x00b"} {
		if exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"true"}, Dir: dir}); err == nil {
			t.Errorf("folder %q was entered: %+v", dir, exit)
		}
	}
	if exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"cat", "b"}, Dir: "in"}); err != nil || string(exit.Stdout) != "b\n" {
		t.Errorf("a link inside of the repository: %+v %v", exit, err)
	}
	for _, env := range []string{"A B", "A;touch x", "1A", "", "A=B", "A\nB"} {
		if _, err := ws.Supervise(t.Context(), Process{Argv: []string{"true"}, Env: map[string]string{env: ""}}); err == nil {
			t.Errorf("variable %q was set", env)
		}
	}
	if _, err := ws.Supervise(t.Context(), Process{Argv: []string{"-c", "id"}}); err == nil {
		t.Error("a program that starts with a dash was run")
	}
	if _, err := w.OpenRun(t.Context(), "", "../x", nil); err == nil {
		t.Error("a run id that leads out was taken")
	}
}

func TestExitCodesAndOutput(t *testing.T) {
	r := makeRepository(t, oneFile)
	anywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		for text, want := range map[string]int{
			"exit 0": 0, "exit 7": 7, "exit 255": 255, "kill -9 $$": 137, "kill -15 $$": 143, "kill -9 $PPID; sleep 1": 137,
		} {
			exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", text}})
			if err != nil || exit.Code != want || exit.Reason != "" || exit.Orphans {
				t.Errorf("%s: code %d (%s), %v; want %d", text, exit.Code, exit.Reason, err, want)
			}
		}
		exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", "pwd; echo wrong >&2"}, Dir: "sub"})
		if err != nil || string(exit.Stdout) != ws.tree()+"/sub\n" || string(exit.Stderr) != "wrong\n" {
			t.Errorf("got %q and %q, %v", exit.Stdout, exit.Stderr, err)
		}
		// 126 where the PATH names a folder that this user may not read.
		exit, err = ws.Supervise(t.Context(), Process{Argv: []string{"absent-program"}})
		if err != nil || exit.Code != 127 && exit.Code != 126 || !strings.Contains(string(exit.Stderr), "absent-program") {
			t.Errorf("an absent program: %+v %q %v", exit.Code, exit.Stderr, err)
		}
	})
}

func TestThreat9_ChildrenSeeACleanEnvironment(t *testing.T) {
	secrets := map[string]string{
		"PLUGIN_SSH_KEY": "k1", "VAULT_TOKEN": "k2", "TF_VAR_password": "k3", "TF_CLI_ARGS_plan": "-destroy", "TF_LOG": "TRACE",
		"TF_CLI_CONFIG_FILE": "/x", "GIT_DIR": "/x", "GIT_SSH_COMMAND": "x", "CDPATH": "/x", "ENV": "/x", "BASH_ENV": "/x", "CI_REPO": "r", "SSH_AUTH_SOCK": "/x",
	}
	for name, value := range secrets {
		t.Setenv(name, value)
	}
	r := makeRepository(t, oneFile)
	show := func(w *world) string {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		return string(sh(t, ws, "env").Stdout)
	}
	t.Run("local", func(t *testing.T) {
		allowed := "HOME PATH USER LOGNAME SHELL LANG TMPDIR PWD OLDPWD SHLVL _ GIT_CEILING_DIRECTORIES GIT_CONFIG_GLOBAL PM_TODOS_PROCESS"
		for line := range strings.Lines(show(localWorld(t))) {
			name, _, _ := strings.Cut(line, "=")
			if !strings.Contains(" "+allowed+" ", " "+name+" ") {
				t.Errorf("the child sees %s", line)
			}
		}
	})
	t.Run("ssh", func(t *testing.T) {
		w := sshWorld(t)
		w.server.env = append(w.server.env, os.Environ()...)
		got := show(w)
		for _, name := range []string{"TF_VAR_password", "TF_CLI_ARGS_plan", "TF_LOG", "TF_CLI_CONFIG_FILE", "GIT_DIR", "GIT_SSH_COMMAND", "CDPATH", "ENV", "BASH_ENV"} {
			if strings.Contains("\n"+got, "\n"+name+"=") {
				t.Errorf("the child sees %s", name)
			}
		}
		if !strings.Contains(got, "/.local/bin") {
			t.Error("~/.local/bin is not on the PATH")
		}
	})
}

func TestProcessIsEndedWhenItTakesTooLong(t *testing.T) {
	r := makeRepository(t, oneFile)
	// Ignores TERM, and has a child that does.
	stubborn := `trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo $$ $! >pids; while :; do sleep 0.2; %s; done`
	for reason, c := range map[EndReason]struct {
		text string
		p    func(limit time.Duration) Process
	}{
		TimedOut: {strings.ReplaceAll(stubborn, "%s", "echo x"), func(limit time.Duration) Process { return Process{Timeout: limit} }},
		Idled:    {strings.ReplaceAll(stubborn, "%s", ":"), func(limit time.Duration) Process { return Process{Idle: limit} }},
	} {
		t.Run(string(reason), func(t *testing.T) {
			everywhere(t, func(t *testing.T, w *world) {
				_, ws := space(t, w.Host, r, AgentTree, Prepare{})
				file := filepath.Join(ws.tree(), "pids")
				// A busy machine may not have come to the pids in a second.
				for limit := time.Second; !exists(file); limit *= 2 {
					p := c.p(limit)
					p.Argv, p.Grace = []string{"sh", "-c", c.text}, time.Second
					exit, err := ws.Supervise(t.Context(), p)
					if err != nil || exit.Reason != reason || exit.OK() || exit.Orphans {
						t.Fatalf("ended with %q %d orphans %v, %v", exit.Reason, exit.Code, exit.Orphans, err)
					}
				}
				gone(t, pids(t, file, 2))
			})
		})
	}
}

func TestWhatTheAgentLeavesBehindIsEnded(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid(1) is not installed: nothing can leave the group here")
	}
	r := makeRepository(t, oneFile)
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		exit := sh(t, ws, `
			(trap '' TERM HUP; echo x; while :; do sleep 1; done) &
			echo $! >>pids
			setsid sh -c 'trap "" TERM HUP; echo $$ >>pids; while :; do sleep 1; done' &
			(setsid sh -c 'exec >/dev/null 2>&1; echo $$ >>pids; while :; do sleep 1; done' &)
			while [ "$(wc -l <pids)" -lt 3 ]; do sleep 0.1; done`)
		if exit.Orphans {
			t.Error("orphans are left")
		}
		gone(t, pids(t, filepath.Join(ws.tree(), "pids"), 3))
	})
}

// TestThreat7_WhatKeepsOnlyItsSessionIsEnded: a process of another group, with
// nothing of its environment left.
func TestThreat7_WhatKeepsOnlyItsSessionIsEnded(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not installed: no other shell puts a job into a group of its own without a terminal")
	}
	_, ws := space(t, localWorld(t).Host, makeRepository(t, oneFile), AgentTree, Prepare{})
	exit := sh(t, ws, `
		bash -c 'set -m; env -i sh -c "trap \"\" TERM HUP; echo \$\$ >pids; while :; do sleep 1; done" >/dev/null 2>&1 &'
		until [ -s pids ]; do sleep 0.1; done`)
	if exit.Orphans {
		t.Error("orphans are left")
	}
	gone(t, pids(t, filepath.Join(ws.tree(), "pids"), 1))
}

const spinner = `trap '' TERM HUP; (trap '' TERM HUP; while :; do sleep 1; done) & echo $$ $! >pids; echo started; while :; do sleep 1; done`

func TestContextEndsTheProcess(t *testing.T) {
	r := makeRepository(t, oneFile)
	everywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, AgentTree, Prepare{})
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		file := filepath.Join(ws.tree(), "pids")
		onceThere(t, file, func() { cancel(why) })
		exit, err := ws.Supervise(ctx, Process{Argv: []string{"sh", "-c", spinner}, Grace: time.Second})
		if !errors.Is(err, why) || exit.Reason != Cancelled || string(exit.Stdout) != "started\n" {
			t.Errorf("got %q %q, %v", exit.Reason, exit.Stdout, err)
		}
		gone(t, pids(t, file, 2))
	})
}

func TestCutOrFrozenConnectionEndsTheProcess(t *testing.T) {
	r := makeRepository(t, oneFile)
	for name, hurt := range map[string]func(*world){"cut": func(w *world) { w.cut() }, "frozen": func(w *world) { w.freeze() }} {
		t.Run(name, func(t *testing.T) {
			overSSH(t, func(t *testing.T, w *world) {
				_, ws := space(t, w.Host, r, AgentTree, Prepare{})
				file := filepath.Join(ws.tree(), "pids")
				onceThere(t, file, func() { hurt(w) })
				exit, err := ws.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", spinner}, Grace: time.Second})
				if !errors.Is(err, script.ErrLost) || exit.Reason != Lost {
					t.Errorf("got %q, %v", exit.Reason, err)
				}
				gone(t, pids(t, file, 2))
				if _, err := w.OpenRun(t.Context(), "", "next", nil); err == nil {
					t.Error("the connection still works")
				}
			})
		})
	}
}

// TestSuperviseChild is the process that TestDeadProgramEndsTheProcess kills.
func TestSuperviseChild(t *testing.T) {
	root := os.Getenv("PM_TODOS_TEST_ROOT")
	if root == "" {
		return // the body of a process that TestDeadProgramEndsTheProcess starts
	}
	h, err := Local(root)
	if err != nil {
		t.Fatal(err)
	}
	_, ws := space(t, h, makeRepository(t, oneFile), AgentTree, Prepare{})
	_, _ = ws.Supervise(t.Context(), Process{Argv: []string{"sh", "-c", spinner}, Grace: time.Second})
}

func TestDeadProgramEndsTheProcess(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestSuperviseChild$")
	cmd.Env = append(os.Environ(), "PM_TODOS_TEST_ROOT="+root, "TMPDIR="+root)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started := pids(t, filepath.Join(root, "runs/run-1/ws/work/tree/pids"), 2)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	gone(t, started)
}

func TestNoisyLoginDoesNoHarm(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, oneFile)
	hostKey, _ := newKey(t)
	client, key := newKey(t)
	server := serve(t, client.PublicKey(), hostKey)
	server.wrap = `
		printf 'Welcome!\n\n0123456789abcdef end 1\nno newline'
		echo 'motd on stderr' >&2
		head -c 200000 /dev/zero
		eval "$0"`
	w := dialWorld(t, openProxy(t, server.address), sshclient.Login{Key: secretOf(key), Fingerprints: []string{fingerprint(hostKey)}}, "tester", server)
	_, ws := space(t, w.Host, r, AgentTree, Prepare{})
	exit := sh(t, ws, "cat a; echo problem >&2")
	if string(exit.Stdout) != "a\n" || string(exit.Stderr) != "problem\n" {
		t.Errorf("got %q and %q", exit.Stdout, exit.Stderr)
	}
	if tree, _, err := ws.Export(t.Context(), 1<<20); err != nil {
		t.Errorf("export: %s %v", tree, err)
	}
}

func TestAccountThatRunsNoShellIsNamed(t *testing.T) {
	t.Parallel()
	hostKey, _ := newKey(t)
	client, key := newKey(t)
	server := serve(t, client.PublicKey(), hostKey)
	server.wrap = `echo 'This account is currently not available.' >&2; exit 1`
	w := dialWorld(t, openProxy(t, server.address), sshclient.Login{Key: secretOf(key), Fingerprints: []string{fingerprint(hostKey)}}, "tester", server)
	_, err := w.OpenRun(t.Context(), "", "r", nil)
	if !errors.Is(err, script.ErrAnswer) || !strings.Contains(err.Error(), "currently not available") || !strings.Contains(err.Error(), "exit code 1") {
		t.Errorf("got %v", err)
	}
}

func TestAnItemTakesFourSessions(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, terraformFiles())
	w := sshWorld(t)
	session := func(number int, name string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := w.server.count(); n != number {
			t.Errorf("%s ends %d sessions, want %d", name, n, number)
		}
	}
	ctx := t.Context()
	_, err := w.Preflight(ctx, Need{Agent: "git", Status: askLogin})
	session(1, "Preflight", err)
	run, err := w.OpenRun(ctx, "", "r", nil)
	session(1, "OpenRun", err)
	tree, err := run.Workspace(ctx, "agent", r.commit, sends(r.pack), AgentTree, Prepare{})
	session(1, "Workspace", err)
	_, err = tree.Supervise(ctx, Process{Argv: []string{"sh", "-c", "echo b >b"}})
	session(2, "Supervise", err)
	_, _, err = tree.Export(ctx, 1<<20)
	session(3, "Export", err)
	stack, err := run.Workspace(ctx, "plan", r.commit, sends(r.pack), Checkout, Prepare{Command: "true"})
	session(3, "Workspace with prepare_command", err)
	plan, err := stack.Plan(ctx, planSpec())
	session(3, "Plan", err)
	_, err = stack.Apply(ctx, applySpec("a1", plan.SHA256))
	session(4, "Apply", err)
	_, err = stack.Run(ctx, "cat", []byte("x"), time.Minute)
	session(4, "Run", err)
	_, err = w.FenceApply(ctx, "a1", plan.SHA256)
	session(4, "FenceApply", err)
	session(4, "Settled", w.Settled(ctx, "a1"))
	session(4, "Close", run.Close(ctx))
	session(4, "Reclaim", w.Reclaim(ctx, "remote", "r", nil))
}

// What the agent could get hold of runs nothing that comes after it.
func TestThreat26_NoSessionOutlivesTheAgentsTurn(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, oneFile)
	w := sshWorld(t)
	// The clock of a task that ended sleeps for a second more, and does nothing.
	shells := func() []string {
		return slices.DeleteFunc(processesOf(strings.TrimPrefix(w.server.env[0], "HOME=")), func(file string) bool {
			command, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			return err != nil || bytes.HasPrefix(command, []byte("sleep\x00"))
		})
	}
	_, ws := space(t, w.Host, r, AgentTree, Prepare{})
	idle := shells()
	if len(idle) == 0 {
		t.Error("no session is idle before the turn")
	}
	onceThere(t, filepath.Join(ws.tree(), "there"), func() {
		for _, one := range shells() {
			if slices.Contains(idle, one) {
				t.Errorf("%s is there beside the agent", one)
			}
		}
		if _, err := ws.Printed(t.Context(), 0); err != nil {
			t.Error(err)
		}
		write(t, filepath.Join(ws.tree(), "seen"), "", 0o644)
	})
	program := []string{"sh", "-c", "true >there; until [ -e seen ]; do sleep 0.1; done"}
	if exit, err := ws.Supervise(t.Context(), Process{Argv: program, Timeout: patience}); err != nil || !exit.OK() {
		t.Fatalf("%+v, %v", exit, err)
	}
	eventually(t, "no session that was there during the turn is left", func() bool { return len(shells()) == 0 })
}

func TestRunOfACommandOfTheSettings(t *testing.T) {
	r := makeRepository(t, oneFile)
	anywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, Checkout, Prepare{})
		exit, err := ws.Run(t.Context(), "cat\ncat a\n(trap '' HUP; while :; do sleep 1; done) & echo $! >../pids\nexit 4", []byte(`{"id":1}`), time.Minute)
		if err != nil || exit.Code != 4 || string(exit.Stdout) != `{"id":1}a`+"\n" || exit.Orphans {
			t.Errorf("got %+v, %v", exit, err)
		}
		gone(t, pids(t, filepath.Join(ws.dir, "pids"), 1))
		// A busy machine may not have come to the pids in a second.
		file := filepath.Join(ws.dir, "stubborn")
		for limit := time.Second; err == nil && !exists(file); limit *= 2 {
			exit, err = ws.Run(t.Context(), "trap '' TERM; echo $$ >../stubborn; while :; do sleep 1; done", nil, limit)
		}
		if err != nil || exit.Reason != TimedOut || exit.OK() {
			t.Errorf("a command that does not end: %+v, %v", exit, err)
		}
		gone(t, pids(t, file, 1))
	})
}
