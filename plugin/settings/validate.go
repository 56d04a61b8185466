package settings

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/fault"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/sshkey"
	"github.com/pm-todos/pm-todos/plugin/vault"
)

// Problem is one thing that is wrong with the settings.
type Problem struct {
	Setting string // as in the settings block
	Text    string // what is wrong, never a secret's value
	Fix     string // the way out, may be empty
}

// Error is everything that is wrong with the settings, in the order of
// the docs.
type Error struct{ Problems []Problem }

// Error is one line per problem.
func (e *Error) Error() string {
	var b strings.Builder
	if len(e.Problems) == 1 {
		b.WriteString("a setting is wrong; nothing was contacted:")
	} else {
		fmt.Fprintf(&b, "%d problems in the settings; nothing was contacted:", len(e.Problems))
	}
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  %s: %v", p.Setting, &fault.Error{Err: errors.New(p.Text), Fix: p.Fix})
	}
	return b.String()
}

// Wrong is the error of the problems, nil when there are none.
func Wrong(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	order := names()
	place := func(p Problem) int {
		if i := slices.Index(order, p.Setting); i >= 0 {
			return i
		}
		return len(order) // unknown names come last
	}
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b Problem) int { return place(a) - place(b) })
	return fault.Mark(fault.Settings, &Error{Problems: slices.Compact(problems)})
}

// Problems makes the error of a reader into problems of its setting; joined
// errors are problems of their own.
func Problems(setting string, err error) []Problem {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var problems []Problem
		for _, one := range joined.Unwrap() {
			problems = append(problems, Problems(setting, one)...)
		}
		return problems
	}
	parts := fault.Parts(err)
	return []Problem{{Setting: cmp.Or(parts.Setting, setting), Text: parts.Err.Error(), Fix: parts.Fix}}
}

// conflicts finds what is missing and what does not go together. given tells
// which settings were set, as opposed to their defaults.
func (s Settings) conflicts(given func(setting string) bool) []Problem {
	f := finder{s: s, given: given}
	f.repository()
	f.documents()
	f.sandbox()
	f.vault()
	f.keys()
	f.hosts()
	f.terraform()
	f.chats()
	f.evidence()
	return f.problems
}

// finder collects problems between settings.
type finder struct {
	s        Settings
	given    func(setting string) bool
	problems []Problem
}

func (f *finder) add(setting, what, fix string) {
	f.problems = append(f.problems, Problem{Setting: setting, Text: what, Fix: fix})
}

// needs wants the other setting where the first is given.
func (f *finder) needs(setting, other, why string) {
	if f.given(setting) && !f.given(other) {
		f.add(other, "is missing", why)
	}
}

// exclude refuses a setting beside another one.
func (f *finder) exclude(setting, other, why string) {
	if f.given(setting) && f.given(other) {
		f.add(setting, fmt.Sprintf("cannot be used together with %s: %s", other, why), "remove one of them")
	}
}

func (f *finder) repository() {
	if !f.given("remote") {
		f.add("remote", "is missing", "set the URL of the repository (a pipeline has it in CI_REPO_CLONE_URL)")
	}
	if !f.given("branch") {
		f.add("branch", "is missing", "set the branch to read and publish to (a pipeline has it in CI_COMMIT_BRANCH)")
	}
	r := splitRemote(f.s.Repository.URL)
	switch {
	case r.scheme == "ssh":
		for _, name := range []string{"git_ssh_key", "git_known_hosts"} {
			if !f.given(name) {
				f.add(name, "is missing", "an ssh remote needs it")
			}
		}
		for _, name := range []string{"git_username", "git_password"} {
			if f.given(name) {
				f.add(name, "is for https remotes, but remote is reached by ssh", "remove it, or use an https URL")
			}
		}
	case f.given("remote") && f.given("git_ssh_key"):
		f.add("git_ssh_key", "is for ssh remotes, but remote is none", "remove it, or use an ssh URL")
	}
	if r.scheme == "http" && !r.loopback() && f.given("git_password") {
		f.add("git_password", "would cross the network in the clear, since remote is plain http", "use an https URL")
	}
	if f.s.Report.Issues == On && f.s.Repository.ForgeKind == NoForge {
		f.add("issues", "has no use with forge: none", "remove one of them")
	}
	f.needs("no_proxy", "proxy", "no_proxy has no use without it")
	if f.given("git_username") && !f.given("git_password") && r.web() {
		f.add("git_password", "is missing", "git_username alone is no login")
	}
}

func (f *finder) documents() {
	if f.given("scope") && f.s.Documents.Scope == ScopeAll && f.given("since") {
		f.add("since", "has no use with scope: all", "remove one of them")
	}
	f.needs("carry", "workdir", "carry copies files from it")
}

// terraform looks at what has a use only where stacks are planned.
func (f *finder) terraform() {
	if !f.s.Unplanned() {
		return
	}
	if !f.given("allow_paths") {
		f.add("allow_paths", "is missing", "with terraform: none nothing else limits what a change may touch: name the paths, such as apps/**")
	}
	for _, name := range []string{"init_args", "plan_args", "show_args", "apply_args", "tolerated", "allow_resources", "automatic_creates", "max_changes"} {
		if f.given(name) {
			f.add(name, "has no use with terraform: none", "remove one of them")
		}
	}
}

func (f *finder) sandbox() {
	if f.given("sandbox_network") && f.s.Agent.Sandbox.Mode == sandbox.Off {
		f.add("sandbox_network", "has no use with sandbox: off", "remove one of them")
	}
	if f.given("sandbox_allowed_hosts") && (f.s.Agent.Network == HostNetwork || f.s.Agent.Sandbox.Mode == sandbox.Off) {
		f.add("sandbox_allowed_hosts", "has no use where the agent reaches all that its host does", "remove it, or set sandbox_network: model")
	}
}

// vault looks at the settings for Vault, which have no use without its address.
func (f *finder) vault() {
	if f.s.Vault.Addr == "" {
		for _, e := range vaultEntries(&f.s) {
			if e.Name != "vault_addr" && f.given(e.Name) {
				f.add("vault_addr", fmt.Sprintf("is missing, but %s is set", e.Name), fmt.Sprintf("set the URL of Vault, or remove %s", e.Name))
			}
		}
		return
	}
	f.problems = append(f.problems, Problems("vault_addr", f.s.VaultConfig().Check())...)
	only := func(setting, method string) {
		if f.given(setting) && f.s.Vault.Auth != method {
			f.add(setting, fmt.Sprintf("is for vault_auth: %s, but that is %s", method, f.s.Vault.Auth), "remove one of them")
		}
	}
	only("vault_role_id", vault.AppRole)
	only("vault_secret_id", vault.AppRole)
	only("vault_token", vault.Token)
}

// keys looks at where private keys come from: one source for each.
func (f *finder) keys() {
	f.exclude("ssh_key", "vault_field", "both are the key of hosts")
	f.exclude("ssh_key", "vault_ssh_mount", "both are the key of hosts")
	f.exclude("vault_field", "vault_ssh_mount", "both are the key of hosts")
	f.exclude("agent_ssh_key", "vault_agent_field", "both are the key of agent_hosts")
	if f.s.Vault.Addr != "" || f.s.CI.PullRequest() {
		return
	}
	if AnySSH(f.s.Hosts.Hosts) && !f.given("ssh_key") {
		f.add("ssh_key", "is missing", "SSH hosts need it, or vault_addr to fetch it from Vault")
	}
	if AnySSH(f.s.Hosts.AgentHosts) && !AnySSH(f.s.Hosts.Hosts) && !f.given("ssh_key") && !f.given("agent_ssh_key") {
		f.add("agent_ssh_key", "is missing", "agent_hosts need it, or vault_addr to fetch it from Vault")
	}
}

// hosts looks at what a run that works on items needs. A pull request's run
// ends before, so that its workflow needs none of it.
func (f *finder) hosts() {
	if f.s.CI.PullRequest() {
		return
	}
	if f.s.CI.StepType == "plugin" && !f.given("hosts") {
		f.add("hosts", "is missing", "a plugin step has neither agent nor Terraform: name the machine that has, as user@host")
	}
	ssh := AnySSH(f.s.Hosts.Hosts) || AnySSH(f.s.Hosts.AgentHosts)
	if ssh && !f.given("known_hosts") && !f.given("host_fingerprints") && f.s.Vault.Addr == "" {
		f.add("known_hosts", "is missing", "host keys are always verified: give known_hosts or host_fingerprints, or vault_addr to fetch them from Vault")
	}
}

func (f *finder) chats() {
	f.exclude("slack_webhook", "slack_token", "both say where messages go")
	f.needs("slack_token", "slack_channel", "a bot token needs it")
	f.needs("slack_channel", "slack_token", "slack_channel has no use without it, since a webhook has its own channel")
	if f.s.Vault.Addr == "" { // which may have what is missing
		f.needs("chat_kind", "chat_webhook", "chat_kind has no use without it")
		f.needs("chat_secret", "chat_webhook", "chat_secret has no use without it")
		if f.s.Report.ChatKind == notify.Generic && !f.given("chat_secret") {
			f.add("chat_secret", "is missing", "a generic webhook is signed with it: make one by echo whsec_$(openssl rand -base64 32)")
		}
	}
	if f.given("chat_webhook") && !f.given("chat_kind") {
		if err := notify.CheckChat("", f.s.Report.ChatWebhook); err != nil {
			f.problems = append(f.problems, Problems("chat_kind", err)...)
		}
	}
}

// Warnings is what is allowed but worth a line in the log.
func (s Settings) Warnings() []string {
	var warnings []string
	if s.Agent.ItemTimeout > s.RunTimeout {
		warnings = append(warnings, fmt.Sprintf("item_timeout %s does not fit into run_timeout %s: no item can start", s.Agent.ItemTimeout, s.RunTimeout))
	}
	warnings = append(warnings, sshkey.Warnings("git_known_hosts", string(s.Repository.KnownHosts))...)
	warnings = append(warnings, sshkey.Warnings("known_hosts", s.Hosts.KnownHosts)...)
	r := splitRemote(s.Repository.URL)
	if r.scheme == "http" && !r.loopback() && r.named(s.CI.Netrc.Machine) {
		warnings = append(warnings, "remote is plain http: the pipeline's own login (CI_NETRC_*) is not sent over it, so nothing can be pushed")
	}
	return warnings
}
