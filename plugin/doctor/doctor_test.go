package doctor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/access"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

// TestChecks is for the checks that contact nobody: what each finds, alone.
func TestChecks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loose, file := filepath.Join(dir, "loose"), filepath.Join(dir, "file")
	if err := os.Mkdir(loose, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(loose, 0o777); err != nil { // whatever the umask
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	together := settings.Hosts{Hosts: []string{"a@dev"}, AgentHosts: []string{"a@dev"}}
	apart := settings.Hosts{Hosts: []string{"a@dev"}, AgentHosts: []string{"agent@dev"}}
	two := access.Keys{Host: secret.New("a"), Agent: secret.New("b")}
	for name, test := range map[string]struct {
		check   string
		patient patient
		want    string // of its only finding: status, about, text and fix
	}{
		"no pipeline":           {"forge", of(settings.Settings{}), "skipped|outside a pipeline"},
		"its own forge":         {"forge", of(settings.Settings{CI: settings.CI{CloneURL: "https://a/b.git"}, Repository: settings.Repository{Options: gitrepo.Options{Access: gitrepo.Access{URL: "https://a/b.git"}}}}), "ok|pushes of this pipeline's forge"},
		"another forge":         {"forge", of(settings.Settings{CI: settings.CI{CloneURL: "https://a/b.git"}}), "warn|its pushes do nothing|set remote: https://a/b.git"},
		"nothing is proposed":   {"pull requests", of(settings.Settings{Mode: settings.ModeApply}), "skipped|mode: propose"},
		"an unknown forge":      {"pull requests", of(settings.Settings{Mode: settings.ModePropose}), "ok|without pull requests"},
		"no token":              {"pull requests", of(settings.Settings{Mode: settings.ModePropose, Repository: settings.Repository{ForgeKind: "github", Options: gitrepo.Options{Access: gitrepo.Access{URL: "https://a/b/c.git"}}}}), "warn|no token|set forge and forge_token"},
		"one user":              {"agent user", of(settings.Settings{Hosts: together}), "warn|can read them|agent_hosts: agent@dev"},
		"one user, confined":    {"agent user", of(settings.Settings{Hosts: together, Agent: settings.Agent{Sandbox: sandbox.Policy{Mode: sandbox.Require}}}), "ok|only in a sandbox"},
		"two users, one key":    {"agent user", of(settings.Settings{Hosts: apart}), "ok|the same key"},
		"two users, two keys":   {"agent user", patient{Opener: access.Opener{Settings: settings.Settings{Hosts: apart}}, keys: two}, "ok|a key of its own"},
		"a folder to be made":   {"summary", writes(filepath.Join(dir, "a", "b")), "ok|will be made in " + dir},
		"a folder for all":      {"summary", writes(loose), "warn|everybody may replace|chmod o-w " + loose},
		"a file":                {"summary", writes(file), "FAIL|is no folder|set summary_dir"},
		"no message":            {"chat", of(settings.Settings{}), "skipped|not configured|add slack_webhook"},
		"a webhook":             {"chat", patient{keys: access.Keys{Chats: notify.Config{SlackWebhook: secret.New("T/B/x")}}}, "ok|slack|the channel of the webhook"},
		"a repository unread":   {"stacks", of(settings.Settings{}), "skipped|" + noRepository},
		"a key that is no key":  {"key", patient{Opener: access.Opener{Settings: settings.Settings{Hosts: together}}, keys: access.Keys{Host: secret.New("x"), Agent: secret.New("x")}}, "FAIL|hosts|the SSH key does not begin|store the whole file"},
		"Vault is not asked":    {"vault", of(settings.Settings{}), "skipped|vault_addr is not set"},
		"all keys are at hand":  {"vault", of(settings.Settings{Vault: settings.Vault{Config: vault.Config{Addr: "https://v"}}}), "skipped|hold all keys"},
		"hosts without any key": {"reach", patient{Opener: access.Opener{Settings: settings.Settings{Hosts: together}}, unusable: "Vault gave no key"}, "skipped|a@dev|Vault gave no key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := NewReport(nil, false)
			for _, c := range checks {
				if c.name == test.check {
					c.run(t.Context(), &test.patient, report)
				}
			}
			if len(report.Findings) != 1 {
				t.Fatalf("findings: %+v", report.Findings)
			}
			f := report.Findings[0]
			said := strings.Join([]string{string(f.Status), f.About, f.Text, f.Fix}, "|")
			for part := range strings.SplitSeq(test.want, "|") {
				if !strings.Contains(said, part) || f.Check != test.check {
					t.Errorf("%s says %q, not %q", f.Check, said, part)
				}
			}
		})
	}
}

func of(s settings.Settings) patient { return patient{Opener: access.Opener{Settings: s}} }

func writes(dir string) patient {
	return of(settings.Settings{Report: settings.Report{SummaryDir: dir}})
}

func TestDoctorTellsWhatWasTriedInTheSandboxAndWhatTheAgentLacks(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	report := NewReport(&out, false)
	tools("a@dev", host.Need{Agent: "codex", Lacks: "codex keeps to no budget"}, host.Facts{AgentPath: "/usr/bin/codex", Probed: []sandbox.Check{
		{Name: "secret", Held: true, Text: "a file of the account cannot be read"},
		{Name: "processes", Text: "/proc/7 belongs to the account"},
	}}, nil, false, voice{"reach", report})
	said := out.String()
	for _, want := range []string{"warn     agent        a@dev: codex keeps to no budget", "ok       sandbox      a@dev: secret: a file of the account cannot be read", "warn     sandbox      a@dev: processes: /proc/7 belongs to the account"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is missing in:\n%s", want, said)
		}
	}
}
