package agent

import (
	"encoding/json"
	"maps"
	"path"
	"slices"

	"github.com/pm-todos/pm-todos/plugin/sandbox"
)

// Turn is one start of the agent.
type Turn struct {
	Definition Definition
	Prompt     []byte
	BudgetUSD  float64 // of list price, for those that keep to one
	Boxed      bool    // it runs in a sandbox
}

// Invocation is how the agent's program is started.
type Invocation struct {
	Argv  []string          // the program first
	Env   map[string]string // added to the environment
	Stdin []byte
	Final string // extended regular expression for the last event that it prints
}

// Kind is a program that works as the agent: what it needs, what it can do, and how
// it is spoken to.
type Kind struct {
	Name         string   // as the setting agent_kind has it
	LeastVersion string   // the oldest that this package was tried with
	Status       []string // arguments with which it tells by its exit code whether it is logged in; nil when it cannot
	LogIn        string   // how a person logs in
	Budget       bool     // it stops by itself when its budget is spent
	CostUnknown  bool     // it does not tell what it cost
	OtherModels  bool     // it has other models than Claude Code, which the repository's definition is for
	Confined     bool     // it is harmless in a sandbox only
	Needs        sandbox.Needs
	Endpoints    []string // variables of an account that say where its model is; none is a secret

	command func(Turn) Invocation // without the program
	decode  func(stdout []byte, exit int, stderr string) Report
	follow  func(*Follower, json.RawMessage)
	servers func(model string, env map[string]string) []string
}

var kinds = []Kind{claude, codex, gemini, opencode}

// Kinds are the names of all kinds.
func Kinds() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return names
}

// KindOf is the kind of that name or, without one, the kind whose program has the
// name of the command: Claude Code when none has.
func KindOf(name, command string) Kind {
	for _, wanted := range []string{name, path.Base(command)} {
		if i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == wanted }); i >= 0 {
			return kinds[i]
		}
	}
	return claude
}

// Lacks says what the program cannot do of what a budget needs, "" when it can do
// all of it.
func (k Kind) Lacks() string {
	switch {
	case k.CostUnknown:
		return k.Name + " keeps to no budget and does not tell what it costs: each of its turns is charged half of what its item has left, and item_timeout ends it"
	case !k.Budget:
		return k.Name + " keeps to no budget: what it spent is known after its turn, and item_timeout ends it"
	}
	return ""
}

// withoutRemotes keeps git of the agent from everything but local repositories: no
// prompt, no credential helper, no system configuration. The user's own
// configuration is replaced on the host, by an empty file of the run: git writes by
// renaming, so that no device may be named.
var withoutRemotes = map[string]string{
	"GIT_TERMINAL_PROMPT": "0",
	"GIT_ASKPASS":         "",
	"SSH_ASKPASS":         "",
	"SSH_AUTH_SOCK":       "",
	"GIT_CONFIG_NOSYSTEM": "1",
	"GIT_ALLOW_PROTOCOL":  "file",
	"GIT_SSH_COMMAND":     "false",
}

// Command is how the program is started for a turn.
func (k Kind) Command(program string, t Turn) Invocation {
	call := k.command(t)
	call.Argv = append([]string{program}, call.Argv...)
	env := maps.Clone(withoutRemotes)
	maps.Copy(env, call.Env)
	call.Env = env
	return call
}

// Decode is what the output of a run means. Exit is the exit code; -1 and the like
// stand for an end that had none.
func (k Kind) Decode(stdout []byte, exit int, stderr string) Report {
	return k.decode(stdout, exit, stderr)
}

// Follow reads what the program prints while it prints it.
func (k Kind) Follow() *Follower { return &Follower{take: k.follow} }

// Servers are the servers that the program needs for a model, as HOST or HOST:PORT.
// The environment has the Endpoints of the account.
func (k Kind) Servers(model string, env map[string]string) []string { return k.servers(model, env) }

// Definition makes the definition of the agent, as NewDefinition does. The model in
// the repository's file is one of Claude Code's.
func (k Kind) Definition(repoFile []byte, name, model string) Definition {
	d := NewDefinition(repoFile, name, model)
	if k.OtherModels {
		d.Model = NewDefinition(nil, name, model).Model
	}
	return d
}
