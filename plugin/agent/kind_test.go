package agent_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/agent"
)

func TestKindIsTheProgramsUnlessItIsNamed(t *testing.T) {
	for _, c := range []struct{ kind, command, want string }{
		{"", "claude", "claude"},
		{"", "codex", "codex"},
		{"", "/opt/bin/gemini", "gemini"},
		{"", "opencode", "opencode"},
		{"", "our-wrapper", "claude"},
		{"codex", "our-wrapper", "codex"},
		{"claude", "codex", "claude"},
	} {
		if got := agent.KindOf(c.kind, c.command).Name; got != c.want {
			t.Errorf("%q, %q: %s, want %s", c.kind, c.command, got, c.want)
		}
	}
}

// The repository's definition is one of Claude Code, and so is the model in it.
func TestOtherAgentsHaveTheModelOfTheSettingsAlone(t *testing.T) {
	file := []byte("---\nmodel: opus\n---\nThe prompt.\n")
	for _, name := range agent.Kinds() {
		k := agent.KindOf(name, "")
		d, set := k.Definition(file, "x", ""), k.Definition(file, "x", "mine")
		if want := name == "claude"; (d.Model == "opus") != want || d.Model != "" && !want || set.Model != "mine" || !strings.HasPrefix(d.Prompt, "The prompt.") {
			t.Errorf("%s: %+v %+v", name, d, set)
		}
		call := k.Command("/opt/program", agent.Turn{Definition: set, Prompt: []byte("the task")})
		if call.Argv[0] != "/opt/program" || !slices.Contains(call.Argv, "mine") || !strings.HasSuffix(string(call.Stdin), "the task") || call.Env["GIT_ALLOW_PROTOCOL"] != "file" || call.Final == "" {
			t.Errorf("%s: %+v", name, call)
		}
		if (k.Lacks() == "") != (name == "claude") || k.LogIn == "" || k.LeastVersion == "" || k.Needs.Login == "" {
			t.Errorf("%s: %+v", name, k)
		}
	}
}

func TestCodexHasASandboxOfItsOwnWhereItHasNoneOfOurs(t *testing.T) {
	for boxed, want := range map[bool]string{false: "workspace-write", true: "danger-full-access"} {
		argv := agent.KindOf("codex", "").Command("codex", agent.Turn{Boxed: boxed}).Argv
		if got := after(t, argv, "--sandbox"); got != want {
			t.Errorf("boxed %v: %s", boxed, got)
		}
	}
}

func TestServersOfOtherAgents(t *testing.T) {
	for _, c := range []struct {
		kind, model string
		env         map[string]string
		want        []string
	}{
		{kind: "codex", want: []string{"api.openai.com", "chatgpt.com", "auth.openai.com"}},
		{kind: "gemini", want: []string{"generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com", "oauth2.googleapis.com"}},
		{kind: "gemini", env: map[string]string{"GOOGLE_GEMINI_BASE_URL": "https://gateway.example.com"}, want: []string{"gateway.example.com:443"}},
		{kind: "gemini", env: map[string]string{"GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_CLOUD_LOCATION": "europe-west4"}, want: []string{"europe-west4-aiplatform.googleapis.com"}},
		{kind: "gemini", env: map[string]string{"GOOGLE_GENAI_USE_VERTEXAI": "true", "GOOGLE_VERTEX_BASE_URL": "http://v:8080"}, want: []string{"v:8080"}},
		{kind: "opencode", model: "anthropic/claude-sonnet-4-5", want: []string{"api.anthropic.com"}},
		{kind: "opencode", model: "anthropic/x", env: map[string]string{"ANTHROPIC_BASE_URL": "http://10.0.0.1:1/v1"}, want: []string{"10.0.0.1:1"}},
		{kind: "opencode", model: "openai/x", want: []string{"api.openai.com", "auth.openai.com", "chatgpt.com"}},
		{kind: "opencode", model: "google/x", want: []string{"generativelanguage.googleapis.com"}},
		{kind: "opencode", model: "openrouter/x/y", want: []string{"openrouter.ai"}},
		{kind: "opencode", model: "mistral/x", want: []string{"api.mistral.ai"}},
		{kind: "opencode", model: "opencode/x", want: []string{"opencode.ai"}},
		{kind: "opencode", model: "another/x"},
	} {
		if got := agent.KindOf(c.kind, "").Servers(c.model, c.env); !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %q, want %q", c.kind, c.model, got, c.want)
		}
	}
}

// The lines are those that the programs print, shortened.
func TestDecodeOfOtherAgents(t *testing.T) {
	const (
		codexDone   = `{"type":"turn.started"}` + "\n" + `{"type":"item.completed","item":{"type":"file_change","status":"completed"}}` + "\n" + `{"type":"turn.completed","usage":{"input_tokens":1}}` + "\n"
		geminiDone  = `{"type":"init"}` + "\n" + `{"type":"message","role":"assistant","content":"x"}` + "\n" + `{"type":"result","status":"success"}` + "\n"
		geminiError = `{"type":"init"}` + "\n" + `{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error: x]"}}` + "\n"
		step        = `{"type":"step_start"}` + "\n" + `{"type":"step_finish","part":{"reason":"stop","cost":0.5,"tokens":{"total":9}}}` + "\n"
		free        = `{"type":"step_start"}` + "\n" + `{"type":"step_finish","part":{"reason":"stop","cost":0,"tokens":{"total":9}}}` + "\n"
	)
	codexFailed := func(text string) string {
		return `{"type":"turn.started"}` + "\n" + `{"type":"turn.failed","error":{"message":"` + text + `"}}` + "\n"
	}
	account := agent.Report{Outside: true, CostKnown: true}
	doubtful := agent.Report{Outside: true, Doubtful: true, CostKnown: true}
	noLogin := agent.Report{Outside: true, NoLogin: true, CostKnown: true}
	for _, c := range []struct {
		kind, name, stdout string
		exit               int
		want               agent.Report // without Problem and Subtype
	}{
		{"codex", "done", codexDone, 0, agent.Report{OK: true, Turns: 1}},
		{"codex", "done, and another exit code", codexDone, 1, agent.Report{Turns: 1}},
		{"codex", "cut", codexDone + `{"type":"item`, 0, agent.Report{Turns: 1}},
		{"codex", "killed at work", codexDone[:100], 137, agent.Report{Turns: 1}},
		{"codex", "killed before it began", "", 137, account},
		{"codex", "killed before an answer", `{"type":"turn.started"}` + "\n", 137, agent.Report{Outside: true}},
		{"codex", "login", codexFailed("unexpected status 401 Unauthorized: x, url: y"), 1, noLogin},
		{"codex", "limit", codexFailed("exceeded retry limit, last status: 429 Too Many Requests"), 1, account},
		{"codex", "in a sentence", codexFailed("Quota exceeded. Check your plan and billing details."), 1, doubtful},
		{"codex", "a number in a sentence", codexFailed("you said 401"), 1, doubtful},
		{"gemini", "done", geminiDone, 0, agent.Report{OK: true, Turns: 1}},
		{"gemini", "login", geminiError, 401 - 256, noLogin},
		{"gemini", "no login at all", "", 41, noLogin},
		{"gemini", "a bad configuration", "", 52, account},
		{"gemini", "limit", geminiError, 429 - 256, account},
		{"gemini", "overload", geminiError, 503 - 256, account},
		{"gemini", "bad request", geminiError, 400 - 256, doubtful},
		{"gemini", "too many turns", geminiDone[:75] + geminiError, 53, agent.Report{Turns: 1}},
		{"gemini", "ended by a signal", `{"type":"init"}` + "\n", 143, account},
		{"opencode", "done", step, 0, agent.Report{OK: true, Turns: 1, CostUSD: 0.5, CostKnown: true}},
		{"opencode", "a model without a price", free, 0, agent.Report{OK: true, Turns: 1}},
		{"opencode", "too long an answer", strings.Replace(step, "stop", "length", 1), 0, agent.Report{Turns: 1, CostUSD: 0.5, CostKnown: true}},
		{"opencode", "ended between two steps", strings.Replace(step, "stop", "tool-calls", 1), 143, agent.Report{Turns: 1, CostUSD: 0.5}},
		{"opencode", "login", `{"type":"error","error":{"name":"APIError","data":{"statusCode":401}}}` + "\n", 1, noLogin},
		{"opencode", "no login at all", `{"type":"error","error":{"name":"ProviderAuthError","data":{"message":"x"}}}` + "\n", 1, noLogin},
		{"opencode", "overload after work", step + `{"type":"error","error":{"name":"APIError","data":{"statusCode":529}}}` + "\n", 1, agent.Report{Turns: 1, CostUSD: 0.5, CostKnown: true, Outside: true}},
		{"opencode", "waits for an overloaded provider until it is ended", "", 143, account},
	} {
		t.Run(c.kind+", "+c.name, func(t *testing.T) {
			got := agent.KindOf(c.kind, "").Decode([]byte(c.stdout), c.exit, "")
			if got.OK == (got.Problem != "") {
				t.Errorf("problem %q", got.Problem)
			}
			got.Problem, got.Subtype = "", ""
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}
