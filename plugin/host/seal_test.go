package host

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestLinksThatAPlanLeavesAmongManyFilesAreNoAlarm: find(1) tells of files in batches,
// and what is new among them moves the borders.
func TestLinksThatAPlanLeavesAmongManyFilesAreNoAlarm(t *testing.T) {
	t.Parallel()
	files := terraformFiles()
	for i := range 1000 {
		files[fmt.Sprintf("stacks/b/%s-%d.tf", strings.Repeat("long", 40), i)] = "x\n"
	}
	links := "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do ln -sf main.tf ../b/0-$i; done"
	files["scripts/tg*"] = strings.Replace(wrapper, "verb=$1\n", "verb=$1\n[ $verb != plan ] || { "+links+"; }\n", 1)
	_, ws := space(t, localWorld(t).Host, makeRepository(t, files), Checkout, Prepare{})
	plan, err := ws.Plan(t.Context(), planSpec())
	if err != nil {
		t.Fatal(err)
	}
	if status, err := ws.Apply(t.Context(), applySpec("a", plan.SHA256)); err != nil || !status.Ended {
		t.Errorf("an apply: %+v, %v", status, err)
	}
}

// TestThreat26_AWorkspaceIsItsCommit: a process that an agent left behind changes
// the workspace between two of our commands.
func TestThreat26_AWorkspaceIsItsCommit(t *testing.T) {
	t.Parallel()
	files := terraformFiles("other.tf=y")
	files["scripts/link@"] = "tg"
	r := makeRepository(t, files)
	for name, c := range map[string]struct {
		change func(t *testing.T, tree string)
		words  string
	}{
		"the wrapper":        {func(t *testing.T, tree string) { write(t, tree+"/scripts/tg", "#!/bin/sh\n", 0o700) }, "scripts/tg has changed"},
		"a file's mode":      {func(t *testing.T, tree string) { write(t, tree+"/stacks/a/main.tf", "x\n", 0o700) }, "stacks/a/main.tf has changed"},
		"a file more":        {func(t *testing.T, tree string) { write(t, tree+"/stacks/a/evil_override.tf", "x\n", 0o600) }, "stacks/a/evil_override.tf is new"},
		"a hook of git":      {func(t *testing.T, tree string) { write(t, tree+"/.git/hooks/post-checkout", "x\n", 0o700) }, ".git/hooks/post-checkout is new"},
		"git's settings":     {func(t *testing.T, tree string) { write(t, tree+"/.git/config", "x\n", 0o600) }, ".git/config has changed"},
		"what init brought":  {func(t *testing.T, tree string) { write(t, tree+"/stacks/a/calls", "x\n", 0o600) }, "stacks/a/calls"},
		"a file less":        {func(t *testing.T, tree string) { _ = os.Remove(tree + "/stacks/a/other.tf") }, "stacks/a/other.tf is gone"},
		"where a link leads": {func(t *testing.T, tree string) { relink(t, "/bin/true", tree+"/scripts/link") }, "scripts/link"},
		"the list of its files": {func(t *testing.T, tree string) {
			write(t, tree+"/scripts/tg", "x\n", 0o700)
			write(t, tree+"/../seal/files", "", 0o600)
		}, "list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ws := space(t, localWorld(t).Host, r, Checkout, Prepare{})
			plan, err := ws.Plan(t.Context(), planSpec())
			if err != nil {
				t.Fatal(err)
			}
			c.change(t, ws.tree())
			status, err := ws.Apply(t.Context(), applySpec("a", plan.SHA256))
			alters(t, "an apply", err, c.words)
			if status != (ApplyStatus{}) || exists(ws.tree()+"/stacks/a/applied") {
				t.Errorf("it was applied: %+v", status)
			}
			_, err = ws.Plan(t.Context(), planSpec())
			alters(t, "a plan", err, c.words)
		})
	}
}

func relink(t *testing.T, to, link string) {
	t.Helper()
	if err := errors.Join(os.Remove(link), os.Symlink(to, link)); err != nil {
		t.Fatal(err)
	}
}

// TestThreat26_ACommitsFilesStayDuringAPlan: what changes while a command of ours
// runs is seen before the next, but for the lock file and a state that a wrapper
// keeps there.
func TestThreat26_ACommitsFilesStayDuringAPlan(t *testing.T) {
	t.Parallel()
	for script, words := range map[string]string{
		"echo x >>../../scripts/tg": "scripts/tg has changed",
		"echo y >main.tf":           "main.tf has changed",
		"echo x >.terraform.lock.hcl; echo x >terraform.tfstate.enc; mkdir -p .terraform && echo x >.terraform/modules.json": "",
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			files := terraformFiles(".terraform.lock.hcl=", "terraform.tfstate.enc=")
			files["scripts/tg*"] = strings.Replace(wrapper, "verb=$1\n", "verb=$1\n[ $verb != plan ] || { "+script+"; }\n", 1)
			_, ws := space(t, localWorld(t).Host, makeRepository(t, files), Checkout, Prepare{})
			plan, err := ws.Plan(t.Context(), planSpec())
			if err != nil {
				t.Fatal(err)
			}
			status, err := ws.Apply(t.Context(), applySpec("a", plan.SHA256))
			if words != "" {
				alters(t, "an apply", err, words)
			} else if err != nil || !status.Ended {
				t.Errorf("an apply: %+v, %v", status, err)
			}
		})
	}
}

// TestThreat26_NobodyElseWorksInAWorkspace: a process that waits there for its
// moment is seen by its working directory or its open file.
func TestThreat26_NobodyElseWorksInAWorkspace(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, terraformFiles())
	for name, start := range map[string]func(*exec.Cmd, string){
		"by its working directory": func(cmd *exec.Cmd, tree string) { cmd.Dir = tree + "/stacks" },
		"by an open file": func(cmd *exec.Cmd, tree string) {
			cmd.Args = append(cmd.Args[:2], "exec 9>>"+tree+"/stacks/a/main.tf; echo ready; exec cat")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ws := space(t, localWorld(t).Host, r, Checkout, Prepare{})
			plan, err := ws.Plan(t.Context(), planSpec())
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("sh", "-c", "echo ready; exec cat")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			start(cmd, ws.tree())
			if _, err := cmd.StdinPipe(); err != nil { // by whose end it ends
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
			if _, err := fmt.Fscanln(out, new(string)); err != nil {
				t.Fatal(err)
			}
			_, err = ws.Apply(t.Context(), applySpec("a", plan.SHA256))
			alters(t, "an apply", err, fmt.Sprint("process ", cmd.Process.Pid))
			_, _ = cmd.Process.Kill(), cmd.Wait()
			if status, err := ws.Apply(t.Context(), applySpec("a", plan.SHA256)); err != nil || !status.Ended {
				t.Errorf("once it is gone: %+v, %v", status, err)
			}
		})
	}
}

// TestWorkspaceOfOddCommits: git's conversions, links and submodules are part of a
// commit, and no alarm.
func TestWorkspaceOfOddCommits(t *testing.T) {
	t.Parallel()
	files := terraformFiles()
	files[".gitattributes"] = "*.bat text eol=crlf\n*.id ident\nsecret* filter=git-crypt\n"
	files["a.bat"], files["b.id"], files["secret.txt"], files["link@"] = "dir\n", "$Id$\n", "\x00GITCRYPT\x00x", "a.bat"
	files["with space/ü.tf"] = "x\n"
	r := makeRepository(t, files)
	_, ws := space(t, localWorld(t).Host, r, Checkout, Prepare{Command: "echo decrypted >secret.txt"})
	if _, err := ws.Plan(t.Context(), planSpec()); err != nil {
		t.Error(err)
	}
	if got := read(t, ws.tree()+"/a.bat"); got != "dir\r\n" {
		t.Errorf("the conversion is not there: %q", got)
	}
}
