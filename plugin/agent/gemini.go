package agent

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// gemini is Google's Gemini CLI. It tells how many tokens it used and no cost, and
// has no budget. It works in folders only that it trusts, and then takes settings,
// hooks and servers from there, which no option turns off: what a first turn wrote
// would run in the second. So it is used in our sandbox alone, with settings of
// ours in a private folder.
//
// https://geminicli.com/docs/reference/configuration and /docs/cli/headless; what it
// prints was measured on version 0.61.0.
var gemini = Kind{
	Name: "gemini", LeastVersion: "0.61.0", LogIn: "gemini", CostUnknown: true, OtherModels: true, Confined: true,
	Needs: sandbox.Needs{
		ConfigVariable: "GEMINI_CLI_HOME", ConfigFolder: ".", Login: ".gemini/oauth_creds.json",
		Environment: []string{
			"GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_GCA", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_LOCATION",
			"GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL",
		},
		Keys:    []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"},
		KeyFile: ".gemini/settings.json", KeyName: "selectedType", KeyElse: `"useExternal":false`, KeyShape: geminiSettings,
	},
	Endpoints: []string{"GOOGLE_GEMINI_BASE_URL", "GOOGLE_VERTEX_BASE_URL", "GOOGLE_GENAI_USE_VERTEXAI", "GOOGLE_CLOUD_LOCATION"},
	command:   geminiCommand, decode: geminiDecode, follow: geminiFollow, servers: geminiServers,
}

// geminiSettings are all settings that it has, %s being how it is logged in. Its
// tools are those that read and edit: no shell, no web.
const geminiSettings = `{"security":{"auth":{%s}},` +
	`"tools":{"core":["read_file","glob","grep_search","list_directory","replace","write_file"]},` +
	`"admin":{"extensions":{"enabled":false},"mcp":{"enabled":false},"skills":{"enabled":false}},` +
	`"advanced":{"ignoreLocalEnv":true},"hooksConfig":{"enabled":false},"skills":{"enabled":false},"experimental":{"enableAgents":false},` +
	`"general":{"enableAutoUpdate":false,"enableAutoUpdateNotification":false,"maxAttempts":3},` +
	`"privacy":{"usageStatisticsEnabled":false},"telemetry":{"enabled":false}}`

// geminiCommand starts it. Its own system prompt can be replaced by that of a file
// alone, so that the definition stands before the task.
func geminiCommand(t Turn) Invocation {
	argv := []string{"--output-format", "stream-json", "--approval-mode", "auto_edit", "--extensions", "none"}
	if t.Definition.Model != "" {
		argv = append(argv, "--model", t.Definition.Model)
	}
	return Invocation{
		Argv: argv, Env: map[string]string{"GEMINI_CLI_TRUST_WORKSPACE": "true", "NO_BROWSER": "1", "GEMINI_TELEMETRY_ENABLED": "false"},
		Stdin: slices.Concat([]byte(t.Definition.Prompt), []byte("\n\n# Task\n\n"), t.Prompt), Final: `"type" *: *"result"`,
	}
}

// geminiEvent is one line of its output.
type geminiEvent struct {
	Type   string `json:"type"`
	Role   string `json:"role"`
	Status string `json:"status"`
	Tool   string `json:"tool_name"`
	Error  struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
	Input struct {
		File    string `json:"file_path"`
		Pattern string `json:"pattern"`
		Folder  string `json:"dir_path"`
	} `json:"parameters"`
}

// answers reports whether the event is a piece of an answer of the model.
func (e geminiEvent) answers() bool {
	return e.Type == "tool_use" || e.Type == "message" && e.Role == "assistant"
}

// Exit codes of its own: https://geminicli.com/docs/cli/headless, and
// packages/core/src/utils/errors.ts of its source for those of login and settings.
const (
	geminiNoLogin   = 41
	geminiSettled   = 52 // a bad configuration
	geminiTurns     = 53 // more turns than it may take
	geminiUntrusted = 55
)

func geminiDecode(stdout []byte, exit int, stderr string) Report {
	var r Report
	var last *geminiEvent
	var answered, answering bool
	_, cut := eachEvent(stdout, func(line []byte) {
		var e geminiEvent
		if json.Unmarshal(line, &e) != nil {
			return
		}
		if e.answers() && !answering {
			r.Turns++
		}
		answering = e.answers()
		answered = answered || answering
		switch {
		case e.Type == "result":
			last = &e
		case e.Type == "tool_result" && e.Error.Type == "policy_violation":
			r.Denials++
		}
	})
	r.CostKnown = !answered && (last == nil || last.Status != "success")
	switch {
	case last == nil:
		r.Problem = text.Line(noResult(exit, stderr), maxProblem)
		r.Outside = !answered
		r.NoLogin = exit == geminiNoLogin
	case last.Status == "success" && exit == 0 && !cut:
		r.OK, r.Subtype = true, last.Status
	default:
		r.Subtype = text.Line(last.Status, 60)
		r.Problem = text.Line(ended(exit, cut, last.Error.Message), maxProblem)
		if last.Status != "success" && !cut && exit != geminiTurns {
			r.refused(geminiStatus(exit), answered)
		}
	}
	r.Outside = r.Outside || exit == geminiNoLogin || exit == geminiSettled || exit == geminiUntrusted
	return r
}

// geminiStatus is the status of HTTP that it ended with: it exits with that number,
// of which eight bits are left. 0 stands for none.
func geminiStatus(exit int) int {
	if status := exit + 256; status >= 400 && status < 512 {
		return status
	}
	return 0
}

func geminiFollow(f *Follower, event json.RawMessage) {
	var e geminiEvent
	if json.Unmarshal(event, &e) != nil {
		return
	}
	if e.answers() && f.answer == "" {
		f.done.Turns++
	}
	f.answer = ""
	if e.answers() {
		f.answer = e.Type
	}
	if e.Type == "tool_use" {
		f.used(e.Tool, e.Tool == "replace" || e.Tool == "write_file", e.Input.File, strings.TrimSpace(e.Input.Pattern+" "+e.Input.Folder))
	}
}

// geminiServers are that of its model, by key, by login or by Vertex AI, and the one
// that refreshes a login.
func geminiServers(_ string, env map[string]string) []string {
	switch {
	case env["GOOGLE_GENAI_USE_VERTEXAI"] != "" && hostOf(env["GOOGLE_VERTEX_BASE_URL"]) != "":
		return []string{hostOf(env["GOOGLE_VERTEX_BASE_URL"])}
	case env["GOOGLE_GENAI_USE_VERTEXAI"] != "":
		return []string{vertex(env["GOOGLE_CLOUD_LOCATION"])}
	case hostOf(env["GOOGLE_GEMINI_BASE_URL"]) != "":
		return []string{hostOf(env["GOOGLE_GEMINI_BASE_URL"])}
	}
	return []string{"generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com", "oauth2.googleapis.com"}
}
