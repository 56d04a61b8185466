package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadList(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"joined by Woodpecker", "a,b,c,3", []string{"a", "b", "c", "3"}},
		{"spaces and empty ones", " a , ,b,", []string{"a", "b"}},
		{"a JSON list, because one value came from a secret", `["value","plain"]`, []string{"value", "plain"}},
		{"a JSON list keeps commas", `["stacks/{a,b}/**"]`, []string{"stacks/{a,b}/**"}},
		{"numbers stay as written", `["x", 1.50, 7, true]`, []string{"x", "1.50", "7", "true"}},
		{"CSV has no quotes", `"a","b"`, []string{`"a"`, `"b"`}},
		{"a glob that starts with a bracket", "[ab]/*.md,c", []string{"[ab]/*.md", "c"}},
		{"one per line", "a@h1\na@h2\n", []string{"a@h1", "a@h2"}},
		{"an empty JSON list", "[]", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := readList(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, text := range []string{`["a", "b"`, `["a", {"b": 1}]`, `["a", null]`, `["a"] ["b"]`} {
		if got, err := readList(text); err == nil {
			t.Errorf("%s was read as %q", text, got)
		}
	}
}

func TestReadDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "30m": 30 * time.Minute, " 1h30m ": 90 * time.Minute, "0s": 0} {
		got, err := readDuration(text)
		if err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for text, say := range map[string]string{
		"5": "no unit", "0": "no unit", "1.5": "no unit", "-5m": "negative", "5 m": "not a duration", "5d": "not a duration", "soon": "not a duration",
	} {
		if _, err := readDuration(text); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: error %v, want one that says %q", text, err, say)
		}
	}
}

// TestWrongValues has one wrong text per case, and what the message must say
// beside the setting's name.
func TestWrongValues(t *testing.T) {
	tests := []struct {
		setting, text, say string
	}{
		{"mode", "destroy", `"destroy" is not one of apply, propose or dry-run`},
		{"apply_merged", "maybe", `"maybe" is not one of true or false`},
		{"run_timeout", "5", "5 has no unit; write 5s, 5m or 5h"},
		{"run_timeout", "0s", "more than zero"},
		{"item_timeout", "-3m", "negative"},
		{"connect_timeout", "0s", "more than zero"},
		{"sandbox_network", "none", `"none" is not one of model or host`},
		{"sandbox_allowed_hosts", "https://sso.example.com", "is no server; write HOST or HOST:PORT"},
		{"sandbox_allowed_hosts", "*.example.com", "without scheme, path and wildcards"},
		{"max_items", "-1", "write 0 or more"},
		{"max_items", "1.5", "whole number"},
		{"max_items", "five", "whole number"},
		{"max_attempts", "0", "write 1 or more"},
		{"max_proposals", "0", "write 1 or more"},
		{"doubtful", "ask", "propose or leave"},
		{"max_changes", "0", "write 1 or more"},
		{"slo", `{"P9":"7d"}`, "not one of P0, P1, P2, P3"},
		{"budget_usd", "-0.5", "negative"},
		{"budget_usd", "NaN", "not an amount"},
		{"budget_usd", "1e9", "not an amount"},
		{"budget_usd", "$5", "not an amount"},
		{"remote", "ext::sh -c id", "remote"},
		{"remote", "--upload-pack=id", "dash"},
		{"remote", "ftp://forge.example/a", "protocol"},
		{"remote", "https://me:hunter2@forge.example/a/b.git", "git_username and git_password"},
		{"remote", "https://hunter2@forge.example/a/b.git", "git_username and git_password"},
		{"branch", "-b", "starts with a letter"},
		{"branch", "a..b", "two dots"},
		{"branch", "a\u3000b", "ASCII"},
		{"since", "HEAD~1", "not a full hash"},
		{"author_name", "a <b>", "< or >"},
		{"author_name", "a\nb", "control character"},
		{"commit_url", "https://forge.example/c/", "{sha}"},
		{"commit_url", "javascript:alert(1)//{sha}", "not a URL"},
		{"branch_url", "https://forge.example/b/", "{branch}"},
		{"pages_url", "https://pages.example/", "{file}"},
		{"safe_types", "Alert,Migration", `"Migration" is not one of Alert, Config or Monitor; the set can only be narrowed`},
		{"inferred_types", "yes", "review, tables or all"},
		{"post_mortems", "/etc/*.md", "leaves the repository"},
		{"post_mortems", "../x/*.md", "leaves the repository"},
		{"post_mortems", "docs/{a,b}/*.md", "JSON array"},
		{"index", "../index.html", "not a file in the repository"},
		{"hosts", "devvm", "user@host"},
		{"hosts", "a@h:99999", "port"},
		{"hosts", "a@-oProxyCommand=id", "host name"},
		{"jump_host", "local", "another machine"},
		{"host_fingerprints", "MD5:00:11", "SHA256:"},
		{"known_hosts", "# fine\ndevvm ssh-ed25519 nonsense", "no line that can be read"},
		{"git_known_hosts", "devvm", "no line that can be read"},
		{"vault_ca_cert", "/etc/ca.pem", "not the name of a file"},
		{"workdir", "infra", "absolute path"},
		{"agent", "../x", "not a name of an agent"},
		{"agent_command", "claude --dangerously", "no arguments"},
		{"model", "-x", "dash"},
		{"terraform", "terragrunt run", "no arguments"},
		{"type_paths", "stacks/**", "not a map"},
		{"type_paths", `{"Migration":"x/**"}`, "not one of Alert, Config or Monitor"},
		{"type_paths", `{"Alert":7}`, "a text or a list"},
		{"tolerated", "helm_release.x", "null_resource, terraform_data or time_*"},
		{"tolerated", "module.a.output.x", "output.NAME"},
		{"plan_args", "plan -out=x", "{plan}"},
		{"plan_args", "plan -input=false", "{plan}"},
		{"plan_args", "plan -out={plan} {plan}", "2 times"},
		{"apply_args", "apply -auto-approve", "{plan}"},
		{"apply_args", "apply {plan} -input=false", "must end in {plan}"},
		{"apply_args", "apply,-input=false,-plan={plan}", "must end in {plan}"},
		{"show_args", `["show","{plan}","-json"]`, "must end in {plan}"},
		{"show_args", "show -json,{plan}", "JSON array"},
		{"verify_command", `["make","check"]`, "is a list"},
		{"verify_command", "make,check", "as one text"},
		{"prepare_command", "git-crypt,unlock,~/.keys/infra", "as one text"},
		{"init_args", "init {plan}", "no plan yet"},
		{"log_level", "loud", "trace, debug, info, warn or error"},
		{"slack_webhook", "zzz", "copy it from Slack"},
		{"slack_webhook", "http://hooks.example/T/B/x", "https"},
		{"slack_channel", "a b", "one word"},
	}
	for _, test := range tests {
		t.Run(test.setting+"="+test.text, func(t *testing.T) {
			found := false
			problems := problemsIn(t, least.with(block{test.setting: test.text}), CI{})
			for _, p := range problems {
				name, text, _ := strings.Cut(p, ": ")
				found = found || name == test.setting && strings.Contains(text, test.say)
				if strings.Contains(p, "hunter2") {
					t.Errorf("the message shows a password: %s", p)
				}
			}
			if !found {
				t.Errorf("problems %q, want one of %s that says %q", problems, test.setting, test.say)
			}
		})
	}
}

func TestGoodValues(t *testing.T) {
	for _, b := range []block{
		{"remote": "/srv/git/infra.git"},
		{"remote": "file:///srv/git/infra.git"},
		{"remote": "https://[::1]:3000/a/b.git"},
		{"branch": "feature/alerts-2"},
		{"safe_types": "Monitor"},
		{"safe_types": `["Alert", "config"]`},
		{"hosts": "a@h1, b@[fd00::1]:2222 ,local", "ssh_key": testKey(t), "host_fingerprints": "SHA256:" + strings.Repeat("A", 43)},
		{"known_hosts": "# comment\r\n\r\n"},
		{"budget_usd": "0"},
		{"max_items": "0"},
		{"mode": "Dry-Run"},
		{"tolerated": `module.a["x"].null_resource.b,time_rotating.c[0],output.built-at`},
		{"lock_timeout": "0s"},
		{"workdir": "~/infra", "carry": "**/kubeconfig"},
		{"slack_webhook": "T0/B0/xyz"},
		{"slack_webhook": "http://127.0.0.1:8080/hook"},
		{"init_args": "init,-input=false", "plan_args": `["plan","-out={plan}"]`, "show_args": "show,-json,{plan}", "apply_args": "apply {plan}"},
		{"verify_command": "[ -s x,y ] && curl -H 'a,b' https://example.org/a,b"},
		{"verify_command": "TAGS=a,b make check"},
		{"prepare_command": "set -e\ngit-crypt unlock ~/.keys/infra\n"},
	} {
		if problems := problemsIn(t, least.with(b), CI{}); problems != nil {
			t.Errorf("%v: %q", b, problems)
		}
	}
}
