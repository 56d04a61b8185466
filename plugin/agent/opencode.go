package agent

import (
	"encoding/json"
	"math"
	"strings"

	"github.com/pm-todos/pm-todos/plugin/sandbox"
	"github.com/pm-todos/pm-todos/plugin/text"
)

// opencode works with the models of many providers. It tells what it cost, by the
// prices that it knows, and has no budget. It tries again without end while its
// provider is overloaded: the limits of time end it then.
//
// https://opencode.ai/docs/cli, /docs/config and /docs/permissions; what it prints
// was measured on version 1.18.33.
var opencode = Kind{
	Name: "opencode", LeastVersion: "1.18.33", LogIn: "opencode auth login", OtherModels: true,
	Needs: sandbox.Needs{
		ConfigVariable: "XDG_DATA_HOME", ConfigFolder: ".local/share", Login: "opencode/auth.json",
		Environment: append([]string{"ANTHROPIC_BASE_URL"}, opencodeKeys...), Keys: opencodeKeys,
	},
	Endpoints: []string{"ANTHROPIC_BASE_URL"},
	command:   opencodeCommand, decode: opencodeDecode, follow: opencodeFollow, servers: opencodeServers,
}

// opencodeKeys are the keys of the providers that opencodeServers knows.
var opencodeKeys = []string{
	"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "OPENROUTER_API_KEY", "MISTRAL_API_KEY", "OPENCODE_API_KEY",
}

// opencodeEnvironment keeps it from everything but its provider: it takes no
// configuration, plugins, rules or skills from the repository, and loads nothing.
var opencodeEnvironment = map[string]string{
	"OPENCODE_DISABLE_AUTOUPDATE":      "1",
	"OPENCODE_DISABLE_CLAUDE_CODE":     "1",
	"OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
	"OPENCODE_DISABLE_EXTERNAL_SKILLS": "1",
	"OPENCODE_DISABLE_LSP_DOWNLOAD":    "1",
	"OPENCODE_DISABLE_MODELS_FETCH":    "1",
	"OPENCODE_DISABLE_PROJECT_CONFIG":  "1",
	"OPENCODE_DISABLE_SHARE":           "1",
	"OPENCODE_PURE":                    "1",
}

// opencodePermission is what the model may do: the last rule that fits counts. A
// plugin that a first turn wrote would run in the second.
var opencodePermission = json.RawMessage(`{"*":"deny","read":"allow","glob":"allow","grep":"allow","list":"allow",` +
	`"edit":{"*":"allow","*.opencode/*":"deny","*opencode.json*":"deny"}}`)

func opencodeCommand(t Turn) Invocation {
	d := t.Definition
	env := map[string]string{"OPENCODE_CONFIG_CONTENT": asJSON(map[string]any{
		"share": "disabled", "autoupdate": false, "snapshot": false, "lsp": false, "formatter": false, "permission": opencodePermission,
		"agent": map[string]any{d.Name: map[string]any{
			"mode": "primary", "description": d.Description, "prompt": d.Prompt, "permission": opencodePermission,
		}},
	})}
	for name, value := range opencodeEnvironment {
		env[name] = value
	}
	// Without a title it would ask the model for one.
	argv := []string{"run", "--format", "json", "--agent", d.Name, "--title", d.Name, "--pure"}
	if d.Model != "" {
		argv = append(argv, "--model", d.Model)
	}
	return Invocation{Argv: argv, Env: env, Stdin: t.Prompt, Final: `"type" *: *"step_finish".*"reason" *: *"(stop|length|content-filter)"`}
}

// opencodeEvent is one line of its output.
type opencodeEvent struct {
	Type string `json:"type"`
	Part struct {
		Tool   string  `json:"tool"`
		Reason string  `json:"reason"`
		Cost   float64 `json:"cost"`
		Tokens struct {
			Total float64 `json:"total"`
		} `json:"tokens"`
		State struct {
			Status string `json:"status"`
			Input  struct {
				File    string `json:"filePath"`
				Pattern string `json:"pattern"`
				Path    string `json:"path"`
			} `json:"input"`
		} `json:"state"`
	} `json:"part"`
	Error struct {
		Name string `json:"name"`
		Data struct {
			Message string `json:"message"`
			Status  int    `json:"statusCode"`
		} `json:"data"`
	} `json:"error"`
}

func opencodeDecode(stdout []byte, exit int, stderr string) Report {
	var r Report
	var tokens float64
	var failed *opencodeEvent
	_, cut := eachEvent(stdout, func(line []byte) {
		var e opencodeEvent
		if json.Unmarshal(line, &e) != nil {
			return
		}
		switch e.Type {
		case "step_start":
			r.Turns++
		case "step_finish":
			r.Subtype = e.Part.Reason
			r.CostUSD += max(e.Part.Cost, 0)
			tokens += e.Part.Tokens.Total
		case "tool_use":
			if e.Part.State.Status == "error" {
				r.Denials++
			}
		case "error":
			failed = &e
		}
	})
	answered := r.Turns > 0
	ends := r.Subtype != "" && r.Subtype != "tool-calls"
	// A model without a price costs nothing as far as it knows.
	if math.IsInf(r.CostUSD, 0) {
		r.CostUSD, cut = 0, true
	}
	r.CostKnown = !cut && (r.CostUSD > 0 || tokens == 0) && (ends || failed != nil || !answered)
	r.Subtype = text.Line(r.Subtype, 60)
	switch {
	case failed != nil:
		said := failed.Error.Name + ": " + failed.Error.Data.Message
		r.Subtype, r.Problem = text.Line(failed.Error.Name, 60), text.Line(ended(exit, cut, said), maxProblem)
		r.refused(failed.Error.Data.Status, answered)
		if failed.Error.Name == "ProviderAuthError" {
			r.Outside, r.Doubtful, r.NoLogin = true, false, true
		}
	case !ends:
		r.Problem = text.Line(noResult(exit, stderr), maxProblem)
		r.Outside = !answered
	case r.Subtype == "stop" && exit == 0 && !cut:
		r.OK = true
	default:
		r.Problem = text.Line(ended(exit, cut, "its last answer ended by "+r.Subtype), maxProblem)
	}
	return r
}

func opencodeFollow(f *Follower, event json.RawMessage) {
	var e opencodeEvent
	if json.Unmarshal(event, &e) != nil {
		return
	}
	switch e.Type {
	case "step_start":
		f.done.Turns++
	case "tool_use":
		in, tool := e.Part.State.Input, e.Part.Tool
		writes := (tool == "edit" || tool == "write" || tool == "apply_patch") && e.Part.State.Status == "completed"
		f.used(tool, writes, in.File, strings.TrimSpace(in.Pattern+" "+in.Path))
	}
}

// opencodeServers are those of the provider that the model's name begins with. What
// another one needs is named in the setting sandbox_allowed_hosts.
func opencodeServers(model string, env map[string]string) []string {
	provider, _, _ := strings.Cut(model, "/")
	switch provider {
	case "anthropic":
		if host := hostOf(env["ANTHROPIC_BASE_URL"]); host != "" {
			return []string{host}
		}
		return []string{"api.anthropic.com"}
	case "openai":
		return []string{"api.openai.com", "auth.openai.com", "chatgpt.com"}
	case "google":
		return []string{"generativelanguage.googleapis.com"}
	case "openrouter":
		return []string{"openrouter.ai"}
	case "mistral":
		return []string{"api.mistral.ai"}
	case "opencode":
		return []string{"opencode.ai"}
	}
	return nil
}
