package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// checkout is a person's checkout with ignored files.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	git(t, dir, nil, "init", "-q", "--template=")
	for name, text := range map[string]string{
		".gitignore":                                        ".terraform.lock.hcl\n*.kubeconfig\n.terraform/\nsecrets/\nlink*\nodd*\n",
		"stacks/a/.terraform.lock.hcl":                      "lock a\n",
		"stacks/b/.terraform.lock.hcl":                      "lock b\n",
		"stacks/a/.terraform/modules/m/.terraform.lock.hcl": "module lock\n",
		"dev.kubeconfig":                                    "kube\n",
		"secrets/deep/key":                                  "key\n",
		"stacks/a/main.tf":                                  "theirs, uncommitted\n",
		"untracked.txt":                                     "not ignored\n",
	} {
		write(t, filepath.Join(dir, name), text, 0o640)
	}
	git(t, dir, nil, "add", ".gitignore", "stacks/a/main.tf")
	git(t, dir, nil, "commit", "-q", "-m", "x")
	// Runs when somebody lets git ask the monitor or a hook.
	write(t, filepath.Join(dir, ".git/hooks/post-index-change"), "#!/bin/sh\ntouch PWNED\n", 0o755)
	git(t, dir, nil, "config", "core.fsmonitor", "touch PWNED; false")
	return dir
}

// state is every path of a folder with mode, time and content.
func state(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		all.WriteString(file + " " + info.Mode().String() + " " + info.ModTime().String() + "\n")
		if entry.Type().IsRegular() {
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			all.Write(b)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestCarryBringsIgnoredFiles(t *testing.T) {
	workdir := checkout(t)
	before := state(t, workdir)
	r := makeRepository(t, map[string]string{"stacks/a/main.tf": "ours\n", "stacks/b/.terraform.lock.hcl": "committed\n"})
	anywhere(t, func(t *testing.T, w *world) {
		_, ws := space(t, w.Host, r, Checkout, Prepare{
			Workdir: workdir, Carry: []string{"**/.terraform.lock.hcl", "dev.kubeconfig", "secrets/**", "untracked.txt", "stacks/a/main.tf", "absent/*"},
			Command: "cat dev.kubeconfig >prepared",
		})
		for name, want := range map[string]string{
			"stacks/a/.terraform.lock.hcl": "lock a\n", "stacks/b/.terraform.lock.hcl": "committed\n", "dev.kubeconfig": "kube\n",
			"secrets/deep/key": "key\n", "stacks/a/main.tf": "ours\n", "prepared": "kube\n",
		} {
			if got := read(t, filepath.Join(ws.tree(), name)); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for _, name := range []string{"untracked.txt", "stacks/a/.terraform"} {
			if exists(filepath.Join(ws.tree(), name)) {
				t.Errorf("%s was carried", name)
			}
		}
	})
	t.Cleanup(func() {
		if after := state(t, workdir); after != before {
			t.Errorf("the checkout of a person was changed:\n%s\nwas\n%s", after, before)
		}
	})
}

func TestThreat4_CarryNeverLeadsOut(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	write(t, filepath.Join(outside, "private"), "private\n", 0o600)
	workdir := checkout(t)
	for name, to := range map[string]string{
		"link-out": filepath.Join(outside, "private"), "link-in": "dev.kubeconfig", "link-dir": outside, "stacks/link-up": "../../../private",
	} {
		if err := os.Symlink(to, filepath.Join(workdir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(workdir, "odd\nname"), "x", 0o600)
	write(t, filepath.Join(workdir, "secrets/x"), "x", 0o600)
	r := makeRepository(t, map[string]string{"a": "a\n", "secrets@": outside})
	h := localWorld(t).Host
	run, err := h.OpenRun(t.Context(), "", "r", nil)
	if err != nil {
		t.Fatal(err)
	}
	for glob, wanted := range map[string]bool{
		"link-in": true, "link-out": false, "stacks/link-up": false, "link-dir": false, "odd*": false,
		"secrets/x": false, "../x": false, "/etc/passwd": false, "a/../../x": false, "": false, "x\ny": false, "link-dir/*": true,
	} {
		ws, err := run.Workspace(t.Context(), "w", r.commit, sends(r.pack), Checkout, Prepare{Workdir: workdir, Carry: []string{glob}})
		if (err == nil) != wanted {
			t.Errorf("carry %q: %v", glob, err)
		}
		if glob == "link-in" && err == nil && read(t, ws.tree()+"/link-in") != "kube\n" {
			t.Error("a link inside of the checkout was not followed")
		}
	}
	left, err := os.ReadDir(outside)
	if err != nil || len(left) != 1 || read(t, filepath.Join(outside, "private")) != "private\n" {
		t.Errorf("the folder outside holds %v, %v", left, err)
	}
	for _, workdir := range []string{"/absent", outside, "$(touch x)"} {
		_, err := run.Workspace(t.Context(), "w", r.commit, sends(r.pack), Checkout, Prepare{Workdir: workdir, Carry: []string{"a"}})
		if err == nil || !strings.Contains(err.Error(), "workdir") {
			t.Errorf("workdir %q: %v", workdir, err)
		}
	}
	if _, err := run.Workspace(t.Context(), "w", r.commit, sends(r.pack), AgentTree, Prepare{Workdir: workdir, Carry: []string{"a"}}); err == nil {
		t.Error("the agent's tree took carry files")
	}
	var failed *CommandError
	if errors.As(err, &failed) {
		t.Errorf("a carry error poses as that of a command: %v", failed)
	}
}
