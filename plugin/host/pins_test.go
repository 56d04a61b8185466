package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

// dwelling is this machine as a host, whose account has a home of its own with a
// folder first on its PATH.
type dwelling struct {
	*world
	home, bin string
}

// dwell makes a home with what people have there.
func dwell(t *testing.T) dwelling {
	t.Helper()
	w := localWorld(t)
	d := dwelling{world: w, home: t.TempDir()}
	d.bin = filepath.Join(d.home, ".local/bin")
	write(t, d.bin+"/jq", "#!/bin/sh\n", 0o755)
	write(t, d.home+"/tools/claude", "#!/bin/sh\n", 0o755)
	if err := os.Symlink(d.home+"/tools/claude", d.bin+"/claude"); err != nil {
		t.Fatal(err)
	}
	write(t, d.home+"/.bashrc", "alias ll='ls -l'\n", 0o644)
	write(t, d.home+"/.terraform.d/plugins/registry.example/x", "a provider\n", 0o755)
	write(t, d.home+"/.ssh/known_hosts", "a key\n", 0o600)
	write(t, d.home+"/.claude/settings.json", "{}\n", 0o600)
	w.shell.Start = starting([]string{"HOME=" + d.home, "PATH=" + d.bin + ":/usr/bin:/bin"})
	return d
}

// pin is a run on it that noted what is there.
func (d dwelling) pin(t *testing.T, id string, p Pins) *Run {
	t.Helper()
	run, err := d.OpenRun(t.Context(), "", id, &p)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// opens is what another run says that notes what is there.
func (d dwelling) opens(t *testing.T, id string) error {
	t.Helper()
	p := d.shares(nil)
	_, err := d.OpenRun(t.Context(), "", id, &p)
	return err
}

func (d dwelling) shares(tell func(string)) Pins {
	return Pins{Program: "scripts/tg", Agent: "claude", Account: true, Tell: tell}
}

// forge removes a file, and makes another one in whose name stand the lines that a
// list of the account had for the first.
func (d dwelling) forge(t *testing.T, in, gone string) {
	t.Helper()
	path := filepath.Join(d.home, in)
	for line := range strings.Lines(read(t, filepath.Join(d.shell.Root, "runs/run/pins"))) {
		if line = strings.TrimSuffix(line, "\n"); strings.HasSuffix(line, "  "+filepath.Join(d.home, gone)) {
			path += "\n" + line
		}
	}
	write(t, path, "", 0o644)
	if err := os.Remove(filepath.Join(d.home, gone)); err != nil {
		t.Fatal(err)
	}
}

// alters expects the error of a host that was altered, with these words.
func alters(t *testing.T, what string, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, ErrAltered) || fault.Of(err) != fault.Failed {
		t.Errorf("%s: got %v", what, err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v does not say %q", what, err, word)
		}
	}
}

// checkouts make workspaces of one repository.
func checkouts(t *testing.T, run *Run, r repository) func(string) (*Workspace, error) {
	t.Helper()
	return func(name string) (*Workspace, error) {
		return run.Workspace(t.Context(), name, r.commit, sends(r.pack), Checkout, Prepare{})
	}
}

// TestThreat26_WhatAPlanRunsIsWhatWasThereBeforeTheAgent: each of these would be run
// or read by the next plan, as the account that holds the credentials.
func TestThreat26_WhatAPlanRunsIsWhatWasThereBeforeTheAgent(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, terraformFiles())
	for name, c := range sample(t, map[string]struct {
		change func(t *testing.T, d dwelling)
		words  []string
	}{
		"a terraform first on the PATH": {func(t *testing.T, d dwelling) { write(t, d.bin+"/terraform", "#!/bin/sh\n", 0o755) }, []string{"/.local/bin/terraform now comes first on PATH"}},
		"another tool of the wrapper":   {func(t *testing.T, d dwelling) { write(t, d.bin+"/curl", "#!/bin/sh\n", 0o755) }, []string{"/.local/bin/curl is new"}},
		"a tool that was there":         {func(t *testing.T, d dwelling) { write(t, d.bin+"/jq", "#!/bin/sh\nid\n", 0o755) }, []string{"/.local/bin/jq has changed"}},
		"what a link on the PATH names": {func(t *testing.T, d dwelling) {
			if err := errors.Join(os.Remove(d.bin+"/jq"), os.Symlink("/bin/true", d.bin+"/jq")); err != nil {
				t.Fatal(err)
			}
		}, []string{"/.local/bin/jq has changed"}},
		"a start file":              {func(t *testing.T, d dwelling) { write(t, d.home+"/.bashrc", "PATH=/tmp:$PATH\n", 0o644) }, []string{"/.bashrc has changed"}},
		"a start file that was not": {func(t *testing.T, d dwelling) { write(t, d.home+"/.ssh/rc", "id\n", 0o644) }, []string{"/.ssh/rc is new"}},
		"git's configuration":       {func(t *testing.T, d dwelling) { write(t, d.home+"/.config/git/config", "[core]\n", 0o644) }, []string{"/.config/git/config is new"}},
		"Terraform's configuration": {func(t *testing.T, d dwelling) { write(t, d.home+"/.terraformrc", "x\n", 0o644) }, []string{"/.terraformrc is new"}},
		"a provider": {func(t *testing.T, d dwelling) {
			write(t, d.home+"/.terraform.d/plugins/registry.example/x", "other\n", 0o755)
		}, []string{"/registry.example/x has changed"}},
		"a provider that is executed": {func(t *testing.T, d dwelling) {
			write(t, d.home+"/.terraform.d/plugins/registry.example/x", "a provider\n", 0o700)
		}, []string{"/registry.example/x has changed"}},
		"a unit of systemd": {func(t *testing.T, d dwelling) { write(t, d.home+"/.config/systemd/user/x.service", "x\n", 0o644) }, []string{"/x.service is new"}},
		"a file that goes": {func(t *testing.T, d dwelling) {
			if err := os.Remove(d.home + "/.bashrc"); err != nil {
				t.Fatal(err)
			}
		}, []string{"/.bashrc is gone"}},
		"a file that goes, and a name among the agent's that says that it stays": {func(t *testing.T, d dwelling) {
			d.forge(t, ".claude/agents/x", ".bashrc")
		}, []string{"/.bashrc is gone"}},
		"a file that goes, and a name of git's that says that it stays": {func(t *testing.T, d dwelling) {
			d.forge(t, ".config/git/x", ".bashrc")
		}, []string{"/.bashrc is gone", "a name with a newline is new"}},
		"tools that hide it": {func(t *testing.T, d dwelling) {
			write(t, d.bin+"/terraform", "#!/bin/sh\n", 0o755)
			write(t, d.bin+"/sort", "#!/bin/sh\n", 0o755)
			write(t, d.bin+"/awk", "#!/bin/sh\nprintf '\\nnothing of note'\n", 0o755)
		}, []string{"/.local/bin/terraform now comes first on PATH"}},
		"the list of it all, and the tool that hides it": {func(t *testing.T, d dwelling) {
			write(t, d.bin+"/terraform", "#!/bin/sh\n", 0o755)
			list := filepath.Join(d.shell.Root, "runs/run/pins")
			write(t, d.home+"/noted", read(t, list), 0o600)
			write(t, list, "", 0o600)
			write(t, d.bin+"/sha256sum", "#!/bin/sh\nexec /usr/bin/sha256sum <"+d.home+"/noted\n", 0o755)
		}, []string{"list"}},
		"the list of it all": {func(t *testing.T, d dwelling) {
			write(t, d.bin+"/terraform", "#!/bin/sh\n", 0o755)
			write(t, filepath.Join(d.shell.Root, "runs/run/pins"), "", 0o600)
		}, []string{"list"}},
	}, "a terraform first on the PATH", "what a link on the PATH names", "a file that goes", "a provider that is executed") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dwell(t)
			run := d.pin(t, "run", d.shares(nil))
			checkout := checkouts(t, run, r)
			ws, err := checkout("before")
			if err != nil {
				t.Fatal(err)
			}
			plan, err := ws.Plan(t.Context(), planSpec())
			if err != nil {
				t.Fatal(err)
			}
			c.change(t, d)
			_, err = checkout("after")
			alters(t, "a workspace", err, c.words...)
			_, err = ws.Plan(t.Context(), planSpec())
			alters(t, "a plan", err, c.words...)
			status, err := ws.Apply(t.Context(), applySpec("a", plan.SHA256))
			alters(t, "an apply", err, c.words...)
			_, err = ws.Run(t.Context(), "true", nil, time.Minute)
			alters(t, "verify_command", err, c.words...)
			if status != (ApplyStatus{}) || exists(ws.tree()+"/stacks/a/applied") {
				t.Errorf("it was applied: %+v", status)
			}
			// The next run finds nothing but the new state.
			alters(t, "the next run", d.opens(t, "later"), c.words...)
			_, err = d.Preflight(t.Context(), Need{})
			if !errors.Is(err, ErrAltered) || !strings.Contains(err.Error(), c.words[0]) {
				t.Errorf("preflight says %v", err)
			}
			if err := os.Remove(filepath.Join(d.shell.Root, "altered")); err != nil {
				t.Fatal(err)
			}
			if err := d.opens(t, "later"); err != nil {
				t.Errorf("once a person has looked: %v", err)
			}
		})
	}
}

// TestThreat26_NoRunEndsWithoutALook: an agent that leaves nothing to plan, and a run
// that is killed while it works.
func TestThreat26_NoRunEndsWithoutALook(t *testing.T) {
	t.Parallel()
	for name, look := range map[string]func(*testing.T, dwelling, *Run) error{
		"after the turn": func(t *testing.T, _ dwelling, run *Run) error { return run.Hold(t.Context()) },
		"with what it left": func(t *testing.T, _ dwelling, run *Run) error {
			r := makeRepository(t, terraformFiles())
			space, err := run.Workspace(t.Context(), "agent", r.commit, sends(r.pack), AgentTree, Prepare{})
			if err == nil {
				_, _, err = space.Export(t.Context(), 1<<20)
			}
			return err
		},
		"at the end of the run": func(t *testing.T, _ dwelling, run *Run) error { return run.Close(t.Context()) },
		"after a kill": func(t *testing.T, d dwelling, _ *Run) error {
			return d.opens(t, "next")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dwell(t)
			run := d.pin(t, "run", d.shares(nil))
			if err := run.Hold(t.Context()); err != nil {
				t.Fatal(err)
			}
			write(t, d.bin+"/terraform", "#!/bin/sh\n", 0o755)
			alters(t, name, look(t, d, run), "/.local/bin/terraform now comes first on PATH")
			if err := run.Close(t.Context()); err != nil {
				t.Errorf("told twice: %v", err)
			}
			if exists(run.dir) {
				t.Error("its directory stays")
			}
			alters(t, "the next run", d.opens(t, "later"), "/.local/bin/terraform now comes first on PATH")
			// A person has looked: what is there now is what was there before.
			if err := errors.Join(os.Remove(filepath.Join(d.shell.Root, "altered")), d.opens(t, "later")); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestThreat26_AProgramIsPinnedWhereverTheAgentWorks: the programs by themselves,
// where a sandbox or another account keeps the agent from the rest.
func TestThreat26_AProgramIsPinnedWhereverTheAgentWorks(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, terraformFiles())
	d := dwell(t)
	write(t, d.home+"/opt/terraform-1", "#!/bin/sh\n", 0o755)
	if err := os.Symlink(d.home+"/opt/terraform-1", d.bin+"/terraform"); err != nil {
		t.Fatal(err)
	}
	checkout := checkouts(t, d.pin(t, "run", Pins{Program: "terraform"}), r)
	write(t, d.home+"/.bashrc", "not looked at\n", 0o644)
	if _, err := checkout("before"); err != nil {
		t.Fatal(err)
	}
	write(t, d.home+"/opt/terraform-1", "#!/bin/sh\nid\n", 0o755)
	_, err := checkout("after")
	alters(t, "the file behind a link", err, "/.local/bin/terraform has changed")
	if err := os.Remove(d.bin + "/terraform"); err != nil {
		t.Fatal(err)
	}
	_, err = checkout("later")
	alters(t, "a program that is gone", err, "bin/terraform") // another one may be installed here
}

// TestUpgradeAfterAKillIsNoAlarm: of a run whose agent could not change the account.
func TestUpgradeAfterAKillIsNoAlarm(t *testing.T) {
	t.Parallel()
	d := dwell(t)
	write(t, d.bin+"/terraform", "#!/bin/sh\n", 0o755)
	d.pin(t, "killed", Pins{Program: "terraform"})
	write(t, d.bin+"/terraform", "#!/bin/sh\n# an upgrade\n", 0o755)
	d.pin(t, "next", Pins{Program: "terraform"})
}

// TestWorkOnTheHostIsNoAlarm: what people, the agent's program and Terraform change
// on a working day ends nothing; some of it is named.
func TestWorkOnTheHostIsNoAlarm(t *testing.T) {
	t.Parallel()
	d := dwell(t)
	var told []string
	run := d.pin(t, "run", d.shares(func(changed string) { told = append(told, changed) }))
	checkout := checkouts(t, run, makeRepository(t, terraformFiles()))
	work := func(name string) {
		t.Helper()
		ws, err := checkout(name)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := ws.Plan(t.Context(), planSpec())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ws.Apply(t.Context(), applySpec(name, plan.SHA256)); err != nil {
			t.Error(err)
		}
		if _, err := ws.Plan(t.Context(), planSpec()); err != nil {
			t.Errorf("the plan after the apply: %v", err)
		}
	}
	write(t, d.home+"/.bash_history", "ls\n", 0o600)
	write(t, d.home+"/.terraform.d/checkpoint_cache", "x\n", 0o600)
	write(t, d.bin+"/jq", "#!/bin/sh\n", 0o755) // written again, as it was
	work("first")
	if told != nil {
		t.Errorf("told of %q", told)
	}
	write(t, d.home+"/.ssh/known_hosts", "a key\nanother\n", 0o600)
	write(t, d.home+"/.claude/settings.json", "{ }\n", 0o600)
	write(t, d.home+"/.codex/config.toml", "model = 'x'\n", 0o600)
	write(t, d.home+"/tools/claude", "#!/bin/sh\n# an update\n", 0o755)
	work("second")
	if len(told) != 1 || !strings.Contains(told[0], "/.ssh/known_hosts has changed") || !strings.Contains(told[0], "/.claude/settings.json has changed") || !strings.Contains(told[0], "/.codex/config.toml is new") || !strings.Contains(told[0], "/claude has changed") {
		t.Errorf("told of %q", told)
	}
}

// TestWhatOurCommandsKeepInTheAccountIsNoAlarm: Terraform fills its cache of providers,
// wrappers fetch versions and logins. The same by somebody else ends the run, and so
// does another file that a command of ours changes.
func TestWhatOurCommandsKeepInTheAccountIsNoAlarm(t *testing.T) {
	t.Parallel()
	r := makeRepository(t, terraformFiles())
	for _, file := range []string{".terraform.d/plugin-cache/registry.example/x", ".tfenv/versions/1.5.7/terraform", ".kube/config", ".docker/config.json"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			d := dwell(t)
			run := d.pin(t, "run", d.shares(nil))
			prepared := func(name, command string) (*Workspace, error) {
				return run.Workspace(t.Context(), name, r.commit, sends(r.pack), Checkout, Prepare{Command: command})
			}
			keep := "mkdir -p " + filepath.Dir(d.home+"/"+file) + " && echo >>" + d.home + "/" + file
			ws, err := prepared("first", keep)
			if err == nil {
				_, err = ws.Plan(t.Context(), planSpec())
			}
			if err == nil {
				_, err = ws.Run(t.Context(), keep, nil, time.Minute)
			}
			if err = errors.Join(err, run.Hold(t.Context())); err != nil {
				t.Fatal(err)
			}
			write(t, d.home+"/"+file, "of an agent\n", 0o700)
			_, err = prepared("second", "true")
			alters(t, "somebody else", err, "/"+file+" has changed")
		})
	}
	d := dwell(t)
	run := d.pin(t, "run", d.shares(nil))
	if _, err := run.Workspace(t.Context(), "first", r.commit, sends(r.pack), Checkout, Prepare{Command: "echo >" + d.home + "/.terraformrc"}); err != nil {
		t.Fatal(err)
	}
	alters(t, "another file", run.Hold(t.Context()), "/.terraformrc is new")
}
