package settings

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"github.com/pm-todos/pm-todos/plugin/fault"
)

var update = flag.Bool("update", false, "write the golden files anew")

// testKey is a private key that opens nothing.
func testKey(t *testing.T) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// knownHost is a known_hosts line that is right.
func knownHost(t *testing.T) string {
	t.Helper()
	key, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return "devvm " + string(ssh.MarshalAuthorizedKey(key.PublicKey()))
}

func TestConflicts(t *testing.T) {
	key, known := testKey(t), knownHost(t)
	overSSH := block{"hosts": "a@devvm", "ssh_key": key, "known_hosts": known}
	tests := []struct {
		name string
		b    block
		ci   CI
		want []string // beginnings of the problems, in order
	}{
		{"nothing set", block{"remote": "", "branch": ""}, CI{}, []string{"remote: is missing", "branch: is missing"}},
		{"a plugin step needs hosts", nil, CI{StepType: "plugin"}, []string{"hosts: is missing"}},
		{"local may be asked for in a plugin step", block{"hosts": "local"}, CI{StepType: "plugin"}, nil},
		{"a pull request needs no hosts", nil, CI{StepType: "plugin", Event: "pull_request"}, nil},
		{"nor keys", block{"hosts": "a@devvm"}, CI{StepType: "plugin", Event: "pull_request"}, nil},
		{"nothing is planned", block{"terraform": "none", "allow_paths": "apps/**"}, CI{}, nil},
		{"nothing is planned, anywhere", block{"terraform": "none", "stacks": "apps/*"}, CI{}, []string{"allow_paths: is missing"}},
		{"nothing is planned, with arguments", block{"terraform": "none", "allow_paths": "apps/**", "plan_args": "plan -out={plan}", "max_changes": "3"}, CI{}, []string{"max_changes: has no use", "plan_args: has no use"}},
		{"SSH hosts", overSSH, CI{}, nil},
		{"SSH hosts without host keys", overSSH.with(block{"known_hosts": ""}), CI{}, []string{"known_hosts: is missing"}},
		{"SSH hosts without a key", overSSH.with(block{"ssh_key": ""}), CI{}, []string{"ssh_key: is missing"}},
		{"Vault has both", block{"hosts": "a@devvm", "vault_addr": "http://127.0.0.1:8200"}, CI{}, nil},
		{"an agent's host", block{"agent_hosts": "a@devvm"}, CI{}, []string{"known_hosts: is missing", "agent_ssh_key: is missing"}},
		{"two sources of a key", overSSH.with(block{"vault_addr": "https://v.example", "vault_field": "f"}), CI{}, []string{"ssh_key: cannot be used together with vault_field"}},
		{"a signed key and a stored one", overSSH.with(block{"vault_addr": "https://v.example", "vault_ssh_mount": "ssh", "vault_ssh_role": "ci"}), CI{}, []string{"ssh_key: cannot be used together with vault_ssh_mount"}},
		{"half of the SSH engine", block{"vault_addr": "https://v.example", "vault_ssh_mount": "ssh"}, CI{}, []string{"vault_ssh_role: is missing; vault_ssh_mount has no use"}},
		{"the other half of it", block{"vault_addr": "https://v.example", "vault_ssh_role": "ci"}, CI{}, []string{"vault_ssh_mount: is missing; vault_ssh_role has no use"}},
		{"Vault without its address", block{"vault_role": "ci"}, CI{}, []string{"vault_addr: is missing, but vault_role is set"}},
		{"approle without its ids", block{"vault_addr": "https://v.example", "vault_auth": "approle"}, CI{}, []string{"vault_auth: approle needs"}},
		{"a token for another method", block{"vault_addr": "https://v.example", "vault_token": "hvs.x"}, CI{}, []string{"vault_token: is for vault_auth: token"}},
		{"Vault's address", block{"vault_addr": "vault.example:8200"}, CI{}, []string{"vault_addr: "}},
		{"an ssh remote", block{"remote": "git@forge.example:a/b.git", "git_ssh_key": key, "git_known_hosts": known}, CI{}, nil},
		{"an ssh remote without keys", block{"remote": "git@forge.example:a/b.git"}, CI{}, []string{"git_ssh_key: is missing", "git_known_hosts: is missing"}},
		{"a password for an ssh remote", block{"remote": "ssh://git@forge.example/a/b.git", "git_password": "pw", "git_ssh_key": key, "git_known_hosts": known}, CI{}, []string{"git_password: is for https remotes"}},
		{"a key for an https remote", block{"git_ssh_key": key}, CI{}, []string{"git_ssh_key: is for ssh remotes"}},
		{"a password over plain http", block{"remote": "http://forge.example/a/b.git", "git_password": "pw"}, CI{}, []string{"git_password: would cross the network in the clear"}},
		{"a password over plain http to this machine", block{"remote": "http://127.0.0.1:3000/a/b.git", "git_password": "pw"}, CI{}, nil},
		{"a name without a password", block{"git_username": "me"}, CI{}, []string{"git_password: is missing"}},
		{"hosts without the proxy that they avoid", block{"no_proxy": ".example"}, CI{}, []string{"proxy: is missing"}},
		{"a proxy of another kind", block{"proxy": "socks5://proxy:1080"}, CI{}, []string{"proxy: is not the URL"}},
		{"since with scope all", block{"scope": "all", "since": strings.Repeat("0", 40)}, CI{}, []string{"since: has no use"}},
		{"a list of servers beside all of them", block{"sandbox_network": "host", "sandbox_allowed_hosts": "a"}, CI{}, []string{"sandbox_allowed_hosts: has no use"}},
		{"a network of no sandbox", block{"sandbox": "off", "sandbox_network": "model"}, CI{}, []string{"sandbox_network: has no use"}},
		{"carry from nowhere", block{"carry": "**/kubeconfig"}, CI{}, []string{"workdir: is missing"}},
		{"webhook and token", block{"slack_webhook": "T/B/x", "slack_token": "xoxb-1", "slack_channel": "#a"}, CI{}, []string{"slack_webhook: cannot be used together with slack_token"}},
		{"a token without a channel", block{"slack_token": "xoxb-1"}, CI{}, []string{"slack_channel: is missing"}},
		{"a channel without a token", block{"slack_channel": "#ops"}, CI{}, []string{"slack_token: is missing"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := problemsIn(t, least.with(test.b), test.ci)
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("problems %q, want %q", got, test.want)
			}
		})
	}
}

func TestThreat9_WrongKeysAreNamedAndNeverShown(t *testing.T) {
	key := testKey(t)
	locked, err := ssh.MarshalPrivateKeyWithPassphrase(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)), "", []byte("pass"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ text, say string }{
		"PuTTY":          {"PuTTY-User-Key-File-3: ssh-ed25519\nhunter2\n", "puttygen"},
		"public":         {"ssh-ed25519 AAAAhunter2 me", "public half"},
		"locked":         {string(pem.EncodeToMemory(locked)), "passphrase"},
		"damaged":        {strings.Replace(key, "b3Bl", "hunter2", 1), "damaged"},
		"something else": {"hunter2", "does not begin with"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			problems := problemsIn(t, least.with(block{"ssh_key": test.text}), CI{})
			if len(problems) != 1 || !strings.HasPrefix(problems[0], "ssh_key: ") || !strings.Contains(problems[0], test.say) {
				t.Errorf("problems %q, want one of ssh_key that says %q", problems, test.say)
			}
			if strings.Contains(strings.Join(problems, ""), "hunter2") {
				t.Errorf("the message shows the key: %q", problems)
			}
		})
	}
	for name, text := range map[string]string{"CRLF": strings.ReplaceAll(key, "\n", "\r\n"), "no final newline": strings.TrimSpace(key), "on one line": strings.ReplaceAll(key, "\n", `\n`), "base64": base64.StdEncoding.EncodeToString([]byte(key))} {
		if problems := problemsIn(t, least.with(block{"ssh_key": text}), CI{}); problems != nil {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

// TestAllProblemsAtOnce compares a message as a whole: order, wording, and
// that no secret is in it.
func TestAllProblemsAtOnce(t *testing.T) {
	b := block{
		"remote": "https://forge.example/a/b.git", "mode": "aply", "run_timeout": "5", "max_items": "-1", "hosts": "devvm,a@h:0",
		"slack_webhook": "hunter2", "ssh_key": "hunter2", "safe_types": "Alert,Runbook", "plan_args": "plan $(id) {plan}",
		"type_paths": `{"Alert":"/etc/**","Docs":"x"}`, "vault_role": "ci",
	}
	environ := []string{"PLUGIN_HSOTS=a@b", "PLUGIN_VAULTADDR=https://v.example", "PLUGIN_DRY_RUN=true", "PLUGIN_EMPTY=", "PATH=/bin"}
	_, err := Read(func(name string) string { return b[name] }, CI{StepType: "plugin"}, environ)
	if fault.Of(err) != fault.Settings {
		t.Fatalf("error %v is not one of settings", err)
	}
	golden := filepath.Join("..", "..", "testdata", "settings", "problems.golden")
	got := err.Error() + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("message (-want +got); -update writes it:\n%s", diff)
	}
	if strings.Contains(got, "hunter2") {
		t.Error("the message shows a secret")
	}
}

func TestWarnings(t *testing.T) {
	s := mustRead(t, least.with(block{"run_timeout": "10m"}), CI{})
	if got := s.Warnings(); len(got) != 1 || !strings.Contains(got[0], "item_timeout 30m0s does not fit") {
		t.Errorf("warnings %q", got)
	}
	s = mustRead(t, least.with(block{"remote": "http://forge.example/a/b.git"}), CI{Netrc: Netrc{Machine: "forge.example"}})
	if got := s.Warnings(); len(got) != 1 || !strings.Contains(got[0], "plain http") {
		t.Errorf("warnings %q", got)
	}
	if got := mustRead(t, least, CI{}).Warnings(); got != nil {
		t.Errorf("warnings without a reason: %q", got)
	}
}

// TestProblemsHaveTheirFixApart: doctor shows it on a line of its own.
func TestProblemsHaveTheirFixApart(t *testing.T) {
	t.Parallel()
	given := block{"hosts": "a@devvm", "vault_addr": "https://v.example", "vault_role": "a/../b", "budget_usd": "much"}
	_, err := Read(func(name string) string { return given[name] }, CI{}, nil)
	wrong, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%v", err)
	}
	for _, want := range []Problem{
		{"remote", "is missing", "set the URL of the repository (a pipeline has it in CI_REPO_CLONE_URL)"},
		{"budget_usd", `"much" is not an amount`, "write US dollars as a plain number, such as 2.50"},
		{"vault_role", `"a/../b" is no Vault path: no empty, . or .. part, no ?, # or control characters`, ""},
	} {
		if !slices.Contains(wrong.Problems, want) {
			t.Errorf("%q is not among %q", want, wrong.Problems)
		}
		if shown := want.Setting + ": " + strings.TrimSuffix(want.Text+"; "+want.Fix, "; "); !strings.Contains(err.Error(), shown) {
			t.Errorf("%q is not shown as %q", err, shown)
		}
	}
}
