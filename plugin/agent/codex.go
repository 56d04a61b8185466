package agent

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	"github.com/pm-todos/pm-todos/plugin/pattern"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// codex is OpenAI's Codex CLI. It tells how many tokens it used and no cost, and
// has no budget. It reads files by shell commands only, so that those cannot be
// left out: outside of our sandbox they run in its own one, without network and
// with nothing writable but the working directory.
//
// https://developers.openai.com/codex/cli/reference and /config-reference; what it
// prints was measured on version 0.171.0.
var codex = Kind{
	Name: "codex", LeastVersion: "0.171.0", Status: []string{"login", "status"}, LogIn: "codex login --device-auth", CostUnknown: true, OtherModels: true,
	Needs: sandbox.Needs{
		ConfigVariable: "CODEX_HOME", ConfigFolder: ".codex", Login: "auth.json",
		Environment: []string{"CODEX_API_KEY", "CODEX_ACCESS_TOKEN"}, Keys: []string{"CODEX_API_KEY", "CODEX_ACCESS_TOKEN"},
	},
	command: codexCommand, decode: codexDecode, follow: codexFollow,
	servers: func(string, map[string]string) []string {
		return []string{"api.openai.com", "chatgpt.com", "auth.openai.com"}
	},
}

// codexWithout are features that an edit does not need: what starts programs,
// talks to other servers, or outlives the run.
var codexWithout = []string{
	"apps", "browser_use", "computer_use", "daemon_auto_start", "goals", "hooks", "image_generation", "in_app_browser", "memories", "multi_agent", "plugins",
	"remote_plugin", "shell_snapshot", "skill_mcp_dependency_install", "skill_search", "tool_suggest", "unbounded_connection_retries",
}

func codexCommand(t Turn) Invocation {
	argv := []string{
		"exec", "--json", "--ephemeral", "--ignore-user-config", "--ignore-rules", "--skip-git-repo-check", "--color", "never",
		"-c", `approval_policy="never"`, "-c", `web_search="disabled"`, "-c", "analytics.enabled=false",
		"-c", "project_doc_max_bytes=0", "-c", "skills.bundled.enabled=false", "-c", "skills.include_instructions=false",
		"-c", "sandbox_workspace_write.exclude_slash_tmp=true", "-c", "sandbox_workspace_write.exclude_tmpdir_env_var=true",
		// A string of JSON is one of TOML.
		"-c", "developer_instructions=" + asJSON(t.Definition.Prompt),
	}
	for _, feature := range codexWithout {
		argv = append(argv, "--disable", feature)
	}
	// Inside of our sandbox the kernel lets it make none of its own, and ours
	// bounds the commands as well.
	mode := "workspace-write"
	if t.Boxed {
		mode = "danger-full-access"
	}
	argv = append(argv, "--sandbox", mode)
	if t.Definition.Model != "" {
		argv = append(argv, "--model", t.Definition.Model)
	}
	return Invocation{Argv: append(argv, "-"), Stdin: t.Prompt, Final: `"type" *: *"turn[.](completed|failed)"`}
}

// codexEvent is one line of its output.
type codexEvent struct {
	Type string `json:"type"`
	Item struct {
		Type    string `json:"type"`
		Command string `json:"command"`
		Status  string `json:"status"`
		Changes []struct {
			Path string `json:"path"`
		} `json:"changes"`
	} `json:"item"`
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

// codexStatus finds the status of HTTP in what it says of a failure. It tells that
// in no other form.
var codexStatus = pattern.Lazy(`\b(?:unexpected|last) status:? (\d{3})\b`)

func codexDecode(stdout []byte, exit int, stderr string) Report {
	var r Report
	var answered bool
	var failure string
	begun, cut := eachEvent(stdout, func(line []byte) {
		var e codexEvent
		if json.Unmarshal(line, &e) != nil {
			return
		}
		switch {
		case e.Type == "turn.completed" || e.Type == "turn.failed":
			r.Subtype, failure = e.Type, e.Error.Message
		case e.Type == "item.completed" && e.Item.Type != "error":
			answered = true
			r.Turns++
			if e.Item.Status == "declined" {
				r.Denials++
			}
		}
	})
	r.CostKnown = !answered && r.Subtype != "turn.completed" && (!begun || r.Subtype == "turn.failed")
	switch {
	case r.Subtype == "":
		r.Problem = text.Line(noResult(exit, stderr), maxProblem)
		r.Outside = !answered
	case r.Subtype == "turn.completed" && exit == 0 && !cut:
		r.OK = true
	case r.Subtype == "turn.completed":
		r.Problem = text.Line(ended(exit, cut, lastLine(stderr)), maxProblem)
	default:
		r.Problem = text.Line(ended(exit, cut, failure), maxProblem)
		r.refused(statusIn(codexStatus(), failure), answered)
	}
	return r
}

// statusIn is the number that a pattern finds, 0 for none.
func statusIn(p *regexp.Regexp, said string) int {
	found := p.FindStringSubmatch(said)
	if found == nil {
		return 0
	}
	status, _ := strconv.Atoi(found[1]) // digits
	return status
}

func codexFollow(f *Follower, event json.RawMessage) {
	var e codexEvent
	if json.Unmarshal(event, &e) != nil || e.Type != "item.completed" || e.Item.Type == "error" {
		return
	}
	f.done.Turns++
	switch {
	case e.Item.Command != "":
		f.used(e.Item.Type, false, "", e.Item.Command)
	case len(e.Item.Changes) > 0:
		for _, change := range e.Item.Changes {
			f.used(e.Item.Type, true, change.Path)
		}
	case !slices.Contains([]string{"agent_message", "reasoning"}, e.Item.Type):
		f.used(e.Item.Type, false, "")
	}
}
