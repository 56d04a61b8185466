package settings

import (
	"strings"
	"time"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/metrics"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/secret"
	"github.com/pm-todos/pm-todos/plugin/settings/argv"
	"github.com/pm-todos/pm-todos/plugin/target"
)

var agentEntries = []Entry{
	{
		Name: "agent", Default: "postmortem-todo-resolver",
		Usage: "Agent definition. If the repository has `.claude/agents/<agent>.md`, its prompt and model are used; the built-in contract is added and takes precedence.",
		read:  asText(func(s *Settings) *string { return &s.Agent.Name }, agentDefinition),
	},
	{
		Name: "agent_command", Default: "claude",
		Usage: "The agent's program on the host; `~/.local/bin` is searched too.",
		read:  asText(func(s *Settings) *string { return &s.Agent.Command }, CheckProgram),
	},
	{
		Name: "agent_kind", told: "the program's name in `agent_command`, else `claude`",
		Usage: "What that program is: `claude`, `codex`, `gemini` or `opencode`. They [differ](agents.md) in what they can be kept from and what they tell.",
		read:  asChoice(func(s *Settings) *string { return &s.Agent.Kind }, agent.Kinds()...),
	},
	{
		Name: "sandbox", Default: string(sandbox.Auto),
		Usage: "Whether [bubblewrap](security.md#the-sandbox) confines the agent on its host. `auto` confines it where the host can, and warns where not. `require` refuses a host that cannot. `off` lets the agent read and write whatever its user can.",
		read:  asChoice(func(s *Settings) *sandbox.Mode { return &s.Agent.Sandbox.Mode }, sandbox.Auto, sandbox.Require, sandbox.Off),
	},
	{
		Name:  "sandbox_paths",
		Usage: "List of folders and files on the host that the agent's program needs beside its own, such as `/home/linuxbrew/.linuxbrew` or `~/.local/share/uv`. It can read them in the sandbox, and so can the agent.",
		read:  asList(func(s *Settings) *[]string { return &s.Agent.Sandbox.Paths }, sandboxPath),
	},
	{
		Name: "model", told: "the definition's",
		Usage: "Model of the agent.",
		read:  asText(func(s *Settings) *string { return &s.Agent.Model }, word),
	},
	{
		Name: "budget_usd", Default: "5",
		Usage: "US dollars that the agent may spend in the whole run, divided among the remaining items.",
		read:  asMoney(func(s *Settings) *float64 { return &s.Agent.BudgetUSD }),
	},
	{
		Name: "budget_month_usd", Default: "0", told: "no limit",
		Usage: "US dollars that the agents of all runs may spend in a calendar month (UTC), by what the ledger on the remote says. Runs of one repository at the same time each see what the others have written down.",
		read:  asMoney(func(s *Settings) *float64 { return &s.Agent.MonthUSD }),
	},
	{
		Name: "sandbox_network", told: "`model`, and `host` with a warning on a host where that cannot be had",
		Usage: "What the agent reaches from its sandbox: `model` for the servers of its model, by a proxy of this program, or `host` for all that the host reaches. With `model` and `sandbox: require`, a host where that cannot be had is not used.",
		read:  asChoice(func(s *Settings) *AgentNetwork { return &s.Agent.Network }, ModelNetwork, HostNetwork),
	},
	{
		Name:  "sandbox_allowed_hosts",
		Usage: "List of servers, `HOST` or `HOST:PORT`, that the agent may reach beside those of its model, such as a gateway's login server. No wildcards; the port is 443 unless given.",
		read:  asList(func(s *Settings) *[]string { return &s.Agent.AllowedHosts }, serverName),
	},
	{
		Name: "item_timeout", Default: "30m",
		Usage: "Time limit for the agent and the plans of one item. An apply is never cut short.",
		read:  asDuration(func(s *Settings) *time.Duration { return &s.Agent.ItemTimeout }, false),
	},
	{
		Name: "parallel", Default: "3",
		Usage: "Largest number of agents at work at the same time, as far as the cores, the memory and the SSH sessions of their host go. Without a sandbox, and without an account of its own in `agent_hosts`, one agent works at a time. Plans and applies always follow each other.",
		read:  asCount(func(s *Settings) *int { return &s.Agent.Parallel }, 1),
	},
}

var terraformEntries = []Entry{
	{
		Name: "stacks", Default: "stacks/*",
		Usage: "List of globs of the folders that are planned and applied separately, such as `environments/*`; `.` is the root of the repository.",
		read:  asList(func(s *Settings) *[]string { return &s.Terraform.Stacks }, glob),
	},
	{
		Name: "protected", Default: "vault,dbaas,traefik,authentik,kyverno",
		Usage: "Stacks that are never touched. Your entries are added to the default.",
		read:  asProtected,
	},
	{
		Name: "allow_paths", Default: "stacks/**", told: "what is in `stacks`: `stacks/**`",
		Usage: "List of globs of the paths that a change may touch. The built-in deny list takes precedence.",
		read:  asList(func(s *Settings) *[]string { return &s.Terraform.AllowPaths }, glob),
	},
	{
		Name: "type_paths", told: "`" + `{"Alert":"stacks/monitoring/**","Monitor":"stacks/monitoring/**,stacks/uptime-kuma/**"}` + "`, if these paths exist",
		Usage: "Map that narrows `allow_paths` per type.",
		read:  asTypeMap(func(s *Settings) *map[string][]string { return &s.Terraform.TypePaths }, glob),
	},
	{
		Name:  "allow_resources",
		Usage: "Map of patterns of resource addresses or types per type, such as `" + `{"Alert":"helm_release.*"}` + "`. If unset, every resource is allowed unless another rule refuses it.",
		read:  asTypeMap(func(s *Settings) *map[string][]string { return &s.Terraform.AllowResources }, word),
	},
	{
		Name:  "automatic_creates",
		Usage: "Map of the resource types that an item of a type may create automatically, in addition to those in [what is automatic](what-is-automatic.md), such as `" + `{"Config":"aws_sqs_queue"}` + "`.",
		read:  asTypeMap(func(s *Settings) *map[string][]string { return &s.Terraform.AutomaticCreates }, word),
	},
	{
		Name: "max_changes", Default: "10",
		Usage: "Largest number of resources that one item may create or update.",
		read:  asCount(func(s *Settings) *int { return &s.Terraform.MaxChanges }, 1),
	},
	{
		Name:  "tolerated",
		Usage: "List of resources and outputs that change in every plan: addresses of `null_resource`, `terraform_data` or `time_*` resources, and `output.NAME` for outputs of a stack. They may change in baseline, plan and confirm, with the actions of the baseline; one that the baseline creates may exist after the apply.",
		read:  asList(func(s *Settings) *[]string { return &s.Terraform.Tolerated }, toleratedAddress),
	},
	{
		Name: "state_paths", Default: "state/**",
		Usage: "List of globs of state files tracked in git. Changes of such stacks are proposals that are never applied here.",
		read:  asList(func(s *Settings) *[]string { return &s.Terraform.StatePaths }, glob),
	},
	{
		Name: "terraform", told: "`" + Wrapper + "` if the repository has it, else `terraform`",
		Usage: "Program to run in the stack's folder: a path in the repository, or a program on the host. `none` proposes changes without a plan, for [repositories that something else applies](gitops.md): the mode is `propose` then unless it is `dry-run`, `stacks` does not count, and `allow_paths` must be set.",
		read:  asText(func(s *Settings) *string { return &s.Terraform.Commands.Program }, CheckProgram),
	},
	{
		Name: "init_args", told: "none for `" + Wrapper + "`, else `init -input=false -lockfile=readonly`",
		Usage: "Arguments that initialise a stack: a line, in which quotes work as in a shell, or a list. Nothing is expanded, and ambiguous lines are refused.",
		read:  asCommand(func(s *Settings) *[]string { return &s.Terraform.Commands.Init }, argv.NoPlanFile),
	},
	{
		Name: "plan_args", told: "`plan -input=false -lock-timeout=5m -out={plan}`",
		Usage: "Arguments that save a plan, a line or a list; `{plan}` is replaced by an absolute path.",
		read:  asCommand(func(s *Settings) *[]string { return &s.Terraform.Commands.Plan }, argv.HasPlanFile),
	},
	{
		Name: "show_args", told: "`show -json {plan}`",
		Usage: "Arguments that print the saved plan as JSON, a line or a list; `{plan}` must be the last.",
		read:  asCommand(func(s *Settings) *[]string { return &s.Terraform.Commands.Show }, argv.PlanFileLast),
	},
	{
		Name: "apply_args", told: "`apply --non-interactive {plan}` for `" + Wrapper + "`, else `apply -input=false -lock-timeout=5m {plan}`",
		Usage: "Arguments that apply the saved plan, a line or a list; `{plan}` must be the last, and a wrapper must pass it on as the last. `doctor` checks this.",
		read:  asCommand(func(s *Settings) *[]string { return &s.Terraform.Commands.Apply }, argv.PlanFileLast),
	},
	{
		Name:  "verify_command",
		Usage: "Shell command to run on the Terraform host after the apply, with the item as JSON on stdin. If it fails, the item is not Done.",
		read:  asLines(func(s *Settings) *string { return &s.Terraform.VerifyCommand }, shellText),
	},
	{
		Name: "lock_timeout", Default: "10m",
		Usage: "How long to wait for another run of the same repository; `0s` does not wait.",
		read:  asDuration(func(s *Settings) *time.Duration { return &s.Terraform.LockTimeout }, true),
	},
}

var reportEntries = []Entry{
	{
		Name: "slack_webhook", told: "the Vault secret's field `slack_webhook`",
		Usage:  "Incoming webhook: its URL, or its path `T…/B…/…`.",
		secret: func(s *Settings) *secret.String { return &s.Report.SlackWebhook },
		parse:  asSecret(notify.CheckSlackWebhook),
	},
	{
		Name:   "slack_token",
		Usage:  "Bot token, instead of a webhook.",
		secret: func(s *Settings) *secret.String { return &s.Report.SlackToken },
		parse:  asSecret(),
	},
	{
		Name:  "slack_channel",
		Usage: "Channel for the bot token.",
		read:  asText(func(s *Settings) *string { return &s.Report.SlackChannel }, word),
	},
	{
		Name: "chat_webhook", told: "the Vault secret's field `chat_webhook`",
		Usage:  "Incoming webhook of another chat, or of a program, as well as or instead of Slack: its https URL.",
		secret: func(s *Settings) *secret.String { return &s.Report.ChatWebhook },
		parse:  asSecret(notify.CheckWebhook),
	},
	{
		Name: "chat_secret", told: "the Vault secret's field `chat_secret`",
		Usage:  "Signs what a `generic` webhook gets, see [telling a program](operations.md#telling-a-program).",
		secret: func(s *Settings) *secret.String { return &s.Report.ChatSecret },
		parse:  asSecret(notify.CheckSigningSecret),
	},
	{
		Name: "chat_kind", told: "by the URL",
		Usage: "What `chat_webhook` belongs to: `" + strings.Join(notify.Kinds(), "`, `") + "`. The last takes the run's summary as JSON.",
		read:  asChoice(func(s *Settings) *string { return &s.Report.ChatKind }, notify.Kinds()...),
	},
	{
		Name: "notify", Default: string(notify.Changes),
		Usage: "When a run posts to chats: `always`, `changes` (something was done, refused or failed, or an item newly needs a person), `failure`, or `fixes` (what was done, [told to reporters](operations.md#telling-reporters)); or a map for `slack` and `chat`, such as `" + `{"slack":"changes","chat":"fixes"}` + "`.",
		read: func(s *Settings, text string) (err error) {
			s.Report.Notify, err = notify.ReadPolicies(text)
			return err
		},
	},
	{
		Name:  "slo",
		Usage: "How long items of each priority may stay open, such as `" + `{"P0":"7d","P1":"30d"}` + "`, in hours (`h`), days (`d`) or weeks (`w`). An item counts from the day of its post-mortem.",
		read: func(s *Settings, text string) (err error) {
			s.Report.Targets, err = target.Read(text)
			return err
		},
	},
	{
		Name: "digest", Default: string(NoDigest),
		Usage: "`weekly` posts a [digest](operations.md#a-digest-each-week) of all open items to the chats, by the first run of a calendar week that a cron starts; `off` posts none.",
		read:  asChoice(func(s *Settings) *Digest { return &s.Report.Digest }, NoDigest, WeeklyDigest),
	},
	{
		Name: "issues", Default: string(Off),
		Usage: "`true` opens an [issue](operations.md#an-issue-for-each-item-that-needs-a-person) on the forge for each item that needs a person, and closes it with its row. The token (`forge_token`) needs the right to write issues.",
		read:  asChoice(func(s *Settings) *Switch { return &s.Report.Issues }, On, Off),
	},
	{
		Name: "summary_dir", Default: ".pm-todos",
		Usage: "Folder for `summary.json`, `summary.md` and `slack.json`, relative to the workspace.",
		read:  asText(func(s *Settings) *string { return &s.Report.SummaryDir }),
	},
	{
		Name:  "metrics_file",
		Usage: "File for [metrics](metrics.md) in Prometheus' text format, relative to the workspace: open items, ages, outcomes, costs.",
		read:  asText(func(s *Settings) *string { return &s.Report.Metrics }),
	},
	{
		Name:   "pushgateway_url",
		Usage:  "URL of a Prometheus Pushgateway that takes the same; it may hold a user and a password.",
		secret: func(s *Settings) *secret.String { return &s.Report.Gateway },
		parse:  asSecret(metrics.CheckGateway),
	},
	{
		Name: "log_level", Default: "info",
		Usage: "`trace`, `debug`, `info`, `warn` or `error`.",
		read:  asChoice(func(s *Settings) *string { return &s.Report.LogLevel }, "trace", "debug", "info", "warn", "error"),
	},
	{
		Name: "log_format", Default: "console",
		Usage: "`console` or `json`.",
		read:  asChoice(func(s *Settings) *string { return &s.Report.LogFormat }, "console", "json"),
	},
}

// asProtected adds to the stacks that are always protected.
func asProtected(s *Settings, text string) error {
	var given Settings
	err := asList(func(s *Settings) *[]string { return &s.Terraform.Protected }, glob)(&given, text)
	s.Terraform.Protected = appendNew(s.Terraform.Protected, given.Terraform.Protected)
	return err
}
