package agent

import (
	"strconv"
	"strings"
)

// Invocation is how the agent's program is started.
type Invocation struct {
	Argv  []string          // the program first
	Env   map[string]string // added to the environment
	Stdin []byte
	Final string // extended regular expression for the last event that it prints
}

// final is for the event with the result. Some versions do not end after it.
const final = `"type" *: *"result"`

// Tools is what the program offers to the model. What is not here (the web,
// notebooks, sub-agents, schedules, servers) does not exist for it.
var tools = []string{"Read", "Edit", "Write", "Glob", "Grep", "Bash"}

// Commands that only read, whatever their arguments are: none of them can
// start a program or write a file. That excludes find (-exec, -delete), sort
// (-o), sed (-i, w), awk, xargs, rg (--pre), git (aliases, -c), less, env and
// every interpreter. The program itself keeps them to the working directory and
// refuses substitutions, redirections and second commands in one line.
//
// Read, Edit and Write are not here on purpose: the mode acceptEdits allows them
// below the working directory, while a rule that names them would allow them
// everywhere on the host.
var allowed = []string{"Bash(ls:*)", "Bash(grep:*)", "Bash(cat:*)", "Bash(head:*)", "Bash(wc:*)", "Bash(pwd)"}

// Rules that deny hold in every mode. They match text and are easily got
// around; they spare an honest agent the attempt.
var disallowed = []string{
	"WebFetch", "WebSearch", "Task", "Agent", "NotebookEdit", "Skill", "Workflow", "AskUserQuestion", "EnterWorktree", "CronCreate", "ScheduleWakeup", "RemoteTrigger",
	"Bash(git:*)", "Bash(terraform:*)", "Bash(tofu:*)", "Bash(terragrunt:*)", "Bash(kubectl:*)", "Bash(helm:*)", "Bash(vault:*)", "Bash(curl:*)", "Bash(wget:*)", "Bash(ssh:*)",
	"Edit(.git/**)", "Edit(.claude/**)", "Edit(.woodpecker/**)", "Edit(.github/**)",
}

// environment is what is set for the agent.
//
//   - Background tasks: a call put there would keep the process for ten minutes.
//   - Retries: the program's own ten take three minutes to say "try later".
//   - git: no prompt, no credential helper, no system configuration, no protocol
//     but local ones. The user's own configuration is replaced on the host, by an
//     empty file of the run: git writes by renaming, so that no device may be named.
var environment = map[string]string{
	"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS":     "1",
	"CLAUDE_CODE_MAX_RETRIES":                  "2",
	"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
	"CLAUDE_CODE_DISABLE_AUTO_MEMORY":          "1",
	"DISABLE_AUTOUPDATER":                      "1",
	"DISABLE_TELEMETRY":                        "1",
	"DISABLE_ERROR_REPORTING":                  "1",
	"GIT_TERMINAL_PROMPT":                      "0",
	"GIT_ASKPASS":                              "",
	"SSH_ASKPASS":                              "",
	"SSH_AUTH_SOCK":                            "",
	"GIT_CONFIG_NOSYSTEM":                      "1",
	"GIT_ALLOW_PROTOCOL":                       "file",
	"GIT_SSH_COMMAND":                          "false",
}

// Command is how Claude Code is started for a definition and a prompt. The
// budget is in dollars of list price; the program stops after the response
// that passes it. The definition travels inline, and the repository's own
// settings, hooks, servers and agents are not loaded.
func Command(program string, d Definition, prompt []byte, budgetUSD float64) Invocation {
	agents := asJSON(map[string]map[string]string{d.Name: {"description": d.Description, "prompt": d.Prompt}})
	argv := []string{
		program, "-p",
		"--agents", agents, "--agent", d.Name,
		"--output-format", "stream-json", "--verbose",
		"--permission-mode", "acceptEdits",
		"--tools", strings.Join(tools, ","),
		"--allowedTools", strings.Join(allowed, ","),
		"--disallowedTools", strings.Join(disallowed, ","),
		"--setting-sources", "user",
		"--strict-mcp-config",
		"--disable-slash-commands",
		"--no-session-persistence",
		"--max-budget-usd", strconv.FormatFloat(max(budgetUSD, 0.01), 'f', 2, 64),
	}
	if d.Model != "" {
		argv = append(argv, "--model", d.Model)
	}
	env := make(map[string]string, len(environment))
	for name, value := range environment {
		env[name] = value
	}
	return Invocation{Argv: argv, Env: env, Stdin: prompt, Final: final}
}
