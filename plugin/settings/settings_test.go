package settings

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pm-todos/pm-todos/plugin/evidence"
	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/gitrepo"
	"github.com/pm-todos/pm-todos/plugin/host"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/postmortem/classify"
	"github.com/pm-todos/pm-todos/plugin/resolve/policy"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

// block is a settings block: names as users write them, texts as Woodpecker
// hands them on.
type block map[string]string

// with is the block with some settings more, or removed by an empty text.
func (b block) with(more block) block {
	all := block{}
	for name, text := range b {
		all[name] = text
	}
	for name, text := range more {
		if all[name] = text; text == "" {
			delete(all, name)
		}
	}
	return all
}

func (b block) read(ci CI) (Settings, error) {
	return Read(func(name string) string { return b[name] }, ci, nil)
}

// least is the smallest block that is right.
var least = block{"remote": "https://forge.example/ops/infra.git", "branch": "master"}

func mustRead(t *testing.T, b block, ci CI) Settings {
	t.Helper()
	s, err := b.read(ci)
	if err != nil {
		t.Fatalf("settings %v: %v", b, err)
	}
	return s
}

// problemsIn are the problems of a block, as "setting: text".
func problemsIn(t *testing.T, b block, ci CI) []string {
	t.Helper()
	_, err := b.read(ci)
	if err == nil {
		return nil
	}
	if got := fault.Of(err).ExitCode(); got != 2 {
		t.Errorf("exit code %d, want 2", got)
	}
	_, lines, _ := strings.Cut(err.Error(), ":\n")
	var problems []string
	for line := range strings.SplitSeq(lines, "\n") {
		problems = append(problems, strings.TrimSpace(line))
	}
	return problems
}

// showSecrets compares secrets by what they hold, not by what they show.
var showSecrets = cmp.Comparer(func(a, b secret.String) bool { return a.Reveal() == b.Reveal() })

// at is a repository by its address alone.
func at(remote string) Repository {
	return Repository{Options: gitrepo.Options{Access: gitrepo.Access{URL: remote}}}
}

func TestDefaults(t *testing.T) {
	want := Settings{
		Mode: ModeApply, ApplyMerged: On, RunTimeout: 50 * time.Minute,
		Repository: Repository{Options: gitrepo.Options{
			Access: gitrepo.Access{URL: "https://forge.example/ops/infra.git"}, Branch: "master",
			Author: gitrepo.Signature{Name: "pm-todos", Email: "pm-todos@localhost"}, StateRefs: "refs/pm-todos",
		}},
		Documents: Documents{
			PostMortems: []string{"docs/post-mortems/*.md"}, Scope: ScopeAll, SafeTypes: []string{"Alert", "Config", "Monitor"},
			InferredTypes: classify.Tables, MaxItems: 5, MaxAttempts: 2, Doubtful: DoubtfulPropose, MaxProposals: 3,
		},
		Vault: Vault{
			Config: vault.Config{
				Auth: vault.Kubernetes, Mount: "kubernetes", Role: "ci",
				JWTPath: "/var/run/secrets/kubernetes.io/serviceaccount/token", Secret: "secret/data/ci/infra",
			},
			Field: "devvm_ssh_key", AgentField: "devvm_ssh_key",
		},
		Hosts: Hosts{
			Hosts: []string{"local"}, AgentHosts: []string{"local"}, ConnectTimeout: 10 * time.Second,
			Prepare: host.Prepare{Carry: []string{"**/.terraform.lock.hcl"}},
		},
		Agent: Agent{Name: "postmortem-todo-resolver", Command: "claude", BudgetUSD: 5, ItemTimeout: 30 * time.Minute, Parallel: 3, Sandbox: sandbox.Policy{Mode: sandbox.Auto}},
		Terraform: Terraform{
			Scope: policy.Scope{
				Stacks: []string{"stacks/*"}, Protected: []string{"vault", "dbaas", "traefik", "authentik", "kyverno"},
				AllowPaths: []string{"stacks/**"}, MaxChanges: 10, StatePaths: []string{"state/**"},
			},
			LockTimeout: 10 * time.Minute,
		},
		Evidence: evidence.Config{Via: evidence.Step, NoisyAfter: 20, Timeout: 5 * time.Minute},
		Report:   Report{Config: notify.Config{Notify: notify.Policies{Slack: notify.Changes, Chat: notify.Changes}}, Digest: NoDigest, Issues: Off, SummaryDir: ".pm-todos", LogLevel: "info", LogFormat: "console"},
	}
	if diff := cmp.Diff(want, mustRead(t, least, CI{}), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(vault.Config{}, gitrepo.Options{}), showSecrets); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
}

func TestEverySettingIsRead(t *testing.T) {
	texts := block{
		"mode": "propose", "apply_merged": "false", "run_timeout": "1h", "remote": "https://forge.example/a/b", "branch": "main",
		"git_username": "bot", "git_password": "pw", "forge": "gitea", "forge_token": "ft", "author_name": "Bot", "author_email": "bot@forge.example",
		"commit_url": "https://forge.example/c/{sha}", "branch_url": "https://forge.example/b/{branch}", "pages_url": "https://pages.example/{file}",
		"post_mortems": "pm/**/*.md", "scope": "changed", "since": strings.Repeat("a", 40), "safe_types": "alert",
		"inferred_types": "all", "max_items": "1", "max_attempts": "3", "doubtful": "leave", "max_proposals": "7", "shard": "2/5", "index": "pm/index.html",
		"vault_addr": "https://vault.example", "vault_auth": "approle", "vault_auth_mount": "ar", "vault_role": "r",
		"vault_jwt_path": "/jwt", "vault_role_id": "id", "vault_secret_id": "sid", "vault_namespace": "ns",
		"vault_secret": "kv/x", "vault_field": "f", "vault_agent_field": "g",
		"hosts": "a@h1,a@h2:2222", "agent_hosts": "b@h1", "jump_host": "j@gate", "connect_timeout": "5s",
		"workdir": "/srv/infra", "carry": "a,b", "prepare_command": "true", "agent": "x", "agent_command": "y", "agent_kind": "codex", "model": "z",
		"budget_usd": "2.50", "budget_month_usd": "40", "item_timeout": "10m", "parallel": "2", "sandbox": "require", "sandbox_paths": "~/.local/share/uv", "sandbox_network": "model", "sandbox_allowed_hosts": "sso.example.com:8443", "stacks": "s/*", "protected": "extra", "allow_paths": "s/**",
		"type_paths": `{"Alert":"s/m/**"}`, "allow_resources": `{"Alert":["a.*","b"]}`, "automatic_creates": `{"Config":"a_b"}`, "max_changes": "3",
		"tolerated": "null_resource.a", "state_paths": "st/**", "terraform": "tofu", "init_args": "init", "plan_args": "plan {plan}",
		"show_args": "show {plan}", "apply_args": "apply {plan}", "verify_command": "true", "lock_timeout": "0s",
		"prometheus_url": "http://prometheus:9090", "prometheus_token": "prom-token", "prometheus_username": "u", "prometheus_password": "prom-pass",
		"prometheus_ca_cert": "-----BEGIN", "prometheus_tenant": "team", "prometheus_via": "host", "noisy_after": "5", "evidence_timeout": "1m",
		"slack_token": "xoxb-1", "slack_channel": "#ops", "chat_webhook": "https://chat.example/x", "chat_kind": "mattermost", "chat_secret": "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "notify": "always", "slo": `{"P1":"2w"}`, "digest": "weekly", "issues": "true", "summary_dir": "out", "metrics_file": "out/metrics.prom", "pushgateway_url": "http://push:9091", "log_level": "debug", "log_format": "json",
	}
	// What does not go together with the above; these are read all the same.
	others := block{
		"remote": "git@forge.example:a/b", "branch": "main", "git_ssh_key": testKey(t), "git_known_hosts": knownHost(t),
		"vault_addr": "https://vault.example", "vault_auth": "token", "vault_token": "hvs.x", "vault_ca_cert": "-----BEGIN", "vault_ssh_mount": "ssh",
		"vault_ssh_role": "ci", "hosts": "a@devvm", "known_hosts": knownHost(t), "host_fingerprints": "SHA256:x", "ssh_key": testKey(t),
		"agent_ssh_key": testKey(t), "slack_webhook": "T/B/x",
		"git_signing_key": testKey(t), "git_ca_cert": "-----BEGIN", "proxy": "http://proxy.example:3128", "no_proxy": "forge.example", "state_refs": "refs/ci",
	}
	secrets := map[string]bool{}
	for _, group := range Groups() {
		for _, entry := range group.Entries {
			secrets[entry.Name] = entry.Secret()
		}
	}
	for _, name := range names() {
		full := texts
		if _, ok := full[name]; !ok {
			full = others
		}
		if _, ok := full[name]; !ok {
			t.Errorf("%s is not in this test", name)
			continue
		}
		with, _ := full.read(CI{}) // what was read counts, right or wrong
		without, _ := full.with(block{name: ""}).read(CI{})
		if flatten(with) == flatten(without) {
			t.Errorf("%s makes no difference", name)
		}
		if secrets[name] != (len(with.Secrets()) > len(without.Secrets())) {
			t.Errorf("%s is marked as a secret: %v, and what is hidden says otherwise", name, secrets[name])
		}
	}
}

// flatten is the settings as text.
func flatten(s Settings) string { return fmt.Sprintf("%+v", s) }

func TestSettingsShowNoSecret(t *testing.T) {
	s := mustRead(t, least.with(block{"git_password": "hunter2hunter2", "slack_webhook": "https://hooks.slack.com/services/T1/B2/zzz9"}), CI{})
	for _, text := range []string{fmt.Sprintf("%v", s), flatten(s), fmt.Sprintf("%#v", s)} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, "zzz9") {
			t.Errorf("a secret shows: %s", text)
		}
	}
	if got := len(s.Secrets()); got != 2 {
		t.Errorf("%d secrets for the redactor, want 2", got)
	}
}

// TestThreat13_TheEndOfAWebhookIsASecretByItself has what is printed elsewhere hold
// the path of a webhook and not its URL.
func TestThreat13_TheEndOfAWebhookIsASecretByItself(t *testing.T) {
	const key = "abcdefghijklmnopqrstuvwxy3"
	for name, webhook := range map[string]string{
		"chat_webhook": "https://chat.example/hooks/" + key, "slack_webhook": "https://hooks.slack.com/services/T1/B2/" + key,
	} {
		var redactor secret.Redactor
		redactor.Add(mustRead(t, least.with(block{name: webhook}), CI{}).Secrets()...)
		for _, text := range []string{webhook, "POST /hooks/" + key, key} {
			if shown := redactor.Redact(text); strings.Contains(shown, key) {
				t.Errorf("%s: %s", name, shown)
			}
		}
	}
}

func TestScopeFollowsEvent(t *testing.T) {
	for event, want := range map[string]Scope{"push": ScopeChanged, "cron": ScopeAll, "manual": ScopeAll, "pull_request": ScopeAll, "": ScopeAll} {
		if got := mustRead(t, least, CI{Event: event}).Documents.Scope; got != want {
			t.Errorf("event %q: scope %s, want %s", event, got, want)
		}
	}
	if got := mustRead(t, least.with(block{"scope": "all"}), CI{Event: "push"}).Documents.Scope; got != ScopeAll {
		t.Errorf("a scope that is set gave way to the event: %s", got)
	}
}

func TestNetrcIsForItsMachineOnly(t *testing.T) {
	netrc := Netrc{Machine: "forge.example", Username: secret.New("ci"), Password: secret.New("token")}
	tests := []struct {
		name, remote string
		more         block
		user, pass   string
	}{
		{"its machine", "https://forge.example/a/b.git", nil, "ci", "token"},
		{"its machine with a port", "https://forge.example:8443/a/b.git", nil, "ci", "token"},
		{"another machine", "https://other.example/a/b.git", nil, "", ""},
		{"a longer name", "https://forge.example.evil.example/a/b.git", nil, "", ""},
		{"plain http", "http://forge.example/a/b.git", nil, "", ""},
		{"explicit first", "https://forge.example/a/b.git", block{"git_username": "me", "git_password": "mine"}, "me", "mine"},
		{"a password alone", "https://forge.example/a/b.git", block{"git_password": "mine"}, "git", "mine"},
		{"a path", "/srv/git/b.git", nil, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := mustRead(t, least.with(block{"remote": test.remote}).with(test.more), CI{Netrc: netrc})
			if s.Repository.Username != test.user || s.Repository.Password.Reveal() != test.pass {
				t.Errorf("login %q %q, want %q %q", s.Repository.Username, s.Repository.Password.Reveal(), test.user, test.pass)
			}
		})
	}
}

func TestTypePaths(t *testing.T) {
	s := mustRead(t, least, CI{})
	got := s.ScopeIn([]string{"stacks/monitoring/main.tf", "stacks/web/main.tf"}).TypePaths
	want := map[string][]string{"Alert": {"stacks/monitoring/**"}, "Monitor": {"stacks/monitoring/**"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("defaults that exist (-want +got):\n%s", diff)
	}
	if got := s.ScopeIn([]string{"terraform/main.tf"}).TypePaths; len(got) != 0 {
		t.Errorf("a repository without those paths is locked out by %v", got)
	}
	s = mustRead(t, least.with(block{"type_paths": `{"config":["a/**","b/**"]}`}), CI{})
	if diff := cmp.Diff(map[string][]string{"Config": {"a/**", "b/**"}}, s.ScopeIn(nil).TypePaths); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
}

func TestProtectedOnlyGrows(t *testing.T) {
	got := mustRead(t, least.with(block{"protected": "payments,vault"}), CI{}).Terraform.Protected
	if diff := cmp.Diff([]string{"vault", "dbaas", "traefik", "authentik", "kyverno", "payments"}, got); diff != "" {
		t.Errorf("protected (-want +got):\n%s", diff)
	}
}

func TestAllowPathsFollowStacks(t *testing.T) {
	for _, test := range []struct {
		given block
		want  []string
	}{
		{nil, []string{"stacks/**"}},
		{block{"stacks": "environments/*,./terraform/deployments/*/"}, []string{"environments/*/**", "terraform/deployments/*/**"}},
		{block{"stacks": "."}, []string{"**"}},
		{block{"stacks": "environments/*", "allow_paths": "environments/**"}, []string{"environments/**"}},
	} {
		if diff := cmp.Diff(test.want, mustRead(t, least.with(test.given), CI{}).Terraform.AllowPaths); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.given, diff)
		}
	}
}

func TestWithoutTerraformEverythingIsProposed(t *testing.T) {
	none := block{"terraform": "none", "allow_paths": "apps/**"}
	for mode, want := range map[string]Mode{"": ModePropose, "apply": ModePropose, "propose": ModePropose, "dry-run": ModeDryRun} {
		s := mustRead(t, least.with(none).with(block{"mode": mode}), CI{})
		if s.Mode != want || !s.Unplanned() || s.TerraformCommands(true).Program != "" || !s.ScopeIn(nil).Unplanned {
			t.Errorf("mode %s is %s; %+v", mode, s.Mode, s.TerraformCommands(true))
		}
	}
	if s := mustRead(t, least, CI{}); s.Unplanned() || s.ScopeIn(nil).Unplanned {
		t.Error("nothing is planned by default")
	}
}
