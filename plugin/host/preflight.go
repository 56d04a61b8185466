package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pm-todos/plugin/fault"
)

// Need is what a run wants of a host. Empty fields are not looked at.
type Need struct {
	Agent     string   // program of the agent
	Terraform string   // program of Terraform; skipped when it is a path inside the repository
	Carry     []string // as in Prepare; names without wildcards must exist
	Workdir   string   // as in Prepare
	MinFree   int64    // bytes of free disk space; 0 means 512 MiB
}

// Facts is what preflight found out. All texts are cleaned.
type Facts struct {
	User          string
	UID           int    // 0 for root, -1 when unknown
	Home          string // the user's home folder
	Root          string // folder of the run directories
	System        string // such as "Linux x86_64"
	Free          int64  // bytes, -1 when unknown
	Git           string // "git version 2.39.5"
	AgentPath     string
	AgentVersion  string
	AgentLoggedIn bool // false also when the agent cannot tell
	TerraformPath string
	Warnings      []string // what is no hindrance, one sentence each
}

const minFree = 512 << 20

// Preflight looks whether everything is there, in one round trip, without
// changing or paying anything. All that is missing is told at once, each with
// its way out.
func (h *Host) Preflight(ctx context.Context, need Need) (Facts, error) {
	if need.MinFree <= 0 {
		need.MinFree = minFree
	}
	terraform := need.Terraform
	if strings.Contains(terraform, "/") && !strings.HasPrefix(terraform, "/") {
		terraform = ""
	}
	var literal []string
	for _, glob := range need.Carry {
		if err := checkGlob(glob); err != nil {
			return Facts{}, err
		}
		if !strings.ContainsAny(glob, "*?[\\") {
			literal = append(literal, glob)
		}
	}
	carry, err := quoteAll(literal)
	if err != nil {
		return Facts{}, err
	}
	a, err := h.do(ctx, job{
		doing: "looking at what is installed", files: []string{"preflight"}, timeout: 2 * time.Minute,
		variables: []variable{{"agent", need.Agent}, {"terraform", terraform}, {"workdir", need.Workdir}, {"carry", carry}},
	})
	if err != nil {
		return Facts{}, err
	}
	if !a.has("looked") {
		return Facts{}, fmt.Errorf("looking at what is installed on %s: %w", h.name, ErrAnswer)
	}
	need.Terraform = terraform
	return h.inspect(a, need)
}

// inspect makes facts and problems of the answer.
func (h *Host) inspect(a *answer, need Need) (Facts, error) {
	word := func(key string) string { return cut(clean(a.block(key)), 500) }
	facts := Facts{
		User: word("user"), UID: int(a.number("uid")), Home: word("home"), Root: word("root"), System: word("system"),
		Free: -1, Git: word("git"), AgentPath: word("agent-path"), TerraformPath: word("terraform-path"),
	}
	if free := a.number("free"); free >= 0 {
		facts.Free = free * 1024
	}
	var problems []error
	problem := func(format string, args ...any) {
		problems = append(problems, fault.Mark(fault.Failed, fmt.Errorf(h.name+": "+format, args...)))
	}
	h.inspectBase(a, need, facts, problem)
	if need.Agent != "" {
		inspectAgent(a, need, &facts, problem)
	}
	if need.Terraform != "" && facts.TerraformPath == "" {
		problem("program %q of the setting terraform is not there; install it for user %s, or name its absolute path", need.Terraform, facts.User)
	}
	inspectCarry(a, need, &facts, problem)
	if a.has("kills-user-processes") {
		facts.Warnings = append(facts.Warnings, "systemd-logind ends what a session leaves behind (KillUserProcesses=yes), which would cut an apply when the connection drops; set KillExcludeUsers="+facts.User+" in logind.conf")
	}
	return facts, errors.Join(problems...)
}

type complain func(format string, args ...any)

func (h *Host) inspectBase(a *answer, need Need, facts Facts, problem complain) {
	if facts.Git == "" {
		problem("git is not installed; install it (apt install git, apk add git)")
	}
	for _, tool := range a.lines["no-tool"] {
		problem("%s is missing; install coreutils, findutils and util-linux, or busybox", cut(clean([]byte(tool)), 40))
	}
	if h.root == "" && !a.has("home-there") {
		problem("user %s has no home folder (HOME is %q)", facts.User, facts.Home)
		return
	}
	full := facts.Free >= 0 && facts.Free < need.MinFree
	if full {
		problems := fmt.Sprintf("%d MiB are free at %s, %d MiB are needed", facts.Free>>20, facts.Root, need.MinFree>>20)
		problem("%w: %s; remove what is not needed there", ErrDiskFull, problems)
	}
	if !a.has("writable") && !full {
		problem("folder %s cannot be written; check its owner, its mode and whether the file system is read-only", facts.Root)
	}
}

func inspectAgent(a *answer, need Need, facts *Facts, problem complain) {
	if facts.AgentPath == "" {
		problem("agent %q is neither on the PATH nor in ~/.local/bin of user %s; install it, or set agent_command", need.Agent, facts.User)
		return
	}
	version := clean(a.block("agent-version"))
	if code := a.number("agent-version-code"); code != 0 {
		problem("%q --version ended with exit code %d: %s", need.Agent, code, tellingLine(version))
		return
	}
	facts.AgentVersion = tellingLine(version)
	var status struct {
		LoggedIn *bool `json:"loggedIn"`
	}
	isJSON := json.Unmarshal(a.block("agent-login"), &status) == nil
	switch code := a.number("agent-login-code"); {
	case code == 0:
		facts.AgentLoggedIn = true
	case isJSON && status.LoggedIn != nil && !*status.LoggedIn:
		problem("agent %q is not logged in; log in as user %s on that host (%s auth login)", need.Agent, facts.User, need.Agent)
	default:
		facts.Warnings = append(facts.Warnings, fmt.Sprintf("agent %q cannot say whether it is logged in (auth status --json ended with exit code %d)", need.Agent, code))
	}
}

func inspectCarry(a *answer, need Need, facts *Facts, problem complain) {
	if need.Workdir == "" {
		return
	}
	if !a.has("workdir") {
		problem("workdir %q is not there, or user %s may not read it", need.Workdir, facts.User)
		return
	}
	if len(need.Carry) > 0 && !a.has("workdir-git") {
		problem("workdir %q is no git checkout; carry takes ignored files of one", need.Workdir)
		return
	}
	for _, missing := range a.blocks["carry-missing"] {
		problem("carry file %q is not in %s; create it there, or take it out of carry", cut(clean(missing), 200), need.Workdir)
	}
}
