package settings

import (
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/metrics"
	"github.com/pm-todos/pm-todos/plugin/notify"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/settings/argv"
	"github.com/pm-todos/pm-todos/plugin/target"
)

func agentEntries(s *Settings) []Entry {
	return []Entry{
		{
			Name: "agent", Default: "postmortem-todo-resolver", read: asText(&s.Agent.Name, agentDefinition),
			Usage: "Agent definition. If the repository has `.claude/agents/<agent>.md`, its prompt and model are used; the built-in contract is added and takes precedence.",
		},
		{Name: "agent_command", Default: "claude", read: asText(&s.Agent.Command, CheckProgram), Usage: "The agent's program on the host; `~/.local/bin` is searched too."},
		{
			Name: "agent_kind", told: "the program's name in `agent_command`, else `claude`", read: asChoice(&s.Agent.Kind, agent.Kinds()...),
			Usage: "What that program is: `claude`, `codex`, `gemini` or `opencode`. They [differ](agents.md) in what they can be kept from and what they tell.",
		},
		{
			Name: "sandbox", Default: string(sandbox.Auto), read: asChoice(&s.Agent.Sandbox.Mode, sandbox.Auto, sandbox.Require, sandbox.Off),
			Usage: "Whether [bubblewrap](security.md#the-sandbox) confines the agent on its host. `auto` confines it where the host can, and warns where not. `require` refuses a host that cannot. `off` lets the agent read and write whatever its user can.",
		},
		{
			Name: "sandbox_paths", read: asList(&s.Agent.Sandbox.Paths, sandboxPath),
			Usage: "List of folders and files on the host that the agent's program needs beside its own, such as `/home/linuxbrew/.linuxbrew` or `~/.local/share/uv`. It can read them in the sandbox, and so can the agent.",
		},
		{Name: "model", told: "the definition's", read: asText(&s.Agent.Model, word), Usage: "Model of the agent."},
		{Name: "budget_usd", Default: "5", read: asMoney(&s.Agent.BudgetUSD), Usage: "US dollars that the agent may spend in the whole run, divided among the remaining items."},
		{
			Name: "budget_month_usd", Default: "0", told: "no limit", read: asMoney(&s.Agent.MonthUSD),
			Usage: "US dollars that the agents of all runs may spend in a calendar month (UTC), by what the ledger on the remote says. Runs of one repository at the same time each see what the others have written down.",
		},
		{
			Name: "sandbox_network", told: "`model`, and `host` with a warning on a host where that cannot be had", read: asChoice(&s.Agent.Network, ModelNetwork, HostNetwork),
			Usage: "What the agent reaches from its sandbox: `model` for the servers of its model, by a proxy of this program, or `host` for all that the host reaches. With `model` and `sandbox: require`, a host where that cannot be had is not used.",
		},
		{
			Name: "sandbox_allowed_hosts", read: asList(&s.Agent.AllowedHosts, serverName),
			Usage: "List of servers, `HOST` or `HOST:PORT`, that the agent may reach beside those of its model, such as a gateway's login server. No wildcards; the port is 443 unless given.",
		},
		{Name: "item_timeout", Default: "30m", read: asDuration(&s.Agent.ItemTimeout, false), Usage: "Time limit for the agent and the plans of one item. An apply is never cut short."},
		{
			Name: "parallel", Default: "3", read: asCount(&s.Agent.Parallel, 1),
			Usage: "Largest number of agents at work at the same time, as far as the cores, the memory and the SSH sessions of their host go. Without a sandbox, and without an account of its own in `agent_hosts`, one agent works at a time. Plans and applies always follow each other.",
		},
	}
}

func terraformEntries(s *Settings) []Entry {
	return []Entry{
		{
			Name: "stacks", Default: "stacks/*", read: asList(&s.Terraform.Stacks, glob),
			Usage: "List of globs of the folders that are planned and applied separately, such as `environments/*`; `.` is the root of the repository.",
		},
		{Name: "protected", Default: "vault,dbaas,traefik,authentik,kyverno", read: asProtected(&s.Terraform.Protected), Usage: "Stacks that are never touched. Your entries are added to the default."},
		{
			Name: "allow_paths", Default: "stacks/**", told: "what is in `stacks`: `stacks/**`", read: asList(&s.Terraform.AllowPaths, glob),
			Usage: "List of globs of the paths that a change may touch. The built-in deny list takes precedence.",
		},
		{
			Name: "type_paths", told: "`" + `{"Alert":"stacks/monitoring/**","Monitor":"stacks/monitoring/**,stacks/uptime-kuma/**"}` + "`, if these paths exist", read: asTypeMap(&s.Terraform.TypePaths, glob),
			Usage: "Map that narrows `allow_paths` per type.",
		},
		{
			Name: "allow_resources", read: asTypeMap(&s.Terraform.AllowResources, word),
			Usage: "Map of patterns of resource addresses or types per type, such as `" + `{"Alert":"helm_release.*"}` + "`. If unset, every resource is allowed unless another rule refuses it.",
		},
		{
			Name: "automatic_creates", read: asTypeMap(&s.Terraform.AutomaticCreates, word),
			Usage: "Map of the resource types that an item of a type may create automatically, in addition to those in [what is automatic](what-is-automatic.md), such as `" + `{"Config":"aws_sqs_queue"}` + "`.",
		},
		{Name: "max_changes", Default: "10", read: asCount(&s.Terraform.MaxChanges, 1), Usage: "Largest number of resources that one item may create or update."},
		{
			Name: "tolerated", read: asList(&s.Terraform.Tolerated, toleratedAddress),
			Usage: "List of resources and outputs that change in every plan: addresses of `null_resource`, `terraform_data` or `time_*` resources, and `output.NAME` for outputs of a stack. They may change in baseline, plan and confirm, with the actions of the baseline; one that the baseline creates may exist after the apply.",
		},
		{
			Name: "state_paths", Default: "state/**", read: asList(&s.Terraform.StatePaths, glob),
			Usage: "List of globs of state files tracked in git. Changes of such stacks are proposals that are never applied here.",
		},
		{
			Name: "terraform", told: "`" + Wrapper + "` if the repository has it, else `terraform`", read: asText(&s.Terraform.Commands.Program, CheckProgram),
			Usage: "Program to run in the stack's folder: a path in the repository, or a program on the host. `none` proposes changes without a plan, for [repositories that something else applies](gitops.md): the mode is `propose` then unless it is `dry-run`, `stacks` does not count, and `allow_paths` must be set.",
		},
		{
			Name: "init_args", told: "none for `" + Wrapper + "`, else `init -input=false -lockfile=readonly`", read: asCommand(&s.Terraform.Commands.Init, argv.NoPlanFile),
			Usage: "Arguments that initialise a stack: a line, in which quotes work as in a shell, or a list. Nothing is expanded, and ambiguous lines are refused.",
		},
		{
			Name: "plan_args", told: "`plan -input=false -lock-timeout=5m -out={plan}`", read: asCommand(&s.Terraform.Commands.Plan, argv.HasPlanFile),
			Usage: "Arguments that save a plan, a line or a list; `{plan}` is replaced by an absolute path.",
		},
		{
			Name: "show_args", told: "`show -json {plan}`", read: asCommand(&s.Terraform.Commands.Show, argv.PlanFileLast),
			Usage: "Arguments that print the saved plan as JSON, a line or a list; `{plan}` must be the last.",
		},
		{
			Name: "apply_args", told: "`apply --non-interactive {plan}` for `" + Wrapper + "`, else `apply -input=false -lock-timeout=5m {plan}`", read: asCommand(&s.Terraform.Commands.Apply, argv.PlanFileLast),
			Usage: "Arguments that apply the saved plan, a line or a list; `{plan}` must be the last, and a wrapper must pass it on as the last. `doctor` checks this.",
		},
		{
			Name: "verify_command", read: asLines(&s.Terraform.VerifyCommand, shellText),
			Usage: "Shell command to run on the Terraform host after the apply, with the item as JSON on stdin. If it fails, the item is not Done.",
		},
		{Name: "lock_timeout", Default: "10m", read: asDuration(&s.Terraform.LockTimeout, true), Usage: "How long to wait for another run of the same repository; `0s` does not wait."},
	}
}

func reportEntries(s *Settings) []Entry {
	return []Entry{
		{
			Name: "slack_webhook", told: "the Vault secret's field `slack_webhook`", secret: &s.Report.SlackWebhook, parse: asSecret(notify.CheckSlackWebhook),
			Usage: "Incoming webhook: its URL, or its path `T…/B…/…`.",
		},
		{Name: "slack_token", secret: &s.Report.SlackToken, Usage: "Bot token, instead of a webhook."},
		{Name: "slack_channel", read: asText(&s.Report.SlackChannel, word), Usage: "Channel for the bot token."},
		{
			Name: "chat_webhook", told: "the Vault secret's field `chat_webhook`", secret: &s.Report.ChatWebhook, parse: asSecret(notify.CheckWebhook),
			Usage: "Incoming webhook of another chat, or of a program, as well as or instead of Slack: its https URL.",
		},
		{
			Name: "chat_secret", told: "the Vault secret's field `chat_secret`", secret: &s.Report.ChatSecret, parse: asSecret(notify.CheckSigningSecret),
			Usage: "Signs what a `generic` webhook gets, see [telling a program](operations.md#telling-a-program).",
		},
		{
			Name: "chat_kind", told: "by the URL", read: asChoice(&s.Report.ChatKind, notify.Kinds()...),
			Usage: "What `chat_webhook` belongs to: `" + strings.Join(notify.Kinds(), "`, `") + "`. The last takes the run's summary as JSON.",
		},
		{
			Name: "notify", Default: string(notify.Changes), read: asParsed(&s.Report.Notify, notify.ReadPolicies),
			Usage: "When a run posts to chats: `always`, `changes` (something was done, refused or failed, or an item newly needs a person), `failure`, or `fixes` (what was done, [told to reporters](operations.md#telling-reporters)); or a map for `slack` and `chat`, such as `" + `{"slack":"changes","chat":"fixes"}` + "`.",
		},
		{
			Name: "slo", read: asParsed(&s.Report.Targets, target.Read),
			Usage: "How long items of each priority may stay open, such as `" + `{"P0":"7d","P1":"30d"}` + "`, in hours (`h`), days (`d`) or weeks (`w`). An item counts from the day of its post-mortem.",
		},
		{
			Name: "digest", Default: string(NoDigest), read: asChoice(&s.Report.Digest, NoDigest, WeeklyDigest),
			Usage: "`weekly` posts a [digest](operations.md#a-digest-each-week) of all open items to the chats, by the first run of a calendar week that a cron starts; `off` posts none.",
		},
		{
			Name: "issues", Default: string(Off), read: asChoice(&s.Report.Issues, On, Off),
			Usage: "`true` opens an [issue](operations.md#an-issue-for-each-item-that-needs-a-person) on the forge for each item that needs a person, and closes it with its row. The token (`forge_token`) needs the right to write issues.",
		},
		{Name: "summary_dir", Default: ".pm-todos", read: asText(&s.Report.SummaryDir), Usage: "Folder for `summary.json`, `summary.md` and `slack.json`, relative to the workspace."},
		{Name: "metrics_file", read: asText(&s.Report.Metrics), Usage: "File for [metrics](metrics.md) in Prometheus' text format, relative to the workspace: open items, ages, outcomes, costs."},
		{Name: "pushgateway_url", secret: &s.Report.Gateway, parse: asSecret(metrics.CheckGateway), Usage: "URL of a Prometheus Pushgateway that takes the same; it may hold a user and a password."},
		{Name: "log_level", Default: "info", read: asChoice(&s.Report.LogLevel, "trace", "debug", "info", "warn", "error"), Usage: "`trace`, `debug`, `info`, `warn` or `error`."},
		{Name: "log_format", Default: "console", read: asChoice(&s.Report.LogFormat, "console", "json"), Usage: "`console` or `json`."},
	}
}

// asProtected adds to the stacks that are always protected.
func asProtected(field *[]string) reader {
	return func(text string) error {
		var given []string
		err := asList(&given, glob)(text)
		for _, one := range given {
			if !slices.Contains(*field, one) {
				*field = append(*field, one)
			}
		}
		return err
	}
}
