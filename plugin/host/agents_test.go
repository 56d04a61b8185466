package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pm-todos/pm-todos/plugin/agent"
	"github.com/pm-todos/pm-todos/plugin/agent/agenttest"
	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// Each of the other agents finds its login in the sandbox and edits there, and sees
// nothing of what the repository has to steer it.
func TestOtherRealAgentsWorkInTheSandbox(t *testing.T) {
	needBubblewrap(t)
	for _, c := range []struct {
		kind, model string
		edit        agenttest.Block
		home        map[string]string // files of the account
		environment []string          // SERVER is the address of the model
		argument    string            // with where the model is, for one that has no variable
	}{
		{
			kind: "codex",
			edit: agenttest.Block{Tool: "exec", Input: map[string]any{
				"input": "text(await tools.exec_command({cmd: 'ls -a .gemini .opencode ~ ; echo made >stacks/a/new.tf'}));",
			}},
			home:     map[string]string{".codex/auth.json": `{"auth_mode":"apikey","OPENAI_API_KEY":"dummy"}`, ".codex/config.toml": "[mcp_servers.evil]\ncommand = \"touch\"\nargs = [\"/workspace/mark\"]\n"},
			argument: `openai_base_url="SERVER/v1"`,
		},
		{
			kind: "gemini", model: "gemini-2.5-pro",
			edit: agenttest.Block{Tool: "write_file", Input: map[string]any{"file_path": "stacks/a/new.tf", "content": "made\n"}},
			home: map[string]string{".gemini/settings.json": `{
				"hooksConfig": {"enabled": true}, "hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "touch /workspace/mark"}]}]},
				"security": {"auth": {"selectedType": "gemini-api-key"}}
			}`},
			environment: []string{"GEMINI_API_KEY=dummy", "GOOGLE_GEMINI_BASE_URL=SERVER"},
		},
		{
			kind: "opencode", model: "anthropic/claude-sonnet-4-5",
			edit:        agenttest.Block{Tool: "write", Input: map[string]any{"filePath": "/workspace/stacks/a/new.tf", "content": "made\n"}},
			home:        map[string]string{".local/share/opencode/auth.json": `{"anthropic":{"type":"api","key":"dummy"}}`},
			environment: []string{"ANTHROPIC_BASE_URL=SERVER/v1"},
		},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			kind, program := agent.KindOf(c.kind, ""), agenttest.ProgramOf(t, c.kind)
			api := agenttest.New(t, []agenttest.Block{c.edit}, []agenttest.Block{{Text: "done"}})
			w, home := localWorld(t), t.TempDir()
			environment := []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
			for _, one := range c.environment {
				environment = append(environment, strings.ReplaceAll(one, "SERVER", api.URL))
			}
			w.shell.Start = starting(environment)
			for name, text := range c.home {
				write(t, filepath.Join(home, name), text, 0o600)
			}
			facts, err := w.Preflight(t.Context(), Need{
				Agent: program, AgentFrom: kind.LeastVersion, Status: kind.Status, LogIn: kind.LogIn, Sandbox: sandbox.Policy{Mode: sandbox.Require}, Program: kind.Needs,
			})
			if err != nil || facts.Box == nil || !facts.AgentLoggedIn || len(facts.Warnings) != 0 {
				t.Fatalf("%v %+v", err, facts)
			}
			steering := `{"command":"touch mark"`
			_, ws := space(t, w.Host, makeRepository(t, map[string]string{
				"stacks/a/main.tf": "", ".gemini/settings.json": steering, ".opencode/plugin/p.js": steering, "opencode.json": steering, ".codex/config.toml": steering,
			}), AgentTree, Prepare{})
			call := kind.Command(program, agent.Turn{Definition: agent.NewDefinition(nil, "x", c.model), Prompt: []byte("Do it.\n"), Boxed: true})
			if c.argument != "" {
				call.Argv = append([]string{call.Argv[0], call.Argv[1], "-c", strings.ReplaceAll(c.argument, "SERVER", api.URL)}, call.Argv[2:]...)
			}
			exit, err := ws.Supervise(t.Context(), Process{Argv: call.Argv, Env: call.Env, Stdin: call.Stdin, Final: call.Final, Box: facts.Box})
			if err != nil {
				t.Fatal(err)
			}
			if report := kind.Decode(exit.Stdout, exit.Code, string(exit.Stderr)); !report.OK || exit.Login != nil {
				t.Errorf("%+v, login %v\n%.3000s\n%.3000s", report, exit.Login, exit.Stdout, exit.Stderr)
			}
			if got := read(t, ws.tree()+"/stacks/a/new.tf"); got != "made\n" {
				t.Errorf("it wrote %q\n%.3000s", got, exit.Stdout)
			}
			for _, name := range []string{"mark", ".gemini", ".opencode", "opencode.json", ".codex"} {
				if _, err := os.Stat(filepath.Join(ws.tree(), name)); err == nil {
					t.Errorf("%s is in the tree", name)
				}
			}
		})
	}
}
