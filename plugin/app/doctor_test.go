package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/console"
	"github.com/pm-todos/pm-todos/plugin/doctor"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/standin"
	"github.com/pm-todos/pm-todos/plugin/standin/ssh"
)

// doctor runs the check-up with some settings changed ("" unsets), and returns
// the exit code; its output is in last.
func (s *site) doctor(change map[string]string, options ...string) int {
	s.t.Helper()
	environment := s.Settings()
	maps.Copy(environment, change)
	settings, err := settings.FromEnvironment(environment)
	if err != nil {
		s.t.Fatalf("settings: %v", err)
	}
	format, plan := "text", ""
	for _, option := range options {
		if option == "json" {
			format = option
		} else {
			plan = option
		}
	}
	var out bytes.Buffer
	settings.Vault.Timeout = s.patienceWithVault()
	console, closeConsole := console.New("test", settings, &out, false)
	err = examine(s.t.Context(), settings, console, doctor.Request{Plan: plan}, format)
	if closeErr := closeConsole(); closeErr != nil {
		s.t.Errorf("close the console: %v", closeErr)
	}
	s.last = out.String()
	if testing.Verbose() {
		s.t.Log("\n" + s.last)
	}
	return fault.Of(err).ExitCode()
}

// refs is every ref of the remote.
func (s *site) refs() map[string]string {
	s.t.Helper()
	refs, err := s.Repo.Refs("refs/")
	if err != nil {
		s.t.Fatal(err)
	}
	return refs
}

// marks is the status of each check, by its name and what it is about.
func marks(t *testing.T, output string) map[string]string {
	t.Helper()
	var report struct {
		Checks []struct{ Check, About, Status string } `json:"checks"`
	}
	if err := json.Unmarshal([]byte(output), &report); err != nil {
		t.Fatalf("%v:\n%s", err, output)
	}
	found := map[string]string{}
	for _, f := range report.Checks {
		found[strings.TrimSpace(f.Check+" "+f.About)] += f.Status
	}
	return found
}

// wrapperOf is scripts/tg of the sample, with some text around what it starts.
func wrapperOf(before, after string) map[string]string {
	return map[string]string{"scripts/tg": "#!/bin/sh\nset -eu\n" + before + "terraform \"$@\"" + after + "\n"}
}

func TestDoctorFindsNothingAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, standin.Options{})
	refs, state := s.refs(), fmt.Sprint(s.state("monitoring"))
	s.wants(0, s.doctor(nil, "stacks/monitoring"))
	for _, line := range []string{
		"ok       settings", "ok       forge", "ok       remote", "ok       push", "ok       refs", "ok       documents", "ok       stacks", "ok       ci skip",
		"ok       definition", "ok       vault", "token revoked", "ok       key          hosts: ssh-ed25519 SHA256:", "warn     agent user",
		"ok       reach        " + s.SSH.Target(), "ok       tools", "ok       disk", "ok       agent", "ok       terraform", "ok       parallel     " + s.SSH.Target(), "skipped  carry",
		"skipped  wrapper", "ok       plan         stacks/monitoring: planned on", "ok       summary", "ok       chat         slack: messages go to", " 0 failed",
	} {
		s.says(line)
	}
	if strings.Contains(s.last, "FAIL") {
		t.Errorf("something failed:\n%s", s.last)
	}
	s.untouched(refs)
	if after := fmt.Sprint(s.state("monitoring")); after != state {
		t.Errorf("the state changed: %v", after)
	}
}

// untouched checks that a check-up left everything as it was and paid nobody.
func (s *site) untouched(refs map[string]string) {
	s.t.Helper()
	if after := s.refs(); !maps.Equal(refs, after) {
		s.t.Errorf("the remote's refs were %v, and are %v", refs, after)
	}
	if calls, err := s.Agent.Calls(); err != nil || len(calls) != 0 {
		s.t.Errorf("%d agent calls: %v", len(calls), err)
	}
	if posted := s.Slack.Messages(); len(posted) != 0 {
		s.t.Errorf("Slack was told %v", posted)
	}
	if live := s.Vault.LiveTokens(); live != 0 {
		s.t.Errorf("%d Vault tokens are still alive", live)
	}
	if entries, err := os.ReadDir(s.Workspace()); err != nil || len(entries) != 0 {
		s.t.Errorf("the workspace holds %v, %v", entries, err)
	}
	s.nothingLeft()
	s.nothingSecret()
}

func TestDoctorProvesTheWrapper(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	for name, test := range map[string]struct {
		files map[string]string
		code  int
		says  []string
	}{
		"hands on": {wrapperOf("", ""), 0, []string{"ok       wrapper"}},
		"flag behind the plan file": {
			wrapperOf("", " -lock-timeout=5m"), 1,
			[]string{"FAIL     wrapper", "puts -lock-timeout=5m behind the plan file", `set -- "$verb" -lock-timeout=5m "$@"`},
		},
		"flags translated": {wrapperOf("verb=$1\nfor plan in \"$@\"; do :; done\nset -- \"$verb\" -input=false \"$plan\"\n", ""), 0, []string{"ok       wrapper"}},
		"arguments lost":   {wrapperOf("set -- \"$1\"\n", ""), 1, []string{"FAIL     wrapper", "does not hand", `terragrunt "$@"`}},
		"program of its own": {
			wrapperOf("PATH=/usr/bin:/bin\n", ""), 0, []string{"warn     wrapper", "cannot be seen"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, standin.Options{Files: test.files})
			refs, before := s.refs(), fmt.Sprint(s.state("monitoring"))
			s.wants(test.code, s.doctor(nil))
			s.says(test.says...)
			s.untouched(refs)
			if after := fmt.Sprint(s.state("monitoring")); after != before {
				t.Errorf("the state changed: %v", after)
			}
		})
	}
}

func TestDoctorShowsHowToPinAnUnknownHost(t *testing.T) {
	t.Parallel()
	s := newSite(t, standin.Options{Jump: true})
	s.Vault.SetSecret("ci/infra", map[string]string{"devvm_ssh_key": s.SSH.PrivateKey()})
	known := ""
	// First the jump host is shown, then the host behind it.
	for _, server := range []*ssh.Server{s.Jump, s.SSH} {
		s.wants(1, s.doctor(map[string]string{"PLUGIN_KNOWN_HOSTS": known}))
		line := strings.TrimSpace(server.KnownHosts())
		s.says("FAIL     host key", server.Fingerprint(), "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub", line)
		known += line + "\n"
	}
	s.wants(0, s.doctor(map[string]string{"PLUGIN_KNOWN_HOSTS": known}))
	s.says("ok       reach", "through "+s.Jump.Target())
}

func TestDoctorGoesOnWithWhatDoesNotDepend(t *testing.T) {
	t.Parallel()
	down := "wizard@127.0.0.1:1"
	for name, test := range map[string]struct {
		ruin   func(*site) error
		change map[string]string
		code   int
		want   map[string]string // status by check
	}{
		"remote": {
			change: map[string]string{"PLUGIN_GIT_PASSWORD": "wrong-password"}, code: 1,
			want: map[string]string{"remote": "FAIL", "push": "skipped", "refs": "skipped", "documents": "skipped", "vault": "ok", "reach HOST": "ok", "wrapper HOST": "skipped", "chat slack": "ok"},
		},
		"branch protected": {
			ruin: func(s *site) error { return s.Repo.Protect(standin.SampleBranch) }, code: 1,
			want: map[string]string{"remote": "ok", "push": "FAIL", "refs": "ok", "reach HOST": "ok"},
		},
		"signatures demanded on every branch": {
			ruin: func(s *site) error {
				return s.Repo.InstallHook("update", strings.Replace(needsSigned, "refs/heads/main", `"$1" ] && [ "${1#refs/heads/}" != "$1"`, 1))
			}, code: 1,
			want: map[string]string{"push": "ok", "refs": "ok", "rules": "FAIL"},
		},
		"branch protected, and its rows proposed": {
			ruin: func(s *site) error { return s.Repo.Protect(standin.SampleBranch) }, code: 0, change: map[string]string{"PLUGIN_MODE": "propose"},
			want: map[string]string{"push": "ok", "workflows": "ok"},
		},
		"a workflow that applies every branch": {
			ruin: func(s *site) error {
				_, err := s.Repo.Commit(standin.SampleBranch, "Apply", map[string]string{".woodpecker/apply.yml": "steps:\n- image: terraform\n"})
				return err
			}, code: 1, change: map[string]string{"PLUGIN_MODE": "propose"},
			want: map[string]string{"workflows": "FAIL", "push": "ok"},
		},
		"branch protected in a dry-run": {
			ruin: func(s *site) error { return s.Repo.Protect(standin.SampleBranch) }, code: 0, change: map[string]string{"PLUGIN_MODE": "dry-run"},
			want: map[string]string{"push": "warn"},
		},
		"vault": {
			ruin: func(s *site) error { s.seal(true); return nil }, code: 75,
			want: map[string]string{"push": "ok", "vault": "FAIL", "reach HOST": "skipped", "summary WORKSPACE/.pm-todos": "ok"},
		},
		"field": {
			change: map[string]string{"PLUGIN_VAULT_FIELD": "no_such_field"}, code: 1,
			want: map[string]string{"vault": "FAIL", "reach HOST": "skipped"},
		},
		"agent": {
			ruin: func(s *site) error { return s.Agent.SetLoggedIn(false) }, code: 1,
			want: map[string]string{"reach HOST": "ok", "agent HOST": "FAIL", "terraform HOST": "ok"},
		},
		"every host": {
			change: map[string]string{"PLUGIN_HOSTS": down + ",HOST"}, code: 75,
			want: map[string]string{"reach " + down: "FAIL", "reach HOST": "ok", "agent HOST": "ok"},
		},
		"agent hosts": {
			change: map[string]string{"PLUGIN_AGENT_HOSTS": "HOST," + down}, code: 75,
			want: map[string]string{"agent user": "ok", "reach HOST": "okok", "reach " + down: "FAIL", "agent HOST": "ok"},
		},
		"no documents": {
			change: map[string]string{"PLUGIN_POST_MORTEMS": "nowhere/*.md"}, code: 0,
			want: map[string]string{"documents": "warn"},
		},
		"no stacks": {
			change: map[string]string{"PLUGIN_STACKS": "nowhere/*"}, code: 1,
			want: map[string]string{"stacks": "FAIL", "documents": "ok", "reach HOST": "ok"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !slices.Contains([]string{"remote", "branch protected", "vault", "agent", "every host", "agent hosts"}, name) {
				longAndAlike(t)
			}
			s := newSite(t, standin.Options{})
			replace := strings.NewReplacer("HOST", s.SSH.Target(), "WORKSPACE", s.Workspace())
			change := map[string]string{}
			for name, value := range test.change {
				if change[name] = value; strings.HasSuffix(name, "HOSTS") {
					change[name] = replace.Replace(value)
				}
			}
			if test.ruin != nil {
				if err := test.ruin(s); err != nil {
					t.Fatal(err)
				}
			}
			refs := s.refs()
			s.wants(test.code, s.doctor(change, "json"))
			documented(t, readPage(t, "docs/operations.md"), "doctor", s.last)
			got := marks(t, s.last)
			for check, status := range test.want {
				if check = replace.Replace(check); got[check] != status {
					t.Errorf("%s is %q, want %q\n%s", check, got[check], status, s.last)
				}
			}
			s.untouched(refs)
		})
	}
}

func TestDoctorReadsTheRepositorysHabits(t *testing.T) {
	t.Parallel()
	s := newSite(t, standin.Options{Files: map[string]string{
		".claude/agents/postmortem-todo-resolver.md": "---\ntools: Bash\n---\nRun `scripts/tg apply`.\nThen git push.\n",
		".woodpecker/todos.yml":                      "steps:\n  x:\n    image: pm-todos\n",
		"docs/post-mortems/2026-01-09-odd.md":        document("| P2 | Add an alert | Alert | x |", "| P2 | Add another alert | Alert | x | TODO |"),
	}})
	_, err := s.Repo.Commit(standin.SampleBranch, "docs: one more [CI SKIP]\n", map[string]string{"docs/post-mortems/2026-01-10-new.md": document("| P2 | Add an alert | Alert | x | TODO |")})
	if err != nil {
		t.Fatal(err)
	}
	s.wants(0, s.doctor(nil))
	s.says("warn     ci skip", "1 of the last 2 commits", "line 4 orders to apply", "line 5 orders to push", "without effect here: tools",
		".woodpecker/todos.yml runs this plugin", "rows or lines cannot be used", "pm-todos lint")
}

func TestDoctorPlansAStackThatDrifts(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	s := newSite(t, standin.Options{})
	_, err := s.Repo.Commit(standin.SampleBranch, "not applied\n", map[string]string{"stacks/monitoring/more.tf": "resource \"terraform_data\" \"more\" {\n  input = \"x\"\n}\n"})
	if err != nil {
		t.Fatal(err)
	}
	refs := s.refs()
	s.wants(0, s.doctor(nil, "stacks/monitoring"))
	s.says("warn     plan", "terraform_data.more")
	s.wants(2, s.doctor(nil, "stacks/none"))
	s.says("FAIL     plan", "name one of: stacks/monitoring")
	s.untouched(refs)
}

func TestDoctorOfWrongSettingsContactsNothing(t *testing.T) {
	noPipeline(t)
	t.Setenv("PLUGIN_HOSTS", "a@192.0.2.1")
	t.Setenv("PLUGIN_MODES", "apply")
	t.Setenv("PLUGIN_REMOTE", filepath.Join(t.TempDir(), "none"))
	out, _, err := runApp(t, "", "doctor")
	if code := fault.Of(err).ExitCode(); code != 2 {
		t.Errorf("exit code %d: %v", code, err)
	}
	for _, text := range []string{"FAIL     settings     branch: is missing", "ssh_key: is missing", "ssh-keyscan -t ed25519 -p 22 192.0.2.1", "modes: is not a setting", "skipped  everything"} {
		if !strings.Contains(out, text) {
			t.Errorf("it does not say %q:\n%s", text, out)
		}
	}
	for _, args := range [][]string{{"doctor", "--format", "xml"}, {"doctor", "x"}} {
		if _, _, err := runApp(t, "", args...); fault.Of(err) != fault.Settings {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestLocalIsRefusedAsRoot goes through the command line, as people do.
func TestLocalIsRefusedAsRoot(t *testing.T) {
	noPipeline(t)
	if os.Geteuid() != 0 {
		if err := access.MayRunHere(settings.Settings{Hosts: settings.Hosts{Hosts: []string{"local"}}}); err != nil {
			t.Errorf("only root is refused: %v", err)
		}
		return
	}
	t.Setenv("PLUGIN_REMOTE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("PLUGIN_BRANCH", "main")
	t.Setenv("PLUGIN_HOSTS", "local")
	for _, args := range [][]string{{}, {"settle", "--landed", "x"}, {"doctor"}} {
		out, _, err := runApp(t, "", args...)
		if fault.Of(err) != fault.Settings {
			t.Errorf("%q: %v", args, err)
		}
		if said := out + err.Error(); !strings.Contains(said, "refused as root") || !strings.Contains(said, "user@host") {
			t.Errorf("%q says %s", args, said)
		}
	}
	// A pull request's run uses no host.
	if err := access.MayRunHere(settings.Settings{Hosts: settings.Hosts{Hosts: []string{"local"}}, CI: settings.CI{Event: "pull_request"}}); err != nil {
		t.Error(err)
	}
}
