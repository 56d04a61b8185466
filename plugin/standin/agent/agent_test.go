package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

func TestMain(m *testing.M) {
	if handled, code := program.Dispatch(os.Args, map[string]program.Main{"claude": Main}); handled {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

const samplePrompt = "Implement this item.\n\n```json\n{\n  \"document\": \"docs/x.md\",\n  \"line\": 7,\n  \"id\": \"abc\",\n  \"action\": \"Add it's $(touch PWNED) `alert`\",\n  \"type\": \"Alert\"\n}\n```\n"

func installAgent(t *testing.T) *Agent {
	t.Helper()
	a, err := Install(t.TempDir(), "")
	must(t, err)
	return a
}

var headless = []string{"-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits", "--max-budget-usd", "5"}

// agentCommand is the agent as a host starts it: with little environment.
func agentCommand(t *testing.T, a *Agent, prompt string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), a.Program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(prompt)
	return cmd
}

type event struct {
	Type      string         `json:"type"`
	Subtype   string         `json:"subtype"`
	IsError   bool           `json:"is_error"`
	Result    string         `json:"result"`
	Errors    []string       `json:"errors"`
	Cost      float64        `json:"total_cost_usd"`
	Turns     int            `json:"num_turns"`
	SessionID string         `json:"session_id"`
	Message   map[string]any `json:"message"`
}

func events(t *testing.T, output []byte) []event {
	t.Helper()
	var all []event
	for line := range bytes.Lines(output) {
		var event event
		if err := json.Unmarshal(line, &event); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		all = append(all, event)
	}
	return all
}

func TestPreflight(t *testing.T) {
	a := installAgent(t)
	out, err := agentCommand(t, a, "", "--version").Output()
	must(t, err)
	if string(out) != Version+"\n" {
		t.Errorf("version is %q", out)
	}
	for _, in := range []bool{true, false, true} {
		must(t, a.SetLoggedIn(in))
		out, err := agentCommand(t, a, "", "auth", "status", "--json").Output()
		var status struct{ LoggedIn bool }
		must(t, json.Unmarshal(out, &status))
		if (err == nil) != in || status.LoggedIn != in {
			t.Errorf("logged in %v: error %v, status %s", in, err, out)
		}
	}
}

func TestWorksOnTheItem(t *testing.T) {
	a := installAgent(t)
	must(t, a.SetScript(`echo 1.25 >"$STANDIN_DIR/cost"; printf '%s|' "$ITEM_ACTION" "$ITEM_TYPE" "$ITEM_ID" "$ITEM_LINE" "$ITEM_DOCUMENT" >made; cat "$PROMPT_FILE" >prompt`))
	cmd := agentCommand(t, a, samplePrompt, headless...)
	out, err := cmd.Output()
	must(t, err)
	made, err := os.ReadFile(filepath.Join(cmd.Dir, "made"))
	must(t, err)
	if want := "Add it's $(touch PWNED) `alert`|Alert|abc|7|docs/x.md|"; string(made) != want {
		t.Errorf("the script saw %q, want %q", made, want)
	}
	var types []string
	all := events(t, out)
	for _, event := range all {
		types = append(types, event.Type)
		if event.SessionID != all[0].SessionID {
			t.Errorf("event %s has another session", event.Type)
		}
	}
	if diff := cmp.Diff([]string{"system", "assistant", "assistant", "user", "assistant", "result"}, types); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	last := all[len(all)-1]
	if last.Subtype != "success" || last.IsError || last.Cost != 1.25 || last.Turns != 3 || last.Result == "" {
		t.Errorf("result is %+v", last)
	}
	calls, err := a.Calls()
	must(t, err)
	if len(calls) != 1 || calls[0].Prompt != samplePrompt || !cmp.Equal(calls[0].Args, headless) {
		t.Errorf("calls are %+v", calls)
	}
}

func TestOutcomes(t *testing.T) {
	for outcome, want := range map[Outcome]struct {
		code    int
		subtype string // of the result; empty for none
		isError bool
		edits   bool
	}{
		Success: {0, "success", false, true},
		Quota:   {1, "success", true, true},
		Error:   {1, "error_during_execution", true, true},
	} {
		t.Run(string(outcome), func(t *testing.T) {
			a := installAgent(t)
			must(t, a.SetScript(": >edited"))
			must(t, a.SetOutcome(outcome))
			cmd := agentCommand(t, a, samplePrompt, headless...)
			out, _ := cmd.Output()
			if code := cmd.ProcessState.ExitCode(); code != want.code {
				t.Errorf("exit code %d, want %d", code, want.code)
			}
			var last event
			for _, event := range events(t, out) {
				if event.Type == "result" {
					last = event
				}
			}
			if last.Subtype != want.subtype || last.IsError != want.isError {
				t.Errorf("result is %+v", last)
			}
			_, err := os.Stat(filepath.Join(cmd.Dir, "edited"))
			if (err == nil) != want.edits {
				t.Errorf("edited: %v, want %v", err == nil, want.edits)
			}
		})
	}
}

func TestRefusesAsTheRealOneDoes(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		prompt string
		ok     bool
	}{
		"unknown flag":    {append([]string{"--no-such-flag"}, headless...), samplePrompt, false},
		"no prompt":       {headless, " \n", false},
		"not headless":    {[]string{"--allowedTools", "Edit"}, samplePrompt, false},
		"as it should be": {headless, samplePrompt, true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := agentCommand(t, installAgent(t), c.prompt, c.args...)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if (err == nil) != c.ok {
				t.Fatalf("error %v; %s", err, stderr.String())
			}
			if !c.ok && (len(out) > 0 || stderr.Len() == 0) {
				t.Errorf("it printed %q and the reason %q", out, stderr.String())
			}
		})
	}
}

func TestScriptDecides(t *testing.T) {
	a := installAgent(t)
	must(t, a.SetScript(`echo 3.5 >"$STANDIN_DIR/cost"; echo error >"$STANDIN_DIR/outcome"`))
	out, err := agentCommand(t, a, samplePrompt, headless...).Output()
	if err == nil {
		t.Error("exit code 0, want 1")
	}
	all := events(t, out)
	if last := all[len(all)-1]; last.Subtype != "error_during_execution" || last.Cost != 3.5 || len(last.Errors) == 0 {
		t.Errorf("result is %+v", last)
	}
}

func TestHangsUntilItIsEnded(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129, syscall.SIGINT: 0} {
		a := installAgent(t)
		must(t, a.SetOutcome(Hang))
		cmd := agentCommand(t, a, samplePrompt, headless...)
		stdout, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		// The second line comes right before it hangs.
		reader := bufio.NewReader(stdout)
		for range 2 {
			_, err := reader.ReadString('\n')
			must(t, err)
		}
		must(t, cmd.Process.Signal(signal))
		_, err = io.Copy(io.Discard, reader)
		must(t, err)
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Errorf("after %v the exit code is %d, want %d", signal, code, want)
		}
	}
}

func TestFindItem(t *testing.T) {
	for prompt, want := range map[string]map[string]string{
		"":                              {},
		`{"action": "a"}`:               {},
		`x {"action":"a","type":"b"} y`: {"ACTION": "a", "TYPE": "b"},
		`{"limits":{"type":"x"},"item":{"Action":"a","Type":"b","some-thing":1.5,"skip":[1]}}`: {"ACTION": "a", "TYPE": "b", "SOME_THING": "1.5"},
		"{ not json { {\"action\":\"n\\u0000ul\",\"type\":\"b\",\"yes\":true}":                 {"ACTION": "nul", "TYPE": "b", "YES": "true"},
	} {
		if diff := cmp.Diff(want, findItem(prompt)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", prompt, diff)
		}
	}
}

// must fails the test unless err is nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
