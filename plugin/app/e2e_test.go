package app

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/host/sshdtest"
	"github.com/pm-todos/pm-todos/plugin/relay"
	"github.com/pm-todos/pm-todos/plugin/standin"
)

// authorizedOptions are those by which docs/getting-started.md restricts the
// login: whatever a run needs works under them.
const authorizedOptions = `restrict,from="127.0.0.1"`

// realSSHD starts OpenSSH's own server for the host of a world, with further
// variables of its sessions and lines of configuration, and returns the target and
// its known_hosts line.
func realSSHD(t *testing.T, w *standin.World, env []string, lines ...string) (target, known string) {
	t.Helper()
	server := sshdtest.Start(t, sshdtest.Config{
		Authorized: []string{authorizedOptions + " " + sshdtest.Authorized(t, w.SSH.PrivateKey())},
		Home:       w.Home, Env: append(env, "PATH="+filepath.Dir(w.Terraform.Program)+":/usr/local/bin:/usr/bin:/bin"),
		Lines: lines,
	})
	return server.User + "@" + server.Address, server.Known()
}

func port(address string) string { return address[strings.LastIndex(address, ":")+1:] }

// realTerraforms are the Terraform programs of this machine, by version.
func realTerraforms(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, program := range []string{os.Getenv("PM_TODOS_TERRAFORM"), "terraform"} {
		path, err := exec.LookPath(program)
		if program == "" || err != nil {
			continue
		}
		cmd := exec.Command(path, "version")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "CHECKPOINT_DISABLE=1"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s version: %v", path, err)
		}
		version, _, _ := strings.Cut(string(out), "\n")
		found[strings.ReplaceAll(version, " ", "-")] = path
	}
	if len(found) == 0 {
		t.Skip("needs a real Terraform on the PATH or in PM_TODOS_TERRAFORM")
	}
	return found
}

// oldestTerraform is the one of the lowest version.
func oldestTerraform(t *testing.T) string {
	t.Helper()
	found := realTerraforms(t)
	return found[slices.Min(slices.Collect(maps.Keys(found)))]
}

// realSite is the sample behind a real sshd, a real git http-backend and a real
// Terraform; only Vault, Slack and the agent are stand-ins. The sessions of the
// host have further variables.
func realSite(t *testing.T, o standin.Options, env ...string) (*site, map[string]string) {
	t.Helper()
	s := newSite(t, o)
	target, known := realSSHD(t, s.World, env)
	user, address, _ := strings.Cut(target, "@")
	through, cut := relay.Open(t, address, nil)
	target, known, s.cut = user+"@"+through, strings.ReplaceAll(known, port(address), port(through)), cut
	s.Vault.SetSecret("ci/infra", map[string]string{
		"devvm_ssh_key": s.SSH.PrivateKey(), "known_hosts": known, "slack_webhook": s.Slack.WebhookURL(),
	})
	return s, map[string]string{"PLUGIN_HOSTS": target}
}

func TestEndToEndWithRealComponents(t *testing.T) {
	t.Parallel()
	longAndAlike(t)
	rows := document(
		"| P2 | Add an alert on NFS retransmissions: it's `$(touch PWNED)`; rm -rf ~ | Alert | over 5 for 10 minutes | TODO |",
		"| P1 | Migrate Vault to encrypted PVC | Migration | by hand | TODO |",
		"| P3 | Raise the threads of the NFS server to 16 | Config | `stacks/nfs` | TODO |",
	)
	o := only("2026-04-14-nfs.md", rows)
	o.Terraform = oldestTerraform(t)
	s, settings := realSite(t, o)
	before := s.alerts()
	s.wants(0, s.run(settings))

	if got := s.subjects(); len(got) != 2 || !strings.HasPrefix(got[0], "fix(post-mortem): Add an alert on NFS") ||
		got[1] != "docs: update post-mortem follow-up [PM-2026-04-14] [ci skip]" {
		t.Errorf("commits: %q", got)
	}
	if after := s.alerts(); after != before+1 {
		t.Errorf("monitoring has %d alerts, want %d", after, before+1)
	}
	doc := s.file("docs/post-mortems/2026-04-14-nfs.md")
	body, table, _ := strings.Cut(doc, "## Follow-up Implementation")
	if want := strings.Replace(rows, "over 5 for 10 minutes | TODO", "over 5 for 10 minutes | Done", 1); strings.TrimSpace(body) != strings.TrimSpace(want) {
		t.Errorf("more than one status token changed:\n%s", body)
	}
	for _, row := range []string{
		"| P2 | Alert | [`", "| postmortem-todo-resolver |",
		"| — | Migrate Vault to encrypted PVC | P1 | Migration | — | Needs human review |",
		"| — | Raise the threads of the NFS server to 16 | P3 | Config | — | Needs human review |",
	} {
		if !strings.Contains(table, row) {
			t.Errorf("the table lacks %q:\n%s", row, table)
		}
	}
	s.linksResolve(doc)
	s.says("replace")
	s.nothingLeft()
	s.nothingSecret()
	tip := s.tip()
	s.wants(0, s.run(settings))
	if s.tip() != tip {
		t.Errorf("a second run made a commit: %q", s.subjects())
	}
}

// wrapper is a scripts/tg such as repositories have: it initialises by itself
// and hands the plan's path on as the last argument.
const wrapper = `#!/bin/sh
set -eu
verb=$1
shift
[ "${1:-}" = --non-interactive ] && shift
case $verb in
plan) terraform init -input=false >/dev/null ;;
esac
exec terraform "$verb" "$@"
`
