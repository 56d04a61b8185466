package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
)

// AgentVersion is what the stand-in agent says that it is.
const AgentVersion = "2.1.330 (Claude Code)"

// AgentOutcome is how a run of the stand-in agent ends. Its edits are made
// first, except where the outcome says that nothing was done.
type AgentOutcome string

// The outcomes, each of the shape that the real program gives it.
const (
	AgentSuccess   AgentOutcome = "success"   // exit 0
	AgentIsError   AgentOutcome = "is_error"  // exit 1, subtype success and is_error true
	AgentQuota     AgentOutcome = "quota"     // the same, with a rate limit in its text
	AgentError     AgentOutcome = "error"     // exit 1, error_during_execution
	AgentBudget    AgentOutcome = "budget"    // exit 1, error_max_budget_usd
	AgentCrash     AgentOutcome = "crash"     // exit 1, nothing on standard output, nothing done
	AgentTruncated AgentOutcome = "truncated" // exit 0 and no result line
	AgentDenied    AgentOutcome = "denied"    // exit 0, every tool call denied, nothing done
	AgentHang      AgentOutcome = "hang"      // prints its start and then nothing, with a child process
	AgentLinger    AgentOutcome = "linger"    // like success, but it does not exit
	AgentFlood     AgentOutcome = "flood"     // prints long lines without end
)

// Agent is the stand-in for the coding agent: a program called claude whose
// edits are a shell script's.
type Agent struct {
	Dir     string // folder of its settings and of the record of its calls
	Program string // path of the wrapper
}

// AgentCall is one headless run of the stand-in agent.
type AgentCall struct {
	Args   []string `json:"args"`
	Dir    string   `json:"dir"`    // folder in which it worked
	Prompt string   `json:"prompt"` // from standard input, or the argument
	Env    []string `json:"env"`    // KEY=value, as it was started
}

// InstallAgent puts the program claude into <home>/.local/bin and its settings
// into <home>/.standin. The wrapper runs program, which must call Dispatch;
// an empty one is this executable.
func InstallAgent(home, program string) (*Agent, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, fmt.Errorf("home of the stand-in agent: %w", err)
	}
	self, err := executable(program)
	if err != nil {
		return nil, err
	}
	a := &Agent{Dir: filepath.Join(home, ".standin"), Program: filepath.Join(home, ".local", "bin", "claude")}
	if err := os.MkdirAll(a.Dir, 0o750); err != nil {
		return nil, fmt.Errorf("settings of the stand-in agent: %w", err)
	}
	return a, writeWrapper(a.Program, self, "claude", a.Dir)
}

// SetScript gives the shell script that makes the edits. It runs in the
// agent's folder with ITEM_ACTION, ITEM_TYPE, ITEM_ID and so on, one variable
// for every plain value of the item in the prompt; PROMPT_FILE names the whole
// prompt and STANDIN_DIR the folder of the settings, in which the script may
// write "cost" and "outcome" itself. A script that fails ends in AgentIsError.
func (a *Agent) SetScript(script string) error { return a.set("agent.sh", script) }

// SetCost gives the cost that the next runs report, in US dollars.
func (a *Agent) SetCost(usd float64) error {
	return a.set("cost", strconv.FormatFloat(usd, 'f', -1, 64))
}

// SetOutcome says how the next runs end.
func (a *Agent) SetOutcome(outcome AgentOutcome) error { return a.set("outcome", string(outcome)) }

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
func (a *Agent) Calls() ([]AgentCall, error) {
	names, err := filepath.Glob(filepath.Join(a.Dir, "call-*.json"))
	if err != nil {
		return nil, fmt.Errorf("calls of the stand-in agent: %w", err)
	}
	sort.Strings(names)
	calls := make([]AgentCall, 0, len(names))
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("calls of the stand-in agent: %w", err)
		}
		var call AgentCall
		if err := json.Unmarshal(content, &call); err != nil {
			return nil, fmt.Errorf("calls of the stand-in agent: %s: %w", name, err)
		}
		calls = append(calls, call)
	}
	return calls, nil
}
