// Package agent stands in for the coding agent: a program called claude.
package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/pm-todos/pm-todos/plugin/standin/program"
)

// Version is what the stand-in agent says that it is.
const Version = "2.1.330 (Claude Code)"

// Outcome is how a run of the stand-in agent ends. Its edits are made first, unless it
// hangs.
type Outcome string

// The outcomes, each of the shape that the real program gives it.
const (
	Success Outcome = "success"  // exit 0
	isError Outcome = "is_error" // exit 1, subtype success and is_error true: the script failed
	Quota   Outcome = "quota"    // the same, with a rate limit in its text
	Error   Outcome = "error"    // exit 1, error_during_execution
	Hang    Outcome = "hang"     // prints its start and then nothing, with a child process
	Linger  Outcome = "linger"   // like success, but it does not exit
)

// Agent is the stand-in for the coding agent: a program called claude whose
// edits are a shell script's.
type Agent struct {
	Dir     string // folder of its settings and of the record of its calls
	Program string // path of the wrapper
}

// Call is one headless run of the stand-in agent.
type Call struct {
	Args   []string `json:"args"`
	Dir    string   `json:"dir"`    // folder in which it worked
	Prompt string   `json:"prompt"` // from standard input, or the argument
	Env    []string `json:"env"`    // KEY=value, as it was started
}

// Install puts the program claude into <home>/.local/bin and its settings
// into <home>/.standin. The wrapper starts executable, whose main must call
// standin.Dispatch;
// an empty one is this executable.
func Install(home, executable string) (*Agent, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("home of the stand-in agent: %w", err)
	}
	a := &Agent{Dir: filepath.Join(home, ".standin"), Program: filepath.Join(home, ".local", "bin", "claude")}
	return a, program.Install(a.Program, executable, "claude", a.Dir)
}

// SetScript gives the shell script that makes the edits. It runs in the
// agent's folder with ITEM_ACTION, ITEM_TYPE, ITEM_ID and so on, one variable
// for every plain value of the item in the prompt; PROMPT_FILE names the whole
// prompt and STANDIN_DIR the folder of the settings, in which the script may
// write "cost" and "outcome" itself. A script that fails ends in an error.
func (a *Agent) SetScript(script string) error { return a.set("agent.sh", script) }

// SetOutcome says how the next runs end.
func (a *Agent) SetOutcome(outcome Outcome) error { return a.set("outcome", string(outcome)) }

// SetLoggedIn says whether the agent has a login; it has one at first.
func (a *Agent) SetLoggedIn(in bool) error {
	if in {
		if err := os.Remove(filepath.Join(a.Dir, "logged-out")); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("login of the stand-in agent: %w", err)
		}
		return nil
	}
	return a.set("logged-out", "")
}

func (a *Agent) set(name, content string) error {
	if err := os.WriteFile(filepath.Join(a.Dir, name), []byte(content), 0o600); err != nil {
		return fmt.Errorf("setting %s of the stand-in agent: %w", name, err)
	}
	return nil
}

// Calls are the headless runs so far, oldest first. Calls for the version and
// the login state are not among them.
func (a *Agent) Calls() ([]Call, error) {
	names, err := filepath.Glob(filepath.Join(a.Dir, "call-*.json"))
	if err != nil {
		return nil, fmt.Errorf("calls of the stand-in agent: %w", err)
	}
	sort.Strings(names)
	calls := make([]Call, 0, len(names))
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("calls of the stand-in agent: %w", err)
		}
		var call Call
		if err := json.Unmarshal(content, &call); err != nil {
			return nil, fmt.Errorf("calls of the stand-in agent: %s: %w", name, err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}
