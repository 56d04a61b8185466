package agenttest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// Of the kinds of agents: the variable that names the real program for tests, and
// the package of npm that has it.
var programs = map[string]struct{ variable, pack string }{
	"claude":   {"PM_TODOS_CLAUDE", "@anthropic-ai/claude-code"},
	"codex":    {"PM_TODOS_CODEX", "@openai/codex"},
	"gemini":   {"PM_TODOS_GEMINI", "@google/gemini-cli"},
	"opencode": {"PM_TODOS_OPENCODE", "opencode-ai"},
}

// looked is what was found; each program is looked for once.
var (
	mu     sync.Mutex
	looked = map[string]struct{ program, why string }{}
)

// ProgramOf is the real program of a kind of agent, or the test is skipped.
func ProgramOf(t testing.TB, kind string) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	one, known := looked[kind]
	if !known {
		one.program, one.why = find(kind)
		looked[kind] = one
	}
	program, why := one.program, one.why
	if why != "" {
		t.Skip(why)
	}
	return program
}

// find is the real program, or why it cannot be used.
func find(kind string) (program, why string) {
	of := programs[kind]
	if program = os.Getenv(of.variable); program == "" {
		var err error
		if program, err = exec.LookPath(kind); err != nil {
			return "", fmt.Sprintf("the program %s is not here: install %s with npm and name its program in %s, or put it on the PATH", kind, of.pack, of.variable)
		}
	}
	home, err := os.MkdirTemp("", "agenttest") // some write to it even then
	if err != nil {
		return "", err.Error()
	}
	defer func() { _ = os.RemoveAll(home) }()
	cmd := exec.Command(program, "--version") //nolint:gosec // who starts the tests names it
	cmd.Env = append(os.Environ(), "HOME="+home)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Sprintf("the program %s does not run here: %v: %s", kind, err, strings.TrimSpace(string(out)))
	}
	return program, ""
}

// Program is the real Claude Code, or the test is skipped.
func Program(t testing.TB) string {
	t.Helper()
	return ProgramOf(t, "claude")
}
