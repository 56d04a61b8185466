package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/agent"
	"github.com/pm-todos/pm-todos/plugin/standin/terraform"
)

// person is the user that walks when the tests run as root, who may not use
// hosts: local.
const person = 65534

// TestWalk runs the scripts of testdata/walk: what a new user does, from an
// empty repository on, on a machine with git, a shell, and the stand-ins for
// agent and Terraform.
func TestWalk(t *testing.T) {
	shortIsForRaces(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/walk",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               settle,
		Condition: func(name string) (bool, error) {
			if name == "browser" {
				return browser() != "", nil
			}
			return false, errors.New("unknown condition " + name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"walks":  walks,
			"browse": browse,
		},
	})
}

// settle gives the person a home with the agent, a terraform on the PATH, and
// the program itself in a place that is open to others.
func settle(env *testscript.Env) error {
	home, bin := filepath.Join(env.WorkDir, "home"), filepath.Join(env.WorkDir, "bin")
	program := filepath.Join(bin, "pm-todos")
	if err := copyProgram(program); err != nil {
		return err
	}
	agent, err := agent.Install(home, program)
	if err != nil {
		return err
	}
	if err := agent.SetScript(standin.SampleAgent); err != nil {
		return err
	}
	if _, err := terraform.Install(bin, filepath.Join(env.WorkDir, "terraform"), program); err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if os.Geteuid() != 0 {
		return nil
	}
	err = filepath.WalkDir(env.WorkDir, func(file string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(file, person, person))
	})
	for dir := filepath.Dir(env.WorkDir); err == nil && dir != filepath.Clean(os.TempDir()) && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		err = os.Chmod(dir, 0o755)
	}
	return err
}

// copyProgram copies this test's program, which is pm-todos under that name.
func copyProgram(to string) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	from, err := os.Open(self)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	copied, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(copied, from)
	return errors.Join(err, copied.Close())
}

// walks is the script command `walks CODE PROGRAM ARGS...`: exits, but never as
// root.
func walks(ts *testscript.TestScript, neg bool, args []string) {
	if os.Geteuid() == 0 && len(args) >= 2 {
		args = append([]string{args[0], "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"}, args[1:]...)
	}
	exits(ts, neg, args)
}

func browser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	return ""
}

// browse is the script command `browse WIDTH FILE`: it opens the page without a
// window and prints what its script made of it.
func browse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: browse WIDTH FILE")
	}
	walks(ts, false, []string{
		"0", browser(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir=" + ts.Getenv("WORK") + "/profile",
		"--window-size=" + args[0] + ",900", "--virtual-time-budget=5000", "--dump-dom", "file://" + ts.MkAbs(args[1]),
	})
}
