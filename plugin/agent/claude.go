package agent

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// claude is Claude Code. Its login and the variables by which a key, a gateway or
// a token is given are all that it has of the account: other settings, hooks,
// servers, commands and past sessions lie in the same folder and are left out.
//
// https://code.claude.com/docs/en/cli-reference and /settings.
var claude = Kind{
	Name: "claude", LeastVersion: "2.1.197", Status: []string{"auth", "status", "--json"}, LogIn: "claude auth login",
	Budget: true,
	Needs: sandbox.Needs{
		ConfigVariable: "CLAUDE_CONFIG_DIR",
		ConfigFolder:   ".claude",
		Login:          ".credentials.json",
		Settings:       "settings.json",
		Environment: []string{
			"ANTHROPIC_*", "CLAUDE_CODE_*", "AWS_BEARER_TOKEN_BEDROCK", "AWS_REGION", "AWS_DEFAULT_REGION", "CLOUD_ML_REGION",
		},
		KeyFile: ".claude.json", KeyName: "primaryApiKey", KeyShape: "{%s}",
	},
	Endpoints: []string{
		"ANTHROPIC_BASE_URL",
		"CLAUDE_CODE_USE_BEDROCK", "ANTHROPIC_BEDROCK_BASE_URL", "AWS_REGION", "AWS_DEFAULT_REGION",
		"CLAUDE_CODE_USE_VERTEX", "ANTHROPIC_VERTEX_BASE_URL", "CLOUD_ML_REGION",
		"CLAUDE_CODE_USE_FOUNDRY", "ANTHROPIC_FOUNDRY_BASE_URL", "ANTHROPIC_FOUNDRY_RESOURCE",
	},
	command: claudeCommand, decode: claudeDecode, follow: claudeFollow, servers: claudeServers,
}

// claudeTools is what the program offers to the model. What is not here (the web,
// notebooks, sub-agents, schedules, servers) does not exist for it.
var claudeTools = []string{"Read", "Edit", "Write", "Glob", "Grep", "Bash"}

// Commands that only read, whatever their arguments are: none of them can
// start a program or write a file. That excludes find (-exec, -delete), sort
// (-o), sed (-i, w), awk, xargs, rg (--pre), git (aliases, -c), less, env and
// every interpreter. The program itself keeps them to the working directory and
// refuses substitutions, redirections and second commands in one line.
//
// Read, Edit and Write are not here on purpose: the mode acceptEdits allows them
// below the working directory, while a rule that names them would allow them
// everywhere on the host.
var claudeAllowed = []string{"Bash(ls:*)", "Bash(grep:*)", "Bash(cat:*)", "Bash(head:*)", "Bash(wc:*)", "Bash(pwd)"}

// Rules that deny hold in every mode. They match text and are easily got
// around; they spare an honest agent the attempt.
var claudeDenied = []string{
	"WebFetch", "WebSearch", "Task", "Agent", "NotebookEdit", "Skill", "Workflow", "AskUserQuestion", "EnterWorktree", "CronCreate", "ScheduleWakeup", "RemoteTrigger",
	"Bash(git:*)", "Bash(terraform:*)", "Bash(tofu:*)", "Bash(terragrunt:*)", "Bash(kubectl:*)", "Bash(helm:*)", "Bash(vault:*)", "Bash(curl:*)", "Bash(wget:*)", "Bash(ssh:*)",
	"Edit(.git/**)", "Edit(.claude/**)", "Edit(.woodpecker/**)", "Edit(.github/**)",
}

// claudeEnvironment is what is set for Claude Code.
//
//   - Background tasks: a call put there would keep the process for ten minutes.
//   - Retries: the program's own ten take three minutes to say "try later".
var claudeEnvironment = map[string]string{
	"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS":     "1",
	"CLAUDE_CODE_MAX_RETRIES":                  "2",
	"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
	"CLAUDE_CODE_DISABLE_AUTO_MEMORY":          "1",
	"DISABLE_AUTOUPDATER":                      "1",
	"DISABLE_TELEMETRY":                        "1",
	"DISABLE_ERROR_REPORTING":                  "1",
}

// claudeCommand starts Claude Code. The program stops after the response that
// passes its budget, in dollars of list price. The definition travels inline, and
// the repository's own settings, hooks, servers and agents are not loaded.
func claudeCommand(t Turn) Invocation {
	d := t.Definition
	agents := asJSON(map[string]map[string]string{d.Name: {"description": d.Description, "prompt": d.Prompt}})
	argv := []string{
		"-p",
		"--agents", agents, "--agent", d.Name,
		"--output-format", "stream-json", "--verbose",
		"--permission-mode", "acceptEdits",
		"--tools", strings.Join(claudeTools, ","),
		"--allowedTools", strings.Join(claudeAllowed, ","),
		"--disallowedTools", strings.Join(claudeDenied, ","),
		"--setting-sources", "user",
		"--strict-mcp-config",
		"--disable-slash-commands",
		"--no-session-persistence",
		"--max-budget-usd", strconv.FormatFloat(max(t.BudgetUSD, 0.01), 'f', 2, 64),
	}
	if d.Model != "" {
		argv = append(argv, "--model", d.Model)
	}
	// Some versions do not end after their result.
	return Invocation{Argv: argv, Env: claudeEnvironment, Stdin: t.Prompt, Final: `"type" *: *"result"`}
}

// claudeServers are that of its model, and the one that refreshes its login.
func claudeServers(_ string, env map[string]string) []string {
	switch {
	case env["CLAUDE_CODE_USE_BEDROCK"] != "":
		region := cmp.Or(env["AWS_REGION"], env["AWS_DEFAULT_REGION"], "us-east-1")
		return []string{cmp.Or(hostOf(env["ANTHROPIC_BEDROCK_BASE_URL"]), "bedrock-runtime."+region+".amazonaws.com")}
	case env["CLAUDE_CODE_USE_VERTEX"] != "":
		return []string{cmp.Or(hostOf(env["ANTHROPIC_VERTEX_BASE_URL"]), vertex(env["CLOUD_ML_REGION"])), "oauth2.googleapis.com"}
	case env["CLAUDE_CODE_USE_FOUNDRY"] != "":
		return []string{cmp.Or(hostOf(env["ANTHROPIC_FOUNDRY_BASE_URL"]), env["ANTHROPIC_FOUNDRY_RESOURCE"]+".services.ai.azure.com")}
	case hostOf(env["ANTHROPIC_BASE_URL"]) != "":
		return []string{hostOf(env["ANTHROPIC_BASE_URL"])}
	}
	return []string{"api.anthropic.com", "platform.claude.com"}
}

// vertex is the server of a region, several regions, or all of them.
func vertex(region string) string {
	switch region {
	case "global", "":
		return "aiplatform.googleapis.com"
	case "us", "eu":
		return "aiplatform." + region + ".rep.googleapis.com"
	}
	return region + "-aiplatform.googleapis.com"
}
